"""The loss of a network that is trained with class labels."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ltdd_utils.augment.batches import augmenter
from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.training.loop import Forward, Objective
from ltdd_utils.training.losses import single

__all__ = ["label_objective"]


def label_objective(
    images: Tensor, labels: Tensor, cfg: AugmentConfig, rng: torch.Generator, shift: Tensor | None = None
) -> Objective:
    """The loss of every expert: cross-entropy with integer labels, on augmented images.

    Args:
        images: preprocessed, ``[N, Ch, H, W]``.
        labels: integers, ``[N]``.
        cfg: the augmentation.
        rng: draws the augmentations.
        shift: added to the logits inside the loss, ``[C]`` (``losses.logit_adjustment``); None: nothing.
    """
    augment = augmenter(cfg)

    def objective(forward: Forward, indices: Tensor) -> Tensor:
        logits = single(forward(augment(images[indices], rng)))
        return F.cross_entropy(logits if shift is None else logits + shift, labels[indices])

    return objective
