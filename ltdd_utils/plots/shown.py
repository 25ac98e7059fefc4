"""Figures as a page shows them: the drawing, its number and caption, and a text for readers who do not see it."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from matplotlib.figure import Figure

from ltdd_utils.plots.canvas import Canvas
from ltdd_utils.plots.diagrams import caption_of, draw
from ltdd_utils.plots.vector import BEHIND, picture, vector

__all__ = ["Figures", "Shown", "either"]

# A drawing that is wider than the screen scrolls; a shade at the right says so, and goes at the drawing's end.
SCROLLS = (
    "overflow-x: auto; background-repeat: no-repeat; background-attachment: local, scroll; "
    "background-position: right; background-size: 28px 100%, 10px 100%; "
    f"background-image: linear-gradient(to left, {BEHIND} 60%, transparent), "
    "linear-gradient(to left, var(--pst-color-shadow, var(--jp-border-color1, transparent)), transparent)"
)
# Two drawings of a figure, of which a page shows one. Where a notebook drops styles, it is the wide one.
SHOWS = "@media (max-width: 600px) { .ltdd-page { display: none } .ltdd-phone { display: block !important } }"
CAPTION = "margin: 0.4em 0 0; padding: 0; text-align: left; font-size: 0.9em; font-weight: normal; color: inherit"
SHORTEST = 25  # letters of a caption or alternative that can say something


@dataclass(frozen=True)
class Shown:
    """A figure with what stands below it; a notebook shows it as HTML, anything else its alternative text."""

    drawn: Figure | Path | str = field(repr=False)  # of matplotlib, a file of pixels, or an HTML element
    caption: str
    alternative: str
    number: str = ""  # "7.2"

    def __post_init__(self) -> None:
        """Refuse a figure without words."""
        for name, words in (("caption", self.caption), ("alternative text", self.alternative)):
            if len(words.strip()) < SHORTEST:
                raise ValueError(f"the {name} {words!r} says too little; say in a sentence what is seen")
        if self.caption.strip() == self.alternative.strip():
            raise ValueError("caption and alternative text are the same; the second says what somebody would see")

    @property
    def name(self) -> str:
        """Of the figure on its page, where links lead: "figure-7-2"; without a number one of its caption's own."""
        own = self.number.replace(".", "-") or hashlib.sha256(self.caption.encode()).hexdigest()[:8]
        return f"figure-{own}"

    def _repr_html_(self) -> str:
        """A ``<figure>`` that needs no style sheet; on a narrow screen the drawing scrolls in a box of its own."""
        if isinstance(self.drawn, Figure):
            drawing = vector(self.drawn, self.name, self.alternative)
            if isinstance(self.drawn, Canvas) and self.drawn.narrow is not None:
                narrow = vector(self.drawn.narrow(), f"{self.name}-phone", self.alternative)
                drawing = either(drawing, narrow)
        elif isinstance(self.drawn, Path):
            drawing = picture(self.drawn, self.alternative)
        else:
            drawing = self.drawn
        number = f"<b>Figure {self.number}.</b> " if self.number else ""
        caption = f'<figcaption style="{CAPTION}">{number}{escape(self.caption)}</figcaption>'
        box = f'<div style="{SCROLLS}">{drawing}</div>'
        return f'<figure class="ltdd" id="{self.name}" style="margin: 1em 0; text-align: left">{box}{caption}</figure>'

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:  # noqa: ANN401 (as IPython calls it)
        return {"text/html": self._repr_html_(), "text/plain": self.alternative}

    def __str__(self) -> str:
        return self.alternative


def either(page: str, phone: str) -> str:
    """Two elements, of which a page shows the one that fits its width."""
    narrow = f'<div class="ltdd-phone" style="display: none">{phone}</div>'
    return f'<style>{SHOWS}</style><div class="ltdd-page">{page}</div>{narrow}'


class Figures:
    """The figures of one chapter, numbered in the order in which they are first shown.

    ``figure = Figures("07")`` at the head of a chapter, then ``figure(plots.curves(...), caption, alternative)``. A
    cell that is run again keeps its number, as long as its caption stays.

    Args:
        chapter: by its number, "07".
    """

    def __init__(self, chapter: str) -> None:
        self.chapter = chapter
        self.numbers: dict[str, int] = {}

    def __call__(self, drawn: Figure | Path | str, caption: str, alternative: str) -> Shown:
        """A figure with its number.

        Args:
            drawn: a figure of ``plots``, the path of a picture, or an HTML element.
            caption: what is shown and what to see, one or two sentences, plain text.
            alternative: what somebody would see, for readers who do not.

        Raises:
            ValueError: one of the two texts is missing, or both are the same.
        """
        number = self.numbers.setdefault(caption, len(self.numbers) + 1)
        return Shown(drawn, caption, alternative, f"{int(self.chapter)}.{number}")

    def picture(self, name: str) -> Shown:
        """A diagram of a method, in which the chapter's own part stands out.

        Args:
            name: one of ``plots.diagrams.DIAGRAMS``.
        """
        title, alternative = caption_of(name)
        drawn = either(draw(name, self.chapter), draw(name, self.chapter, phone=True))
        return self(drawn, f"{title}. What this chapter is about stands out.", alternative)
