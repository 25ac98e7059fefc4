"""The stages of a trajectory recipe: experts, initial set, distillation."""

from collections.abc import Sequence
from typing import Any

import torch

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.progress import Watch
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Bundle, Checkpoint, load_bundle
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.files import from_bundle, to_bundle
from ltdd_utils.distilled.made import DistillationResult, curve, finished
from ltdd_utils.distilled.spaces import pixels
from ltdd_utils.methods.trajectory.dam import estimated_counts
from ltdd_utils.methods.trajectory.distil import match_trajectories
from ltdd_utils.methods.trajectory.experts import Stage, classifier_expert, new_network, representation_expert
from ltdd_utils.methods.trajectory.initial import initial_set
from ltdd_utils.methods.trajectory.settings import ExpertConfig, TrajectoryConfig
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.networks.flat import Layout
from ltdd_utils.networks.network import Network
from ltdd_utils.recipes.recipe import Recipe

__all__ = ["expert_files", "matched_set", "train_experts"]


def train_experts(
    cfg: ExpertConfig,
    keep: Sequence[int],
    keep_classifier: Sequence[int],
    data: LongTailedData,
    preprocess: Preprocess,
    seed: int,
    context: RunContext,
    only: Sequence[int] | None = None,
    renew: bool = False,
) -> tuple[Experts, dict[str, float]]:
    """The experts of a run, trained where they are not there yet, and the seconds of both stages.

    Args:
        cfg: of the experts.
        keep: epochs of the representation experts that are wanted.
        keep_classifier: epochs of the classifier experts that are wanted; none leaves that stage out.
        data: the long tail.
        preprocess: the transform of its images.
        seed: of the run.
        context: device, folders, progress.
        only: which experts, by number; None: all. Several processes can train some each; what is returned counts these
            alone, from 0.
        renew: train experts that lack a wanted epoch again, and keep what they held too.

    Raises:
        FileNotFoundError: an expert was trained before, and a wanted epoch was not kept (unless ``renew``).
        ValueError: an epoch that is never trained, an expert above ``cfg.count``, or a network that trajectories do not
            know.
        Stopped: the deadline passed; the same call goes on from there.
    """
    numbers = list(range(cfg.count) if only is None else only)
    if numbers and not 0 <= min(numbers) <= max(numbers) < cfg.count:
        wrong = next(number for number in numbers if not 0 <= number < cfg.count)
        raise ValueError(f"expert {wrong} is asked for; there are {cfg.count}, from 0 to {cfg.count - 1}")
    layout = Layout.of(new_network(cfg, data, generator(0, "shape")))  # refuses a network before it is trained
    stage = Stage(cfg, data, preprocess, seed, context.store, context.device)
    watches = [f"expert {index + 1}/{cfg.count}" for index in numbers]
    one, other = (_renewed_first, _renewed_second) if renew else (representation_expert, classifier_expert)
    held = [_held(stage, "classifier", stage.classifier_key(index)) if renew else None for index in numbers]
    first = [one(stage, index, keep, context.watching(name)) for index, name in zip(numbers, watches, strict=True)]
    second = [
        other(stage, index, _union(keep_classifier, old), context.watching(f"classifier {name}"))
        for index, name, old in zip(numbers, watches, held, strict=True)
        if keep_classifier
    ]
    seconds = {"experts": sum(bundle.meta["seconds"] for bundle in first)}
    if second:
        seconds["classifier experts"] = sum(bundle.meta["seconds"] for bundle in second)
    return Experts(layout, cfg.train.epochs, cfg.classifier_epochs, first, second), seconds


def expert_files(
    cfg: ExpertConfig, data: LongTailedData, preprocess: Preprocess, seed: int, context: RunContext
) -> list[dict[str, Any]]:
    """The experts of a run that are on disk: number, stage, epochs held, bytes of the file, seconds of training."""
    stage = Stage(cfg, data, preprocess, seed, context.store, context.device)
    rows = []
    for index in range(cfg.count):
        for kind, key in (("representation", stage.key(index)), ("classifier", stage.classifier_key(index))):
            path = context.store.result(kind, key)
            if path.is_file():
                meta = load_bundle(path).meta
                held = {"epochs": meta["epochs"], "bytes": path.stat().st_size, "seconds": meta["seconds"]}
                rows.append({"expert": index, "stage": kind, **held})
    return rows


def _union(keep: Sequence[int], old: Bundle | None) -> list[int]:
    """The wanted epochs, and those that an expert holds already."""
    return sorted({*keep, *(old.meta["epochs"] if old is not None else ())})


