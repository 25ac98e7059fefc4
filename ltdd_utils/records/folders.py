"""Where the records are."""

import os
from pathlib import Path

from ltdd_utils.core.hints import did_you_mean
from ltdd_utils.core.paths import ROOT

__all__ = ["PACKAGED", "book_dir", "default_records_dir", "find_set", "folders_to_read", "results_root"]

SETS = "distilled"  # below the folder of the records
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
    """The folder to read the book's records from: ``LTDD_RESULTS`` if it is there, else ``book_dir``."""
    named = os.environ.get("LTDD_RESULTS")
    return Path(named) if named and Path(named).is_dir() else book_dir()


def find_set(name: str) -> Path:
    """The file of a distilled set: a path, or the begin of a name in ``distilled/`` of the results, "damed_cifar10".

    Raises:
        ValueError: no set of such a name, or several.
    """
    path = Path(name)
    if path.suffix or path.exists() or len(path.parts) > 1:
        return path
    places = dict.fromkeys((*folders_to_read(results_root()), book_dir()))
    known = [file for place in places for file in sorted((place / SETS).glob("*.safetensors"))]
    found: list[Path] = []
    for begin in (f"{name}_", name):  # "damed_cifar10" is no set of cifar100; "damed_cifar" may be of both
        same = [file for file in known if file.stem == name]
        found = found or same or [file for file in known if file.stem.startswith(begin)]
    if len({file.stem for file in found}) == 1:
        return found[0]
    listed = ", ".join(dict.fromkeys(file.stem for file in found or known)) or "none is here"
    hint = did_you_mean(name, dict.fromkeys(text for file in known for text in (file.stem.split("_if")[0], file.stem)))
    what = f"{len(found)} sets begin with {name!r}" if found else f"no set {name!r}{hint}"
    raise ValueError(f"{what}; name a file, or one of {listed}")
