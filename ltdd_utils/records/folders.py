"""Where the records are."""

import os
from pathlib import Path

from ltdd_utils.core.paths import ROOT

__all__ = ["PACKAGED", "book_dir", "default_records_dir", "folders_to_read", "results_root"]

PACKAGED = ROOT / "ltdd_utils" / "_results"  # a wheel carries results/ there, so that the chapters can read it on Colab


def results_root() -> Path:
    """The folder of the records: ``LTDD_RESULTS``, else ``results/`` of the clone, else of the current folder."""
    named = os.environ.get("LTDD_RESULTS")
    if named:
        return Path(named)
    return (ROOT if _in_clone() else Path.cwd()) / "results"


def book_dir() -> Path:
    """The folder of the book's own records: ``results/`` of the clone, else what came with an installed package."""
    return ROOT / "results" if _in_clone() else PACKAGED


def folders_to_read(folder: Path) -> tuple[Path, ...]:
    """The folders that a command which only reads looks into, the first one first.

    Outside of a clone the book's records, which an installed package carries, stand behind those of the current folder,
    unless a folder was named.

    Args:
        folder: as the command has it, named or not.
    """
    named = bool(os.environ.get("LTDD_RESULTS")) or folder != results_root()
    return (folder,) if named or _in_clone() else (folder, PACKAGED)


def _in_clone() -> bool:
    return (ROOT / "pyproject.toml").is_file()


def default_records_dir() -> Path:
    """The folder to read records from: the results folder if it is there, else what came with an installed package."""
    return results_root() if results_root().is_dir() else PACKAGED
