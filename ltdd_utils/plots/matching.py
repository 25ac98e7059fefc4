"""Curves of several methods over steps, iterations, epochs or step sizes."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from ltdd_utils.plots.canvas import canvas, label_left, legend, on_phone, styled
from ltdd_utils.plots.rows import name_ends
from ltdd_utils.plots.style import INK, looks, words

__all__ = ["curves"]

MARKED = 15  # largest number of points of a line that are drawn one by one
DIRECT = 6  # largest number of lines that are named at their ends
NAMED = 8  # largest number of positions that are written below a logarithmic axis

Line = tuple[Sequence[float], Tensor | Sequence[float] | Sequence[Sequence[float]]]
"""Positions ``[n]`` and values, ``[n]`` or one row per repeat ``[S, n]``."""


@styled
def curves(
    panels: Mapping[str, Mapping[str, Line]],
    x: str,
    y: str,
    log: str = "",
    level: float | None = None,
    *,
    dot: tuple[float, float] | None = None,
) -> Figure:
    """One line per name in each panel; of several repeats the mean, in a band of one standard deviation to each side.

    Lines of a single panel are named at their right ends. Where one line lies on another, those before it are wider, so
    that all are seen.

    Args:
        panels: title of the panel -> name of the line -> positions and values. A name has one colour everywhere.
        x: what the horizontal axis is, with its unit.
        y: the same for the vertical axis.
        log: the axes that are logarithmic: "", "x", "y" or "xy".
        level: where to draw a dashed horizontal line, such as the value of having done nothing.
        dot: a point to mark in every panel, such as the one that was chosen.
    """
    figure, drawn = canvas(3.2, len(panels), sharey=True)
    styles = looks(name for lines in panels.values() for name in lines)
    for axes, (title, lines) in zip(drawn, panels.items(), strict=True):
        axes.set(title=title, xlabel=x)
        _scale(axes, log, sorted({position for positions, _ in lines.values() for position in positions}))
        for (name, (positions, values)), width in zip(lines.items(), _widths(lines, "y" in log), strict=True):
            table, (colour, marker) = np.atleast_2d(np.asarray(values, dtype=float)), styles[name]
            mean, marker = table.mean(axis=0), marker if len(positions) <= MARKED else ""
            axes.plot(positions, mean, color=colour, marker=marker, markersize=2.5 + width, lw=width, label=words(name))
            if len(table) > 1:
                deviation = table.std(axis=0, ddof=1)
                axes.fill_between(positions, mean - deviation, mean + deviation, color=colour, alpha=0.2, lw=0)
        if level is not None:
            axes.axhline(level, color=INK, lw=1, ls="--")
        if dot is not None:
            axes.scatter(*dot, color=INK, s=40, zorder=4)
    label_left(drawn, y)
    if len(panels) == 1 and 1 < len(styles) <= DIRECT and not on_phone():
        figure.canvas.draw()  # names are placed in points, so the heights must be settled
        ends = {line.get_label(): line.get_ydata()[-1] for line in drawn[0].get_lines()[: len(styles)]}
        name_ends(drawn[0], ends, {words(name): colour for name, (colour, _) in styles.items()})
    elif len(styles) > 1:
        handles = [plt.Line2D([], [], color=colour, marker=marker, markersize=4) for colour, marker in styles.values()]
        legend(figure, handles, [words(name) for name in styles], abreast=4)
    return figure


def _widths(lines: Mapping[str, Line], logarithmic: bool) -> list[float]:
    """Width of each line: 1.5, and more for one that one or two later ones cover at half of their positions or more."""
    means = [np.atleast_2d(np.asarray(values, dtype=float)).mean(axis=0) for _, values in lines.values()]
    if logarithmic:
        means = [np.log(np.clip(mean, 1e-12, None)) for mean in means]
    apart = 0.02 * max(1e-12, np.ptp(np.concatenate(means)))
    widths = []
    for place, mean in enumerate(means):
        later = [other for other in means[place + 1 :] if len(other) == len(mean)]
        covered = sum(float(np.mean(np.abs(other - mean) < apart)) >= 0.5 for other in later)
        widths.append(1.5 + 2 * min(covered, 2))
    return widths


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
