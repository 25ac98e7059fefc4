"""An index list of the user's own: positions in the full train set, in a text or a NumPy file."""

import hashlib
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ltdd_utils.core.files import text_of

__all__ = ["list_sha256", "read_list"]

MOST_SHOWN = 40  # characters of a line that an error shows
WHOLE = re.compile(r"[+-]?[0-9]{1,40}")  # int() takes 1_0 too


def read_list(path: Path, labels: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """The positions that a file names, in its order, int64 ``[N]``.

    Args:
        path: a ``.npy`` file with whole numbers ``[N]``, or a text with one position a line; what follows a "#" in a
            text, and an empty line, is not read. Positions count from 0.
        labels: of the full train set.
        class_names: in label order.

    Raises:
        FileNotFoundError: the file is absent.
        ValueError: no whole numbers, another shape, a position outside the train set or named twice, or a class
            without an image.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no list {path}: a relative path counts from the data folder (--data, LTDD_DATA)")
    positions = _of_array(path) if path.suffix.lower() == ".npy" else _of_text(path)
    outside = positions[(positions < 0) | (positions >= len(labels))]
    if len(outside):
        known = f"the train set has 0 to {len(labels) - 1}, counted from 0 over all its images"
        raise ValueError(f"{path} names position {outside[0]}; {known}: remove or correct it")
    positions = positions.astype(np.int64)  # not before: numbers that it cannot hold would become others
    found, times = np.unique(positions, return_counts=True)
    if (times > 1).any():
        often = f"position {found[times > 1][0]} more than once, {times[times > 1][0]} times"
        raise ValueError(f"{path} names {often}; leave one of them")
    absent = np.flatnonzero(np.bincount(labels[positions], minlength=len(class_names)) == 0)
    if len(absent):
        more = f", nor of {len(absent) - 1} more" if len(absent) > 1 else ""
        known = "every class of a long tail has one at least: add a position of each"
        raise ValueError(f"{path} names no image of class {class_names[absent[0]]!r}{more}; {known}")
    return positions


def list_sha256(positions: np.ndarray) -> str:
    """Hash of the positions of a list, in its order, whatever file they came from."""
    return hashlib.sha256(np.ascontiguousarray(positions, dtype="<i8").tobytes()).hexdigest()


def _of_array(path: Path) -> np.ndarray:
    """Whole numbers of any type, [N]."""
    try:
        positions = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no NumPy array of numbers ({error}); write it with numpy.save") from error
    if not isinstance(positions, np.ndarray):
        raise ValueError(f"{path} holds several arrays, as numpy.savez writes them; write one with numpy.save")
    if positions.dtype == bool:
        raise ValueError(f"{path} holds a mask; give positions, which numpy.flatnonzero makes of it")
    if not np.issubdtype(positions.dtype, np.integer):
        raise ValueError(f"{path} holds {positions.dtype}; give whole numbers, positions in the train set")
    if positions.ndim != 1:
        raise ValueError(f"{path} holds an array of shape {positions.shape}; give one row of positions, [N]")
    return positions


def _of_text(path: Path) -> np.ndarray:
    """Whole numbers of any size, [N]."""
    try:
        lines = text_of(path).splitlines()
    except ValueError as error:
        raise ValueError(f"{error}; a list is a text with one position a line, or a .npy file") from error
    positions = []
    for number, line in enumerate(lines, start=1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        if not WHOLE.fullmatch(word):
            shown = word[:MOST_SHOWN]
            raise ValueError(f"{path}, line {number}: {shown!r} is no whole number; write one position a line")
        positions.append(int(word))
    return np.array(positions, dtype=object)
