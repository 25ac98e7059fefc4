"""Lay out the source of the book in _build/src: the same relative paths as in the repository, so that links are right.

What is not in the repository is added here: executed chapters, the status page, diagrams that a page includes, MathJax,
the repository's address.
"""

import importlib.metadata
import shutil
import sys
from pathlib import Path

import nbformat
import yaml
from diagrams import write_includes
from front import write_figures
from lessons import with_times
from notebook_pairs import BOOK, ROOT, chapters, is_known, repository_url, site_url
from run_notebooks import EXECUTED
from status_page import status_page

AT_THE_ROOT = ("_config.yml", "_toc.yml", "_ext", "_static", "references.bib")  # jupyter-book looks for them there
GENERATED = ("book/status",)  # pages that are in the table of contents and in no commit
MATHJAX = ("tex-mml-chtml.js", "output/chtml/fonts/woff-v2")


def copy_book(source: Path, root: Path = ROOT) -> None:
    """Copy the pages of ``book/``, and what jupyter-book reads beside them; buttons only where they lead somewhere."""
    for path in sorted((root / "book").iterdir()):
        place = source / path.name if path.name in AT_THE_ROOT else source / "book" / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, place)
    config = yaml.safe_load((source / "_config.yml").read_text())
    if is_known(root):
        config["repository"]["url"] = repository_url(root)
        config["sphinx"]["config"]["html_baseurl"] = site_url(root)
    else:  # no button leads to an address that does not exist
        del config["repository"], config["launch_buttons"]
        config["html"] |= {"use_issues_button": False, "use_repository_button": False}
    (source / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False))


def copy_chapters(source: Path) -> list[nbformat.NotebookNode]:
    """Copy the executed chapters; the runner keeps only those that ran to their end.

    Raises:
        FileNotFoundError: a chapter was not executed.
    """
    folder = source / "notebooks"
    folder.mkdir(parents=True)
    notebooks = []
    for chapter in chapters():
        executed = EXECUTED / f"{chapter.stem}.ipynb"
        if not executed.exists():
            raise FileNotFoundError(f"{chapter.stem} was not executed: run `make chapters`")
        notebook = nbformat.read(executed, as_version=4)
        for cell in notebook.cells:  # papermill's own cell repeats the heading "Parameters"
            if "injected-parameters" in cell.metadata.get("tags", []):
                cell.metadata.tags.append("remove-cell")
        nbformat.write(with_times(notebook), folder / executed.name)
        notebooks.append(notebook)
    return notebooks


def copy_mathjax(source: Path) -> None:
    """Copy the files of MathJax that a page loads; not below ``_static``, whose scripts are put on every page."""
    package = importlib.metadata.distribution("sphinx-mathjax-offline")
    origin = Path(str(package.locate_file("sphinx-mathjax-offline/static/mathjax")))
    for name in MATHJAX:
        place = source / "extra" / "vendor" / "mathjax" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (origin / name).is_dir() else shutil.copy)(origin / name, place)


def main() -> int:
    """Write the whole source of the book anew."""
    shutil.rmtree(BOOK, ignore_errors=True)
    BOOK.mkdir(parents=True)
    try:
        copy_book(BOOK)
        notebooks = copy_chapters(BOOK)
    except FileNotFoundError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    (BOOK / "book" / "status.md").write_text(status_page([c.stem for c in chapters()], notebooks))
    write_includes(BOOK / "book")
    write_figures(BOOK / "book")
    copy_mathjax(BOOK)
    return 0


if __name__ == "__main__":
    sys.exit(main())
