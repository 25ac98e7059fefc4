"""Mixup and CutMix: two batches blended, or one with a square of the other."""

import math

import torch
from torch import Tensor

__all__ = ["cutmix", "cutmix_box", "mixup"]


def mixup(images: Tensor, partner: Tensor, share: float | Tensor) -> Tensor:
    """Two images blended: ``share`` of the first, the rest of its partner (Zhang et al., arXiv 1710.09412).

    Args:
        images: ``[B, Ch, H, W]``; targets ``[B, C]`` are blended by the same function.
        partner: like ``images``.
        share: lambda in [0, 1], one number, or a tensor that broadcasts with ``images``.
    """
    return share * images + (1 - share) * partner


def cutmix_box(size: int, share: float, generator: torch.Generator) -> tuple[slice, slice]:
    r"""Rows and columns of a square that covers ``1 - share`` of an image, as far as it lies inside.

    Its side is :math:`\lfloor size \sqrt{1 - share} \rfloor`, its centre any pixel; what is off the image is lost
    (Yun et al., arXiv 1905.04899).

    Args:
        size: height and width of the image, pixels.
        share: lambda in [0, 1], the fraction that the first image keeps.
        generator: on the CPU.

    Raises:
        ValueError: a share outside [0, 1].

    Note:
        Differs from the released code of CutMix, whose square has an even side (twice the rounded-down half of ours).
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; it must be between 0 and 1")
    side = int(size * math.sqrt(1 - share))
    row, column = (int(centre) - side // 2 for centre in torch.randint(size, (2,), generator=generator))
    return slice(max(row, 0), min(row + side, size)), slice(max(column, 0), min(column + side, size))


def cutmix(images: Tensor, partner: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, float]:
    """Images with one square of their partners, the same square for the whole batch.

    Args:
        images: square, ``[B, Ch, H, W]``.
        partner: like ``images``.
        share: lambda in [0, 1], the fraction that an image keeps.
        generator: on the CPU.

    Returns:
        The mixed images, and the share of the pixels that they really keep: the square may reach over the border.

    Raises:
        ValueError: a share outside [0, 1].
    """
    rows, columns = cutmix_box(images.shape[-1], share, generator)
    mixed = images.clone()
    mixed[:, :, rows, columns] = partner[:, :, rows, columns]
    replaced = (rows.stop - rows.start) * (columns.stop - columns.start)
    return mixed, 1 - replaced / (images.shape[-2] * images.shape[-1])