def _renewed_first(stage: Stage, index: int, keep: Sequence[int], watch: Watch | None) -> Bundle:
    """A representation expert with the epochs ``keep`` and those that it held, trained again if it lacks one.

    Where training does not repeat itself bit for bit (a GPU, another machine), its backbone is another one now: the
    classifier expert that stands on the old one is forgotten.
    """
    old, last = _held(stage, "representation", stage.key(index)), stage.cfg.train.epochs
    if old is None or set(keep) <= set(old.meta["epochs"]):
        return representation_expert(stage, index, keep, watch)
    stage.store.renew("representation", stage.key(index))
    new = representation_expert(stage, index, _union([*keep, last], old), watch)
    before, after = (bundle.tensors["snapshots"][-1] for bundle in (old, new))
    if old.meta["epochs"][-1] != last or not torch.equal(before, after):
        stage.store.forget("classifier", stage.classifier_key(index))
    return new


def _renewed_second(stage: Stage, index: int, keep: Sequence[int], watch: Watch | None) -> Bundle:
    """A classifier expert with the epochs ``keep`` and those that it held, trained again if it lacks one."""
    old = _held(stage, "classifier", stage.classifier_key(index))
    if old is None or set(keep) <= set(old.meta["epochs"]):
        return classifier_expert(stage, index, keep, watch)
    stage.store.renew("classifier", stage.classifier_key(index))
    return classifier_expert(stage, index, _union(keep, old), watch)


def _held(stage: Stage, kind: str, key: dict[str, Any]) -> Bundle | None:
    path = stage.store.result(kind, key)
    return load_bundle(path) if path.is_file() else None


def matched_set(
    recipe: Recipe, data: LongTailedData, preprocess: Preprocess, seed: int, context: RunContext
) -> DistillationResult:
    """The distilled set of a trajectory recipe, or its initial set if it has no iterations.

    Raises:
        ValueError: settings that do not fit the data.
        FileNotFoundError: a snapshot that an earlier run did not keep.
        Stopped: the deadline passed; the same call goes on from there.
    """
    cfg: TrajectoryConfig = recipe.method
    wanted = (cfg.snapshots, cfg.classifier_snapshots)
    experts, seconds = train_experts(cfg.experts, *wanted, data, preprocess, seed, context)
    network = new_network(cfg.experts, data, generator(0, "shape")).to(context.device)
    common = {"data": data.sha256, "preprocess": preprocess.describe(), "seed": seed}
    common |= {"experts": cfg.experts, "experts_sha256": experts.sha256(*wanted)}
    bundle = context.store.stage(
        "initial",
        {"initial": cfg.initial, "lr": cfg.lr, "ipc": recipe.ipc, **common},
        lambda _: to_bundle(_initial(cfg, recipe.ipc, data, preprocess, experts, network, seed, context)),
    )
    start, seconds["initial set"] = from_bundle(bundle), bundle.meta["seconds"]
    if not cfg.iterations:
        return DistillationResult(start, seconds)

    def compute(checkpoint: Checkpoint) -> Bundle:
        images = pixels(start, data, preprocess).to(context.device)
        watch = context.watching("matching")
        counts, estimate = data.counts, {}
        if cfg.dam.prior == "estimated":
            every = preprocess(data.train_images.to(context.device))
            counts = estimated_counts(experts, experts.layout.apply(network), every)
            estimate = {"estimated_counts": counts}
        made, history, facts = match_trajectories(cfg, start, images, counts, experts, network, seed, watch, checkpoint)
        bundle = to_bundle(made)
        bundle.tensors |= {f"history.{name}": rows for name, rows in history.items()}
        bundle.meta |= {"matching": facts | estimate}
        return bundle

    key = {"method": cfg, "initial": content_hash(start), **common}
    bundle = context.store.stage("matching", key, compute)
    seconds["matching"] = bundle.meta["seconds"]
    return finished(bundle, content_hash(start), seconds, _history(bundle))


def _initial(
    cfg: TrajectoryConfig,
    ipc: int,
    data: LongTailedData,
    preprocess: Preprocess,
    experts: Experts,
    network: Network,
    seed: int,
    context: RunContext,
) -> DistilledSet:
    apply = experts.layout.apply(network)
    return initial_set(cfg.initial, data, preprocess, ipc, cfg.lr, experts, apply, seed, context.device)


def _history(bundle: Bundle) -> dict[str, Any]:
    """The iterations as JSON: curves of means, and the class gradients' mean and deviation."""
    rows = {name.removeprefix("history."): t for name, t in bundle.tensors.items() if name.startswith("history.")}
    gradients = rows.pop("class_gradient")
    count = len(gradients)
    return {
        "iterations": count,
        **bundle.meta["matching"],
        "curves": {name: curve(values) for name, values in rows.items()},
        "class_gradient": {
            "mean": gradients.mean(dim=0).tolist(),
            "std": gradients.std(dim=0).tolist() if count > 1 else None,
        },
    }
