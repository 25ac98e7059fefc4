"""Elements of drawings in SVG that take the text colour of the page around them."""

import hashlib
from collections.abc import Sequence
from xml.sax.saxutils import escape

__all__ = ["FAINT", "NARROW", "TIP", "WIDTH", "linked", "svg", "text"]

WIDTH, NARROW = 760, 385  # of a drawing for a page and for a phone, in its own units: pixels at its full size
LEAST = 0.79  # share of that size at which text of 12 units can still be read
TIP = "ltdd-tip"  # marker at the end of an arrow, before ``svg`` gives it a name of its own
FAINT = 0.55  # opacity of what a chapter is not about


def svg(title: str, alternative: str, height: float, parts: Sequence[str], width: int = WIDTH) -> str:
    """The element; where the screen is narrower it keeps a size at which it can be read, in a box that scrolls."""
    size = f"min-width: {LEAST * width:.0f}px; max-width: {width}px; width: 100%; height: auto"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" role="img" '
        f'aria-label="{escape(title)}" style="{size}" '
        'font-family="system-ui, sans-serif" fill="currentColor">'
    )
    marker = (
        f'<defs><marker id="{TIP}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="#777777"/></marker></defs>'
    )
    told = f"<title>{escape(title)}</title><desc>{escape(alternative)}</desc>"
    own = f"{TIP}-{hashlib.sha256((title + str(width)).encode()).hexdigest()[:6]}"  # a page may show several drawings
    return "".join((head, told, marker, *parts, "</svg>")).replace(TIP, own)


def text(x: float, y: float, words: str, size: int = 12, *, anchor: str = "middle", style: str = "") -> str:
    """Words at a point, in pixels of the drawing."""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"{style}>{escape(words)}</text>'


def linked(drawn: str, about: bool, address: str | None) -> str:
    """A part of a drawing, faint if the chapter is not about it, and a link if it has an address."""
    part = f'<g opacity="{1 if about else FAINT:g}">{drawn}</g>'
    return f'<a href="{escape(address)}" style="color: inherit; text-decoration: none">{part}</a>' if address else part
