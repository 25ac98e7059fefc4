"""Write each chapter's .ipynb from its .py: ``make sync``. Outputs of cells that changed go; the others' stay."""

from pathlib import Path

import nbformat
from jupytext.cli import jupytext
from notebook_pairs import chapters

__all__ = ["sync"]


def sync(source: Path) -> None:
    """Write the .ipynb of a chapter.

    jupytext's own ``--update`` keeps the output of an edited cell, which then shows what the cell never did.
    """
    target = source.with_suffix(".ipynb")
    before = {cell.source for cell in _code(target)} if target.is_file() else set()
    jupytext(["--update", "--to", "ipynb", "--quiet", str(source)])  # in this process: to start costs more than it does
    notebook = nbformat.read(target, as_version=4)
    stale = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source not in before and cell.outputs]
    for cell in stale:
        cell.outputs, cell.execution_count = [], None
    if stale:
        nbformat.write(notebook, target)


def _code(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


if __name__ == "__main__":
    for chapter in chapters():
        sync(chapter)
