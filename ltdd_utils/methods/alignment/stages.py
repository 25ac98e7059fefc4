"""The stages of a statistics-alignment recipe: teacher, initial set, observers, statistics, recovery."""

from typing import Any

import torch
from torch import nn

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet, content_hash
from ltdd_utils.distilled.files import from_bundle, to_bundle
from ltdd_utils.distilled.made import DistillationResult, curve, finished
from ltdd_utils.distilled.spaces import pixels
from ltdd_utils.methods.alignment.initial import initial_set
from ltdd_utils.methods.alignment.recover import Observer, recover
from ltdd_utils.methods.alignment.settings import UnilevelConfig
from ltdd_utils.methods.alignment.statistics import Statistics, collect
from ltdd_utils.networks.flat import state_hash
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.teachers.settings import TeacherConfig
from ltdd_utils.teachers.stage import expert_stage

__all__ = ["observers", "recovered_set", "start_set"]


def recovered_set(
    recipe: Recipe, data: LongTailedData, preprocess: Preprocess, seed: int, context: RunContext
) -> DistillationResult:
    """The distilled set of the recipe: one level, no loop around a training run.

    Raises:
        ValueError: settings that do not fit the data.
        FloatingPointError: recovery diverged.
        Stopped: the deadline passed; the same call goes on from there.
    """
    cfg: UnilevelConfig = recipe.method
    start, seconds = start_set(cfg, recipe.ipc, data, preprocess, seed, context)
    if cfg.teacher is not None and cfg.teacher == recipe.evaluate.teacher:
        seconds["teacher"] = seconds.pop("scoring teacher")  # one training, one entry
    if not cfg.recover.iterations:
        return DistillationResult(start, seconds)
    found, more = observers(cfg, data, preprocess, seed, context)
    seconds |= more
    networks = [network for network, _ in found]

    def compute(checkpoint: Checkpoint) -> Bundle:
        images = pixels(start, data, preprocess).to(context.device)
        black, white = (preprocess(torch.full_like(images[:1], value, device="cpu")) for value in (0.0, 1.0))
        bounds = tuple(edge[0, :, :1, :1].to(context.device) for edge in (black, white))
        made, curves = recover(
            cfg.recover,
            cfg.statistics,
            images,
            start.labels,
            found,
            bounds,
            seed,
            context.watching("recovery"),
            checkpoint,
        )
        nowhere, info = torch.full_like(start.labels, NOT_REAL), {"class_names": list(data.class_names)}
        bundle = to_bundle(DistilledSet(start.labels, nowhere, images=made.cpu(), info=info))
        bundle.tensors |= {f"history.{name}": curve for name, curve in curves.items()}
        return bundle

    key = {"recover": cfg.recover, "statistics": cfg.statistics, "initial": content_hash(start), "data": data.sha256}
    key |= {"observers": [state_hash(network) for network in networks], "seed": seed}
    key |= {"preprocess": preprocess.describe()}
    bundle = context.store.stage("recovery", key, compute)
    seconds["recovery"] = bundle.meta["seconds"]
    return finished(bundle, content_hash(start), seconds, _history(bundle))


def start_set(
    cfg: UnilevelConfig, ipc: int, data: LongTailedData, preprocess: Preprocess, seed: int, context: RunContext
) -> tuple[DistilledSet, dict[str, float]]:
    """The images before recovery, and the seconds of the stages that made them."""
    teacher, seconds, key = None, {}, {"initial": cfg.initial, "ipc": ipc, "data": data.sha256, "seed": seed}
    if cfg.teacher is not None:
        teacher, seconds["scoring teacher"] = expert_stage(
            cfg.teacher, data, preprocess, seed, context, "scoring teacher"
        )
        key |= {"teacher": state_hash(teacher), "preprocess": preprocess.describe()}
    where = {"device": context.device, "watch": context.watching("initial set")}
    bundle = context.store.stage(
        "crops", key, lambda _: to_bundle(initial_set(cfg.initial, data, preprocess, ipc, teacher, seed, **where))
    )
    return from_bundle(bundle), seconds | {"initial set": bundle.meta["seconds"]}


def observers(
    cfg: UnilevelConfig, data: LongTailedData, preprocess: Preprocess, seed: int, context: RunContext
) -> tuple[list[Observer], dict[str, float]]:
    """The networks under which images are recovered, with their statistics, and the seconds of both."""
    found, seconds = [], {"observer": 0.0, "statistics": 0.0}
    for own in (cfg.observer, *cfg.others):
        network, spent = expert_stage(own, data, preprocess, seed, context, "observer")
        statistics, passed = _statistics(cfg, own, network, data, preprocess, context)
        found.append((network, statistics))
        seconds = {"observer": seconds["observer"] + spent, "statistics": seconds["statistics"] + passed}
    return found, seconds


def _statistics(
    cfg: UnilevelConfig,
    own: TeacherConfig,
    network: nn.Module,
    data: LongTailedData,
    preprocess: Preprocess,
    context: RunContext,
) -> tuple[Statistics, float]:
    def compute(_: Checkpoint) -> Bundle:
        images, labels = preprocess(data.train_images.to(context.device)), data.train_labels.to(context.device)
        watch = context.watching("statistics")
        return collect(network, images, labels, data.classes, cfg.statistics, watch=watch).to_bundle()

    # Only what decides what is collected: how it is averaged later does not.
    key = {"layers": cfg.statistics.layers, "patch": cfg.statistics.patch, "observer": state_hash(network)}
    bundle = context.store.stage(
        "statistics", key | {"data": data.sha256, "preprocess": preprocess.describe()}, compute
    )
    return Statistics.from_bundle(bundle), bundle.meta["seconds"]


def _history(bundle: Bundle) -> dict[str, Any]:
    """The iterations as JSON."""
    rows = {name.removeprefix("history."): t for name, t in bundle.tensors.items() if name.startswith("history.")}
    count = len(rows["distance"])
    curves = {name: curve(values) for name, values in rows.items()}
    return {"iterations": count, "curves": curves}
