"""The stage of a condensation recipe: from real images or noise to synthetic images."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.files import to_bundle
from ltdd_utils.distilled.mosaics import enlarged
from ltdd_utils.distilled.result import DistillationResult, curve, finished
from ltdd_utils.distilled.spaces import pixels
from ltdd_utils.distilled.states import Keep, keeping
from ltdd_utils.methods.base import Job
from ltdd_utils.methods.condensation.common import RealImages, start_images
from ltdd_utils.methods.condensation.distributions import idm
from ltdd_utils.methods.condensation.features import dm
from ltdd_utils.methods.condensation.gradients import dc
from ltdd_utils.methods.condensation.matching import dream
from ltdd_utils.methods.condensation.mosaics import start_mosaics
from ltdd_utils.methods.condensation.settings import MosaicConfig
from ltdd_utils.methods.condensation.spectral import csdm

__all__ = [
    "distribution_matching",
    "gradient_matching",
    "improved_distribution_matching",
    "initial_set",
    "representative_matching",
    "spectral_matching",
]


def initial_set(job: Job) -> DistilledSet:
    """The images that condensation begins from, with the classes' own labels."""
    return _start(job)[0]


def gradient_matching(job: Job) -> DistillationResult:
    """DC's set.

    Raises:
        ValueError: settings that do not fit the data.
        FloatingPointError: a loss or an image is no longer finite.
        Stopped: the deadline passed; the same call goes on from there.
    """
    return _condensed(job, dc)


def distribution_matching(job: Job) -> DistillationResult:
    """DM's set; errors are those of ``gradient_matching``."""
    return _condensed(job, dm)


def spectral_matching(job: Job) -> DistillationResult:
    """CSDM's set; errors are those of ``gradient_matching``."""
    return _condensed(job, csdm)


def improved_distribution_matching(job: Job) -> DistillationResult:
    """IDM's set; errors are those of ``gradient_matching``."""
    return _condensed(job, idm)


def representative_matching(job: Job) -> DistillationResult:
    """DREAM's set; errors are those of ``gradient_matching``."""
    return _condensed(job, dream)


def _start(job: Job) -> tuple[DistilledSet, RealImages]:
    run = job.run
    real = RealImages.of(run.images(), run.data.train_labels, run.data.classes)
    if isinstance(job.cfg, MosaicConfig):
        return start_mosaics(job.cfg, run, job.ipc, real), real
    return start_images(job.cfg, run, job.ipc, real.deviation), real


def _stored(start: DistilledSet, run: Run) -> Tensor:
    """The images that are moved: of mosaics the stored ones."""
    return start.images if start.factor > 1 else pixels(start, run.data, run.preprocess)


def _keeping(job: Job, checkpoint: Checkpoint, start: DistilledSet) -> Keep | None:
    """What is told the states of the images, as a student sees them."""
    factor = start.factor
    keep = keeping(job.run, checkpoint, job.cfg.iterations, start.seen)
    if keep is None or factor == 1:
        return keep
    return lambda iteration, images, rows: keep(iteration, enlarged(images, factor), rows)


def _condensed(job: Job, condense: Callable[..., Any]) -> DistillationResult:
    run = job.run

    def compute(checkpoint: Checkpoint) -> Bundle:
        start, real = _start(job)
        images, keep = _stored(start, run).to(run.device), _keeping(job, checkpoint, start)
        following = {"watch": run.watch("condensation"), "checkpoint": checkpoint, "keep": keep}
        condensed, losses = condense(job.cfg, start, images, real, run.seed, **following)
        bundle = to_bundle(condensed)
        bundle.tensors["history.losses"] = losses
        bundle.meta["initial_sha256"] = content_hash(start)
        return bundle

    bundle = run.stage("condensation", compute, method=job.cfg, ipc=job.ipc)
    return finished(bundle, bundle.meta["initial_sha256"], _history(bundle))


def _history(bundle: Bundle) -> dict[str, Any]:
    """The iterations as JSON: the sum of the losses as a curve of means, and each class's mean loss."""
    losses = bundle.tensors["history.losses"]
    return {
        "iterations": len(losses),
        "curves": {"loss": curve(losses.sum(dim=1))},
        "class_loss": {"mean": losses.double().mean(dim=0).tolist()},
    }
