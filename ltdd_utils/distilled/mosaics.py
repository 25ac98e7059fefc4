"""Stored images that are several images each: cut into equal parts, and every part enlarged to the whole size.

A set whose images have the factor f stores M images, and a student sees :math:`M f^2`: f^2 parts of each, row by row,
resized bilinearly (``align_corners=False``) to the stored image's size, with its label. Kim et al. (IDC, arXiv
2205.14959, section 3.1: multi-formation); Zhao et al. (IDM, arXiv 2307.09742: partitioning and expansion); DREAM (arXiv
2302.14416) stores its sets so too.

The parts are enlarged in the space that the set was made in. Where that is ZCA a mosaic is no picture as a whole, so a
set is ``expanded`` first and then carried to another space, shown or written.
"""

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet

__all__ = ["cut", "enlarged", "expanded", "laid", "mosaic"]

REMEDY = "take a factor that divides both sides"


def cut(images: Tensor, factor: int) -> Tensor:
    """The parts of images ``[M, Ch, H, W]``, those of one image after another, ``[M f^2, Ch, H / f, W / f]``.

    Raises:
        ValueError: a side that the factor does not divide.
    """
    height, width = images.shape[2:]
    if height % factor or width % factor:
        what = f"images of {height} x {width} pixels have no {factor} x {factor} equal parts"
        raise ValueError(f"{what}; {REMEDY}")
    parts = images.unflatten(3, (factor, -1)).unflatten(2, (factor, -1))  # [M, Ch, f, H / f, f, W / f]
    return parts.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)


def laid(parts: Tensor, factor: int) -> Tensor:
    """The inverse of ``cut``: parts ``[M f^2, Ch, h, w]`` as images ``[M, Ch, f h, f w]``.

    Raises:
        ValueError: a number of parts that makes no whole images.
    """
    if len(parts) % factor**2:
        raise ValueError(f"{len(parts)} parts make no whole images of {factor} x {factor} parts")
    grid = parts.unflatten(0, (-1, factor, factor))  # [M, f, f, Ch, h, w]
    return grid.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)


def enlarged(images: Tensor, factor: int) -> Tensor:
    """What a student sees of stored images ``[M, Ch, H, W]``: ``[M f^2, Ch, H, W]``, linear in the stored pixels.

    Raises:
        ValueError: a side that the factor does not divide.
    """
    if factor == 1:
        return images
    return F.interpolate(cut(images, factor), size=images.shape[2:], mode="bilinear", align_corners=False)


def mosaic(images: Tensor, factor: int) -> Tensor:
    """Images ``[M f^2, Ch, H, W]``, each made smaller by the mean over f x f pixels, as stored ones ``[M, Ch, H, W]``.

    Raises:
        ValueError: a side that the factor does not divide, or a number of images that makes no whole mosaics.
    """
    height, width = images.shape[2:]
    if height % factor or width % factor:
        raise ValueError(f"images of {height} x {width} pixels cannot be made smaller by {factor}; {REMEDY}")
    return laid(F.avg_pool2d(images, factor), factor)


def expanded(distilled: DistilledSet) -> DistilledSet:
    """The images that a student sees as a set of their own, without a factor; a set that has none is itself.

    Each image has the label and step size of the stored one that it is a part of, and its soft label unless the parts
    have soft labels of their own; ``info["stored"]`` says how many images were stored, and their factor.
    """
    factor = distilled.factor
    if factor == 1:
        return distilled
    info = {**distilled.info, "stored": {"images": len(distilled), "factor": factor}}
    info.pop("factor")
    labels, targets = distilled.labels.repeat_interleave(factor**2), distilled.targets
    if targets is not None and len(targets) == len(distilled):
        targets = targets.repeat_interleave(factor**2, dim=0)
    return replace(
        distilled,
        labels=labels,
        indices=labels.new_full((len(labels),), NOT_REAL),
        images=enlarged(distilled.images.float(), factor),
        targets=targets,
        info=info,
    )
