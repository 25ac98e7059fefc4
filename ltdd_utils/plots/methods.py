"""Methods side by side, and the gain or loss of each change of a method."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ltdd_utils.plots.style import OURS, PUBLISHED, SERIES, styled

__all__ = ["differences", "side_by_side"]


@styled
def side_by_side(
    methods: Sequence[str],
    series: Mapping[str, Sequence[Sequence[float]]],
    lines: Mapping[str, float] | None = None,
) -> Figure:
    """A row per method, a dot per pipeline, a colour per series; a short bar at each mean.

    Args:
        methods: names of the rows, from top to bottom.
        series: name -> for each method its pipelines' accuracies as fractions; an empty list where none was run.
        lines: name -> accuracy as a fraction, drawn across all rows (a teacher's own, for example).
    """
    figure, axes = plt.subplots(figsize=(7, 0.5 * len(methods) + 1.5))
    step = 0.5 / max(len(series), 1)
    for index, ((name, rows), colour) in enumerate(zip(series.items(), SERIES * len(series), strict=False)):
        shift = (index - (len(series) - 1) / 2) * step
        for row, values in enumerate(rows):
            points = 100 * np.asarray(values, dtype=float)
            axes.scatter(points, np.full(len(points), row + shift), color=colour, s=26, alpha=0.8, zorder=3)
            if len(points):
                axes.plot([points.mean()] * 2, [row + shift - 0.12, row + shift + 0.12], color=colour, lw=2)
        axes.scatter([], [], color=colour, s=26, label=name)
    for (name, value), style in zip((lines or {}).items(), ("--", ":", "-."), strict=False):
        axes.axvline(100 * value, color=PUBLISHED, lw=1.2, ls=style, label=name)
    axes.set_yticks(range(len(methods)), list(methods))
    axes.set(xlabel="accuracy on the test set, %", ylim=(len(methods) - 0.5, -0.5))
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside upper center", ncols=2)
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
    figure, axes = plt.subplots(figsize=(7, 0.42 * len(names) + 1.4))
    for row, (value, half) in enumerate(zip(points, needed, strict=True)):
        colour = OURS if half is not None and abs(value) > half else PUBLISHED
        full = colour if half is not None else "none"
        axes.errorbar(value, row, xerr=half, fmt="o", ms=6, color=colour, mfc=full, capsize=3, lw=1.5, zorder=3)
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks(range(len(names)), list(names))
    of = "" if measure == "accuracy" else f" of {measure} accuracy"
    axes.set(xlabel=f"difference, points{of}", ylim=(len(names) - 0.5, -0.5))
    looks = {"resolved": (OURS, OURS), "not resolved": (PUBLISHED, PUBLISHED), "one pipeline": (PUBLISHED, "none")}
    if all(half is not None for half in needed):
        del looks["one pipeline"]
    handles = [plt.Line2D([], [], color=colour, marker="o", mfc=full, lw=1.5) for colour, full in looks.values()]
    figure.legend(handles, list(looks), loc="outside upper center", ncols=3)
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.grid(visible=False, axis="y")
    return figure
