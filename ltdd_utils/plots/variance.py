"""The sources of a score's spread."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ltdd_utils.plots.canvas import canvas, legend, styled
from ltdd_utils.plots.rows import name_rows
from ltdd_utils.plots.style import INK, MARKERS, SERIES

__all__ = ["nested_scores", "variance_shares"]


@styled
def nested_scores(scores: pd.DataFrame, levels: Sequence[str], title: str = "", value: str = "accuracy") -> Figure:
    """Every score of a nested design: a row per outermost group, a lane in it per group of the second level.

    Inside a lane the third level has a colour of its own, and a line joins its scores: short lines that lie far apart
    mean variance of the upper levels, long ones variance of the last.

    Args:
        scores: one row per score.
        levels: four columns, from the outermost to the single scores.
        title: of the figure.
        value: the column of the scores, fractions.
    """
    first, second, third, _ = levels
    rows = {name: row for row, name in enumerate(sorted(scores[first].unique()))}
    colours = {name: SERIES[i % len(SERIES)] for i, name in enumerate(sorted(scores[third].unique()))}
    figure, (axes,) = canvas(0.62 * len(rows) + 1.3)
    for name, group in scores.groupby(first):
        lanes = sorted(group[second].unique())
        for lane, marker in zip(lanes, MARKERS * len(lanes), strict=False):
            height = rows[name] + 0.34 * (lanes.index(lane) - (len(lanes) - 1) / 2)
            inside = group[group[second] == lane]
            for shift, (key, repeats) in zip(_spread(inside[third].nunique()), inside.groupby(third), strict=True):
                points = 100 * repeats[value].to_numpy(dtype=float)
                at = np.full(len(points), height + shift)
                axes.plot(points, at, color=colours[key], lw=1, alpha=0.6)
                axes.scatter(points, at, color=colours[key], marker=marker, s=20, zorder=3)
    lanes = range(scores[second].nunique())
    handles = [plt.Line2D([], [], ls="", color=INK, marker=MARKERS[lane % len(MARKERS)]) for lane in lanes]
    handles += [plt.Line2D([], [], color=colour) for colour in colours.values()]
    words = [f"{second} {lane}" for lane in lanes] + [f"{third} {name}" for name in colours]
    legend(figure, handles, words, abreast=len(handles))
    axes.set(xlabel="accuracy on the test set, %", title=title)
    name_rows(axes, [f"{first} {name}" for name in rows])
    return figure


def _spread(count: int) -> np.ndarray:
    """Small shifts of the lines of a lane, around 0."""
    return 0.11 * (np.arange(count) - (count - 1) / 2)


@styled
def variance_shares(found: Mapping[str, pd.DataFrame]) -> Figure:
    """One bar per design, cut into the shares of its levels.

    Args:
        found: name -> variance components with a column ``share``, indexed by level; the same levels in each.
    """
    figure, (axes,) = canvas(0.55 * len(found) + 1.3)
    levels = list(next(iter(found.values())).index)
    for row, table in enumerate(found.values()):
        left = 0.0
        for level, colour in zip(levels, SERIES * len(levels), strict=False):
            width = 100 * float(table.loc[level, "share"])
            axes.barh(row, width, left=left, color=colour, height=0.6)
            if width >= 6:
                axes.text(left + width / 2, row, f"{width:.0f}", ha="center", va="center", color="#FFFFFF")
            left += width
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in SERIES[: len(levels)]]
    legend(figure, handles, levels, abreast=len(levels))
    axes.set(xlabel="share of the variance of a single score, %", xlim=(0, 100))
    name_rows(axes, list(found))
    axes.grid(visible=False)
    return figure
