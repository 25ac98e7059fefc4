"""The cost and the accuracy of methods."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from matplotlib.transforms import Bbox

from ltdd_utils.plots.style import MARKERS, SERIES, styled

__all__ = ["accuracy_by_cost"]

# Positions of a name around its dot: shift in points, and which end of the text is at the dot.
PLACES = (
    ((6, 0), "left", "center"),
    ((-6, 0), "right", "center"),
    ((0, 6), "center", "bottom"),
    ((0, -6), "center", "top"),
    ((5, 7), "left", "bottom"),
    ((-5, 7), "right", "bottom"),
    ((5, -7), "left", "top"),
    ((-5, -7), "right", "top"),
)


@styled
def accuracy_by_cost(series: Mapping[str, Mapping[str, tuple[float, float]]]) -> Figure:
    """A dot per method over the seconds it took, on a logarithmic axis, with its name; a colour per series.

    A name is placed where it covers the least of the dots and of the names before it.

    Args:
        series: name, for example the evaluator -> method -> seconds and accuracy as a fraction.

    Raises:
        ValueError: a cost that is not above 0 has no place on a logarithmic axis.
    """
    wrong = [f"{method}: {cost:g} s" for dots in series.values() for method, (cost, _) in dots.items() if cost <= 0]
    if wrong:
        raise ValueError(f"{wrong[0]} has no place on a logarithmic axis; give seconds above 0")
    figure, axes = plt.subplots(figsize=(7, 6))
    for index, (name, dots) in enumerate(series.items()):
        costs, scores = zip(*dots.values(), strict=True) if dots else ((), ())
        colour, marker = SERIES[index % len(SERIES)], MARKERS[index % len(MARKERS)]
        axes.scatter(costs, 100 * np.asarray(scores), color=colour, marker=marker, s=30, label=name, zorder=3)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.margins(x=0.14, y=0.06)
    axes.set(xlabel="seconds up to one trained student", ylabel="accuracy on the test set, %")
    axes.grid(visible=True, axis="x", alpha=0.15)
    figure.legend(loc="outside upper center", ncols=2)
    figure.canvas.draw()  # names are placed in pixels, so the layout must be settled
    _name(axes, [(method, *dot) for dots in series.values() for method, dot in dots.items()])
    return figure


def _name(axes: Axes, dots: list[tuple[str, float, float]]) -> None:
    """Write each dot's name into the place around it with the least overlap."""
    pixels = axes.transData.transform([(cost, 100 * score) for _, cost, score in dots])
    occupied = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in pixels]
    for name, cost, score in dots:
        options = []
        for shift, across, along in PLACES:
            text = axes.annotate(
                name, (cost, 100 * score), shift, textcoords="offset points", ha=across, va=along, fontsize=7.5
            )
            box = text.get_window_extent()
            outside = box.width * box.height - _overlap(box, axes.bbox)
            options.append((sum(_overlap(box, other) for other in occupied) + outside, len(options), text, box))
        best = min(options, key=lambda option: option[:2])
        for option in options:
            if option is not best:
                option[2].remove()
        occupied.append(best[3])


def _overlap(first: Bbox, second: Bbox) -> float:
    """The area that two boxes share, in square pixels."""
    shared = Bbox.intersection(first, second)
    return 0.0 if shared is None else shared.width * shared.height
