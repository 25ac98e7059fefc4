"""Figures of the book: numbers, DataFrames or tensors in, one ``Figure`` out, all in one style.

Classes are always drawn from the most to the least frequent, left to right, and head, middle and tail thirds keep their
three colours everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import ParamSpec

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ltdd_utils.longtail import rank_thirds

__all__ = [
    "class_counts",
    "compare_published",
    "confusion",
    "image_grid",
    "image_rows",
    "per_class_accuracy",
    "spread_of_students",
]

P = ParamSpec("P")

# Okabe and Ito's palette: distinguishable with every common colour vision.
THIRDS = {"head": "#0072B2", "mid": "#56B4E9", "tail": "#D55E00"}
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
PUBLISHED, OURS = "#666666", "#0072B2"
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


def _figure(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the book's style, and close the figure so that a notebook shows it once: as the value of its cell."""

    @wraps(draw)
    def styled(*arguments: P.args, **options: P.kwargs) -> Figure:
        with plt.rc_context(STYLE):
            figure = draw(*arguments, **options)
            figure.canvas.draw()  # layout is settled while the style is in force
            plt.close(figure)
        return figure

    return styled


def _third_colours(counts: Sequence[int], order: Sequence[int]) -> list[str]:
    colour = {label: THIRDS[name] for name, labels in rank_thirds(counts).items() for label in labels}
    return [colour[label] for label in order]


def _by_count(counts: Sequence[int]) -> list[int]:
    return sorted(range(len(counts)), key=lambda label: (-counts[label], label))


def _name_classes(axes: Axes, names: Sequence[str]) -> None:
    """Class names under the bars, as long as they can be read."""
    if max(map(len, names)) <= 3:
        axes.set_xticks(range(len(names)), names)
    elif len(names) <= 20:
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    else:
        axes.set_xlabel("class, from the most to the least frequent")


@_figure
def class_counts(series: Mapping[str, Sequence[int]], class_names: Sequence[str], log: bool = True) -> Figure:
    """Training images of each class for several long tails, one line each.

    Args:
        series: name of the long tail -> counts by rank.
        class_names: in the same order.
        log: draw the counts on a logarithmic axis, where an exponential profile is a straight line.
    """
    figure, axes = plt.subplots(figsize=(7, 3.4))
    for (name, counts), colour in zip(series.items(), SERIES, strict=False):
        axes.plot(range(len(counts)), counts, marker="o", markersize=5, color=colour, label=name)
    axes.set_ylabel("training images")
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    else:
        axes.set_ylim(bottom=0)
    _name_classes(axes, class_names)
    axes.legend(title="imbalance factor", ncols=2)
    return figure


@_figure
def image_grid(images: Tensor, titles: Sequence[str], columns: int = 10, title: str = "") -> Figure:
    """Images in reading order with a short title over each.

    Args:
        images: floats in [0, 1] or uint8, ``[N, 1 or 3, H, W]``; values outside are clamped.
        titles: one per image, may be empty strings.
        columns: images per row.
        title: of the figure.
    """
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * 0.75, rows * 0.92 + 0.25), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, text in zip(axes.flat, images, titles, strict=False):
        _show(axis, image)
        axis.set_title(text, fontsize=7, pad=2)
    figure.suptitle(title)
    return figure


@_figure
def image_rows(rows: Mapping[str, Tensor], title: str = "") -> Figure:
    """Rows of images, one row per name, such as the same images before and after a transform.

    Args:
        rows: name -> images, each ``[N, 1 or 3, H, W]``, floats in [0, 1] or uint8.
        title: of the figure.
    """
    columns = max(len(images) for images in rows.values())
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(columns * 0.75 + 1.1, len(rows) * 0.8 + 0.3), squeeze=False
    )
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis in line:
            axis.set_xticks([])
            axis.set_yticks([])
            for spine in axis.spines.values():
                spine.set_visible(False)
        for axis, image in zip(line, images, strict=False):
            _show(axis, image)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    figure.suptitle(title)
    return figure


def _show(axis: Axes, image: Tensor) -> None:
    pixels = image.detach().cpu()
    pixels = (pixels.float() / 255 if not pixels.is_floating_point() else pixels.float()).clamp(0, 1)
    array = pixels.permute(1, 2, 0).numpy()
    axis.imshow(array[..., 0] if array.shape[2] == 1 else array, cmap="gray", vmin=0, vmax=1, interpolation="nearest")


@_figure
def per_class_accuracy(
    series: Mapping[str, Tensor | Sequence[Sequence[float]]], counts: Sequence[int], class_names: Sequence[str]
) -> Figure:
    """Accuracy of each class, most frequent first: bars are means over students, whiskers one standard deviation.

    Args:
        series: name -> per-class accuracies as fractions, ``[S, C]``, in label order.
        counts: real training images of each class, in label order.
        class_names: in label order.
    """
    order = _by_count(counts)
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
            color=_third_colours(counts, order),
            capsize=2,
            error_kw={"lw": 1},
        )
        axes.set(title=name, ylim=(0, 100), ylabel="accuracy, %")
    _name_classes(panels[-1, 0], [f"{class_names[label]} ({counts[label]})" for label in order])
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in THIRDS.values()]
    figure.legend(handles, [f"{name} third" for name in THIRDS], loc="outside upper center", ncols=3)
    return figure


@_figure
def confusion(matrix: Sequence[Sequence[float]] | Tensor, counts: Sequence[int], class_names: Sequence[str]) -> Figure:
    """Which class is taken for which: rows are true classes, columns predictions, both from most to least frequent.

    Args:
        matrix: counts, ``[C, C]``.
        counts: real training images of each class.
        class_names: in label order.
    """
    order = _by_count(counts)
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


@_figure
def spread_of_students(series: Mapping[str, Sequence[float]]) -> Figure:
    """One dot per student and a bar at their mean: how far apart two runs of the same thing are.

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


@_figure
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
