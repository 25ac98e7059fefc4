"""Differences in their intervals, a row of a table each, around one line at zero: a forest plot beside its numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Axis", "Interval", "axis"]

WIDTH, HEIGHT, EDGE = 170, 18, 12  # pixels; the edge is left free for dots and the first and last number
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
OURS, PALE, TURNED = "#2b83ba", "#8a8a8a", "#d55e00"  # seen on white and on dark pages


@dataclass(frozen=True)
class Interval:
    """A difference in points, and what it must exceed to be resolved."""

    points: float
    needed: float | None = None  # None: nobody knows
    printed: float | None = None  # what a paper has; None: nothing
    verdict: bool | None = None  # whether it is resolved by a stricter rule; None: where the interval leaves zero out

    @property
    def resolved(self) -> bool:
        """Whether the difference is resolved."""
        if self.verdict is not None:
            return self.verdict
        return self.needed is not None and abs(self.points) > self.needed

    @property
    def colour(self) -> str:
        """Blue where it is resolved, orange where it is the other way round than printed, grey where it is open."""
        turned = self.printed is not None and self.printed * self.points < 0
        return PALE if not self.resolved else TURNED if turned else OURS

    @property
    def ends(self) -> tuple[float, ...]:
        """The values that must fit on the axis."""
        half = self.needed or 0.0
        return tuple(value for value in (self.points - half, self.points + half, self.printed) if value is not None)


@dataclass(frozen=True)
class Axis:
    """A scale that all rows of a table share; zero is always on it."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """The pixel of a value."""
        return EDGE + (WIDTH - 2 * EDGE) * (value - self.low) / (self.high - self.low)

    def ticks(self) -> str:
        """Its first and last number, and zero, to stand in the head of the column."""
        marks = "".join(
            f'<text x="{self.place(value):.1f}" y="12" text-anchor="middle">{f"{value:+g}" if value else "0"}</text>'
            for value in dict.fromkeys((self.low, 0.0, self.high))
        )
        return _svg(marks.replace(">-", ">\N{MINUS SIGN}"), "points")

    def row(self, one: Interval, told: str) -> str:
        """The picture of one difference; ``told`` says it in words."""
        middle, colour = HEIGHT / 2, one.colour
        x, parts = self.place(one.points), []
        if one.needed is not None:
            ends = (self.place(one.points - one.needed), self.place(one.points + one.needed))
            parts.append(
                f'<path d="M{ends[0]:.1f} {middle}H{ends[1]:.1f}M{ends[0]:.1f} 6v6M{ends[1]:.1f} 6v6" '
                f'stroke="{colour}" stroke-width="1.5" fill="none"/>'
            )
        fill = colour if one.resolved else "var(--ltdd-page, #fff)"
        parts.append(f'<circle cx="{x:.1f}" cy="{middle}" r="4" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>')
        if one.printed is not None:
            at = self.place(one.printed)
            diamond = f"M{at:.1f} 3.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z"
            parts.append(f'<path d="{diamond}" fill="none" stroke="currentColor" stroke-width="1.3"/>')
        return _svg("".join(parts), told)

    @property
    def zero(self) -> float:
        """The pixel of the line at zero."""
        return self.place(0.0)


def axis(rows: Sequence[Interval]) -> Axis:
    """A scale from and to round numbers that all rows fit on."""
    values = [0.0, *(value for one in rows for value in one.ends)]
    span = (max(values) - min(values)) or 1.0
    step = next((step for step in STEPS if span / step <= 5), STEPS[-1])
    return Axis(step * math.floor(min(values) / step), step * math.ceil(max(values) / step))


def _svg(parts: str, told: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{told}" '
        f'font-size="10" fill="currentColor">{parts}</svg>'
    )
