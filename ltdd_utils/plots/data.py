"""The data: the number of images of each class."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ltdd_utils.plots.style import SERIES, name_classes, styled

__all__ = ["class_counts"]


@styled
def class_counts(
    series: Mapping[str, Sequence[int]],
    class_names: Sequence[str],
    log: bool = True,
    *,
    unit: str = "training images",
    legend: str = "imbalance factor",
) -> Figure:
    """Images of each class for several long tails, or splits, one line each.

    Args:
        series: name of the long tail -> counts by rank.
        class_names: in the same order.
        log: draw the counts on a logarithmic axis, where an exponential profile is a straight line.
        unit: what is counted.
        legend: what tells the lines apart.
    """
    figure, axes = plt.subplots(figsize=(7, 3.4))
    for (name, counts), colour in zip(series.items(), SERIES, strict=False):
        axes.plot(range(len(counts)), counts, marker="o", markersize=5, color=colour, label=name)
    axes.set_ylabel(unit)
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    else:
        axes.set_ylim(bottom=0)
    name_classes(axes, class_names)
    axes.legend(title=legend, ncols=2)
    return figure
