"""Crops and flips of a batch: by whole pixels, or resized from boxes of any shape."""

import math

import torch
from torch import Tensor

from ltdd_utils.augment.siamese import shift

__all__ = ["crop_boxes", "draw_boxes", "random_crop_flip", "random_flip", "random_resized_crop"]

CROP_TRIES = 10  # torchvision's: how often a box is redrawn that does not fit the image


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image ``[B, Ch, H, W]`` mirrored left to right with probability one half."""
    mirrored = (torch.rand(len(images), dtype=torch.float32, generator=generator) < 0.5).to(
        images.device, non_blocking=True
    )
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def random_crop_flip(images: Tensor, padding: int, generator: torch.Generator, *, flip: bool = True) -> Tensor:
    """Each image padded by zeros on all sides, cut back to its size at a random place, and mirrored half the time.

    Args:
        images: ``[B, Ch, H, W]``.
        padding: pixels.
        generator: on the CPU.
        flip: mirror half of the images; False for digits.

    Returns:
        A new tensor like ``images``.

    Raises:
        ValueError: a negative padding.

    Note:
        Differs from torchvision's usual order (crop, then normalise): zeros are padded in the space of ``images``, so
        the border of a preprocessed image has the mean colour and is not black.
    """
    if padding < 0:
        raise ValueError(f"padding is {padding}; it must be 0 or more pixels")
    offsets = torch.randint(-padding, padding + 1, (2, len(images)), generator=generator)
    rows, columns = offsets.to(images.device, non_blocking=True)
    images = shift(images, rows, columns)
    return random_flip(images, generator) if flip else images


def random_resized_crop(
    images: Tensor, size: int, scale: tuple[float, ...], ratio: tuple[float, ...], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A random part of each image, resized to ``size``: torchvision's ``RandomResizedCrop`` for a batch.

    Args:
        images: ``[B, Ch, H, W]``, floating point.
        size: side of the result, pixels.
        scale: smallest and largest share of the area that is kept.
        ratio: smallest and largest width over height.
        generator: on the CPU.

    Returns:
        The crops ``[B, Ch, size, size]``, and their boxes ``[B, 4]`` on the CPU, from which ``crop_boxes`` makes them
        again.

    Raises:
        ValueError: a range that is empty or not positive, or integer images.
    """
    height, width = images.shape[-2:]
    boxes = draw_boxes(len(images), height, width, scale, ratio, generator=generator)
    return crop_boxes(images, boxes, size), boxes


def draw_boxes(
    count: int,
    height: int,
    width: int,
    scale: tuple[float, ...],
    ratio: tuple[float, ...],
    *,
    generator: torch.Generator,
) -> Tensor:
    """Random boxes as torchvision's ``RandomResizedCrop`` draws them: top, left, height, width, ``[count, 4]``.

    The share of the area is uniform and the logarithm of the ratio is uniform; a box that does not fit is redrawn up to
    ten times, then the largest central box with an allowed ratio is taken.

    Raises:
        ValueError: a range that is empty or not positive.
    """
    for name, (low, high) in (("scale", scale), ("ratio", ratio)):
        if not 0 < low <= high:
            raise ValueError(f"{name} is ({low}, {high}); give a smallest and a largest value, both above 0")
    # float64: the draws are few, and rounding to whole pixels then never depends on the device.
    area_draw, ratio_draw, *place = torch.rand(4, CROP_TRIES, count, dtype=torch.float64, generator=generator)
    area = height * width * (scale[0] + (scale[1] - scale[0]) * area_draw)
    shape = torch.exp(math.log(ratio[0]) + math.log(ratio[1] / ratio[0]) * ratio_draw)
    tall, wide = (area / shape).sqrt().round().long(), (area * shape).sqrt().round().long()
    fits = (tall > 0) & (tall <= height) & (wide > 0) & (wide <= width)
    top, left = ((draw * (side + 1)).long() for draw, side in zip(place, (height - tall, width - wide), strict=True))
    tries = torch.stack([top, left, tall, wide], dim=2)
    chosen = tries[fits.int().argmax(dim=0), torch.arange(count)]  # argmax: the first try that fits
    central_tall, central_wide = min(height, round(width / ratio[0])), min(width, round(height * ratio[1]))
    central = torch.tensor([(height - central_tall) // 2, (width - central_wide) // 2, central_tall, central_wide])
    return torch.where(fits.any(dim=0)[:, None], chosen, central)


def crop_boxes(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    """The part of each image inside its box, resized to ``size`` by size: bilinear, antialiased, no random numbers.

    Equal to cutting the box out and calling ``torch.nn.functional.interpolate(mode="bilinear", antialias=True)`` on it.
    Resizing is linear along each axis, so all boxes of a batch are two batched matrix products, whatever their shapes.

    Args:
        images: ``[B, Ch, H, W]``, floating point.
        boxes: top, left, height, width in pixels, integers, ``[B, 4]``.
        size: side of the result, pixels.

    Returns:
        Crops ``[B, Ch, size, size]``.

    Raises:
        ValueError: integer images (rounding would be silent), or not one box per image.
    """
    if not images.is_floating_point():
        raise ValueError(f"images are {images.dtype}; convert them to floating point before cropping")
    if boxes.shape != (len(images), 4):
        raise ValueError(f"boxes have shape {list(boxes.shape)}; {len(images)} images need [{len(images)}, 4]")
    top, left, tall, wide = boxes.to(images.device, non_blocking=True).T
    rows = _resize_weights(top, tall, images.shape[-2], size, images.dtype)[:, None]
    columns = _resize_weights(left, wide, images.shape[-1], size, images.dtype)[:, None]
    with torch.autocast(images.device.type, enabled=False):  # pixels keep their precision inside a bf16 training step
        return rows @ images @ columns.mT


def _resize_weights(start: Tensor, length: Tensor, pixels: int, size: int, dtype: torch.dtype) -> Tensor:
    """Weights ``[B, size, pixels]`` with which an output pixel sums the input pixels of its box along one axis.

    A triangle around the output pixel's centre in the box; it is as wide as an output pixel when the box shrinks
    (antialiasing), else as wide as an input pixel. Weights outside the box are zero, and each row sums to 1.
    """
    step = length.to(dtype)[:, None, None] / size  # input pixels per output pixel
    offsets = torch.arange(pixels, device=start.device) - start[:, None]  # pixels from the box's first
    inside = ((offsets >= 0) & (offsets < length[:, None]))[:, None]
    centres = (torch.arange(size, device=start.device, dtype=dtype)[:, None] + 0.5) * step
    weights = (1 - (offsets[:, None].to(dtype) + 0.5 - centres).abs() / step.clamp_min(1)).clamp_min(0) * inside
    return weights / weights.sum(dim=2, keepdim=True)
