"""The losses of the protocols: what a student is asked to answer on a batch."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.augment.batches import augmenter
from ltdd_utils.augment.crops import random_flip, random_resized_crop
from ltdd_utils.augment.mixing import cutmix
from ltdd_utils.augment.policy import randaugment
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.spaces import pixels, uint8_pixels
from ltdd_utils.evaluation.adsa import Calibrated, calibration, find_tau
from ltdd_utils.evaluation.settings import ADSAConfig, EvaluateConfig
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.training.loop import Forward, Objective
from ltdd_utils.training.losses import logit_adjustment, logit_matching, single, soft_cross_entropy

__all__ = [
    "StudentTask",
    "labels_of_a_teacher",
    "stored_labels",
    "stored_objective",
    "view_objective",
    "whole_image_logits",
]

ASPECT = (3 / 4, 4 / 3)  # width over height of a random resized crop: torchvision's
TEACHER_BATCH = 500  # images whose stored labels the teacher gives at once


@dataclass(frozen=True, eq=False)
class StudentTask:
    """The ingredients of a student's loss, given to its protocol."""

    distilled: DistilledSet  # in the space of the run
    run: Run  # the long tail that the set was made from, the protocol's transform, the device
    cfg: EvaluateConfig
    rng: torch.Generator  # draws batches, then augmentations
    teacher: nn.Module | None = None  # where one labels; in eval mode


def stored_labels(task: StudentTask) -> tuple[Objective, dict[str, float]]:
    """The set's images under the set's labels; ADSA takes the class prior out of its soft labels first.

    Returns:
        The loss (``stored_objective``), and facts: ``clamped``, always 0, and ``adsa_tau`` under ADSA.

    Raises:
        ValueError: ADSA for a set without soft labels.
    """
    distilled, run, facts = task.distilled, task.run, {"clamped": 0.0}
    if task.cfg.adsa is not None:
        distilled, facts["adsa_tau"] = _calibrated_set(distilled, run.data, task.cfg.adsa)
    images = pixels(distilled, run.data, run.preprocess).to(run.device)
    return stored_objective(images, distilled.target_probabilities().to(run.device), task.cfg, task.rng), facts


def labels_of_a_teacher(task: StudentTask) -> tuple[Objective, dict[str, float]]:
    """The set's images as pixels, labelled by the teacher; ADSA calibrates the teacher first.

    Returns:
        The loss (``view_objective``), and facts: ``clamped``, the share of pixel values that no pixel can have, and
        ``adsa_tau`` under ADSA.
    """
    distilled, run, teacher = task.distilled, task.run, task.teacher
    images, clamped = uint8_pixels(distilled, run.data, run.preprocess)
    images, labels, facts = images.to(run.device), distilled.labels.to(run.device), {"clamped": clamped}
    if task.cfg.adsa is not None:
        logits = whole_image_logits(teacher, images, run.preprocess)
        facts["adsa_tau"], _ = find_tau(logits, labels, run.data.prior, task.cfg.adsa)
        teacher = Calibrated(teacher, calibration(run.data.prior, facts["adsa_tau"]).to(run.device)).eval()
    return view_objective(images, labels, run.preprocess, teacher, task.cfg, rng=task.rng), facts


def _calibrated_set(distilled: DistilledSet, data: LongTailedData, cfg: ADSAConfig) -> tuple[DistilledSet, float]:
    """The set with the class prior taken out of its stored soft labels, and ADSA's tau."""
    if distilled.targets is None:
        raise ValueError("ADSA calibrates soft labels, and this set stores none; leave evaluate.adsa out")
    logits, info = distilled.target_logits(), {**distilled.info, "targets": "logits"}
    tau, _ = find_tau(logits, distilled.labels, data.prior, cfg)
    return replace(distilled, targets=logits + calibration(data.prior, tau), info=info), tau


def stored_objective(images: Tensor, targets: Tensor, cfg: EvaluateConfig, rng: torch.Generator) -> Objective:
    """The loss on stored labels: cross-entropy against one stored label per image, on augmented images.

    With ``cfg.logit_adjustment`` it is the logit-adjusted loss on hard labels, under the class prior of ``targets``:
    that of the set the student trains on.

    Args:
        images: preprocessed, ``[M, Ch, H, W]``.
        targets: probabilities, ``[M, C]``.
        cfg: the augmentation, and the strength of the logit adjustment.
        rng: draws the augmentations.

    Raises:
        ValueError: a logit adjustment for a set without images of some class.
    """
    augment, labels = augmenter(cfg.augment), targets.argmax(dim=1)
    # float32 and once: a step under bf16 rounds no prior, and no step waits for the device to check it.
    shift = logit_adjustment(targets.mean(dim=0), cfg.logit_adjustment) if cfg.logit_adjustment else None

    def objective(network: Forward, indices: Tensor) -> Tensor:
        logits = single(network(augment(images[indices], rng)))
        if shift is not None:
            return F.cross_entropy(logits + shift, labels[indices])
        return soft_cross_entropy(logits, targets[indices])

    return objective


def view_objective(
    pictures: Tensor,
    labels: Tensor,
    preprocess: Preprocess,
    teacher: nn.Module,
    cfg: EvaluateConfig,
    *,
    rng: torch.Generator,
) -> Objective:
    """The loss of the online protocols: match the teacher's logits on mixed views.

    A view is RandAugment, a random resized crop, a flip and CutMix with lambda from Beta(1, 1). Under
    ``online-teacher`` the teacher labels the finished view; under ``online-stored`` it labelled each whole image once,
    and a mixed view gets the two vectors in proportion to the areas it really shows (``Protocol.teacher_labels``). The
    hard label of the small cross-entropy term is that of the un-mixed image (as released).

    Note:
        Differs from the released code in the order of two linear steps: images are preprocessed before they are
        cropped, which gives the same pixels under per-channel normalisation.

    Args:
        pictures: uint8, ``[M, Ch, H, W]``.
        labels: integers, ``[M]``.
        preprocess: the transform of student and teacher.
        teacher: in eval mode.
        cfg: the protocol and its augmentation.
        rng: draws the views.
    """
    views, side = cfg.augment, pictures.shape[-1]
    once = PROTOCOLS[cfg.protocol].teacher_labels == "images"
    stored = whole_image_logits(teacher, pictures, preprocess) if once else None

    def objective(network: Forward, indices: Tensor) -> Tensor:
        images = pictures[indices]
        with torch.autocast(images.device.type, enabled=False):  # pixels keep their precision inside a bf16 step
            images = preprocess(randaugment(images, rng) if views.randaugment else images)
        images, _ = random_resized_crop(images, side, views.crop_scale, ASPECT, rng)
        if views.flip:
            images = random_flip(images, rng)
        logits = None if stored is None else stored[indices]
        if views.cutmix:
            partner = torch.randperm(len(indices), generator=rng).to(indices.device, non_blocking=True)
            share = float(torch.rand((), dtype=torch.float32, generator=rng))
            images, kept = cutmix(images, images[partner], share, rng)
            logits = None if logits is None else kept * logits + (1 - kept) * logits[partner]
        if logits is None:
            with torch.no_grad():
                logits = teacher(images)
        return logit_matching(network(images), logits, labels[indices], cfg.cross_entropy)

    return objective


@torch.no_grad()
def whole_image_logits(teacher: nn.Module, pictures: Tensor, preprocess: Preprocess) -> Tensor:
    """The teacher's answer to each whole image: pixels uint8 ``[M, Ch, H, W]`` to logits ``[M, C]``."""
    return torch.cat([teacher(preprocess(batch)) for batch in pictures.split(TEACHER_BATCH)])
