"""The way through the book, drawn as stations on the lines of the two papers."""

import math
from itertools import pairwise

from ltdd_utils.plots.svg import NARROW, WIDTH, linked, svg, text

__all__ = ["ALTERNATIVE", "STOPS", "TITLE", "roadmap"]

TITLE = "The chapters of this book"
ALTERNATIVE = (
    "Chapters 00 to 02 are the ground. From there one line leads over 03 to 07, paper 1, and one over 08 to 12, "
    "paper 2; both meet in 13, which compares them. 14, 15 and 16 take them apart, and all end in 17. 18 puts "
    "together what was learned."
)
RADIUS = 14  # of a station
DOWN = 46  # from one station to the next, downwards
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


def roadmap(here: str | None, links: dict[str, str], *, phone: bool = False) -> str:
    """Stations on two lines: the ground, the two papers, and both side by side; from left to right, or downwards.

    Args:
        here: the chapter that stands out; None: none does.
        links: address of each chapter.
        phone: downwards, half as wide.

    Raises:
        ValueError: no such chapter.
    """
    chapters = [stop[0] for stop in STOPS]
    if here is not None and here not in chapters:
        raise ValueError(f"chapter {here!r} is not on the roadmap: it has {chapters[0]} to {chapters[-1]}")
    steps = dict(zip(chapters, [0, 1, 2, *range(3, 8), *range(3, 8), 8, 9, 9, 9, 10, 11], strict=True))
    if phone:
        across = {"ground": NARROW / 2, "paper 1": 94, "paper 2": NARROW - 94, "both": NARROW / 2}
        place = {chapter: (across[line], 24 + DOWN * steps[chapter]) for chapter, line, *_ in STOPS}
    else:
        step, rows = (WIDTH - 60) / 11, {"ground": 100, "paper 1": 40, "paper 2": 160, "both": 100}
        place = {chapter: (30 + step * steps[chapter], rows[line]) for chapter, line, *_ in STOPS}
    ways = {"ground": chapters[:3], "paper 1": ["02", *chapters[3:8], "13"], "paper 2": ["02", *chapters[8:14]]}
    legs = [(line, a, b) for line, way in ways.items() for a, b in pairwise(way)]
    legs += [(line, *leg) for stop, line, *_ in STOPS[14:17] for leg in (("13", stop), (stop, "17"))]
    legs.append(("both", "17", "18"))
    parts = [_track(place[a], place[b], LINES[line]) for line, a, b in legs]
    parts += [_stop(stop, place[stop[0]], here, links, beside=phone) for stop in STOPS]
    faint = ' opacity="0.75"'
    if phone:
        heads = ((80, "Paper 1", "end"), (NARROW - 80, "Paper 2", "start"))
        parts += [text(x, 24 + 2.3 * DOWN, words, 12, anchor=anchor, style=faint) for x, words, anchor in heads]
        return svg(TITLE, ALTERNATIVE, 48 + 11 * DOWN, parts, NARROW)
    parts.append(text(30, 20, "Paper 1 above, paper 2 below", 11, anchor="start", style=faint))
    return svg(TITLE, ALTERNATIVE, 212, parts)


def _track(start: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    """From the edge of one station to that of the next."""
    (x, y), (u, v) = start, end
    share = (RADIUS + 1) / math.hypot(u - x, v - y)
    a, b, c, d = x + share * (u - x), y + share * (v - y), u - share * (u - x), v - share * (v - y)
    return f'<path d="M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" stroke="{colour}" stroke-width="4" opacity="0.6"/>'


def _stop(
    stop: tuple[str, str, str, str], at: tuple[float, float], here: str | None, links: dict[str, str], *, beside: bool
) -> str:
    """A station with its number, its name below it or ``beside`` it, away from the other line."""
    chapter, line, *name = stop
    (x, y), about = at, here in (None, chapter)
    colour = LINES[line]
    fill = f'fill="{colour}" fill-opacity="{1 if here == chapter else 0.16}"'
    drawn = f'<circle cx="{x:g}" cy="{y:g}" r="{RADIUS}" {fill} stroke="{colour}" stroke-width="2"/>'
    number = ' font-weight="600"' + (' fill="white"' if here == chapter else "")
    drawn += text(x, y + 4, chapter, 12, style=number)
    words = list(filter(None, name))
    if beside:
        side, anchor = (-1, "end") if line == "paper 1" else (1, "start")
        first = 4 - 6.5 * (len(words) - 1)
        drawn += "".join(
            text(x + side * (RADIUS + 8), y + first + 13 * k, word, 12, anchor=anchor) for k, word in enumerate(words)
        )
        return linked(drawn, about, links.get(chapter))
    first = -32 if chapter == "14" else 29  # below it two lines meet
    x += 9 if chapter == "17" else 0  # beside the line from below
    drawn += "".join(text(x, y + first + 13 * k, word, 11) for k, word in enumerate(words))
    return linked(drawn, about, links.get(chapter))
