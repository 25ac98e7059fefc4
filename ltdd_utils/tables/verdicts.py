"""A difference, what it must exceed and whether it does, in one cell; and the picture of all of a table's intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from ltdd_utils.tables.intervals import Axis, Interval, axis
from ltdd_utils.tables.pages import FILLED, HOLLOW, mark
from ltdd_utils.tables.texts import number

__all__ = ["Merged", "Picture", "merged"]

PICTURED = 5  # rows, from which on a picture stands beside the numbers
SIGNED = ("", "resolved", "not resolved", "not run", "start")  # verdicts that the sign, or the cell, says
OPEN = ("not resolved", "open", "within a point")
LEGEND = f"± margin, which a difference must exceed to be resolved; {FILLED} resolved, {HOLLOW} not."
BOTH_SIDES = " Two numbers in column n: runs of the one and of the other."
DIAMOND = "\N{WHITE DIAMOND} published; orange: the other way round."
SPACE = "\N{FIGURE SPACE}"  # as wide as a digit


@dataclass(frozen=True)
class Picture:
    """The intervals of a table's rows, one picture each, around one line at zero."""

    axis: Axis
    told: Sequence[str]  # each in words
    html: Sequence[str]
    legend: str  # of what stands in the picture alone: it is not shown where the picture is not

    @property
    def cell(self) -> dict[str, str]:
        """Attributes of its cells: the line at zero goes through all of them."""
        line = "linear-gradient(rgb(127 127 127/80%),rgb(127 127 127/80%))"
        place = f"{self.axis.zero + 4.8:.0f}px 0/1px 100%"  # 4.8: the cell's padding
        return {"class_": "v", "style": f"background:{line} no-repeat {place}"}


@dataclass(frozen=True)
class Merged:
    """The column that stands for several."""

    name: str  # the column in whose place it stands
    title: str
    taken: tuple[str, ...]  # columns that it stands for
    cells: Sequence[str]
    html: Sequence[str]
    picture: Picture | None
    note: str


def merged(frame: pd.DataFrame, digits: int | None = None, legend: str | None = None) -> Merged | None:
    """The differences of a frame with their verdicts; None where it has none.

    Args:
        frame: ``points`` (or ``ours``, beside ``published``) and ``needed``, in points, and perhaps ``verdict``; what
            stands behind its semicolon has no say in the sign.
        digits: decimals; None: one, and two where a difference and what it must exceed would be printed alike.
        legend: what the numbers and signs are; None: as ``analysis.contrasts`` has them.
    """
    name = next((name for name in ("points", "ours") if name in frame and "needed" in frame), None)
    if name is None:
        return None
    verdict = list(frame["verdict"]) if "verdict" in frame else [""] * len(frame)
    printed = list(frame["published"]) if "published" in frame else [math.nan] * len(frame)
    rows = [
        None
        if math.isnan(points) or said in ("not run", "start")
        else Interval(points, _known(needed), _known(paper), said.partition(";")[0] not in OPEN if said else None)
        for points, needed, paper, said in zip(frame[name], frame["needed"], printed, verdict, strict=True)
    ]
    digits = digits or (2 if any(one is not None and _ties(one) for one in rows) else 1)
    cells = [_text(one, said, digits, _widest(rows, digits)) for one, said in zip(rows, verdict, strict=True)]
    html = [escape(cell[:-1]) + mark(cell[-1]) if cell[-1:] in (FILLED, HOLLOW) else escape(cell) for cell in cells]
    taken = ("needed", *(["verdict"] if set(verdict) <= set(SIGNED) else []))
    title = "difference, points" if name == "points" else "ours, points"
    picture = _picture(rows, digits)
    sides = "n" in frame and any("," in str(one) for one in frame["n"])
    note = (legend or LEGEND) + (BOTH_SIDES if sides else "")
    return Merged(name, title, taken, cells, html, picture, note)


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _ties(one: Interval) -> bool:
    return one.needed is not None and f"{abs(one.points):.1f}" == f"{one.needed:.1f}"


def _widest(rows: Sequence[Interval | None], digits: int) -> int:
    known = (one.needed for one in rows if one is not None and one.needed is not None)
    return max((len(f"{half:.{digits}f}") for half in known), default=0)


def _text(one: Interval | None, verdict: str, digits: int, wide: int) -> str:
    if one is None:
        return verdict or "not run"
    half = "" if one.needed is None else f"{one.needed:.{digits}f}"
    behind = f" ± {half.rjust(wide, SPACE)}" if half else SPACE * (wide + 3 if wide else 0)
    return f"{number(one.points, digits, sign=True)}{behind} {FILLED if one.resolved else HOLLOW}"


def _picture(rows: Sequence[Interval | None], digits: int) -> Picture | None:
    known = [one for one in rows if one is not None]
    if len(known) < PICTURED:
        return None
    scale = axis(known)
    told = ["" if one is None else _told(one, digits) for one in rows]
    html = ["" if one is None else scale.row(one, words) for one, words in zip(rows, told, strict=True)]
    return Picture(scale, told, html, DIAMOND if any(one.printed is not None for one in known) else "")


def _told(one: Interval, digits: int) -> str:
    half = "" if one.needed is None else f" ± {one.needed:.{digits}f}"
    printed = "" if one.printed is None else f"; published {number(one.printed, 1, sign=True)}"
    return f"{number(one.points, digits, sign=True)}{half}, {'resolved' if one.resolved else 'not resolved'}{printed}"
