"""The style of all figures: colours, the order of the classes, and the drawing and closing of a figure."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltdd_utils.data.longtail import rank_thirds

__all__ = [
    "HOLLOW",
    "MARKERS",
    "OURS",
    "PUBLISHED",
    "SERIES",
    "THIRDS",
    "arrow",
    "by_count",
    "name_classes",
    "styled",
    "third_colours",
]

P = ParamSpec("P")

# Okabe and Ito's palette: distinguishable with every common colour vision.
THIRDS = {"head": "#0072B2", "mid": "#56B4E9", "tail": "#D55E00"}
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = "osD^vX"
PUBLISHED, OURS = "#666666", "#0072B2"
HOLLOW = {"facecolors": "white", "edgecolors": PUBLISHED}  # of a dot: where something was before
STYLE = {
    "figure.dpi": 120,
    "figure.facecolor": "white",  # dark pages show figures on a light card
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.alpha": 0.3,
    "legend.frameon": False,
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the book's style, and close the figure so that a notebook shows it once: as the value of its cell."""

    @wraps(draw)
    def drawn(*arguments: P.args, **options: P.kwargs) -> Figure:
        with plt.rc_context(STYLE):
            figure = draw(*arguments, **options)
            figure.canvas.draw()  # layout is settled while the style is in force
            plt.close(figure)
        return figure

    return drawn


def third_colours(counts: Sequence[int], order: Sequence[int]) -> list[str]:
    """The colour of each class's third, for labels in ``order``."""
    colour = {label: THIRDS[name] for name, labels in rank_thirds(counts).items() for label in labels}
    return [colour[label] for label in order]


def by_count(counts: Sequence[int]) -> list[int]:
    """Labels from the most to the least frequent class."""
    return sorted(range(len(counts)), key=lambda label: (-counts[label], label))


def name_classes(axes: Axes, names: Sequence[str]) -> None:
    """Class names under the bars, as long as they can be read."""
    if max(map(len, names)) <= 3:
        axes.set_xticks(range(len(names)), names)
    elif len(names) <= 20:
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    else:
        axes.set_xlabel("class, from the most to the least frequent")


def arrow(axes: Axes, row: int, before: float, after: float) -> None:
    """An arrow along a row, from one value to another."""
    style = {"arrowstyle": "->", "color": PUBLISHED, "shrinkA": 4, "shrinkB": 4}
    axes.annotate("", (after, row), (before, row), arrowprops=style)
