"""The style of all figures: colours, markers, names, and the order of the classes."""

import re
from collections.abc import Iterable, Sequence

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
    "by_count",
    "looks",
    "third_colours",
    "third_name",
    "words",
]

INK, PAPER = "#1f2328", "#fffffe"  # of text and axes, and of what is empty: on a page its own colours (``vector``)
# Okabe and Ito's palette, which every common colour vision tells apart, darker where it was too pale for white.
THIRDS = {"head": "#0072B2", "mid": "#3C9BD6", "tail": "#D55E00"}
SERIES = ("#0072B2", "#D55E00", "#009E73", "#C0609F", "#A9800B", "#3C9BD6")
MARKERS = "osD^vX"
SPARE = tuple(zip(SERIES, MARKERS, strict=True))
PUBLISHED, OURS = "#7F7F7F", "#0072B2"
HOLLOW = {"facecolors": PAPER, "edgecolors": PUBLISHED}  # of a dot: where something was before


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
