"""Which records belong to this book: those that its repository tracks. A reader's own runs lie beside them."""

from pathlib import Path

from ltdd_utils.provenance import git

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
    top = git(folder, "rev-parse", "--show-toplevel")
    tracked = git(folder, "ls-files", "-z") if top and Path(top) / "results" == folder.resolve() else None
    if tracked is None:
        return every(folder)
    names = set(tracked.split("\0"))
    return [path for path in every(folder) if path.relative_to(folder).as_posix() in names]
