"""A small folder of a user's own images."""

from pathlib import Path

import numpy as np
from PIL import Image


def grey_photos(folder: Path, side: int) -> Path:
    """Two classes of grey scans of noise, 12 and 3 to train on, 2 of each to test on."""
    drawn = np.random.default_rng(0)
    for split, sizes in (("train", (12, 3)), ("test", (2, 2))):
        for name, size in zip("ab", sizes, strict=True):
            place = folder / split / name
            place.mkdir(parents=True)
            for number in range(size):
                Image.fromarray(drawn.integers(0, 256, (side, side), dtype=np.uint8)).save(place / f"{number}.png")
    return folder
