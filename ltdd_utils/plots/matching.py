"""Curves of several methods over steps, iterations, epochs or step sizes."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from ltdd_utils.plots.style import MARKERS, SERIES, styled

__all__ = ["curves"]

MARKED = 15  # largest number of points of a line that are drawn one by one
NAMED = 8  # largest number of positions that are written below a logarithmic axis

Line = tuple[Sequence[float], Tensor | Sequence[float] | Sequence[Sequence[float]]]
"""Positions ``[n]`` and values, ``[n]`` or one row per repeat ``[S, n]``."""


@styled
def curves(
    panels: Mapping[str, Mapping[str, Line]], x: str, y: str, log: str = "", level: float | None = None
) -> Figure:
    """One line per name in each panel; of several repeats the mean, in a band of one standard deviation to each side.

    Args:
        panels: title of the panel -> name of the line -> positions and values. A name has one colour everywhere.
        x: what the horizontal axis is, with its unit.
        y: the same for the vertical axis.
        log: the axes that are logarithmic: "", "x", "y" or "xy".
        level: where to draw a dashed horizontal line, such as the value of having done nothing.
    """
    figure, drawn = plt.subplots(1, len(panels), figsize=(7, 3.2), sharey=True, squeeze=False)
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    styles = {name: (SERIES[i % len(SERIES)], MARKERS[i % len(MARKERS)]) for i, name in enumerate(names)}
    for axes, (title, lines) in zip(drawn[0], panels.items(), strict=True):
        axes.set(title=title, xlabel=x)
        _scale(axes, log, sorted({position for positions, _ in lines.values() for position in positions}))
        for name, (positions, values) in lines.items():
            table, (colour, marker) = np.atleast_2d(np.asarray(values, dtype=float)), styles[name]
            mean, marker = table.mean(axis=0), marker if len(positions) <= MARKED else ""
            axes.plot(positions, mean, color=colour, marker=marker, markersize=4, lw=1.5, label=name)
            if len(table) > 1:
                deviation = table.std(axis=0, ddof=1)
                axes.fill_between(positions, mean - deviation, mean + deviation, color=colour, alpha=0.2, lw=0)
        if level is not None:
            axes.axhline(level, color="black", lw=1, ls="--")
    drawn[0, 0].set_ylabel(y)
    if len(names) > 1:
        handles = [plt.Line2D([], [], color=colour, marker=marker, markersize=4) for colour, marker in styles.values()]
        figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 4))
    return figure


def _scale(axes: Axes, log: str, positions: Sequence[float]) -> None:
    """Logarithmic axes with plain numbers; few positions are named one by one, where powers of ten would miss them."""
    if "y" in log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    if "x" in log:
        axes.set_xscale("log")
        if len(positions) <= NAMED:
            axes.set_xticks(positions, [f"{position:g}" for position in positions])
            axes.xaxis.minorticks_off()
