"""Soft labels of a teacher that are stored with a set: one vector per image, the mean over many views."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from ltdd_utils.augment.batches import augmenter
from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.evaluation.objectives import TEACHER_BATCH

__all__ = ["mean_over_views", "relabelled"]


@torch.no_grad()
def mean_over_views(
    teacher: nn.Module, images: Tensor, augment: AugmentConfig, views: int, rng: torch.Generator
) -> Tensor:
    r"""The mean :math:`\frac{1}{V} \sum_v \mathrm{softmax}\, z(a_v(x))` of a teacher's answers, ``[M, C]``.

    Cross-entropy is linear in its target: of all labels that are stored once, this mean has the same expected loss as
    the teacher's answer to each view that a student draws independently of the label.

    Args:
        teacher: in eval mode.
        images: preprocessed for the teacher, ``[M, Ch, H, W]``.
        augment: what a view is.
        views: their number, V.
        rng: draws the views.

    Raises:
        ValueError: fewer than one view.
    """
    if views < 1:
        raise ValueError(f"views is {views}; a label needs at least 1")
    draw = augmenter(augment)

    def answer(pictures: Tensor) -> Tensor:  # in batches: a set may have more images than memory has room for at once
        return torch.cat([teacher(batch).softmax(dim=1).cpu() for batch in pictures.split(TEACHER_BATCH)])

    return sum(answer(draw(images, rng)) for _ in range(views)) / views


def relabelled(distilled: DistilledSet, targets: Tensor, name: str) -> DistilledSet:
    """The set with other stored labels, probabilities ``[M, C]``; the learned step size stays.

    Args:
        distilled: a set.
        targets: of ``mean_over_views``.
        name: of who labelled, in words.
    """
    return replace(
        distilled, targets=targets.float(), info={**distilled.info, "targets": "probabilities", "name": name}
    )
