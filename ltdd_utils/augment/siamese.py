"""Differentiable siamese augmentation (DSA): one operation per batch, its own parameters for every image.

Zhao and Bilen, "Dataset Condensation with Differentiable Siamese Augmentation", arXiv 2102.08259. Students on stored
labels, and all experts of paper 1, train under the strategy ``color_crop_cutout_flip_scale_rotate``.

The random numbers are drawn first and kept (``draw``), then used (``apply``): the same draw can be applied again, to
other images, or differentiated through. They come from a CPU generator and move to the images' device, so no step waits
for the device.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ltdd_utils.augment.settings import DSA_OPERATIONS as OPERATIONS
from ltdd_utils.augment.settings import AugmentConfig, dsa_operations

__all__ = ["OPERATIONS", "DSAParameters", "apply", "draw", "dsa", "shift", "strategy_of"]

# Ranges of the released code, which both papers keep.
BRIGHTNESS = (-0.5, 0.5)  # added to every pixel
SATURATION = (0.0, 2.0)  # factor of the distance to the mean over channels
CONTRAST = (0.5, 1.5)  # factor of the distance to the mean of the image
CROP = 0.125  # largest shift, as a share of the side
CUTOUT = 0.5  # side of the erased square, as a share of the side
FLIP = 0.5  # probability of a mirror image
SCALE = 1.2  # largest zoom out; the largest zoom in is its inverse
ROTATE = 15.0  # largest angle, degrees


def strategy_of(augment: AugmentConfig) -> str:
    """The strategy of ``draw`` that a configuration asks for."""
    return augment.strategy if augment.kind == "dsa" else "none"


@dataclass(frozen=True)
class DSAParameters:
    """One draw: which operation a batch gets, and the numbers of each image; it can be applied any number of times."""

    operation: str  # one of OPERATIONS, or "none"
    values: Tensor  # [k, B], k depends on the operation; see ``apply``


def draw(
    strategy: str, batch: int, size: int, generator: torch.Generator, device: torch.device | str = "cpu"
) -> DSAParameters:
    """Choose one operation of ``strategy`` for a batch and draw its parameters for each image.

    Args:
        strategy: names of ``OPERATIONS`` joined by "_", each as likely as the other; "none" or "" is the identity.
            Digits leave out "flip", since a mirrored digit is not a digit.
        batch: B, images.
        size: height and width of the images, pixels.
        generator: on the CPU.
        device: where the parameters are wanted.

    Raises:
        ValueError: an unknown operation.
    """
    names = dsa_operations(strategy)
    if not names:
        return DSAParameters("none", torch.zeros(0, batch, device=device))
    operation = names[int(torch.randint(len(names), (), generator=generator))]
    values = _draw_values(operation, batch, size, generator)
    return DSAParameters(operation, values.to(device, non_blocking=True))


def apply(images: Tensor, parameters: DSAParameters) -> Tensor:
    r"""The augmented images ``[B, Ch, H, W]``: a differentiable function of the images for given parameters.

    The rows of ``parameters.values``, and their effect on an image :math:`x`:

    - color (brightness b, saturation s, contrast c), in this order: :math:`x + b`; :math:`m + s (x - m)` with the mean
      :math:`m` over channels at each pixel; :math:`m + c (x - m)` with the mean :math:`m` of the image
    - crop (rows r, columns c): pixel :math:`(i, j)` comes from :math:`(i + r, j + c)`, zero outside
    - cutout (row, column): a square around that point becomes zero
    - flip (0 or 1): mirrored left to right where 1
    - scale (horizontal, vertical): pixel position :math:`p`, measured from the centre, comes from :math:`p` times the
      factor, so that above 1 zooms out; zero outside
    - rotate (angle in degrees): turned counter-clockwise about the centre; zero outside

    Zero is zero in the space of ``images``: the mean colour after preprocessing, not black. Saturation leaves an image
    with one channel as it is. Scale and rotate interpolate bilinearly, with the corner pixels' centres at :math:`\pm 1`
    (``align_corners=True``).

    Args:
        images: preprocessed, square, ``[B, Ch, H, W]``, floating point.
        parameters: drawn for B images of this size, on the device of the images.

    Returns:
        A new tensor like ``images``.

    Raises:
        ValueError: parameters drawn for another number of images.
    """
    values = parameters.values
    if values.shape[1] != len(images):
        raise ValueError(f"the parameters were drawn for {values.shape[1]} images, got {len(images)}; draw them anew")
    if parameters.operation == "none":
        return images
    return _APPLY[parameters.operation](images, values)


def dsa(images: Tensor, strategy: str, generator: torch.Generator) -> Tensor:
    """Images ``[B, Ch, H, W]`` under one fresh draw of ``strategy``.

    Raises:
        ValueError: an unknown operation in ``strategy``.
    """
    return apply(images, draw(strategy, len(images), images.shape[-1], generator, images.device))


def shift(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Each image moved by whole pixels, zero where it had none: pixel (i, j) comes from (i + rows, j + columns).

    Args:
        images: ``[B, Ch, H, W]``, any type.
        rows: integers, ``[B]``.
        columns: integers, ``[B]``.
    """
    height, width = images.shape[-2:]
    from_row = torch.arange(height, device=images.device) + rows[:, None]
    from_column = torch.arange(width, device=images.device) + columns[:, None]
    inside = _between(from_row, 0, height)[:, None, :, None] & _between(from_column, 0, width)[:, None, None, :]
    # Two gathers, one per axis: both are exact copies of pixels, differentiable, and untouched by autocast.
    moved = images.gather(2, from_row.clamp(0, height - 1)[:, None, :, None].expand(images.shape))
    return moved.gather(3, from_column.clamp(0, width - 1)[:, None, None, :].expand(images.shape)) * inside


