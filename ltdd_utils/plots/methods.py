"""Methods side by side, and the gain or loss of each change of a method."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ltdd_utils.plots.canvas import canvas, legend, styled
from ltdd_utils.plots.rows import name_rows
from ltdd_utils.plots.style import INK, OURS, PUBLISHED, looks, words

__all__ = ["differences", "side_by_side"]


@styled
def side_by_side(
    methods: Sequence[str],
    series: Mapping[str, Sequence[Sequence[float]]],
    lines: Mapping[str, float] | None = None,
) -> Figure:
    """A row per method, a dot per pipeline, a colour per series; a short bar at each mean.

    Of two series of one colour the second is hollow.

    Args:
        methods: of the rows, by name, from top to bottom.
        series: name, such as a judge in words -> for each method its pipelines' accuracies as fractions; an empty
            list where none was run.
        lines: name -> accuracy as a fraction, drawn across all rows (a teacher's own, for example).
    """
    figure, (axes,) = canvas(0.5 * len(methods) + 1.5)
    step = 0.5 / max(len(series), 1)
    styles = looks(series)
    for index, (name, rows) in enumerate(series.items()):
        colour, marker = styles[name]
        fill = "none" if colour in [styles[other][0] for other in list(series)[:index]] else colour
        shift = (index - (len(series) - 1) / 2) * step
        for row, values in enumerate(rows):
            points = 100 * np.asarray(values, dtype=float)
            axes.scatter(
                points, np.full(len(points), row + shift), c=fill, ec=colour, marker=marker, s=24, alpha=0.8, zorder=3
            )
            if len(points):
                axes.plot([points.mean()] * 2, [row + shift - 0.12, row + shift + 0.12], color=colour, lw=2)
        axes.scatter([], [], c=fill, ec=colour, marker=marker, s=24, label=words(name))
    for (name, value), style in zip((lines or {}).items(), ("--", ":", "-."), strict=False):
        axes.axvline(100 * value, color=PUBLISHED, lw=1.2, ls=style, label=name)
    axes.set_xlabel("accuracy on the test set, %")
    name_rows(axes, [words(method) for method in methods])
    legend(figure, abreast=2)
    return figure


@styled
def differences(
    names: Sequence[str], points: Sequence[float], needed: Sequence[float | None], *, measure: str = "accuracy"
) -> Figure:
    """A dot per change, in points of accuracy, in the interval that its pipelines leave open.

    A difference is resolved where its interval does not reach zero.

    Args:
        names: of the changes, from top to bottom.
        points: differences in percent points.
        needed: what a difference must exceed to be resolved, in points: half the interval; None: unknown.
        measure: of what the points are, "accuracy" or "balanced" accuracy.
    """
    figure, (axes,) = canvas(0.42 * len(names) + 1.4)
    for row, (value, half) in enumerate(zip(points, needed, strict=True)):
        colour = OURS if half is not None and abs(value) > half else PUBLISHED
        full = colour if half is not None else "none"
        axes.errorbar(value, row, xerr=half, fmt="o", ms=6, color=colour, mfc=full, capsize=3, lw=1.5, zorder=3)
    axes.axvline(0, color=INK, lw=0.8)
    of = "" if measure == "accuracy" else f" of {measure} accuracy"
    axes.set_xlabel(f"difference, points{of}")
    name_rows(axes, [words(name) for name in names])
    looks = {"resolved": (OURS, OURS), "not resolved": (PUBLISHED, PUBLISHED), "one pipeline": (PUBLISHED, "none")}
    if all(half is not None for half in needed):
        del looks["one pipeline"]
    handles = [plt.Line2D([], [], color=colour, marker="o", mfc=full, lw=1.5) for colour, full in looks.values()]
    legend(figure, handles, list(looks))
    return figure
