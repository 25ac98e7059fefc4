"""Which records belong to this book: those that its repository tracks. A reader's own runs lie beside them."""

from pathlib import Path

from ltdd_utils.core.provenance import git

__all__ = ["all_records", "committed", "is_tracked"]


def all_records(folder: Path) -> list[Path]:
    """All records of a folder; one that does not exist holds none."""
    return sorted(path for path in Path(folder).glob("*/*.json") if not path.name.startswith("."))


def committed(folder: Path) -> list[Path]:
    """The records of a folder that git tracks, if it is ``results/`` at the top of a clone; elsewhere all of them.

    A staged record counts: ``git add`` it, write the pages, and commit both.
    """
    folder = Path(folder)
    names = _tracked(folder)
    return [path for path in all_records(folder) if names is None or path.relative_to(folder).as_posix() in names]


def is_tracked(record: Path) -> bool:
    """Whether a record lies in ``results/`` at the top of a clone and git tracks it: it is one of the book's."""
    folder = Path(record).parents[1]
    return Path(record).relative_to(folder).as_posix() in (_tracked(folder) or ())


def _tracked(folder: Path) -> set[str] | None:
    """The files below a folder that git tracks, if it is ``results/`` at the top of a clone."""
    # Else the records of an installed package, whose environment may lie inside anybody's repository.
    top = git(folder, "rev-parse", "--show-toplevel")
    tracked = git(folder, "ls-files", "-z") if top and Path(top) / "results" == folder.resolve() else None
    return None if tracked is None else set(tracked.split("\0"))
