"""Which records belong to this book: those that its repository tracks. A reader's own runs lie beside them."""

import subprocess
from pathlib import Path

__all__ = ["committed", "every"]


def every(folder: Path) -> list[Path]:
    """All records of a folder; one that does not exist holds none."""
    return sorted(path for path in Path(folder).glob("*/*.json") if not path.name.startswith("."))


def committed(folder: Path) -> list[Path]:
    """The records of a folder that git tracks, if it is ``results/`` at the top of a clone; elsewhere all of them.

    A staged record counts: ``git add`` it, write the pages, and commit both.
    """
    folder = Path(folder)
    # Else the records of an installed package, whose environment may lie inside anybody's repository.
    top = _git(folder, "rev-parse", "--show-toplevel")
    tracked = _git(folder, "ls-files", "-z") if top and Path(top.strip()) / "results" == folder.resolve() else None
    if tracked is None:
        return every(folder)
    names = set(tracked.split("\0"))
    return [path for path in every(folder) if path.relative_to(folder).as_posix() in names]


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except OSError:  # no git on this machine
        return None
    return done.stdout if done.returncode == 0 else None
