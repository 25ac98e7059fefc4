"""Running a recipe: data -> preprocessing -> distilled set -> students -> one record."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ltdd_utils.baselines.coresets import full_set, select
from ltdd_utils.config import CoresetConfig, DataConfig, NetworkConfig, PreprocessConfig, TeacherConfig, from_dict, to_dict
from ltdd_utils.distilled import DistilledSet, composition, content_hash, from_bundle, to_bundle, translate
from ltdd_utils.evaluation import Evaluation, gather, student
from ltdd_utils.experts import plain_expert
from ltdd_utils.images import LongTailedData, load
from ltdd_utils.preprocess import Preprocess
from ltdd_utils.recipes import Recipe, protocol
from ltdd_utils.results import SCHEMA, machine, peak_ram_gib, provenance, save_record
from ltdd_utils.store import Bundle, Store, Watch

__all__ = ["Place", "distil", "evaluate_set", "fitted", "pick_device", "run"]


@dataclass(frozen=True)
class Place:
    """Where a run happens: never part of its settings."""

    store: Store
    device: torch.device
    results: Path | None = None  # folder of the records; None: keep no record
    data: Path | None = None  # folder of the data sets; None: LTDD_DATA, or data/
    watch: Callable[[str], Watch] | None = None  # watch(stage's name) is told the stage's progress

    def watching(self, stage: str) -> Watch | None:
        """What to tell the progress of a stage to."""
        return None if self.watch is None else self.watch(stage)


def pick_device(name: str) -> torch.device:
    """The device called ``name``; "auto" is a GPU if there is one.

    Raises:
        ValueError: a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {name!r} cannot be used here ({str(error).splitlines()[0]}); try --device auto or cpu") from error
    return device


def fitted(cfg: PreprocessConfig, data: LongTailedData, place: Place) -> Preprocess:
    """The preprocessing of a run: fitted once on the long-tailed training images, then read from the store."""
    key = {"config": cfg, "data": data.sha256}
    bundle = place.store.stage("preprocess", key, lambda _: Preprocess.fit(data.train_images, cfg).to_bundle())
    return Preprocess.from_bundle(bundle).to(place.device)


def distil(recipe: Recipe, data: LongTailedData, seed: int, place: Place, draw: int = 0) -> tuple[DistilledSet, dict[str, float]]:
    """The distilled set of a recipe, and the seconds of each stage that made it."""
    if not isinstance(recipe.method, CoresetConfig):
        return _described(full_set(data), recipe, data, seed, None), {}
    seconds: dict[str, float] = {}
    preprocess = fitted(recipe.evaluate.preprocess, data, place)
    expert, images = None, _rows(data, preprocess, place.device)
    if recipe.method.expert is not None:
        expert, seconds["expert"] = _expert(recipe.method.expert, data, preprocess, seed, place)
    key = {"method": recipe.method, "ipc": recipe.ipc, "data": data.sha256, "preprocess": preprocess.describe(), "seed": seed, "draw": draw}

    def compute(_: object) -> Bundle:
        chosen = select(recipe.method, data, recipe.ipc, seed, expert, images, draw)
        return to_bundle(_described(chosen, recipe, data, seed, preprocess))

    bundle = place.store.stage("coreset", key, compute)
    seconds["selection"] = bundle.meta["seconds"]
    return from_bundle(bundle), seconds


def _rows(data: LongTailedData, preprocess: Preprocess, device: torch.device) -> Callable[[Tensor], Tensor]:
    return lambda rows: preprocess(data.train_images[rows].to(device))


def _expert(cfg: TeacherConfig, data: LongTailedData, preprocess: Preprocess, seed: int, place: Place) -> tuple[nn.Module, float]:
    return plain_expert(cfg, data, preprocess, seed, place.store, place.device, place.watching("expert"))


def _described(distilled: DistilledSet, recipe: Recipe, data: LongTailedData, seed: int, preprocess: Preprocess | None) -> DistilledSet:
    """The set with what a later reader needs to know of it."""
    info = {
        **distilled.info,
        "recipe": recipe.name,
        "scale": recipe.scale,
        "method": to_dict(recipe.method),
        "ipc": recipe.ipc,
        "seed": seed,
        "data": to_dict(data.config),
        "data_sha256": data.sha256,
        "class_names": list(data.class_names),
        "class_counts": list(data.counts),
        "composition": composition(distilled),
        "preprocess": preprocess.describe() if preprocess is not None else None,
    }
    return DistilledSet(distilled.labels, distilled.indices, distilled.images, distilled.boxes, distilled.targets, distilled.lr, info)


