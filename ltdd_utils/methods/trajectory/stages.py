"""The stages of a trajectory recipe: experts, initial set, matching."""

from collections.abc import Sequence
from typing import Any

from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.files import from_bundle, to_bundle
from ltdd_utils.distilled.result import DistillationResult, curve, finished
from ltdd_utils.distilled.spaces import pixels
from ltdd_utils.distilled.states import keeping
from ltdd_utils.methods.base import Job
from ltdd_utils.methods.trajectory.dam import estimated_counts
from ltdd_utils.methods.trajectory.distil import match_trajectories
from ltdd_utils.methods.trajectory.health import complaints
from ltdd_utils.methods.trajectory.initial import initial_set
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.methods.trajectory.training import all_classifier_experts, all_representation_experts, experts_of
from ltdd_utils.training.pauses import paused

__all__ = [
    "classifier_experts",
    "classifier_piece",
    "initial",
    "matching",
    "representation_experts",
    "representation_piece",
]


def representation_experts(job: Job) -> list[Bundle]:
    """The experts on the long tail; a network that trajectories do not know is refused before it is trained."""
    return all_representation_experts(job.cfg.experts, job.run, job.cfg.snapshots)


def classifier_experts(job: Job) -> list[Bundle]:
    """The experts' classifiers on the re-balanced long tail."""
    return all_classifier_experts(job.cfg.experts, job.run, job.cfg.classifier_snapshots)


def representation_piece(job: Job, number: int, keeps: Sequence[int]) -> Bundle:
    """One expert on the long tail, with at least the epochs ``keeps``."""
    return all_representation_experts(job.cfg.experts, job.run, keeps, [number])[0]


def classifier_piece(job: Job, number: int, keeps: Sequence[int]) -> Bundle:
    """The classifier of one expert, with at least the epochs ``keeps``."""
    return all_classifier_experts(job.cfg.experts, job.run, keeps, [number])[0]


def initial(job: Job) -> DistilledSet:
    """The set before the first iteration."""
    cfg, run, experts = job.cfg, job.run, _experts(job)

    def compute(checkpoint: Checkpoint) -> Bundle:
        network = experts.layout.apply(run.template(cfg.experts.network).to(run.device))
        network = paused(network, checkpoint.pause)
        return to_bundle(initial_set(cfg.initial, run, job.ipc, experts, network, lr=cfg.lr))

    settings = {"initial": cfg.initial, "lr": cfg.lr, "ipc": job.ipc}
    return from_bundle(run.stage("initial", compute, **settings, **_read(cfg, experts)))


def matching(job: Job) -> DistillationResult:
    """The matched set.

    Raises:
        ValueError: settings that do not fit the data.
        FileNotFoundError: a snapshot that an earlier run did not keep.
        Stopped: the deadline passed; the same call goes on from there.
    """
    cfg, run, experts, start = job.cfg, job.run, _experts(job), job.results["initial set"]

    def compute(checkpoint: Checkpoint) -> Bundle:
        network = run.template(cfg.experts.network).to(run.device)
        images = pixels(start, run.data, run.preprocess).to(run.device)
        counts, estimate = run.data.counts, {}
        if cfg.dam.prior == "estimated":
            answering = paused(experts.layout.apply(network), checkpoint.pause)
            counts = estimated_counts(experts, answering, run.images())
            estimate = {"estimated_counts": counts}
        matched, history, facts = match_trajectories(
            cfg,
            start,
            images,
            counts,
            experts,
            network=network,
            seed=run.seed,
            watch=run.watch("matching"),
            checkpoint=checkpoint,
            compiler=run.compiler("matching", checkpoint),
            keep=keeping(run, checkpoint, cfg.iterations, len(start)),
        )
        bundle = to_bundle(matched)
        bundle.tensors |= {f"history.{name}": rows for name, rows in history.items()}
        bundle.meta |= {"matching": facts | estimate}
        return bundle

    bundle = run.stage("matching", compute, method=cfg, initial=content_hash(start), **_read(cfg, experts))
    history = _history(bundle)
    rows = {name: bundle.tensors[f"history.{name}"] for name in ("first", "second", "lr")}
    wrong = complaints(cfg, len(run.data.train_labels), rows)
    return finished(bundle, content_hash(start), history | ({"warnings": wrong} if wrong else {}))


def _experts(job: Job) -> Experts:
    results = job.results
    return experts_of(job.cfg.experts, job.run, results["experts"], results.get("classifier experts", ()))


def _read(cfg: TrajectoryConfig, experts: Experts) -> dict[str, Any]:
    """The part of the experts that later stages depend on: their settings, and the snapshots that are read."""
    return {"experts": cfg.experts, "experts_sha256": experts.sha256(cfg.snapshots, cfg.classifier_snapshots)}


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
