"""Image files as tensors: decoded on all cores, resized and cropped where needed, kept in a cache."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Bundle, load_bundle, save_bundle

CACHE = "ltdd-cache"  # folder of decoded images below the data root; it may be deleted at any time
SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
DECODE_ROWS = 500  # images between two reports of progress


def image_files(folder: Path) -> list[str]:
    """Names of the image files right below ``folder``, in string order."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if Path(entry.name).suffix.lower() in SUFFIXES)


def class_folders(folder: Path) -> list[str]:
    """Names of the folders right below ``folder``, in string order: that order is the label order.

    Raises:
        FileNotFoundError: ``folder`` is absent or holds no folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}: put the images there, one folder a class, or set LTDD_DATA")
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise FileNotFoundError(f"{folder} holds no folder: put the images there, one folder a class")
    return names


def read_images(
    paths: Sequence[Path], size: int, channels: int, cache: Path, stage: str, *, watch: Watch | None = None
) -> Tensor:
    """Decoded images, uint8 ``[N, Ch, size, size]``; read from ``cache`` if the same files were decoded before.

    Files count as the same by path, length and time of the last change. ``watch`` gets ``{"stage", "done", "total"}``.

    Raises:
        ValueError: a damaged image, or one with more than 8 bits a channel.
    """
    key = hashlib.sha256(f"{size} {channels}\n".encode())
    for path in paths:
        facts = path.stat()
        key.update(f"{path}\t{facts.st_size}\t{facts.st_mtime_ns}\n".encode())
    file = cache / f"{stage}-{key.hexdigest()[:16]}.safetensors"
    with suppress(FileNotFoundError, ValueError, KeyError):  # absent, or damaged: decode again
        return load_bundle(file).tensors["images"]
    images = _decode(paths, lambda path: _pixels(path, size, channels), (channels, size, size), stage, watch)
    with suppress(OSError):  # a read-only or full data folder costs time at the next call, nothing else
        save_bundle(file, Bundle({"images": images}, {"stage": stage, "images": len(paths)}))
    return images


def _decode(
    paths: Sequence[Path],
    read: Callable[[Path], np.ndarray],
    shape: tuple[int, int, int],
    stage: str,
    watch: Watch | None,
) -> Tensor:
    images = torch.empty(len(paths), *shape, dtype=torch.uint8)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without Python's lock
        for start in range(0, len(paths), DECODE_ROWS):
            part = list(pool.map(read, paths[start : start + DECODE_ROWS]))
            images[start : start + len(part)] = torch.from_numpy(np.stack(part))
            if watch is not None:
                watch({"stage": stage, "done": start + len(part), "total": len(paths)})
    return images


def _pixels(path: Path, size: int, channels: int) -> np.ndarray:
    """One image, uint8 ``[Ch, size, size]``: the shorter side resized to ``size``, then the centre cropped."""
    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise ValueError(f"{path} has more than 8 bits a channel (mode {image.mode}): convert it to 8 bits")
            picture = centre_square(image.convert("L" if channels == 1 else "RGB"), size)
    except OSError as error:  # Pillow: not an image, or cut short
        raise ValueError(f"{path} is damaged or cut short ({error}): replace or remove it") from error
    pixels = np.asarray(picture, dtype=np.uint8)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def centre_square(image: Image.Image, size: int) -> Image.Image:
    """The image with its shorter side resized to ``size`` (bilinear, antialiased), cropped to the central square.

    The same as torchvision's ``Resize(size)`` and ``CenterCrop(size)``, which LTDD's released code uses for ImageNet.
    """
    width, height = image.size
    if (width, height) == (size, size):
        return image
    short = min(width, height)
    width, height = size * width // short, size * height // short
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.resize((width, height), Image.Resampling.BILINEAR).crop((left, top, left + size, top + size))
