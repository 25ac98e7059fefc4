"""RandAugment for a batch: every image gets its own operations, drawn from a generator that is passed in.

Cubuk et al., arXiv 1909.13719. The operations and magnitudes are torchvision's; images with the same operation go
through it together.
"""

import math

import torch
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
    names = list(SPACE)
    for _ in range(operations):
        chosen = torch.randint(len(names), (len(images),), generator=generator)
        negative = torch.randint(2, (len(images),), generator=generator).bool()
        images = images.clone()
        for index, name in enumerate(names):
            for sign in (1, -1) if SPACE[name] else (1,):
                # Which images they are is known on the CPU: nothing waits for the device.
                group = (chosen == index) & (negative == (sign < 0)) if SPACE[name] else chosen == index
                if name != "Identity" and group.any():
                    rows = group.nonzero()[:, 0].to(images.device, non_blocking=True)
                    images[rows] = transform(images[rows], name, sign * magnitude_of(name, magnitude, images.shape[-1]))
    return images


def magnitude_of(name: str, magnitude: int, size: int) -> float:
    """What step ``magnitude`` (0 to 30) of an operation means in its own unit, for images of ``size`` pixels.

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
        "Sharpness": functional.adjust_sharpness,
    }
    return adjust[name](images, 1 + value) if name in adjust else images
