"""Accuracy over the cells of a table: against the imbalance factor or the images per class."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltdd_utils.data.facts import DATASETS
from ltdd_utils.plots.canvas import canvas, label_left, legend, styled
from ltdd_utils.plots.style import looks, words

__all__ = ["AXES", "accuracy_by"]

AXES = {"imbalance_factor": ("imbalance factor", "IF"), "ipc": ("images per class", "IPC")}  # column: name, short
PAPERS = {"zhao2025ltdd": "paper 1", "cui2026rethinking": "paper 2"}  # as the chapters call them


@styled
def accuracy_by(axis: str, runs: pd.DataFrame, published: pd.DataFrame | None = None) -> Figure:
    """One line per method over the cells of a table; whiskers are one standard deviation over pipelines.

    Args:
        axis: one of ``AXES``; the other one is the same in all rows.
        runs: rows of ``analysis.pool`` of one data set and scale; its accuracies are fractions. A row of a single
            pipeline has no whisker: its spread is one over students.
        published: rows of ``records.targets`` of one data set and paper, in percent, for a second panel;
            whiskers as printed. A number that was not printed leaves a gap.

    Raises:
        ValueError: no row, rows of more than one data set, scale or value of the other axis, or two numbers of a
            method at one place.
    """
    ours = runs.assign(mean=100 * runs["mean"], std=(100 * runs["std"]).where(runs["pipelines"] > 1))
    tables = {_title(axis, runs, ("scale", "this book, scale {}")): ours}
    if published is not None:
        tables[_title(axis, published, ("paper", "published, {}"))] = published
    names = sorted({name for table in tables.values() for name in table["method"]})
    styles = looks(names)
    figure, panels = canvas(3.6, len(tables), sharey=True)
    for axes, (title, table) in zip(panels, tables.items(), strict=True):
        axes.set_title(title)
        _lines(axis, axes, table, styles)
    label_left(panels, "accuracy on the test set, %")
    handles = [plt.Line2D([], [], color=colour, marker=marker, markersize=5) for colour, marker in styles.values()]
    legend(figure, handles, [words(name) for name in names], abreast=4)
    return figure


def _lines(axis: str, axes: Axes, table: pd.DataFrame, styles: dict[str, tuple[str, str]]) -> None:
    """A line with whiskers for each method of a table in percent, over a logarithmic axis that names its places."""
    for name, rows in table.sort_values(axis).groupby("method"):
        colour, marker = styles[str(name)]
        places, mean, std = (rows[column].to_numpy(dtype=float) for column in (axis, "mean", "std"))
        axes.errorbar(places, mean, std, color=colour, marker=marker, markersize=5, capsize=3, lw=1.5)
    places = sorted(table[axis].unique())
    axes.set_xscale("log")
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.minorticks_off()
    axes.set_xlabel(AXES[axis][0])


def _title(axis: str, table: pd.DataFrame, last: tuple[str, str]) -> str:
    """The values that all rows share: data set, the other axis, and scale or paper; each has one value."""
    column, text = last
    (other,) = set(AXES) - {axis}
    twice = table[table.duplicated(["dataset", other, column, "method", axis])]
    if len(twice):
        row = twice.iloc[0]
        raise ValueError(f"{row['method']} has two numbers at {AXES[axis][1]} {row[axis]:g}; give those of one setting")
    for name in ("dataset", other, column):
        if table[name].nunique(dropna=False) != 1:
            raise ValueError(f"the rows have {table[name].nunique(dropna=False)} values of {name!r}; give those of one")
    first = table.iloc[0]
    dataset, label = first["dataset"], PAPERS.get(first[column], first[column])
    title = DATASETS[dataset].title if dataset in DATASETS else dataset
    return f"{title}, {AXES[other][1]} {first[other]:g}\n{text.format(label)}"
