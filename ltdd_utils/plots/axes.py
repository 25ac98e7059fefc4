"""A panel with axes, drawn as SVG in the text colour of the page: for figures that a reader moves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from ltdd_utils.plots.svg import text

__all__ = ["WIDTH", "Axis", "Panel", "sheet"]

MARGIN = (64, 26, 22, 40)  # left, right, top, bottom
WIDTH = 640  # of a drawing, in its own units: on a phone its text is set larger (moving.css)
LEAST = 440  # pixels of a screen at which words of 12 units are 8 pixels
MOST = 1.2  # pixels for each unit of a drawing that is narrower than a page
GREY = "#808080"


@dataclass(frozen=True)
class Axis:
    """A scale: its ends, the values that are written at it, and what it is."""

    low: float
    high: float
    ticks: Mapping[float, str] | Sequence[float]
    label: str = ""
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value is between the ends, 0 to 1; a value outside is at the end."""
        ends = (self.low, self.high, value)
        low, high, at = (math.log(max(v, 1e-300)) for v in ends) if self.log else ends
        return min(max((at - low) / (high - low), 0.0), 1.0)

    def marks(self) -> list[tuple[float, str]]:
        """The ticks, as values and words."""
        pairs = self.ticks.items() if isinstance(self.ticks, Mapping) else [(v, f"{v:g}") for v in self.ticks]
        return list(pairs)


@dataclass(frozen=True)
class Panel:
    """A rectangle of a drawing with two axes."""

    x: Axis
    y: Axis
    left: float = 0
    top: float = 0
    width: float = WIDTH
    height: float = 230
    title: str = ""
    names: float = MARGIN[0]  # room for the words at the left

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point in units of the drawing."""
        inside = self.width - self.names - MARGIN[1], self.height - MARGIN[2] - MARGIN[3]
        return (
            self.left + self.names + inside[0] * self.x.share(x),
            self.top + MARGIN[2] + inside[1] * (1 - self.y.share(y)),
        )

    def frame(self) -> str:
        """The axes with their words."""
        (x0, y0), (x1, _) = self.at(self.x.low, self.y.low), self.at(self.x.high, self.y.high)
        parts = [text((x0 + x1) / 2, self.top + 14, self.title, 13, style=' font-weight="600"')] if self.title else []
        for value, words in self.y.marks():
            y = self.at(self.x.low, value)[1]
            parts.append(f'<path d="M{x0:.1f} {y:.1f}H{x1:.1f}" stroke="{GREY}" stroke-opacity="0.35"/>')
            parts.append(text(x0 - 6, y + 4, words, 12, anchor="end"))
        for value, words in self.x.marks():
            x = self.at(value, self.y.low)[0]
            wide = len(words) > 6  # at an end, it would run out of the drawing
            anchor = "start" if wide and value == self.x.low else "end" if wide and value == self.x.high else "middle"
            parts.append(text(x, y0 + 16, words, 12, anchor=anchor))
        parts.append(f'<path d="M{x0:.1f} {y0:.1f}H{x1:.1f}" stroke="{GREY}"/>')
        if self.x.label:
            parts.append(text((x0 + x1) / 2, y0 + 33, self.x.label, 12))
        if self.y.label:
            parts.append(text(self.left + 4, self.top + 12, self.y.label, 12, anchor="start"))
        return "".join(parts)

    def line(self, xs: Sequence[float], ys: Sequence[float], colour: str, dash: str = "") -> str:
        """A line through points; where a value is not finite it is broken."""
        path, up = "", True
        for x, y in zip(xs, ys, strict=True):
            if not (math.isfinite(x) and math.isfinite(y)):
                up = True
                continue
            u, v = self.at(x, y)
            path += f"{'M' if up else 'L'}{u:.1f} {v:.1f}"
            up = False
        style = f' stroke-dasharray="{dash}"' if dash else ""
        return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{style}/>'

    def bar(self, x: float, y: float, colour: str, width: float, told: str = "") -> str:
        """A bar of a width in units of the x axis, from the low end of the y axis to ``y``."""
        (u, v), (w, z) = self.at(x - width / 2, y), self.at(x + width / 2, self.y.low)
        where = f'x="{u:.1f}" y="{v:.1f}" width="{w - u:.1f}" height="{z - v:.1f}"'
        return f'<rect {where} fill="{colour}">{hover(told)}</rect>'

    def dot(self, x: float, y: float, colour: str, told: str = "", *, hollow: bool = False, size: float = 5) -> str:
        """A dot, whose words appear where a pointer rests on it."""
        u, v = self.at(x, y)
        look = f'fill="none" stroke="{colour}" stroke-width="2"' if hollow else f'fill="{colour}"'
        return f'<circle cx="{u:.1f}" cy="{v:.1f}" r="{size:g}" {look}>{hover(told)}</circle>'

    def words(self, x: float, y: float, said: str, colour: str = "currentColor", anchor: str = "start") -> str:
        """Words at a point of the axes."""
        u, v = self.at(x, y)
        return text(u, v, said, 12, anchor=anchor, style=f' fill="{colour}"')


def hover(told: str) -> str:
    """Words that appear where a pointer rests on an element."""
    return f"<title>{escape(told)}</title>" if told else ""


def sheet(height: float, parts: Sequence[str], seen: str = "", width: float = WIDTH) -> str:
    """A drawing of the page's width, which shrinks with it; ``seen``: what it shows, else others say so.

    One that says it stands in a box that scrolls, so it shrinks no further than its words can be read. One of less than
    the usual ``width``, in units of the drawing, fits a phone, and grows no further than its words need.
    """
    least, most = f"min-width: {LEAST * width / WIDTH:g}px", f"; max-width: {MOST * width:g}px" if width < WIDTH else ""
    told = f'role="img" aria-label="{escape(seen)}" style="{least}{most}"' if seen else 'aria-hidden="true"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" {told}'
    return f'{head} font-family="system-ui, sans-serif" fill="currentColor">{"".join(parts)}</svg>'
