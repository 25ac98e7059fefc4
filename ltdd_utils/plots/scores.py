"""Scores of students: by class, by student, beside the published ones."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from ltdd_utils.plots.canvas import PHONE, canvas, grid, legend, on_phone, styled
from ltdd_utils.plots.rows import class_rows, name_rows
from ltdd_utils.plots.style import (
    INK,
    OURS,
    PAPER,
    PUBLISHED,
    THIRDS,
    by_count,
    looks,
    third_colours,
    third_name,
    words,
)

__all__ = ["compare_published", "confusion", "per_class_accuracy", "spread_of_students"]

ABREAST = 3  # panels beside each other


@styled
def per_class_accuracy(
    series: Mapping[str, Tensor | Sequence[Sequence[float]]], counts: Sequence[int], class_names: Sequence[str]
) -> Figure:
    """Accuracy of each class, a row per class, most frequent first: bars are means over students, dots the students.

    Args:
        series: name -> per-class accuracies as fractions, ``[S, C]``, in label order; a panel each.
        counts: real training images of each class, in label order.
        class_names: in label order.
    """
    order = by_count(counts)
    across = len(series) if len(series) <= (1 if on_phone() else ABREAST) else 2
    down = -(-len(series) // across)
    height = down * (0.24 * len(order) + 0.6) + 0.5
    figure, panels = grid(down, across, height, sharex=True, sharey=True)
    for axes, (name, values) in zip(panels, series.items(), strict=False):
        table = 100 * np.asarray(values, dtype=float)[:, order]
        axes.barh(range(len(order)), table.mean(axis=0), height=0.75, color=third_colours(counts, order))
        if len(table) > 1:
            rows = np.broadcast_to(np.arange(len(order)), table.shape)
            axes.scatter(table, rows, s=13, facecolors=INK, edgecolors=PAPER, lw=0.7, zorder=3)
        axes.set_title(words(name), fontsize=10)
        axes.set_xlim(0, 100)
    for axes in panels[len(series) :]:
        axes.set_axis_off()
    class_rows(panels[0], counts, class_names)
    for axes in panels:
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
    figure.supxlabel("accuracy, %", fontsize=10)
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in THIRDS.values()]
    legend(figure, handles, [third_name(name) for name in THIRDS])
    return figure


@styled
def confusion(matrix: Sequence[Sequence[float]] | Tensor, counts: Sequence[int], class_names: Sequence[str]) -> Figure:
    """A confusion matrix: rows are true classes, columns predictions, both from most to least frequent.

    Args:
        matrix: counts, ``[C, C]``.
        counts: real training images of each class.
        class_names: in label order.
    """
    order = by_count(counts)
    table = np.asarray(matrix, dtype=float)
    share = (100 * table / table.sum(axis=1, keepdims=True).clip(min=1))[np.ix_(order, order)]
    size = (PHONE, 3.4) if on_phone() else (6.2, 5.2)
    figure, (axes,) = grid(1, 1, size[1], width=size[0])
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=100, interpolation="none")
    names = [class_names[label] for label in order]
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="prediction", ylabel="true class")
    axes.grid(visible=False)
    if len(names) <= 12:
        for row, column in np.ndindex(share.shape):
            if share[row, column] >= 1:
                axes.text(
                    column,
                    row,
                    f"{share[row, column]:.0f}",
                    ha="center",
                    va="center",
                    fontsize=7 if on_phone() else 9,
                    color="#FFFFFF" if share[row, column] > 55 else "#111111",
                )
    if not on_phone():  # there the numbers in the cells are enough
        figure.colorbar(picture, label="% of the true class", shrink=0.8)
    return figure


@styled
def spread_of_students(series: Mapping[str, Sequence[float]]) -> Figure:
    """One dot per student and a bar at their mean: the spread of repeated runs.

    Args:
        series: name -> accuracies as fractions.
    """
    figure, (axes,) = canvas(0.55 * len(series) + 1.1)
    styles = looks(series)
    for row, (name, values) in enumerate(series.items()):
        colour, points = styles[name][0], 100 * np.asarray(values, dtype=float)
        beside = row + (np.linspace(-0.15, 0.15, len(points)) if len(points) > 1 else 0)  # equal students stay apart
        axes.scatter(points, beside, color=colour, alpha=0.7, s=30, zorder=3)
        axes.plot([points.mean()] * 2, [row - 0.3, row + 0.3], color=colour, lw=2)
    axes.set_xlabel("accuracy on the test set, %")
    name_rows(axes, [words(name) for name in series])
    return figure


@styled
def compare_published(table: pd.DataFrame) -> Figure:
    """Published numbers and ours, one row per method, with one standard deviation to each side.

    Args:
        table: columns ``method``, ``paper``, ``paper_std``, ``ours``, ``ours_std``, in percent; NaN where none is.
    """
    figure, (axes,) = canvas(0.5 * len(table) + 1.2)
    rows = np.arange(len(table))
    for shift, mean, std, colour, marker, source in (
        (-0.12, "paper", "paper_std", PUBLISHED, "s", "published"),
        (0.12, "ours", "ours_std", OURS, "o", "this book"),
    ):
        values = table[mean].to_numpy(dtype=float)
        spread = table[std].fillna(0).to_numpy(dtype=float)
        axes.errorbar(values, rows + shift, xerr=spread, fmt=marker, color=colour, capsize=3, label=source)
    axes.set_xlabel("accuracy on the test set, %")
    name_rows(axes, [words(method) for method in table["method"]])
    legend(figure, abreast=2)
    return figure
