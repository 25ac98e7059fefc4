"""The style of all figures: colours, the order of the classes, and the drawing and closing of a figure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import ParamSpec

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltdd_utils.data.longtail import rank_thirds
from ltdd_utils.recipes.labels import JUDGES, LABELS, WAYS, judge

__all__ = [
    "HOLLOW",
    "INK",
    "MARKERS",
    "OURS",
    "PAPER",
    "PUBLISHED",
    "SERIES",
    "THIRDS",
    "arrow",
    "by_count",
    "class_rows",
    "looks",
    "name_ends",
    "name_rows",
    "styled",
    "third_colours",
    "third_name",
    "words",
]

P = ParamSpec("P")

INK, PAPER = "#1f2328", "#fffffe"  # of text and axes, and of what is empty: on a page its own colours (``vector``)
# Okabe and Ito's palette, which every common colour vision tells apart, darker where it was too pale for white.
THIRDS = {"head": "#0072B2", "mid": "#3C9BD6", "tail": "#D55E00"}
SERIES = ("#0072B2", "#D55E00", "#009E73", "#C0609F", "#A9800B", "#3C9BD6")
MARKERS = "osD^vX"
SPARE = tuple(zip(SERIES, MARKERS, strict=True))
LINE = 13.0  # points from one line of text to the next
MOST_NAMED = 20  # classes with a row and a name each
PUBLISHED, OURS = "#7F7F7F", "#0072B2"
HOLLOW = {"facecolors": PAPER, "edgecolors": PUBLISHED}  # of a dot: where something was before
STYLE = {
    "figure.dpi": 120,
    "figure.facecolor": "white",  # of a figure that is saved as pixels
    "axes.facecolor": "none",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.alpha": 0.15,
    "legend.frameon": False,
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the book's style, and close the figure so that a notebook shows it once: as the value of its cell."""

    @wraps(draw)
    def drawn(*arguments: P.args, **options: P.kwargs) -> Figure:
        with plt.rc_context(STYLE):
            figure = draw(*arguments, **options)
            figure.canvas.draw()  # layout is settled while the style is in force
            plt.close(figure)
        return figure

    return drawn


def looks(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each series: a method, a judge and a way keep their own, in code or in words, on every page.

    So does a name of which they are a part, "DATM, before"; of two of one colour the second has another marker. Others
    take the first colours and markers that are left.
    """
    names = list(dict.fromkeys(names))
    known = {one.label: one for one in (*LABELS.values(), *JUDGES.values())} | LABELS | JUDGES | WAYS
    known |= {judge(name, short=True): one for name, one in JUDGES.items()}
    own = {name: next((known[part] for part in _parts(name) if part in known), None) for name in names}
    taken, found = {one.colour for one in own.values() if one}, {}
    left = [pair for pair in SPARE if pair[0] not in taken] or SPARE
    others = [name for name in names if own[name] is None]
    for name in names:
        one = own[name]
        colour, marker = one[1:] if one else left[others.index(name) % len(left)]
        seen = {other for _, other in found.values()}
        free = [other for other in MARKERS[::-1] if other not in seen] or MARKERS
        found[name] = colour, marker if (colour, marker) not in found.values() else free[-2 % len(free)]
    return found


def _parts(name: str) -> list[str]:
    """A name, and what stands before and after its commas and colons."""
    return [name, *re.split(r", |: ", name)]


def words(name: str) -> str:
    """What a page calls a series: a method's or a judge's words, any other name as it is; differences part by part."""
    if " - " in name:
        return " − ".join(words(part) for part in name.split(" - "))
    if name in LABELS:
        return LABELS[name].label
    return judge(name) if name in JUDGES else name


def third_name(name: str) -> str:
    """What a legend calls a third: "head third", "middle third", "tail third"."""
    return f"{'middle' if name == 'mid' else name} third"


def third_colours(counts: Sequence[int], order: Sequence[int]) -> list[str]:
    """The colour of each class's third, for labels in ``order``."""
    colour = {label: THIRDS[name] for name, labels in rank_thirds(counts).items() for label in labels}
    return [colour[label] for label in order]


def by_count(counts: Sequence[int]) -> list[int]:
    """Labels from the most to the least frequent class."""
    return sorted(range(len(counts)), key=lambda label: (-counts[label], label))


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """One row per name, from top to bottom, and lines to read values from."""
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")


def class_rows(axes: Axes, counts: Sequence[int], class_names: Sequence[str]) -> None:
    """One row per class, most frequent first, with its images; of many classes no names.

    Args:
        axes: where to.
        counts: real training images of each class, in label order.
        class_names: in label order.
    """
    order = by_count(counts)
    name_rows(axes, [f"{class_names[label]} ({counts[label]:,})" for label in order])
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
