"""The statistics of an observer's layers: their distance from others, and the parts of a layer's variance."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ltdd_utils.plots.canvas import canvas, label_left, legend, styled
from ltdd_utils.plots.style import SERIES, looks, words

__all__ = ["distances_by_layer", "variance_parts"]


@styled
def distances_by_layer(
    panels: Mapping[str, Mapping[str, Tensor | Sequence[Sequence[float]]]], layers: Sequence[str], quantity: str
) -> Figure:
    """One line per name over the layers of a network; whiskers are one standard deviation over repeats.

    Args:
        panels: title of the panel -> name of the line -> values of each layer in each repeat, ``[S, L]``. A name has
            one colour everywhere.
        layers: names of the layers, from the image on.
        quantity: what is drawn, with its unit.
    """
    figure, drawn = _panels(panels, layers)
    styles = looks(name for lines in panels.values() for name in lines)
    for axes, lines in zip(drawn, panels.values(), strict=True):
        for name, values in lines.items():
            table, (colour, marker) = np.asarray(values, dtype=float), styles[name]
            whiskers = table.std(axis=0, ddof=1) if len(table) > 1 else None
            axes.errorbar(range(len(layers)), table.mean(axis=0), whiskers, color=colour, marker=marker, capsize=2)
    drawn[0].set_ylim(0, max(axes.get_ylim()[1] for axes in drawn))
    label_left(drawn, quantity)
    handles = [plt.Line2D([], [], color=colour, marker=marker) for colour, marker in styles.values()]
    legend(figure, handles, [words(name) for name in styles])
    return figure


@styled
def variance_parts(panels: Mapping[str, Mapping[str, Tensor | Sequence[float]]], layers: Sequence[str]) -> Figure:
    """One bar per layer, cut into the parts of its variance, in percent of their sum.

    Args:
        panels: title of the panel -> name of the part -> its size in each layer, ``[L]``, at least 0. The parts of all
            panels have the same names.
        layers: names of the layers, from the image on.
    """
    figure, drawn = _panels(panels, layers)
    for axes, parts in zip(drawn, panels.values(), strict=True):
        table = np.asarray([np.asarray(values, dtype=float) for values in parts.values()])
        share = 100 * table / table.sum(axis=0)
        below = np.cumsum(share, axis=0) - share
        for row, colour in zip(range(len(share)), SERIES, strict=False):
            axes.bar(range(len(layers)), share[row], bottom=below[row], color=colour)
        axes.set_ylim(0, 100)
    label_left(drawn, "% of the variance")
    names = next(iter(panels.values()))
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour, _ in zip(SERIES, names, strict=False)]
    legend(figure, handles, list(names))
    return figure


def _panels(panels: Mapping[str, object], layers: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """A row of panels with their titles, and the layers below each."""
    figure, drawn = canvas(3.2, len(panels), sharey=True)
    for axes, title in zip(drawn, panels, strict=True):
        axes.set_title(title)
        axes.set_xticks(range(len(layers)), layers)
        axes.set_xlim(-0.6, len(layers) - 0.4)
    return figure, drawn
