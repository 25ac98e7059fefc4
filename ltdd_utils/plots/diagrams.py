"""The two methods and the way through the book, drawn as SVG: one visual language, right in light and dark."""

from dataclasses import dataclass, replace

from ltdd_utils.plots.roadmap import ALTERNATIVE, TITLE, roadmap
from ltdd_utils.plots.svg import NARROW, TIP, WIDTH, linked, svg, text

__all__ = ["DIAGRAMS", "Diagram", "caption_of", "draw"]

BOX, GAP = (166, 78), (29, 42)  # width and height of a box; between two
MARGIN = 6
LANE = 12  # right of the boxes, for an arrow that leads around them
KINDS = {  # colour and meaning of a box
    "real": ("#0072B2", "real data"),
    "expert": ("#D55E00", "network trained on them"),
    "set": ("#009E73", "distilled set"),
    "student": ("#777777", "student"),
}


@dataclass(frozen=True)
class Box:
    """A step of a method: where it stands, what it is, and the chapters that are about it."""

    column: int
    row: int
    kind: str
    title: str
    notes: tuple[str, ...] = ()
    chapters: tuple[str, ...] = ()

    def port(self, side: str, share: float = 0.5) -> tuple[float, float]:
        """The point at a share of a side, left to right or top to bottom."""
        x = MARGIN / 2 + self.column * (BOX[0] + GAP[0])
        y = MARGIN / 2 + self.row * (BOX[1] + GAP[1])
        return {
            "left": (x, y + share * BOX[1]),
            "right": (x + BOX[0], y + share * BOX[1]),
            "top": (x + share * BOX[0], y),
            "bottom": (x + share * BOX[0], y + BOX[1]),
        }[side]


@dataclass(frozen=True)
class Arrow:
    """From a side of one box to a side of another; shares say where on the sides."""

    start: tuple[str, str]
    end: tuple[str, str]
    label: str = ""
    shares: tuple[float, float] = (0.5, 0.5)

    def points(self, boxes: dict[str, Box]) -> list[tuple[float, float]]:
        """The corners of its line, from end to end; all parts are upright or level."""
        (start, out), (end, into) = self.start, self.end
        (x, y), (u, v) = boxes[start].port(out, self.shares[0]), boxes[end].port(into, self.shares[1])
        if out == into == "right":  # around, right of both
            lane = max(x, u) + LANE
            return [(x, y), (lane, y), (lane, v), (u, v)]
        if out == into:  # around, below both
            return [(x, y), (x, y + GAP[1] / 2), (u, v + GAP[1] / 2), (u, v)]
        if x == u or y == v:
            return [(x, y), (u, v)]
        if out in ("left", "right"):
            return [(x, y), (u, y), (u, v)]
        if into in ("left", "right"):
            return [(x, y), (x, v), (u, v)]
        half = y + GAP[1] / 2
        return [(x, y), (x, half), (u, half), (u, v)]


@dataclass(frozen=True)
class Diagram:
    """A drawing: its title, what it shows in words for who cannot see it, and its parts."""

    title: str
    alternative: str
    boxes: dict[str, Box]
    arrows: tuple[Arrow, ...]
    legend: tuple[int, int]  # column and row of the place where the colours are explained


