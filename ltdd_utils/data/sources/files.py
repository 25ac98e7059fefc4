"""Image files as tensors: decoded on all cores, resized and cropped where needed, kept in a cache."""

import hashlib
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Bundle, load_bundle, save_bundle
from ltdd_utils.data.caching import is_kept

CACHE = "ltdd-cache"  # folder of decoded images below the data root; it may be deleted at any time
LARGE_CACHE = 100_000_000  # bytes, from which on it is said that they are kept
DECODE_ROWS = 500  # images between two reports of progress
BACKGROUND = "white"  # shows where an image is transparent, as on a page
_TURN = Image.Transpose
TURNS = {  # what brings an image upright, by its EXIF orientation; 1 is upright
    2: _TURN.FLIP_LEFT_RIGHT,
    3: _TURN.ROTATE_180,
    4: _TURN.FLIP_TOP_BOTTOM,
    5: _TURN.TRANSPOSE,
    6: _TURN.ROTATE_270,
    7: _TURN.TRANSVERSE,
    8: _TURN.ROTATE_90,
}


def read_images(
    paths: Sequence[Path],
    form: tuple[int, int],
    cache: Path,
    stage: str,
    *,
    as_viewed: bool = False,
    watch: Watch | None = None,
) -> Tensor:
    """Decoded images, uint8 ``[N, Ch, size, size]``; read from ``cache`` if the same files were decoded before.

    Files count as the same by path, length and time of the last change. ``watch`` gets ``{"stage", "done", "total"}``.

    Args:
        paths: the files.
        form: size in pixels, and channels, 1 or 3.
        cache: folder of decoded images.
        stage: what is read, for the progress and the name of the cached file.
        as_viewed: as an image viewer shows them: turned by their EXIF orientation, white where they are transparent.
            Otherwise as torchvision, and so the published code, reads them: as stored, without the alpha channel.
        watch: told how many are decoded.

    Raises:
        ValueError: a damaged image, one that is too large, or one with more than 8 bits a channel.
    """
    size, channels = form
    key = hashlib.sha256((f"{size} {channels}" + (" as viewed" if as_viewed else "") + "\n").encode())
    for path in paths:
        facts = path.stat()
        key.update(f"{path}\t{facts.st_size}\t{facts.st_mtime_ns}\n".encode())
    file = cache / f"{stage}-{key.hexdigest()[:16]}.safetensors"
    with suppress(FileNotFoundError, ValueError, KeyError):  # absent, or damaged: decode again
        return load_bundle(file).tensors["images"]
    images = _decode(paths, lambda path: _pixels(path, form, as_viewed), (channels, size, size), stage, watch)
    if not is_kept():
        return images
    with suppress(OSError):  # a read-only or full data folder costs time at the next call, nothing else
        save_bundle(file, Bundle({"images": images}, {"stage": stage, "images": len(paths)}))
        if watch is not None and images.nbytes >= LARGE_CACHE:
            size = f"{images.nbytes / 1e9:.1f} GB"
            watch({"stage": stage, "note": f"{cache} keeps the decoded images, {size}; delete it whenever you like"})
    return images


def _decode(
    paths: Sequence[Path],
    read: Callable[[Path], np.ndarray],
    shape: tuple[int, int, int],
    stage: str,
    watch: Watch | None,
) -> Tensor:
    images = torch.empty(len(paths), *shape, dtype=torch.uint8)
    with large_images_allowed(), ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without Python's lock
        for start in range(0, len(paths), DECODE_ROWS):
            part = list(pool.map(read, paths[start : start + DECODE_ROWS]))
            images[start : start + len(part)] = torch.from_numpy(np.stack(part))
            if watch is not None:
                watch({"stage": stage, "done": start + len(part), "total": len(paths)})
    return images


def _pixels(path: Path, form: tuple[int, int], as_viewed: bool) -> np.ndarray:
    """One image, uint8 ``[Ch, size, size]``: the shorter side resized to ``size``, then the centre cropped."""
    size, channels = form
    mode = "L" if channels == 1 else "RGB"
    with opened(path, "damaged or cut short") as image:
        if not image.mode.startswith(("I", "F")) or (as_viewed and is_deep(image)):
            picture = viewed(image, mode) if as_viewed else image.convert(mode)
            pixels = np.asarray(centre_square(picture, size), dtype=np.uint8)
            return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)
    raise ValueError(f"{path} has more than 8 bits a channel (mode {image.mode}): convert it to 8 bits")


@contextmanager
def opened(path: Path, fault: str) -> Iterator[Image.Image]:
    """The image in a file; whatever Pillow cannot read ends in one line.

    Raises:
        ValueError: the file has the ``fault``, holds too many pixels, or is refused for its texts.
    """
    try:
        with Image.open(path) as image:
            yield image
    except (OSError, SyntaxError, EOFError, struct.error, zlib.error) as error:  # not an image, or cut short
        raise ValueError(f"{path} is {fault} ({error}): replace or remove it") from error
    except Image.DecompressionBombError as error:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise ValueError(f"{path} has more than {most:.0f} million pixels: save a smaller copy in its place") from error
    except ValueError as error:  # Pillow: a text chunk that unpacks to megabytes
        raise ValueError(f"{path} cannot be read ({error}): save it anew without its texts, or remove it") from error


@contextmanager
def large_images_allowed() -> Iterator[None]:
    """No warning for an image that is large, yet within what Pillow reads; for the worker threads of the block too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """The transpose that brings the image upright (EXIF orientation); None: none, or unreadable data."""
    with suppress(SyntaxError, ValueError, TypeError, KeyError, struct.error):  # damaged EXIF data: the pixels are good
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    return None


def viewed(image: Image.Image, mode: str) -> Image.Image:
    """The image in ``mode``, ``"L"`` or ``"RGB"``, as a viewer shows it: upright, opaque, of 8 bits."""
    image.load()  # a PNG may hold its EXIF data behind the pixels
    turn = turn_of(image)
    picture = opaque(eight_bits(image) if is_deep(image) else image, mode)
    return picture if turn is None else picture.transpose(turn)


def is_deep(image: Image.Image) -> bool:
    """Whether it is a grey image of 16 bits a pixel; a version of Pillow may unpack it to 32."""
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))


def eight_bits(image: Image.Image) -> Image.Image:
    r"""A grey image of 16 bits in 8: :math:`\mathrm{round}(v \cdot 255 / 65535)`; a transparent value is opaque white.

    The scale is the same for all images, so what is brighter stays brighter; scans that use 12 of the 16 bits get dark.
    """
    values = np.asarray(image)
    levels = np.rint(values / 257).astype(np.uint8)
    clear = image.info.get("transparency")
    return Image.fromarray(levels if clear is None else np.where(values == clear, np.uint8(255), levels))


def has_alpha(image: Image.Image) -> bool:
    """Whether parts of the image may be transparent; known from its header."""
    return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info


def opaque(image: Image.Image, mode: str) -> Image.Image:
    """The image in ``mode``, ``"L"`` or ``"RGB"``, on a ``BACKGROUND`` where it is transparent.

    Colours hidden under alpha 0 do not come through; an alpha of 255 everywhere leaves every value as it is.
    """
    if not has_alpha(image):
        return image.convert(mode)
    ground = Image.new("RGBA", image.size, BACKGROUND)
    return Image.alpha_composite(ground, image.convert("RGBA")).convert(mode)


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
