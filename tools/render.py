"""Render the book from _build/src into _build/out, pages side by side; a warning is an error, and all are told."""

import shutil
import sys
from pathlib import Path

from jupyter_book.sphinx import build_sphinx
from notebook_pairs import BOOK, ROOT
from side_by_side import cores

OUT = ROOT / "_build" / "out"


def render(book: Path, out: Path, jobs: int) -> bool:
    """Render a book; returns whether that went without a warning.

    What ``jupyter-book build BOOK -W --keep-going --quiet --path-output OUT`` does, which has no option for several
    processes.
    """
    failed = build_sphinx(
        book,
        out / "_build" / "html",
        noconfig=True,
        path_config=book / "_config.yml",
        confoverrides={"external_toc_path": (book / "_toc.yml").as_posix(), "latex_individualpages": False},
        warningiserror=True,
        keep_going=True,
        quiet=True,
        jobs=jobs,
    )
    return not failed


def main() -> int:
    """Render all pages anew; the last line is the path of the first one."""
    shutil.rmtree(OUT, ignore_errors=True)
    if not render(BOOK, OUT, cores()):
        print("error: the book was not rendered: see above", file=sys.stderr)
        return 1
    print(OUT / "_build" / "html" / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
