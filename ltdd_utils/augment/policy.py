"""RandAugment for a batch: every image gets its own operations, drawn from a generator that is passed in.

Cubuk et al., arXiv 1909.13719. The operations and magnitudes are torchvision's; images with the same operation go
through it together, and all that move pixels together too. Nothing waits for the device: which image gets what is known
on the CPU, and what an operation needs there is made once per device.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["SPACE", "magnitude_of", "randaugment", "transform"]

BINS = 31  # magnitudes 0 to 30

# Operation: whether it has a sign (half of the images then get the opposite).
SPACE = {
    "Identity": False,
    "ShearX": True,
    "ShearY": True,
    "TranslateX": True,
    "TranslateY": True,
    "Rotate": True,
    "Brightness": True,
    "Color": True,
    "Contrast": True,
    "Sharpness": True,
    "Posterize": False,
    "Solarize": False,
    "AutoContrast": False,
    "Equalize": False,
}
MOVING = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")  # operations that move pixels and change none


def randaugment(images: Tensor, generator: torch.Generator, operations: int = 2, magnitude: int = 9) -> Tensor:
    """Each image after ``operations`` random operations of ``SPACE``, one after the other.

    Args:
        images: uint8, 1 or 3 channels, ``[B, Ch, H, W]``.
        generator: on the CPU; it draws one operation and one sign per image and round.
        operations: N, rounds.
        magnitude: M, 0 to 30.

    Returns:
        A new uint8 tensor like ``images``.

    Raises:
        ValueError: images that are not uint8, or a magnitude outside 0 to 30.

    Note:
        Differs from EDC and the uni-level release, which use the same operations on PIL images: resampled positions are
        rounded otherwise there.
    """
    if images.dtype != torch.uint8:
        raise ValueError(f"images are {images.dtype}; RandAugment works on uint8 pixels")
    if not 0 <= magnitude < BINS:
        raise ValueError(f"magnitude is {magnitude}; choose 0 to {BINS - 1}")
    for _ in range(operations):
        chosen = torch.randint(len(SPACE), (len(images),), generator=generator)
        negative = torch.randint(2, (len(images),), generator=generator).bool()
        images = _round(images, chosen, negative, magnitude)
    return images


def _round(images: Tensor, chosen: Tensor, negative: Tensor, magnitude: int) -> Tensor:
    """Each image after its own operation; ``chosen`` (places in ``SPACE``) and ``negative`` are ``[B]``, on the CPU."""
    images, device = images.clone(), images.device
    moving = torch.tensor([name in MOVING for name in SPACE])[chosen]
    if moving.any():
        rows = moving.nonzero()[:, 0]
        which = torch.tensor([MOVING.index(name) if name in MOVING else -1 for name in SPACE])[chosen[rows]]
        there, maps = torch.stack([rows, 2 * which + negative[rows]]).to(device, non_blocking=True)
        sources = _sources(*images.shape[-2:], magnitude, device)[maps]
        images[there] = _moved(images[there], sources)
    for index, (name, signed) in enumerate(SPACE.items()):
        if name in ("Identity", *MOVING):
            continue
        value = magnitude_of(name, magnitude, images.shape[-1])
        for sign in (1, -1) if signed else (1,):
            group = (chosen == index) & (negative == (sign < 0)) if signed else chosen == index
            if group.any():
                rows = group.nonzero()[:, 0].to(device, non_blocking=True)
                images[rows] = transform(images[rows], name, sign * value)
    return images


def _moved(images: Tensor, sources: Tensor) -> Tensor:
    """Images ``[B, Ch, H, W]`` whose pixels come from the places ``[B, H * W]`` that ``_sources`` counts."""
    pixels = F.pad(images.flatten(2), (1, 0))  # place 0 is black
    return pixels.gather(2, sources[:, None].expand(-1, images.shape[1], -1)).view_as(images)


@functools.lru_cache(maxsize=16)
def _sources(height: int, width: int, magnitude: int, device: torch.device) -> Tensor:
    """The source of each pixel of an image under each of ``MOVING``, first as it is, then negated: ``[10, H * W]``.

    An image of its own places goes through ``transform``: 1 is the first pixel, 0 is outside the image. Moving pixels
    takes the nearest one, so this says all of it, and to the last bit what ``transform`` does on this device.
    """
    places = torch.arange(1, height * width + 1, dtype=torch.float32, device=device).view(1, 1, height, width)
    values = [(name, sign * magnitude_of(name, magnitude, width)) for name in MOVING for sign in (1, -1)]
    with torch.autocast(device.type, enabled=False):  # the places are exact inside a bf16 training step too
        return torch.cat([transform(places, name, value).flatten(1) for name, value in values]).long()


def magnitude_of(name: str, magnitude: int, size: int) -> float:
    """The strength of an operation at step ``magnitude`` (0 to 30), in its own unit, for images of ``size`` pixels.

    Shear: slope; translate: pixels; rotate: degrees; brightness, color, contrast, sharpness: change of the factor 1;
    posterize: bits that are kept; solarize: the pixel value from which on it inverts; the others have none.
    """
    share = magnitude / (BINS - 1)
    if name.startswith("Shear"):
        return 0.3 * share
    if name.startswith("Translate"):
        return float(int(150 / 331 * size * share))  # whole pixels; 150 of 331 is the size of AutoAugment's search
    if name == "Rotate":
        return 30 * share
    if name in ("Brightness", "Color", "Contrast", "Sharpness"):
        return 0.9 * share
    if name == "Posterize":
        return 8.0 - round(4 * share)
    return 255 * (1 - share) if name == "Solarize" else 0.0


def transform(images: Tensor, name: str, value: float) -> Tensor:
    """One operation with one value on all images, uint8 ``[B, Ch, H, W]``; positions outside an image are black.

    Raises:
        ValueError: an unknown operation.
    """
    # Imported here: torchvision takes a second to load, and few runs need it.
    from torchvision.transforms.v2 import functional

    if name not in SPACE:
        raise ValueError(f"operation {name!r} is unknown; choose one of {', '.join(SPACE)}")
    if name.startswith(("Shear", "Translate")):
        amount = [value, 0.0] if name.endswith("X") else [0.0, value]
        if name.startswith("Translate"):
            return functional.affine(images, angle=0.0, translate=amount, scale=1.0, shear=[0.0, 0.0])
        degrees = [math.degrees(math.atan(slope)) for slope in amount]
        return functional.affine(images, angle=0.0, translate=[0, 0], scale=1.0, shear=degrees, center=[0, 0])
    if name == "Rotate":
        return functional.rotate(images, value)
    if name in ("Posterize", "Solarize"):
        return functional.posterize(images, int(value)) if name == "Posterize" else functional.solarize(images, value)
    if name in ("AutoContrast", "Equalize"):
        return functional.autocontrast(images) if name == "AutoContrast" else functional.equalize(images)
    adjust = {
        "Brightness": functional.adjust_brightness,
        "Color": functional.adjust_saturation,
        "Contrast": functional.adjust_contrast,
        "Sharpness": _sharpened,
    }
    return adjust[name](images, 1 + value) if name in adjust else images


def _sharpened(images: Tensor, factor: float) -> Tensor:
    """Torchvision's ``adjust_sharpness`` of uint8 images: it copies its kernel to the device at every call, waiting."""
    if min(images.shape[-2:]) <= 2:
        return images
    kernel = _blur(images.device).expand(images.shape[1], 1, 3, 3)
    pixels = images.to(torch.float32)
    inner = pixels[..., 1:-1, 1:-1]
    blurred = F.conv2d(pixels, kernel, groups=images.shape[1]).round_()
    inner.add_(blurred.sub_(inner), alpha=1.0 - factor)
    return pixels.clamp_(0, 255).to(torch.uint8)


@functools.cache
def _blur(device: torch.device) -> Tensor:
    """The 3x3 kernel of ``adjust_sharpness``: 5 in the middle, 1 around it, of sum 1."""
    edge, middle = 1.0 / 13.0, 5.0 / 13.0
    rows = [[edge] * 3, [edge, middle, edge], [edge] * 3]
    return torch.tensor(rows, dtype=torch.float32, device=device)
