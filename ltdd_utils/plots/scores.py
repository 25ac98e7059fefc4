"""Scores of students: by class, by student, beside the published ones."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from ltdd_utils.plots.style import OURS, PUBLISHED, SERIES, THIRDS, by_count, name_classes, styled, third_colours

__all__ = ["compare_published", "confusion", "per_class_accuracy", "spread_of_students"]


@styled
def per_class_accuracy(
    series: Mapping[str, Tensor | Sequence[Sequence[float]]], counts: Sequence[int], class_names: Sequence[str]
) -> Figure:
    """Accuracy of each class, most frequent first: bars are means over students, whiskers one standard deviation.

    Args:
        series: name -> per-class accuracies as fractions, ``[S, C]``, in label order.
        counts: real training images of each class, in label order.
        class_names: in label order.
    """
    order = by_count(counts)
    figure, panels = plt.subplots(
        len(series), 1, figsize=(7, 1.9 * len(series) + 0.7), sharex=True, sharey=True, squeeze=False
    )
    for axes, (name, values) in zip(panels[:, 0], series.items(), strict=True):
        table = 100 * np.asarray(values, dtype=float)[:, order]
        whiskers = table.std(axis=0, ddof=1) if len(table) > 1 else None
        axes.bar(
            range(len(order)),
            table.mean(axis=0),
            yerr=whiskers,
            color=third_colours(counts, order),
            capsize=2,
            error_kw={"lw": 1},
        )
        axes.set(title=name, ylim=(0, 100), ylabel="accuracy, %")
    name_classes(panels[-1, 0], [f"{class_names[label]} ({counts[label]})" for label in order])
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in THIRDS.values()]
    figure.legend(handles, [f"{name} third" for name in THIRDS], loc="outside upper center", ncols=3)
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
    figure, axes = plt.subplots(figsize=(5.4, 4.6))
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
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
                    fontsize=7,
                    color="white" if share[row, column] > 55 else "black",
                )
    figure.colorbar(picture, label="% of the true class", shrink=0.8)
    return figure


@styled
def spread_of_students(series: Mapping[str, Sequence[float]]) -> Figure:
    """One dot per student and a bar at their mean: the spread of repeated runs.

    Args:
        series: name -> accuracies as fractions.
    """
    figure, axes = plt.subplots(figsize=(7, 0.55 * len(series) + 1.1))
    for row, (values, colour) in enumerate(zip(series.values(), SERIES * len(series), strict=False)):
        points = 100 * np.asarray(values, dtype=float)
        axes.scatter(points, np.full(len(points), row), color=colour, alpha=0.7, s=30, zorder=3)
        axes.plot([points.mean()] * 2, [row - 0.3, row + 0.3], color=colour, lw=2)
    axes.set_yticks(range(len(series)), list(series))
    axes.set(xlabel="accuracy on the test set, %", ylim=(len(series) - 0.5, -0.5))
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.grid(visible=False, axis="y")
    return figure


@styled
def compare_published(table: pd.DataFrame) -> Figure:
    """Published numbers and ours, one row per method, with one standard deviation to each side.

    Args:
        table: columns ``method``, ``paper``, ``paper_std``, ``ours``, ``ours_std``, in percent; NaN where none is.
    """
    figure, axes = plt.subplots(figsize=(7, 0.5 * len(table) + 1.2))
    rows = np.arange(len(table))
    for shift, mean, std, colour, marker, label in (
        (-0.12, "paper", "paper_std", PUBLISHED, "s", "published"),
        (0.12, "ours", "ours_std", OURS, "o", "this book"),
    ):
        values = table[mean].to_numpy(dtype=float)
        spread = table[std].fillna(0).to_numpy(dtype=float)
        axes.errorbar(values, rows + shift, xerr=spread, fmt=marker, color=colour, capsize=3, label=label)
    axes.set_yticks(rows, table["method"])
    axes.set(xlabel="accuracy on the test set, %", ylim=(len(table) - 0.5, -0.5))
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.grid(visible=False, axis="y")
    axes.legend(loc="best")
    return figure
