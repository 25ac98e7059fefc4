"""The contents of a folder of images: its image files, its class folders, and what is not read."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ltdd_utils.core.files import text_of

__all__ = [
    "SUFFIXES",
    "class_folders",
    "files_below",
    "has_images",
    "image_files",
    "kinds_of",
    "lines_of",
    "sub_folders",
]

SUFFIXES = {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
OF_SYSTEMS = {"__macosx", "desktop.ini", "thumbs.db"}  # what Windows and a Mac's archives leave, in lower case


def image_files(folder: Path) -> list[str]:
    """Names of the image files right below ``folder``, in string order; hidden ones are none."""
    return sorted(entry.name for entry in _entries(folder) if _is_image(entry))


def has_images(folder: Path) -> bool:
    """Whether ``folder`` is there and holds an image file."""
    return folder.is_dir() and any(_is_image(entry) for entry in _entries(folder))


def kinds_of(folder: Path) -> Counter[str]:
    """How many entries of each kind are right below ``folder``: a suffix in lower case, or ``"folder"``."""
    return Counter("folder" if entry.is_dir() else _suffix(entry.name) or "no suffix" for entry in _entries(folder))


def sub_folders(folder: Path) -> list[str]:
    """Names of the folders right below ``folder``, in string order; of a folder that is absent there are none."""
    return sorted(entry.name for entry in _entries(folder) if entry.is_dir()) if folder.is_dir() else []


def files_below(folder: Path) -> int:
    """How many files are in ``folder`` and its folders; hidden ones do not count."""
    return sum(files_below(Path(entry.path)) if entry.is_dir() else 1 for entry in _entries(folder))


def class_folders(folder: Path) -> list[str]:
    """Names of the folders right below ``folder``, in string order: that order is the label order.

    Raises:
        FileNotFoundError: ``folder`` is absent or holds no folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}: put the images there, one folder a class, or set LTDD_DATA")
    names = sub_folders(folder)
    if not names:
        raise FileNotFoundError(f"{folder} holds no folder: put the images there, one folder a class")
    return names


def lines_of(file: Path) -> list[str]:
    """The lines of a text that are not empty."""
    return [line for line in text_of(file).splitlines() if line.strip()]


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Files that people put into a folder: not hidden files (a Mac's ``._0001.png``), not what a system left there."""
    with os.scandir(folder) as entries:
        yield from (e for e in entries if not e.name.startswith(".") and e.name.lower() not in OF_SYSTEMS)


def _is_image(entry: os.DirEntry[str]) -> bool:
    return _suffix(entry.name) in SUFFIXES and not entry.is_dir()


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()
