"""The data: the number of images of each class."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from ltdd_utils.plots.canvas import canvas, styled
from ltdd_utils.plots.rows import MOST_NAMED, name_rows
from ltdd_utils.plots.style import looks

__all__ = ["class_counts"]


@styled
def class_counts(
    series: Mapping[str, Sequence[int]],
    class_names: Sequence[str],
    log: bool = True,
    *,
    unit: str = "training images",
    legend: str = "IF",
) -> Figure:
    """Images of each class for several long tails, or splits: a row per class, a line per tail, named at its end.

    Args:
        series: name of the long tail -> counts by rank.
        class_names: in the same order.
        log: draw the counts on a logarithmic axis, where an exponential profile is a straight line.
        unit: what is counted.
        legend: what stands before a line's name.
    """
    figure, (axes,) = canvas(0.27 * min(len(class_names), MOST_NAMED) + 1.2)
    styles = looks(series)
    for name, counts in series.items():
        colour, marker = styles[name]
        axes.plot(counts, range(len(counts)), marker=marker, markersize=5, color=colour)
        last = f"{legend} {name}".strip() if len(series) > 1 else f"{counts[-1]:,}"
        place = {"textcoords": "offset points", "ha": "center", "va": "top"}
        axes.annotate(last, (counts[-1], len(counts) - 1), (0, -8), **place)
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.minorticks_off()
    else:
        axes.set_xlim(left=0)
    axes.set_xlabel(unit)
    name_rows(axes, class_names)
    axes.set_ylim(len(class_names) + 0.2, -0.5)
    if len(class_names) > MOST_NAMED:
        axes.set_yticks([])
        axes.set_ylabel("class, most frequent first")
    return figure
