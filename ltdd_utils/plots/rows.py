"""Rows with names, and names at the ends of lines."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from ltdd_utils.plots.canvas import broken, on_phone
from ltdd_utils.plots.style import PUBLISHED, by_count

__all__ = ["MOST_NAMED", "arrow", "class_rows", "name_ends", "name_rows"]

LINE = 13.0  # points from one line of text to the next
MOST_NAMED = 20  # classes with a row and a name each
BESIDE = 13  # letters of a name that a phone has room for at the left of the rows
ABOVE = 52  # and above a row
TALLER = 0.25, 0.5  # inches that a name of one line above its row takes, and each line more: the marks keep clear


def name_rows(axes: Axes, names: Sequence[str], *, beside: bool = False) -> None:
    """One row per name, from top to bottom, and lines to read values from.

    On a phone long names stand above their rows, but for those that are to stand ``beside`` them.
    """
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    if on_phone() and not beside and max(map(len, names), default=0) > BESIDE:
        _name_above(axes, names)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")


def _name_above(axes: Axes, names: Sequence[str]) -> None:
    """Names above their rows, at the left; the figure grows by the room that they take."""
    lines = [broken(name, ABOVE) for name in names]
    first, more = TALLER
    width, height = axes.figure.get_size_inches()
    axes.figure.set_size_inches(width, height + len(names) * (first + more * max(text.count("\n") for text in lines)))
    axes.set_yticks([])
    for row, text in enumerate(lines):
        axes.text(0, row - 0.5, text, transform=axes.get_yaxis_transform(), ha="left", va="top", size=9, zorder=6)


def class_rows(axes: Axes, counts: Sequence[int], class_names: Sequence[str]) -> None:
    """One row per class, most frequent first, with its images; of many classes no names.

    Args:
        axes: where to.
        counts: real training images of each class, in label order.
        class_names: in label order.
    """
    order = by_count(counts)
    name_rows(axes, [f"{class_names[label]} ({counts[label]:,})" for label in order], beside=True)
    if len(order) > MOST_NAMED:
        axes.set_yticks([])
        axes.set_ylabel("class, most frequent first")


def name_ends(axes: Axes, ends: Mapping[str, float], colours: Mapping[str, str]) -> None:
    """Names of lines right of the axes, at the height of their ends, pushed apart as far as they need.

    Args:
        axes: of a figure whose layout is settled.
        ends: name -> last value of its line.
        colours: of a dot before each name.
    """
    points = 72 / axes.figure.dpi
    at = {name: axes.transData.transform((0, end))[1] * points for name, end in ends.items()}
    order = sorted(at, key=lambda name: at[name])
    places: list[float] = []
    for name in order:  # from below, each at least a line above the one before it
        places.append(max(at[name], places[-1] + LINE) if places else at[name])
    shift = sum(at[name] - place for name, place in zip(order, places, strict=True)) / len(order)
    for name, place in zip(order, places, strict=True):
        up, where = place + shift - at[name], {"xy": (1, ends[name]), "xycoords": ("axes fraction", "data")}
        style = {"textcoords": "offset points", "va": "center", "annotation_clip": False}
        axes.annotate("●", xytext=(4, up), color=colours[name], **where, **style)
        axes.annotate(name, xytext=(16, up), **where, **style)


def arrow(axes: Axes, row: int, before: float, after: float) -> None:
    """An arrow along a row, from one value to another."""
    style = {"arrowstyle": "->", "color": PUBLISHED, "shrinkA": 4, "shrinkB": 4}
    axes.annotate("", (after, row), (before, row), arrowprops=style)
