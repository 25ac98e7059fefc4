"""The cost and the accuracy of methods."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from matplotlib.transforms import Bbox

from ltdd_utils.plots.canvas import canvas, legend, on_phone, styled
from ltdd_utils.plots.style import PUBLISHED, looks, words

__all__ = ["accuracy_by_cost"]

Dot = tuple[str, float, float]
"""Words, seconds and accuracy as a fraction."""

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

    The best at their cost are named first, on a line that joins them; another dot has a name where there is room.

    Args:
        series: name, for example the evaluator -> method -> seconds and accuracy as a fraction.

    Raises:
        ValueError: a cost that is not above 0 has no place on a logarithmic axis.
    """
    wrong = [f"{method}: {cost:g} s" for dots in series.values() for method, (cost, _) in dots.items() if cost <= 0]
    if wrong:
        raise ValueError(f"{wrong[0]} has no place on a logarithmic axis; give seconds above 0")
    figure, (axes,) = canvas(6.4)
    styles = looks(series)
    for name, dots in series.items():
        costs, scores = zip(*dots.values(), strict=True) if dots else ((), ())
        colour, marker = styles[name]
        axes.scatter(costs, 100 * np.asarray(scores), color=colour, marker=marker, s=30, label=words(name), zorder=3)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if on_phone() else (1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.margins(x=0.14, y=0.06)
    axes.set(xlabel="seconds up to one trained student", ylabel="accuracy on the test set, %")
    axes.grid(visible=True, axis="x", alpha=0.15)
    legend(figure, abreast=2)
    figure.canvas.draw()  # names are placed in pixels, so the layout must be settled
    dots = [(words(method), *dot) for dots in series.values() for method, dot in dots.items()]
    front = _front(dots)
    axes.plot([cost for _, cost, _ in front], [100 * score for *_, score in front], color=PUBLISHED, lw=0.8, zorder=1)
    _name(axes, front + [dot for dot in dots if dot not in front], len(front))
    return figure


def _front(dots: list[Dot]) -> list[Dot]:
    """Those that no other beats at its cost or below, by cost."""
    best: list[Dot] = []
    for dot in sorted(dots, key=lambda dot: (dot[1], -dot[2])):
        if not best or dot[2] > best[-1][2]:
            best.append(dot)
    return best


def _name(axes: Axes, dots: list[Dot], always: int) -> None:
    """Write dots' names into the place around them with the least overlap; after the first ones only without any."""
    pixels = axes.transData.transform([(cost, 100 * score) for _, cost, score in dots])
    occupied = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in pixels]
    for number, (name, cost, score) in enumerate(dots):
        options = []
        for shift, across, along in PLACES:
            text = axes.annotate(
                name, (cost, 100 * score), shift, textcoords="offset points", ha=across, va=along, fontsize=9
            )
            box = text.get_window_extent()
            outside = box.width * box.height - _overlap(box, axes.bbox)
            options.append((sum(_overlap(box, other) for other in occupied) + outside, len(options), text, box))
        best = min(options, key=lambda option: option[:2])
        written = number < always or best[0] == 0
        for option in options:
            if not written or option is not best:
                option[2].remove()
        occupied += [best[3]] if written else []


def _overlap(first: Bbox, second: Bbox) -> float:
    """The area that two boxes share, in square pixels."""
    shared = Bbox.intersection(first, second)
    return 0.0 if shared is None else shared.width * shared.height