PAPER_1 = Diagram(
    "Paper 1: DAM + ED",
    "Long-tailed real images train representation experts, whose classifier is then trained anew with every class "
    "equally often. Images that these experts classify rightly, with their outputs as soft labels, start the set. "
    "Again and again a student takes a few steps on the set with the DAM loss, its distance to the weights of both "
    "kinds of experts is measured, and the gradient changes images, labels and step size. New students are trained on "
    "the set and scored on the balanced test set.",
    {
        "real": Box(0, 0, "real", "Long-tailed images", ("a few classes", "have most of them"), ("01",)),
        "representation": Box(
            1, 0, "expert", "Representation experts", ("trained on the", "data as they are"), ("03",)
        ),
        "classifier": Box(
            2, 0, "expert", "Classifier experts", ("classes equally often,", "features kept"), ("03", "06")
        ),
        "initial": Box(3, 0, "set", "Initial set", ("images they get right,", "labelled by them"), ("06",)),
        "set": Box(3, 1, "set", "Distilled set", ("images, soft labels,", "one step size"), ("04", "07")),
        "student": Box(2, 1, "student", "Student's steps", ("DAM loss: as biased", "as the experts"), ("05",)),
        "distance": Box(
            1, 1, "expert", "Distance to experts", ("features to one kind,", "classifier to the other"), ("04", "06")
        ),
        "scores": Box(3, 2, "student", "New students", ("scored on the", "balanced test set"), ("02", "07")),
    },
    (
        Arrow(("real", "right"), ("representation", "left")),
        Arrow(("representation", "right"), ("classifier", "left")),
        Arrow(("classifier", "right"), ("initial", "left")),
        Arrow(("initial", "bottom"), ("set", "top")),
        Arrow(("set", "left"), ("student", "right")),
        Arrow(("student", "left"), ("distance", "right")),
        Arrow(("representation", "bottom"), ("distance", "top"), "targets", (0.4, 0.4)),
        Arrow(("classifier", "bottom"), ("distance", "top"), "", (0.4, 0.75)),
        Arrow(("distance", "bottom"), ("set", "bottom"), "gradient: many hundred times", (0.5, 0.2)),
        Arrow(("set", "bottom"), ("scores", "top"), "", (0.6, 0.6)),
    ),
    (0, 1),
)
PAPER_2 = Diagram(
    "Paper 2: the uni-level method",
    "Long-tailed real images train two debiased networks, an observer and a teacher. From the observer come statistics "
    "in which every class weighs the same. The initial images are the crops of which the teacher is surest, taken in "
    "rounds. In the recovery they change so that their statistics come closer to those of the real images. The teacher "
    "then answers for every view of the images, and new students learn from these answers.",
    {
        "real": Box(0, 0, "real", "Long-tailed images", ("a few classes", "have most of them"), ("01",)),
        "observer": Box(1, 0, "expert", "Observer", ("debiased,", "with BatchNorm"), ("09",)),
        "statistics": Box(2, 0, "expert", "Class-fair statistics", ("every class", "weighs the same"), ("08",)),
        "recovery": Box(3, 0, "set", "Recovery", ("images change so that", "statistics get closer"), ("10",)),
        "teacher": Box(1, 1, "expert", "Teacher", ("debiased,", "built like a student"), ("09",)),
        "initial": Box(2, 1, "set", "Initial images", ("its surest crops,", "in rounds"), ("10",)),
        "set": Box(3, 2, "set", "Distilled set", ("images; labels come", "from the teacher"), ("10", "12")),
        "labels": Box(2, 2, "expert", "Relabelling", ("the teacher answers", "for every view"), ("11",)),
        "scores": Box(1, 2, "student", "New students", ("scored on the", "balanced test set"), ("02", "12")),
    },
    (
        Arrow(("real", "right"), ("observer", "left")),
        Arrow(("real", "bottom"), ("teacher", "left"), "", (0.5, 0.5)),
        Arrow(("observer", "right"), ("statistics", "left")),
        Arrow(("statistics", "right"), ("recovery", "left")),
        Arrow(("teacher", "right"), ("initial", "left")),
        Arrow(("initial", "right"), ("recovery", "bottom"), "", (0.5, 0.3)),
        Arrow(("recovery", "bottom"), ("set", "top"), "", (0.7, 0.7)),
        Arrow(("teacher", "bottom"), ("labels", "top"), "", (0.5, 0.5)),
        Arrow(("set", "left"), ("labels", "right")),
        Arrow(("labels", "left"), ("scores", "right")),
    ),
    (0, 2),
)


def _moved(
    diagram: Diagram, places: dict[str, tuple[int, int]], arrows: tuple[Arrow, ...], legend: tuple[int, int]
) -> Diagram:
    """The same boxes at other columns and rows, with the arrows that lead between them there."""
    boxes = {name: replace(box, column=places[name][0], row=places[name][1]) for name, box in diagram.boxes.items()}
    return replace(diagram, boxes=boxes, arrows=arrows, legend=legend)


# The same methods, two boxes wide.
PHONE_1 = _moved(
    PAPER_1,
    {
        "real": (0, 0),
        "representation": (1, 0),
        "initial": (0, 1),
        "classifier": (1, 1),
        "set": (0, 2),
        "student": (1, 2),
        "distance": (1, 3),
        "scores": (0, 4),
    },
    arrows=(
        Arrow(("real", "right"), ("representation", "left")),
        Arrow(("representation", "bottom"), ("classifier", "top")),
        Arrow(("classifier", "left"), ("initial", "right")),
        Arrow(("initial", "bottom"), ("set", "top")),
        Arrow(("set", "right"), ("student", "left")),
        Arrow(("student", "bottom"), ("distance", "top")),
        Arrow(("representation", "right"), ("distance", "right")),
        Arrow(("classifier", "right"), ("distance", "right")),
        Arrow(("distance", "left"), ("set", "bottom"), "gradient", (0.5, 0.6)),
        Arrow(("set", "bottom"), ("scores", "top"), "", (0.25, 0.25)),
    ),
    legend=(1, 4),
)
PHONE_2 = _moved(
    PAPER_2,
    {
        "real": (0, 0),
        "teacher": (1, 0),
        "observer": (0, 1),
        "initial": (1, 1),
        "statistics": (0, 2),
        "recovery": (0, 3),
        "set": (0, 4),
        "labels": (1, 4),
        "scores": (1, 5),
    },
    arrows=(
        Arrow(("real", "right"), ("teacher", "left")),
        Arrow(("real", "bottom"), ("observer", "top")),
        Arrow(("observer", "bottom"), ("statistics", "top")),
        Arrow(("statistics", "bottom"), ("recovery", "top")),
        Arrow(("teacher", "bottom"), ("initial", "top")),
        Arrow(("initial", "bottom"), ("recovery", "right")),
        Arrow(("recovery", "bottom"), ("set", "top")),
        Arrow(("set", "right"), ("labels", "left")),
        Arrow(("teacher", "right"), ("labels", "right")),
        Arrow(("labels", "bottom"), ("scores", "top")),
    ),
    legend=(0, 5),
)
METHODS = {"paper_1": (PAPER_1, PHONE_1), "paper_2": (PAPER_2, PHONE_2)}  # for a page and for a phone
DIAGRAMS = (*METHODS, "roadmap")


