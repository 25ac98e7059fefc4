"""The stages of a statistics-alignment recipe: teacher, initial set, observers, statistics, recovery."""

from typing import Any

import torch
from torch import nn

from ltdd_utils.config import TeacherConfig, UnilevelConfig
from ltdd_utils.distilled import NOT_REAL, DistilledSet, content_hash, from_bundle, pixels, to_bundle
from ltdd_utils.images import LongTailedData
from ltdd_utils.parameters import state_hash
from ltdd_utils.pipeline.made import Distilled, curve, finished
from ltdd_utils.pipeline.place import Place, expert_stage
from ltdd_utils.preprocess import Preprocess
from ltdd_utils.recipes import Recipe
from ltdd_utils.store import Bundle, Checkpoint
from ltdd_utils.unilevel.initial import initial_set
from ltdd_utils.unilevel.recover import Observer, recover
from ltdd_utils.unilevel.statistics import Statistics, collect

__all__ = ["observers", "recovered_set", "start_set"]


def recovered_set(recipe: Recipe, data: LongTailedData, preprocess: Preprocess, seed: int, place: Place) -> Distilled:
    """The distilled set of the recipe: one level, no loop around a training run.

    Raises:
        ValueError: settings that do not fit the data.
        FloatingPointError: recovery diverged.
        Stopped: the deadline passed; the same call goes on from there.
    """
    cfg: UnilevelConfig = recipe.method
    start, seconds = start_set(cfg, recipe.ipc, data, preprocess, seed, place)
    if cfg.teacher is not None and cfg.teacher == recipe.evaluate.teacher:
        seconds["teacher"] = seconds.pop("scoring teacher")  # one training, one entry
    if not cfg.recover.iterations:
        return Distilled(start, seconds)
    found, more = observers(cfg, data, preprocess, seed, place)
    seconds |= more
    networks = [network for network, _ in found]

    def compute(checkpoint: Checkpoint) -> Bundle:
        images = pixels(start, data, preprocess).to(place.device)
        black, white = (preprocess(torch.full_like(images[:1], value, device="cpu")) for value in (0.0, 1.0))
        bounds = tuple(edge[0, :, :1, :1].to(place.device) for edge in (black, white))
        made, curves = recover(
            cfg.recover,
            cfg.statistics,
            images,
            start.labels,
            found,
            bounds,
            seed,
            place.watching("recovery"),
            checkpoint,
        )
        nowhere, info = torch.full_like(start.labels, NOT_REAL), {"class_names": list(data.class_names)}
        bundle = to_bundle(DistilledSet(start.labels, nowhere, images=made.cpu(), info=info))
        bundle.tensors |= {f"history.{name}": curve for name, curve in curves.items()}
        return bundle

    key = {"recover": cfg.recover, "statistics": cfg.statistics, "initial": content_hash(start), "data": data.sha256}
    key |= {"observers": [state_hash(network) for network in networks], "seed": seed}
    key |= {"preprocess": preprocess.describe()}
    bundle = place.store.stage("recovery", key, compute)
    seconds["recovery"] = bundle.meta["seconds"]
    return finished(bundle, content_hash(start), seconds, _history(bundle))


def start_set(
    cfg: UnilevelConfig, ipc: int, data: LongTailedData, preprocess: Preprocess, seed: int, place: Place
) -> tuple[DistilledSet, dict[str, float]]:
    """The images before recovery, and the seconds of the stages that made them."""
    teacher, seconds, key = None, {}, {"initial": cfg.initial, "ipc": ipc, "data": data.sha256, "seed": seed}
    if cfg.teacher is not None:
        teacher, seconds["scoring teacher"] = expert_stage(
            cfg.teacher, data, preprocess, seed, place, "scoring teacher"
        )
        key |= {"teacher": state_hash(teacher), "preprocess": preprocess.describe()}
    where = {"device": place.device, "watch": place.watching("initial set")}
    bundle = place.store.stage(
        "crops", key, lambda _: to_bundle(initial_set(cfg.initial, data, preprocess, ipc, teacher, seed, **where))
    )
    return from_bundle(bundle), seconds | {"initial set": bundle.meta["seconds"]}


def observers(
    cfg: UnilevelConfig, data: LongTailedData, preprocess: Preprocess, seed: int, place: Place
) -> tuple[list[Observer], dict[str, float]]:
    """The networks under which images are recovered, with their statistics, and the seconds of both."""
    found, seconds = [], {"observer": 0.0, "statistics": 0.0}
    for own in (cfg.observer, *cfg.others):
        network, spent = expert_stage(own, data, preprocess, seed, place, "observer")
        statistics, passed = _statistics(cfg, own, network, data, preprocess, place)
        found.append((network, statistics))
        seconds = {"observer": seconds["observer"] + spent, "statistics": seconds["statistics"] + passed}
    return found, seconds


def _statistics(
    cfg: UnilevelConfig,
    own: TeacherConfig,
    network: nn.Module,
    data: LongTailedData,
    preprocess: Preprocess,
    place: Place,
) -> tuple[Statistics, float]:
    def compute(_: Checkpoint) -> Bundle:
        images, labels = preprocess(data.train_images.to(place.device)), data.train_labels.to(place.device)
        watch = place.watching("statistics")
        return collect(network, images, labels, data.classes, cfg.statistics, watch=watch).to_bundle()

    # Only what decides what is collected: how it is averaged later does not.
    key = {"layers": cfg.statistics.layers, "patch": cfg.statistics.patch, "observer": state_hash(network)}
    bundle = place.store.stage("statistics", key | {"data": data.sha256, "preprocess": preprocess.describe()}, compute)
    return Statistics.from_bundle(bundle), bundle.meta["seconds"]


def _history(bundle: Bundle) -> dict[str, Any]:
    """The iterations as JSON."""
    rows = {name.removeprefix("history."): t for name, t in bundle.tensors.items() if name.startswith("history.")}
    count = len(rows["distance"])
    curves = {name: curve(values) for name, values in rows.items()}
    return {"iterations": count, "curves": curves}
