"""Which records belong to this book: those that its repository tracks. A reader's own runs lie beside them."""

from collections.abc import Iterable
from pathlib import Path

from ltdd_utils.core.provenance import git
from ltdd_utils.records.folders import PACKAGED

__all__ = ["all_records", "committed", "gathered", "is_tracked", "membership"]


def all_records(folder: Path) -> list[Path]:
    """All records of a folder; one that does not exist holds none."""
    return sorted(path for path in Path(folder).glob("*/*.json") if not path.name.startswith("."))


def committed(folder: Path) -> list[Path]:
    """The records of a folder that git tracks, if it is ``results/`` at the top of a clone; elsewhere all of them.

    A staged record counts: ``git add`` it, write the pages, and commit both.
    """
    return [path for path, book in membership(folder).items() if book is not False]


def membership(folder: Path) -> dict[Path, bool | None]:
    """All records of a folder, and whether each is one of the book's; None: no repository tells.

    In ``results/`` at the top of a clone git tells; all that an installed package carries are the book's; of any other
    folder nobody knows.
    """
    folder = Path(folder)
    names = _tracked(folder)
    known = True if folder.resolve() == PACKAGED.resolve() else None
    return {
        path: known if names is None else path.relative_to(folder).as_posix() in names for path in all_records(folder)
    }


def gathered(folders: Iterable[Path]) -> dict[Path, bool | None]:
    """The ``membership`` of the records of several folders; of equal names the first counts."""
    found: dict[Path, tuple[Path, bool | None]] = {}
    for folder in folders:
        for path, book in membership(folder).items():
            found.setdefault(path.relative_to(folder), (path, book))
    return dict(found.values())


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
