"""The losses of the protocols: what a student is asked to answer on a batch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.augment.batches import augmenter
from ltdd_utils.augment.crops import random_flip, random_resized_crop
from ltdd_utils.augment.mixing import cutmix
from ltdd_utils.augment.policy import randaugment
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.training.loop import Forward, Objective
from ltdd_utils.training.losses import logit_adjustment, logit_matching, soft_cross_entropy

__all__ = ["stored_objective", "view_objective", "whole_image_logits"]

ASPECT = (3 / 4, 4 / 3)  # width over height of a random resized crop: torchvision's
TEACHER_BATCH = 500  # images whose stored labels the teacher gives at once


def stored_objective(images: Tensor, targets: Tensor, cfg: EvaluateConfig, rng: torch.Generator) -> Objective:
    """The loss of ``dsa-stored``: cross-entropy against one stored label per image, on augmented images.

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
        logits = network(augment(images[indices], rng))
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
    rng: torch.Generator,
) -> Objective:
    """The loss of the online protocols: match the teacher's logits on mixed views.

    A view is RandAugment, a random resized crop, a flip and CutMix with lambda from Beta(1, 1). Under
    ``online-teacher`` the teacher labels the finished view; under ``online-stored`` it labelled each whole image once,
    and a mixed view gets the two vectors in proportion to the areas it really shows. The hard label of the small
    cross-entropy term is that of the un-mixed image (as released).

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
    stored = whole_image_logits(teacher, pictures, preprocess) if cfg.protocol == "online-stored" else None

    def objective(network: Forward, indices: Tensor) -> Tensor:
        images = pictures[indices]
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