def draw(name: str, here: str | None = None, links: dict[str, str] | None = None, *, phone: bool = False) -> str:
    """An ``<svg>`` element, with text in the colour of the page around it.

    Args:
        name: one of ``DIAGRAMS``.
        here: a chapter, ``"04"``; what it is not about is faint. None: nothing is.
        links: address of each chapter; the boxes of those that have one are links.
        phone: half as wide, and taller.

    Raises:
        ValueError: no such diagram, or no part of it is about the chapter.
    """
    if name not in DIAGRAMS:
        raise ValueError(f"no diagram {name!r}; choose one of {', '.join(DIAGRAMS)}")
    if name == "roadmap":
        return roadmap(here, links or {}, phone=phone)
    diagram = METHODS[name][phone]
    if here is not None and not any(here in box.chapters for box in diagram.boxes.values()):
        raise ValueError(f"no part of {name} is about chapter {here!r}")
    rows = 1 + max(box.row for box in diagram.boxes.values())
    parts = [_arrow(arrow, diagram.boxes, here) for arrow in diagram.arrows]
    parts += [_box(box, here, links or {}) for box in diagram.boxes.values()]
    parts.append(_legend(diagram, here is None))
    height = rows * (BOX[1] + GAP[1]) - GAP[1] + MARGIN
    return svg(diagram.title, diagram.alternative, height, parts, NARROW if phone else WIDTH)


def caption_of(name: str) -> tuple[str, str]:
    """Title of a diagram, and what it shows in words for who cannot see it."""
    if name == "roadmap":
        return TITLE, ALTERNATIVE
    diagram = METHODS[name][False]
    return diagram.title, diagram.alternative


def _box(box: Box, here: str | None, links: dict[str, str]) -> str:
    x, y = box.port("left", 0)
    colour, middle = KINDS[box.kind][0], x + BOX[0] / 2
    about = here is None or here in box.chapters
    parts = [
        f'<rect x="{x:g}" y="{y:g}" width="{BOX[0]}" height="{BOX[1]}" rx="8" fill="{colour}" '
        f'fill-opacity="{0.16 if about else 0.05}" stroke="{colour}" stroke-width="{2 if about else 1.2}"/>',
        text(middle, y + 23, box.title, 12, style=' font-weight="600"'),
        *(text(middle, y + 42 + 16 * k, note) for k, note in enumerate(box.notes)),
    ]
    if here is None:
        place = " ".join(box.chapters)
        parts.append(text(x + BOX[0] - 7, y + BOX[1] - 6, place, 10, anchor="end", style=' opacity="0.75"'))
    address = next((links[chapter] for chapter in box.chapters if chapter in links), None)
    return linked("".join(parts), about, address)


def _arrow(arrow: Arrow, boxes: dict[str, Box], here: str | None) -> str:
    points = arrow.points(boxes)
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    parts = [f'<path d="{path}" fill="none" stroke="#777777" stroke-width="1.6" marker-end="url(#{TIP})"/>']
    if arrow.label:
        (x, y), (u, v) = points[-3:-1] if len(points) > 2 else points
        upright = x == u
        at = (x - 6, (y + v) / 2 + 4) if upright else ((x + u) / 2, y - 5)
        parts.append(text(*at, arrow.label, 11, anchor="end" if upright else "middle"))
    ends = (boxes[arrow.start[0]], boxes[arrow.end[0]])
    return linked("".join(parts), here is None or any(here in box.chapters for box in ends), None)


def _legend(diagram: Diagram, numbers: bool) -> str:
    x, y = Box(*diagram.legend, "real", "").port("left", 0)
    parts = []
    for row, kind in enumerate(dict.fromkeys(box.kind for box in diagram.boxes.values())):
        colour, meaning = KINDS[kind]
        top = y - 2 + 17 * row
        shape = f'<rect x="{x:g}" y="{top:g}" width="13" height="13" rx="3" fill="{colour}"'
        parts.append(
            f'{shape} fill-opacity="0.35" stroke="{colour}"/>{text(x + 20, top + 11, meaning, 11, anchor="start")}'
        )
    if numbers:
        parts.append(text(x, y + 78, "numbers: chapters", 11, anchor="start"))
    return "".join(parts)
