"""Write the diagrams of the README, and those that the landing page includes: ``python tools/diagrams.py``."""

from pathlib import Path

from notebook_pairs import ROOT, chapters

from ltdd_utils.plots.diagrams import DIAGRAMS, caption_of, draw
from ltdd_utils.plots.shown import Shown, either

__all__ = ["image", "include", "write_includes"]

DARK = "<style>svg{color:#1f2328}@media(prefers-color-scheme:dark){svg{color:#d1d7e0}}</style>"  # as GitHub's text


def image(name: str) -> str:
    """A diagram as a file of its own, for a page that shows it as an image: its text follows the reader's system."""
    return draw(name).replace("<title>", f"{DARK}<title>", 1) + "\n"


def include(name: str) -> str:
    """A diagram as a part of a page in ``book/``: text in the page's colour, and each chapter's part links to it."""
    links = {chapter.stem[:2]: f"../notebooks/{chapter.stem}.html" for chapter in chapters()}
    title, alternative = caption_of(name)
    caption = f"{title}. Each part leads to its chapter."
    drawn = either(draw(name, links=links), draw(name, links=links, phone=True))
    return Shown(drawn, caption, alternative)._repr_html_() + "\n"


def write_includes(folder: Path) -> None:
    """Write every diagram beside the pages that include it."""
    for name in DIAGRAMS:
        (folder / f"{name}.html").write_text(include(name))


if __name__ == "__main__":
    for name in DIAGRAMS:
        (ROOT / "book" / f"{name}.svg").write_text(image(name))
