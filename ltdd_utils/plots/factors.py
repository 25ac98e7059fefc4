"""Accuracy against the imbalance factor."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltdd_utils.plots.style import MARKERS, SERIES, styled

__all__ = ["accuracy_by_factor"]


@styled
def accuracy_by_factor(runs: pd.DataFrame, published: pd.DataFrame | None = None) -> Figure:
    """One line per method over the imbalance factor; whiskers are one standard deviation over pipelines.

    Args:
        runs: rows of ``tables.pool`` of one data set, IPC and scale; its accuracies are fractions. A row of a single
            pipeline has no whisker: its spread is one over students.
        published: rows of ``results.targets`` of one data set, IPC and paper, in percent, for a second panel with an
            accuracy axis of its own; whiskers as printed. A number that was not printed leaves a gap.

    Raises:
        ValueError: no row, rows of more than one data set, IPC or scale, or two numbers of a method at one factor.
    """
    ours = runs.assign(mean=100 * runs["mean"], std=(100 * runs["std"]).where(runs["pipelines"] > 1))
    tables = {_title(runs, ("scale", "this book, scale {}")): ours}
    if published is not None:
        tables[_title(published, ("paper", "published, {}"))] = published
    names = sorted({name for table in tables.values() for name in table["method"]})
    styles = {name: (SERIES[i % len(SERIES)], MARKERS[i % len(MARKERS)]) for i, name in enumerate(names)}
    figure, panels = plt.subplots(1, len(tables), figsize=(7, 3.4), squeeze=False)
    for axes, (title, table) in zip(panels[0], tables.items(), strict=True):
        axes.set_title(title)
        _lines(axes, table, styles)
    panels[0, 0].set_ylabel("accuracy on the test set, %")
    handles = [plt.Line2D([], [], color=colour, marker=marker, markersize=5) for colour, marker in styles.values()]
    figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 6))
    return figure


def _lines(axes: Axes, table: pd.DataFrame, styles: dict[str, tuple[str, str]]) -> None:
    """A line with whiskers for each method of a table in percent, over a logarithmic axis that names its factors."""
    for name, rows in table.sort_values("imbalance_factor").groupby("method"):
        colour, marker = styles[str(name)]
        factors, mean, std = (rows[column].to_numpy(dtype=float) for column in ("imbalance_factor", "mean", "std"))
        axes.errorbar(factors, mean, std, color=colour, marker=marker, markersize=5, capsize=3, lw=1.5)
    factors = sorted(table["imbalance_factor"].unique())
    axes.set_xscale("log")
    axes.set_xticks(factors, [f"{factor:g}" for factor in factors])
    axes.minorticks_off()
    axes.set_xlabel("imbalance factor")


def _title(table: pd.DataFrame, last: tuple[str, str]) -> str:
    """What all rows share, data set, IPC, and scale or paper: each of them one number."""
    column, text = last
    twice = table[table.duplicated(["dataset", "ipc", column, "method", "imbalance_factor"])]
    if len(twice):
        row = twice.iloc[0]
        raise ValueError(
            f"{row['method']} has two numbers at IF {row['imbalance_factor']:g}; give those of one setting"
        )
    for name in ("dataset", "ipc", column):
        if table[name].nunique(dropna=False) != 1:
            raise ValueError(f"the rows have {table[name].nunique(dropna=False)} values of {name!r}; give those of one")
    first = table.iloc[0]
    return f"{first['dataset']}-LT, IPC {first['ipc']}\n{text.format(first[column])}"
