"""The stages of a statistics-alignment recipe: teacher, initial set, observers, statistics, recovery."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.files import from_bundle, to_bundle
from ltdd_utils.distilled.result import DistillationResult, curve, finished
from ltdd_utils.distilled.spaces import pixels
from ltdd_utils.distilled.states import keeping
from ltdd_utils.methods.alignment.initial import initial_set
from ltdd_utils.methods.alignment.recover import recover
from ltdd_utils.methods.alignment.settings import CropConfig, StatisticsConfig
from ltdd_utils.methods.alignment.statistics import Statistics, collect
from ltdd_utils.methods.base import Job
from ltdd_utils.networks.flat import state_hash
from ltdd_utils.teachers.stage import train_teacher

__all__ = ["initial", "observer_statistics", "observers", "recovery", "scoring_teacher", "start_set", "statistics"]


def scoring_teacher(job: Job) -> nn.Module:
    """The teacher whose confidence chooses the crops."""
    return train_teacher(job.cfg.teacher, job.run, "scoring teacher")


def initial(job: Job) -> DistilledSet:
    """The images before recovery."""
    return start_set(job.cfg.initial, job.run, job.ipc, job.results.get("scoring teacher"))


def start_set(cfg: CropConfig, run: Run, ipc: int, teacher: nn.Module | None) -> DistilledSet:
    """The images before recovery as a stage; ``teacher`` scores them, None where none is needed."""
    shared, settings = ("data", "seed"), {"initial": cfg, "ipc": ipc}
    if teacher is not None:
        shared, settings = ("data", "seed", "preprocess"), settings | {"teacher": state_hash(teacher)}

    def compute(checkpoint: Checkpoint) -> Bundle:
        return to_bundle(initial_set(cfg, run, ipc, teacher, checkpoint=checkpoint))

    return from_bundle(run.stage("crops", compute, shared=shared, **settings))


def observers(job: Job) -> list[nn.Module]:
    """The networks under which images are recovered."""
    return [train_teacher(cfg, job.run, "observer") for cfg in (job.cfg.observer, *job.cfg.others)]


def statistics(job: Job) -> list[Statistics]:
    """Layer statistics of each observer on the real data."""
    return [observer_statistics(job.cfg.statistics, job.run, network) for network in job.results["observer"]]


def observer_statistics(cfg: StatisticsConfig, run: Run, network: nn.Module) -> Statistics:
    """Layer statistics of a network on the real data, as a stage."""

    def compute(checkpoint: Checkpoint) -> Bundle:
        listening = {"watch": run.watch("statistics"), "checkpoint": checkpoint}
        return collect(network, run.images(), run.labels(), run.data.classes, cfg, **listening).to_bundle()

    # Only what decides what is collected: how it is averaged later does not.
    settings = {"layers": cfg.layers, "patch": cfg.patch, "observer": state_hash(network)}
    return Statistics.from_bundle(run.stage("statistics", compute, shared=("data", "preprocess"), **settings))


def recovery(job: Job) -> DistillationResult:
    """The recovered set: one level, no loop around a training run.

    Raises:
        ValueError: settings that do not fit the data.
        FloatingPointError: recovery diverged.
        Stopped: the deadline passed; the same call goes on from there.
    """
    cfg, run, start = job.cfg, job.run, job.results["initial set"]
    networks: Sequence[nn.Module] = job.results["observer"]
    watched = list(zip(networks, job.results["statistics"], strict=True))

    def compute(checkpoint: Checkpoint) -> Bundle:
        images = pixels(start, run.data, run.preprocess).to(run.device)
        black, white = (run.preprocess(torch.full_like(images[:1], value, device="cpu")) for value in (0.0, 1.0))
        bounds = tuple(edge[0, :, :1, :1].to(run.device) for edge in (black, white))
        recovered, curves = recover(
            cfg.recover,
            cfg.statistics,
            images,
            start.labels,
            watched,
            bounds=bounds,
            seed=run.seed,
            watch=run.watch("recovery"),
            checkpoint=checkpoint,
            keep=keeping(run, checkpoint, cfg.recover.iterations, len(start)),
            compiler=run.compiler("recovery", checkpoint),
        )
        bundle = to_bundle(start.with_images(recovered))
        bundle.tensors |= {f"history.{name}": values for name, values in curves.items()}
        return bundle

    settings = {"recover": cfg.recover, "statistics": cfg.statistics, "initial": content_hash(start)}
    bundle = run.stage("recovery", compute, observers=[state_hash(network) for network in networks], **settings)
    return finished(bundle, content_hash(start), _history(bundle))


def _history(bundle: Bundle) -> dict[str, Any]:
    """The iterations as JSON."""
    rows = {name.removeprefix("history."): t for name, t in bundle.tensors.items() if name.startswith("history.")}
    return {"iterations": len(rows["distance"]), "curves": {name: curve(values) for name, values in rows.items()}}