def _draw_values(operation: str, batch: int, size: int, generator: torch.Generator) -> Tensor:
    """The parameters of ``operation``, ``[k, B]``, float32 on the CPU (whole numbers are exact in it)."""
    # The type is always named: under another default type the same generator would give other numbers.

    def uniform(*ranges: tuple[float, float]) -> Tensor:
        share = torch.rand(len(ranges), batch, dtype=torch.float32, generator=generator)
        low, high = torch.tensor(ranges, dtype=torch.float32)[:, :, None].unbind(dim=1)
        return low + (high - low) * share

    if operation == "color":
        return uniform(BRIGHTNESS, SATURATION, CONTRAST)
    if operation == "crop":
        most = int(CROP * size + 0.5)
        return torch.randint(-most, most + 1, (2, batch), generator=generator).to(torch.float32)
    if operation == "cutout":
        # An even square has its centre between pixels, so one position more.
        positions = size + 1 - _cutout_side(size) % 2
        return torch.randint(positions, (2, batch), generator=generator).to(torch.float32)
    if operation == "flip":
        return (torch.rand(1, batch, dtype=torch.float32, generator=generator) < FLIP).to(torch.float32)
    if operation == "scale":
        return uniform((1 / SCALE, SCALE), (1 / SCALE, SCALE))
    return uniform((-ROTATE, ROTATE))


def _color(images: Tensor, values: Tensor) -> Tensor:
    brightness, saturation, contrast = values.to(images.dtype)[:, :, None, None, None]
    images = images + brightness
    grey = images.mean(dim=1, keepdim=True)
    images = grey + saturation * (images - grey)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + contrast * (images - mean)


def _crop(images: Tensor, values: Tensor) -> Tensor:
    rows, columns = values.long()
    return shift(images, rows, columns)


def _cutout_side(size: int) -> int:
    return int(CUTOUT * size + 0.5)


def _cutout(images: Tensor, values: Tensor) -> Tensor:
    side = _cutout_side(images.shape[-1])
    first = values.long() - side // 2  # the part of a square that is off the image is lost, as in the released code
    pixels = torch.arange(images.shape[-1], device=images.device)
    rows, columns = _between(pixels - first[:, :, None], 0, side)
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :])


def _flip(images: Tensor, values: Tensor) -> Tensor:
    return torch.where(values[0].bool()[:, None, None, None], images.flip(3), images)


def _scale(images: Tensor, values: Tensor) -> Tensor:
    horizontal, vertical = values.to(images.dtype)
    zero = torch.zeros_like(horizontal)
    return _resample(images, horizontal, zero, zero, vertical)


def _rotate(images: Tensor, values: Tensor) -> Tensor:
    angle = values[0].to(images.dtype) * (math.pi / 180)
    return _resample(images, angle.cos(), -angle.sin(), angle.sin(), angle.cos())


def _resample(images: Tensor, xx: Tensor, xy: Tensor, yx: Tensor, yy: Tensor) -> Tensor:
    """Bilinear samples at (xx x + xy y, yx x + yy y) for all positions (x, y) in [-1, 1]; the entries are ``[B]``."""
    y, x = (torch.linspace(-1, 1, side, dtype=images.dtype, device=images.device) for side in images.shape[-2:])
    x, y = x[None, None, :], y[None, :, None]
    # Not F.affine_grid: it is a matrix product, which autocast would round to bfloat16.
    grid = torch.stack([a[:, None, None] * x + b[:, None, None] * y for a, b in ((xx, xy), (yx, yy))], dim=3)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def _between(values: Tensor, low: int, high: int) -> Tensor:
    """True where ``low <= values < high``."""
    return (values >= low) & (values < high)


_APPLY = {"color": _color, "crop": _crop, "cutout": _cutout, "flip": _flip, "scale": _scale, "rotate": _rotate}
