"""Numbers that a reader explores: rows of bars or dots that follow a slider or a choice, drawn beforehand.

Every state is drawn by Python from numbers that a cell has computed, and the page holds all of them, so nothing is
computed where it is read.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ltdd_utils.plots.axes import WIDTH, Axis, Panel, sheet
from ltdd_utils.plots.moving import Control, Moving, address, moving
from ltdd_utils.plots.style import OURS, PUBLISHED
from ltdd_utils.plots.svg import text

__all__ = ["Mark", "Rows", "explorable", "rows", "still_rows"]

BAR = 0.55  # opacity of a bar, on which words are read
ROW, LINE = 24, 20  # height of a row and of a line of the legend, in units of the drawing
PHONE = 8.6  # width of a letter there, where a phone sets it large
STILL = 7.0  # of a letter of a narrow drawing, which no phone sets larger


class Mark(NamedTuple):
    """One value of a row in one state."""

    value: float
    told: str  # the value in words; stands at the end of a bar, and where a pointer rests on a dot
    colour: str = OURS
    interval: tuple[float, float] | None = None  # drawn as a line through a dot
    hollow: bool = False


@dataclass(frozen=True)
class Rows:
    """A panel with a row for each name."""

    axis: Axis  # of the values
    names: Sequence[str]
    bars: bool = False  # from the low end of the axis, with their words; else dots
    level: float | None = None  # a dashed line through all rows
    absent: str = ""  # what stands in a row that a state says nothing of
    legend: Mapping[str, tuple[str, bool]] = field(default_factory=dict)  # what a dot is -> colour, hollow
    width: float = WIDTH  # of the drawing, in its own units


def explorable(
    height: float,
    ground: str,
    drawn: Sequence[str],
    words: Sequence[str],
    controls: Sequence[Control],
    *,
    seen: str,
) -> Moving:
    """A drawing of which one state at a time is in sight.

    Args:
        height: of the drawing.
        ground: what all states have in common, as SVG.
        drawn: each state, as SVG, the last control changing fastest.
        words: each state in a sentence.
        controls: their values make the states.
        seen: what the figure shows, for who does not see it; the sentence of the state at the begin is added.
    """
    at = 0
    for control in controls:
        at = at * len(control.values) + control.at
    still = address(sheet(height, [ground, drawn[at]]), "svg+xml")
    states = (f'<g class="ltdd-state" style="display: none">{state}</g>' for state in drawn)
    whole = sheet(height, [ground, *states])
    return moving(still, whole, controls, words, alternative=f"{seen} {words[at]}")


def rows(
    panel: Rows,
    states: Sequence[Mapping[str, Sequence[Mark]]],
    words: Sequence[str],
    controls: Sequence[Control],
    seen: str,
) -> Moving:
    """Rows of bars or dots that follow the controls.

    Args:
        panel: axis and rows.
        states: for each state name -> its marks; a name that is not there has none.
        words: each state in a sentence.
        controls: their values make the states, the last one changing fastest.
        seen: what the figure shows, in words.
    """
    height, ground, drawn = _drawn(panel, states)
    return explorable(height, ground, drawn, words, controls, seen=seen)


def still_rows(panel: Rows, state: Mapping[str, Sequence[Mark]], seen: str) -> str:
    """One state of such rows as an SVG that nobody moves."""
    height, ground, drawn = _drawn(panel, [state])
    return sheet(height, [ground, *drawn], seen, panel.width)


def _drawn(panel: Rows, states: Sequence[Mapping[str, Sequence[Mark]]]) -> tuple[float, str, list[str]]:
    """Height, what all states have in common, and each state."""
    letter = PHONE if panel.width == WIDTH else STILL
    room = 16 + max(letter * max(map(len, panel.names)), 40)
    legend, top = _legend(panel)
    height = ROW * len(panel.names) + 22 + 40 + top
    places = Axis(len(panel.names) - 0.5, -0.5, {})  # the first row is the highest
    # From row to row downwards: the scale runs from the last row to the first.
    chart = Panel(panel.axis, places, top=top, width=panel.width, height=height - top, names=room)
    ground = [legend, chart.frame(), *_names(chart, panel)]
    for value, _ in panel.axis.marks():
        ground.append(_upright(chart, value, 'stroke-opacity="0.3"', places))
    if panel.level is not None:
        ground.append(_upright(chart, panel.level, 'stroke-width="1.5" stroke-dasharray="5 4"', places))
    drawn = [
        "".join(
            _mark(chart, panel, mark, row)
            for row, name in enumerate(panel.names)
            for mark in state.get(name, ())
            if math.isfinite(mark.value)
        )
        + _absent(chart, panel, state)
        for state in states
    ]
    return height, "".join(ground), drawn


def _names(chart: Panel, panel: Rows) -> list[str]:
    x = chart.at(panel.axis.low, 0)[0] - 8
    return [text(x, chart.at(0, row)[1] + 4, name, 12, anchor="end") for row, name in enumerate(panel.names)]


def _legend(panel: Rows) -> tuple[str, float]:
    """What the dots are, in as many lines as it takes, and the height of these."""
    parts, x, y = [], 5.0, 11.0
    for name, (colour, hollow) in panel.legend.items():
        if x > 5 and x + 15 + PHONE * len(name) > panel.width:
            x, y = 5.0, y + LINE
        look = f'fill="none" stroke="{colour}" stroke-width="2"' if hollow else f'fill="{colour}"'
        look += f' fill-opacity="{BAR:g}"' if panel.bars else ""
        circle = f'<circle cx="{x + 5:.1f}" cy="{y:g}" r="5" {look}/>'
        parts.append(circle + text(x + 15, y + 4, name, 12, anchor="start"))
        x += 36 + PHONE * len(name)
    return "".join(parts), y + 7 if parts else 0


def _absent(chart: Panel, panel: Rows, state: Mapping[str, Sequence[Mark]]) -> str:
    rows_left = [row for row, name in enumerate(panel.names) if panel.absent and name not in state]
    places = [chart.at(panel.axis.low, row) for row in rows_left]
    return "".join(text(x + 6, y + 4, panel.absent, 11, anchor="start", style=' opacity="0.7"') for x, y in places)


def _upright(chart: Panel, value: float, style: str, places: Axis) -> str:
    (x, low), (_, high) = chart.at(value, places.low), chart.at(value, places.high)
    return f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{PUBLISHED}" {style}/>'


def _mark(chart: Panel, panel: Rows, mark: Mark, row: int) -> str:
    (x, y), (zero, _) = chart.at(mark.value, row), chart.at(panel.axis.low, row)
    if panel.bars:
        inside = x - zero > 0.75 * (chart.width - chart.names)
        words = text(x - 6 if inside else x + 6, y + 4, mark.told, 12, anchor="end" if inside else "start")
        bar = f'<rect x="{zero:.1f}" y="{y - 8:.1f}" width="{x - zero:.1f}" height="16" fill="{mark.colour}"'
        return f'{bar} fill-opacity="{BAR:g}"/>{words}'
    line = ""
    if mark.interval is not None:
        ends = [chart.at(value, row)[0] for value in mark.interval]
        line = f'<path d="M{ends[0]:.1f} {y:.1f}H{ends[1]:.1f}" stroke="{mark.colour}" stroke-width="2"/>'
    return line + chart.dot(mark.value, row, mark.colour, mark.told, hollow=mark.hollow)
