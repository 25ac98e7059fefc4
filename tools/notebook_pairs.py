"""The chapters: each is a .py in py:percent form (the source) and an .ipynb made from it, without outputs."""

import re
import tomllib
from pathlib import Path
from typing import Any

import jupytext
import nbformat

ROOT = Path(__file__).resolve().parent.parent
PLACEHOLDER = "address--not-set"  # where the owner will stand; two hyphens: GitHub gives nobody this name
BOOK = ROOT / "_build" / "src"  # the source of the book as it is assembled


def chapters(root: Path = ROOT) -> list[Path]:
    """The sources of the chapters, in the order of the book."""
    return sorted((root / "notebooks").glob("[0-9][0-9]_*.py"))


def cells(notebook: Any) -> list[tuple[str, str, tuple[str, ...]]]:  # noqa: ANN401 (nbformat has no public type)
    """The content that two forms of a chapter share: type, source and tags of each cell."""
    return [(cell.cell_type, cell.source.rstrip(), tuple(cell.metadata.get("tags", []))) for cell in notebook.cells]


def in_step(source: Path) -> bool:
    """Whether the .ipynb of a chapter matches its .py."""
    paired = source.with_suffix(".ipynb")
    return paired.exists() and cells(jupytext.read(source)) == cells(nbformat.read(paired, as_version=4))


def title(source: Path) -> str:
    """The first heading of a chapter."""
    for kind, text, _ in cells(jupytext.read(source)):
        heading = re.search(r"^# (.+)$", text, flags=re.MULTILINE)
        if kind == "markdown" and heading:
            return heading[1].strip()
    raise ValueError(f"{source.name} has no heading: begin its first markdown cell with `# Title`")


def repository_url(root: Path = ROOT) -> str:
    """The address of the repository, from the one place where it stands."""
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


def is_known(root: Path = ROOT) -> bool:
    """Whether the address is a real one: until then, nothing that a reader sees leads to it."""
    return f"/{PLACEHOLDER}/" not in repository_url(root)


def site_url(root: Path = ROOT) -> str:
    """Where the workflow publishes the book, with a slash at the end."""
    owner, name = repository_url(root).removeprefix("https://github.com/").split("/")
    return f"https://{owner.lower()}.github.io/{name}/"


def colab_url(chapter: str, root: Path = ROOT) -> str:
    """The address that opens a chapter in Google Colab."""
    slug = repository_url(root).removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{slug}/blob/main/notebooks/{chapter}.ipynb"
