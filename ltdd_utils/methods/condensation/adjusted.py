"""The stages of logit-adjusted distribution matching: images by IDM, and a soft label for each of their parts."""

from dataclasses import replace

from torch import nn

from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.mosaics import expanded
from ltdd_utils.distilled.result import DistillationResult
from ltdd_utils.distilled.spaces import pixels
from ltdd_utils.evaluation.relabel import mean_over_views
from ltdd_utils.methods.base import Job
from ltdd_utils.methods.condensation import stages
from ltdd_utils.networks.flat import state_hash
from ltdd_utils.teachers.stage import train_teacher
from ltdd_utils.training.pauses import pausing

__all__ = ["condensation", "initial_set", "labelling_teacher", "labels"]


def initial_set(job: Job) -> DistilledSet:
    """The mosaics of real images, or of noise, that condensation begins from."""
    return stages.initial_set(_images(job))


def condensation(job: Job) -> DistillationResult:
    """Images by distribution matching; of the same settings of ``images`` it is the very stage of IDM.

    Raises:
        ValueError: settings that do not fit the data.
        FloatingPointError: a loss or an image is no longer finite.
        Stopped: the deadline passed; the same call goes on from there.
    """
    return stages.improved_distribution_matching(_images(job))


def labelling_teacher(job: Job) -> nn.Module:
    """The network that labels, trained on the long tail in the space of the images.

    Raises:
        Stopped: the deadline passed; the same call goes on from there.
    """
    return train_teacher(job.cfg.teacher, job.run, "labelling teacher")


def labels(job: Job) -> DistillationResult:
    r"""The set of the images with a soft label for every part: :math:`\frac{1}{V} \sum_v \mathrm{softmax}\, z(a_v(x))`.

    Of M stored images with the factor f these are probabilities ``[M f^2, C]``, in the order of ``mosaics.enlarged``.
    The V views :math:`a_v` of a part x are under the augmentation of ``images``, by its recipe that of students of
    stored labels, and drawn independently of theirs (``relabel.mean_over_views``).

    Raises:
        Stopped: the deadline passed; the same call begins the labels anew.
    """
    cfg, run, network = job.cfg, job.run, job.results["labelling teacher"]
    made = job.results["condensation" if cfg.images.iterations else "initial set"]
    result = made if isinstance(made, DistillationResult) else DistillationResult(made)

    def compute(checkpoint: Checkpoint) -> Bundle:
        seen = pixels(expanded(result.set), run.data, run.preprocess).to(run.device)
        rng = run.rng("labels", "views")
        with pausing(network, checkpoint.pause):
            return Bundle({"targets": mean_over_views(network, seen, cfg.images.augment, cfg.views, rng)})

    settings = {"views": cfg.views, "augment": cfg.images.augment, "images": content_hash(result.set)}
    targets = run.stage("labels", compute, teacher=state_hash(network), **settings).tensors["targets"].float()
    info = {**result.set.info, "targets": "probabilities"}
    return replace(result, set=replace(result.set, targets=targets, lr=cfg.lr, info=info))


def _images(job: Job) -> Job:
    return replace(job, cfg=job.cfg.images)
