"""The form that all images of a user's own data set get, from the headers of their files."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ltdd_utils.data.sources.files import (
    BACKGROUND,
    TURNS,
    has_alpha,
    is_deep,
    large_images_allowed,
    opened,
    turn_of,
)

__all__ = ["common_form"]

QUARTERS = {turn for number, turn in TURNS.items() if number >= 5}  # these exchange width and height


@dataclass
class Headers:
    """What the headers of the images say: sizes, and how many are of a kind."""

    sizes: dict[tuple[int, int], Path] = field(default_factory=dict)  # with the first image of each
    kinds: Counter[str] = field(default_factory=Counter)
    huge: Path | None = None

    def add(self, path: Path, turned: bool) -> None:
        """Read one header; ``turned``: also the side lengths that a viewer shows."""
        with opened(path, "damaged or no image") as image:
            size = image.size
            if turned and size[0] != size[1] and turn_of(image) in QUARTERS:
                size = size[::-1]
            self.sizes.setdefault(size, path)
            grey = image.mode in ("1", "L") or is_deep(image)
            self.kinds["grey"] += grey
            self.kinds["grey, three channels"] += grey or image.mode in ("LA", "La") or _grey_palette(image)
            self.kinds["deep"] += is_deep(image)
            self.kinds["several"] += getattr(image, "n_frames", 1) > 1
            self.kinds["alpha"] += has_alpha(image)
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or np.inf):
                self.kinds["huge"] += 1
                self.huge = self.huge or path


def _grey_palette(image: Image.Image) -> bool:
    """Whether all colours of a palette are grey."""
    palette = image.getpalette("RGB") if image.mode == "P" else None
    return bool(palette) and palette[0::3] == palette[1::3] == palette[2::3]


def common_form(paths: Sequence[Path], size: int | None) -> tuple[int, int]:
    """Side and channels that all images get."""
    forms = Headers()
    with large_images_allowed():
        for path in paths:
            forms.add(path, turned=size is None)
    (width, height), first = next(iter(forms.sizes.items()))
    if size is None and (len(forms.sizes) > 1 or width != height):
        other, path = list(forms.sizes.items())[-1]
        raise ValueError(
            f"images differ in size or are not square ({first}: {width}x{height}, {path}: {other[0]}x{other[1]}): "
            "name the size they should get, as in folder:PATH@64"
        )
    channels = 1 if forms.kinds["grey"] == len(paths) else 3
    _tell_forms(forms, len(paths), channels)
    return width if size is None else size, channels


def _tell_forms(forms: Headers, total: int, channels: int) -> None:
    """Say in one line what of the images is not kept as it lies there."""
    texts = {
        "alpha": f"have an alpha channel: what is transparent becomes {BACKGROUND}",
        "deep": "have 16 bits a pixel: 0 to 65535 becomes 0 to 255, so scans of fewer bits get dark",
        "several": "hold several pictures: the first is read",
        "huge": f"are huge and slow to read (the first is {forms.huge}): smaller copies would do",
    }
    if channels == 3:
        texts["grey, three channels"] = "are grey and become three equal channels"
    parts = [f"{forms.kinds[kind]} {text}" for kind, text in texts.items() if forms.kinds[kind]]
    if parts:
        warnings.warn(f"of {total} images, {'; '.join(parts)}", stacklevel=2)
