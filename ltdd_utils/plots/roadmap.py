"""The way through the book, drawn as stations on the lines of the two papers."""

import math
from itertools import pairwise

from ltdd_utils.plots.svg import WIDTH, linked, svg, text

__all__ = ["ALTERNATIVE", "STOPS", "TITLE", "roadmap"]

TITLE = "The chapters of this book"
ALTERNATIVE = (
    "Chapters 00 to 02 are the ground. From there one line leads over 03 to 07, paper 1, and one over 08 to 12, "
    "paper 2; both meet in 13, which compares them. 14, 15 and 16 take them apart, and all end in 17. 18 puts "
    "together what was learned."
)
RADIUS = 14  # of a station
LINES = {"ground": "#777777", "paper 1": "#0072B2", "paper 2": "#D55E00", "both": "#777777"}
STOPS = (  # chapter, its line, two lines of name
    ("00", "ground", "How to", "read"),
    ("01", "ground", "Long", "tails"),
    ("02", "ground", "Students,", "scores"),
    ("03", "paper 1", "Expert", "paths"),
    ("04", "paper 1", "Matching", "them"),
    ("05", "paper 1", "DAM", "loss"),
    ("06", "paper 1", "Two kinds", "of experts"),
    ("07", "paper 1", "Results,", "paper 1"),
    ("08", "paper 2", "BatchNorm", "statistics"),
    ("09", "paper 2", "Observer,", "teacher"),
    ("10", "paper 2", "Start and", "recovery"),
    ("11", "paper 2", "Soft", "labels"),
    ("12", "paper 2", "Results,", "paper 2"),
    ("13", "both", "Side by", "side"),
    ("14", "paper 1", "Ablations,", "paper 1"),
    ("15", "paper 2", "Ablations,", "paper 2"),
    ("16", "both", "Controls", ""),
    ("17", "both", "What did", "not hold"),
    ("18", "both", "Put", "together"),
)


def roadmap(here: str | None, links: dict[str, str]) -> str:
    """Stations on two lines: the ground, the two papers, and both side by side.

    Args:
        here: the chapter that stands out; None: none does.
        links: address of each chapter.

    Raises:
        ValueError: no such chapter.
    """
    chapters = [stop[0] for stop in STOPS]
    if here is not None and here not in chapters:
        raise ValueError(f"chapter {here!r} is not on the roadmap: it has {chapters[0]} to {chapters[-1]}")
    step, rows = (WIDTH - 60) / 11, {"ground": 100, "paper 1": 40, "paper 2": 160, "both": 100}
    columns = dict(zip(chapters, [0, 1, 2, *range(3, 8), *range(3, 8), 8, 9, 9, 9, 10, 11], strict=True))
    place = {chapter: (30 + step * columns[chapter], rows[line]) for chapter, line, *_ in STOPS}
    ways = {"ground": chapters[:3], "paper 1": ["02", *chapters[3:8], "13"], "paper 2": ["02", *chapters[8:14]]}
    legs = [(line, a, b) for line, way in ways.items() for a, b in pairwise(way)]
    legs += [(line, *leg) for stop, line, *_ in STOPS[14:17] for leg in (("13", stop), (stop, "17"))]
    legs.append(("both", "17", "18"))
    parts = [_track(place[a], place[b], LINES[line]) for line, a, b in legs]
    parts += [_stop(stop, place[stop[0]], here, links) for stop in STOPS]
    parts.append(text(30, 20, "Paper 1 above, paper 2 below", 11, anchor="start", style=' opacity="0.75"'))
    return svg(TITLE, ALTERNATIVE, 212, parts)


def _track(start: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    """From the edge of one station to that of the next."""
    (x, y), (u, v) = start, end
    share = (RADIUS + 1) / math.hypot(u - x, v - y)
    a, b, c, d = x + share * (u - x), y + share * (v - y), u - share * (u - x), v - share * (v - y)
    return f'<path d="M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" stroke="{colour}" stroke-width="4" opacity="0.6"/>'


def _stop(stop: tuple[str, str, str, str], at: tuple[float, float], here: str | None, links: dict[str, str]) -> str:
    chapter, line, *name = stop
    (x, y), about = at, here in (None, chapter)
    colour = LINES[line]
    fill = f'fill="{colour}" fill-opacity="{1 if here == chapter else 0.16}"'
    drawn = f'<circle cx="{x:g}" cy="{y:g}" r="{RADIUS}" {fill} stroke="{colour}" stroke-width="2"/>'
    number = ' font-weight="600"' + (' fill="white"' if here == chapter else "")
    drawn += text(x, y + 4, chapter, 12, style=number)
    first = -32 if chapter == "14" else 29  # below it two lines meet
    x += 9 if chapter == "17" else 0  # beside the line from below
    drawn += "".join(text(x, y + first + 13 * k, word, 11) for k, word in enumerate(filter(None, name)))
    return linked(drawn, about, links.get(chapter))