def run(recipe: Recipe, seed: int, students: int, place: Place) -> dict[str, Any]:
    """Run a recipe to its record; finished stages are read, not repeated.

    Args:
        recipe: what to run.
        seed: of everything but the long-tailed subset, which its own ``subset_seed`` fixes.
        students: how many students to train; 5 unless there is a reason.
        place: device, folders, progress.

    Returns:
        The record; it is also written to ``place.results``.

    Raises:
        ValueError: fewer than one student, or settings that do not fit the data.
        Stopped: the deadline passed; the same call goes on from there.
    """
    if students < 1:
        raise ValueError(f"students is {students}; at least 1 is needed")
    origin = provenance()
    data = load(recipe.data, place.data)
    preprocess = fitted(recipe.evaluate.preprocess, data, place)
    teacher, seconds = None, {}
    if recipe.evaluate.teacher is not None:
        teacher, seconds["teacher"] = _expert(recipe.evaluate.teacher, data, preprocess, seed, place)
    bundles, hashes = [], []
    for number in range(students):
        distilled, parts = distil(recipe, data, seed, place, number if recipe.one_draw_per_student else 0)
        seconds |= parts
        hashes.append(content_hash(distilled))
        bundles.append(student(
            distilled, data, preprocess, recipe.evaluate, seed=seed, number=number, store=place.store, device=place.device,
            teacher=teacher, watch=place.watching(f"student {number + 1}/{students}"),
        ))
    evaluation = gather(bundles, data.counts)
    record = _record(recipe, seed, evaluation, origin, data, hashes, {**seconds, "students": sum(evaluation.seconds)}, place)
    if place.results is not None:
        save_record(place.results, record)
    return record


def evaluate_set(
    distilled: DistilledSet, own: Preprocess | None, name: str, network: NetworkConfig | None, seed: int, students: int, place: Place
) -> dict[str, Any]:
    """Score a set from a file under a protocol, whatever family it comes from.

    Args:
        distilled: a set that says which data it was made from.
        own: the preprocessing of its synthetic images; None refits it as the set describes it.
        name: the protocol.
        network: another architecture than the protocol's, or None.
        seed: of the students.
        students: how many to train.
        place: device, folders, progress.

    Returns:
        Protocol, network, metrics, seconds per student and the share of clamped pixel values.

    Raises:
        ValueError: the data here is not what the set was made from, or ``students`` is below 1.
    """
    if students < 1:
        raise ValueError(f"students is {students}; at least 1 is needed")
    data = load(from_dict(DataConfig, distilled.info["data"]), place.data)
    if data.sha256 != distilled.info["data_sha256"]:
        raise ValueError(f"the set was made from other data ({distilled.info['data_sha256'][:12]}) than what is here ({data.sha256[:12]})")
    cfg = protocol(name, data.config.name, distilled.info["scale"])
    cfg = cfg if network is None else replace(cfg, network=network)
    preprocess = fitted(cfg.preprocess, data, place)
    if distilled.images is not None:
        own = own or fitted(PreprocessConfig(distilled.info["preprocess"]["kind"], distilled.info["preprocess"]["eps"]), data, place)
        distilled, clamped = translate(distilled, data, own, preprocess)
    teacher = _expert(cfg.teacher, data, preprocess, seed, place)[0] if cfg.teacher is not None else None
    bundles = [
        student(distilled, data, preprocess, cfg, seed=seed, number=number, store=place.store, device=place.device, teacher=teacher,
                watch=place.watching(f"student {number + 1}/{students}"))
        for number in range(students)
    ]
    evaluation = gather(bundles, data.counts)
    return {
        "protocol": cfg.label,
        "network": to_dict(cfg.network),
        "metrics": evaluation.metrics(),
        "seconds": list(evaluation.seconds),
        "clamped": clamped if distilled.images is not None else 0.0,
    }


def _record(
    recipe: Recipe, seed: int, evaluation: Evaluation, origin: dict[str, Any], data: LongTailedData, hashes: list[str], seconds: dict[str, float],
    place: Place,
) -> dict[str, Any]:
    """One row of the results: what was run, what came out, what it cost and where it comes from."""
    return {
        "schema": SCHEMA,
        "recipe": recipe.name,
        "scale": recipe.scale,
        "config_id": recipe.config_id,
        "seed": seed,
        "config": to_dict(recipe),
        "target": recipe.target,
        "protocol": recipe.evaluate.label,
        "metrics": evaluation.metrics(),
        "students": [
            {"stream": f"{seed}/student/{number}", "overall": float(overall), "per_class": row.tolist()}
            for number, (overall, row) in enumerate(zip(evaluation.overall, evaluation.per_class, strict=True))
        ],
        "cost": {"seconds": seconds, "peak_ram_gib": peak_ram_gib(), "peak_gpu_gib": evaluation.peak_gib, "device": machine(place.device)},
        "provenance": {**origin, "data_sha256": data.sha256, "distilled_sha256": hashes},
    }
