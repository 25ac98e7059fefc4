"""What figures are drawn on: a page, or a phone, where panels stand below each other."""

import textwrap
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, ParamSpec

import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltdd_utils.plots.style import INK

__all__ = ["PAGE", "PHONE", "Canvas", "broken", "canvas", "grid", "label_left", "legend", "on_phone", "styled"]

P = ParamSpec("P")

PAGE, PHONE = 7.0, 3.6  # width of a figure in inches, of a hundred pixels
STACKED = 0.3  # inches that each of several panels is lower on a phone: they share one legend
LETTERS, MARK = {PAGE: 96, PHONE: 46}, 9  # letters on a line of that width, and those that a legend's mark takes
STYLE = {
    "figure.dpi": 120,
    "figure.facecolor": "white",  # of a figure that is saved as pixels
    "axes.facecolor": "none",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.alpha": 0.15,
    "legend.frameon": False,
}
_phone: ContextVar[bool] = ContextVar("phone", default=False)


class Canvas(Figure):
    """A figure that can be drawn again for a phone."""

    narrow: Callable[[], Figure] | None = None


def on_phone() -> bool:
    """Whether the figure that is being drawn is for a phone."""
    return _phone.get()


def styled(draw: Callable[P, Canvas]) -> Callable[P, Canvas]:
    """Draw in the book's style, and close the figure so that a notebook shows it once: as the value of its cell.

    The figure keeps how it is drawn for a phone, as ``narrow``.
    """

    @wraps(draw)
    def drawn(*arguments: P.args, **options: P.kwargs) -> Canvas:
        figure = _drawn(draw, *arguments, **options)
        figure.narrow = partial(_for_phone, draw, *arguments, **options)
        return figure

    return drawn


def _drawn(draw: Callable[P, Canvas], *arguments: P.args, **options: P.kwargs) -> Canvas:
    with plt.rc_context(STYLE):
        figure = draw(*arguments, **options)
        if on_phone():
            _break_words(figure)
        figure.canvas.draw()  # layout is settled while the style is in force
        plt.close(figure)
    return figure


def _for_phone(draw: Callable[P, Canvas], *arguments: P.args, **options: P.kwargs) -> Canvas:
    token = _phone.set(True)
    try:
        return _drawn(draw, *arguments, **options)
    finally:
        _phone.reset(token)


def _break_words(figure: Figure) -> None:
    """Titles and labels that are longer than their panel go on in a second line."""
    for axes in figure.axes:
        place = axes.get_subplotspec()
        across = place.get_gridspec().ncols if place else 1
        if across > 2:  # the texts of small pictures are broken where they are made
            continue
        letters = LETTERS[PHONE] // across - (4 if across == 1 else 9)  # names stand left of two panels
        axes.set_title(broken(axes.get_title(), letters), fontsize=axes.title.get_fontsize())
        axes.set_xlabel(broken(axes.get_xlabel(), letters))


def broken(words: str, letters: int) -> str:
    """A text in lines of at most so many letters; its own lines stay apart."""
    return "\n".join(part for line in words.split("\n") for part in textwrap.wrap(line, letters) or [""])


def canvas(height: float, across: int = 1, **options: Any) -> tuple[Canvas, list[Axes]]:  # noqa: ANN401 (matplotlib's)
    """A figure with panels beside each other, on a phone below each other.

    Args:
        height: of the figure in inches; on a phone of each panel.
        across: number of panels.
        options: what ``matplotlib.pyplot.subplots`` takes, for panels beside each other.
    """
    if not on_phone() or across == 1:
        return grid(1, across, height, **options)
    return grid(across, 1, across * (height - STACKED), **options | {"gridspec_kw": None})


def grid(
    down: int,
    across: int,
    height: float,
    width: float | None = None,
    **options: Any,  # noqa: ANN401 (matplotlib's)
) -> tuple[Canvas, list[Axes]]:
    """A figure and its panels, row by row; without a ``width`` as wide as what it is drawn on. In inches."""
    width = width or (PHONE if on_phone() else PAGE)
    figure, drawn = plt.subplots(down, across, figsize=(width, height), squeeze=False, FigureClass=Canvas, **options)
    return figure, list(drawn.flat)


def label_left(panels: Sequence[Axes], words: str) -> None:
    """What the upright axis is: once where panels stand side by side, at each where they stand below each other."""
    for axes in panels if on_phone() else panels[:1]:
        axes.set_ylabel(words)


def legend(
    figure: Figure, handles: Sequence[Artist] | None = None, names: Sequence[str] | None = None, *, abreast: int = 3
) -> None:
    """A legend above the panels, as many entries on a line as there is room for, at most ``abreast``."""
    if handles is None or names is None:
        (panel,) = figure.axes  # of several the entries are the caller's to give
        handles, names = panel.get_legend_handles_labels()
    if not names:
        return
    room = LETTERS[PHONE if on_phone() else PAGE] // (max(map(len, names)) + MARK)
    figure.legend(handles, names, loc="outside upper center", ncols=max(1, min(abreast, len(names), room)))
