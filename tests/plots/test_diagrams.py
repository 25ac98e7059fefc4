"""The diagrams: whole, readable, and each chapter finds its own part."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from diagrams import DARK, image, include

from ltdd_utils import notebook
from ltdd_utils.plots import diagrams, roadmap
from ltdd_utils.plots.svg import NARROW, WIDTH

SVG = "{http://www.w3.org/2000/svg}"
METHODS = {"paper_1": diagrams.PAPER_1, "paper_2": diagrams.PAPER_2}
PHONES = {"paper_1, phone": diagrams.PHONE_1, "paper_2, phone": diagrams.PHONE_2}
DRAWN = METHODS | PHONES
CHAPTERS = sorted(path.stem for path in (Path(__file__).parents[2] / "notebooks").glob("*.py"))
LETTER, BOLD = 0.56, 0.62  # width of a letter, as a share of its height, in a wide font (DejaVu Sans)


def frame(box):
    x, y = box.port("left", 0)
    return x, y, x + diagrams.BOX[0], y + diagrams.BOX[1]


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("name", diagrams.DIAGRAMS)
def test_a_diagram_is_whole_and_says_what_it_shows(name, phone):
    root = ET.fromstring(diagrams.draw(name, phone=phone))
    assert root.get("role") == "img" and root.get("aria-label") == root.find(f"{SVG}title").text
    assert len(root.find(f"{SVG}desc").text) > 100
    _, _, width, height = map(float, root.get("viewBox").split())
    points = [point for path in root.iter(f"{SVG}path") for point in re.findall(r"([\d.]+) ([\d.]+)", path.get("d"))]
    assert width == (NARROW if phone else WIDTH) and all(float(x) <= width and float(y) <= height for x, y in points)
    for text in root.iter(f"{SVG}text"):
        x, half = float(text.get("x")), LETTER * float(text.get("font-size")) * len(text.text) / 2
        middle = {"start": x + half, "middle": x, "end": x - half}[text.get("text-anchor")]
        assert middle - half >= 0 and middle + half <= width and float(text.get("y")) <= height, text.text


@pytest.mark.parametrize("diagram", DRAWN.values(), ids=DRAWN)
def test_boxes_are_apart_and_no_arrow_runs_through_one(diagram):
    frames = {name: frame(box) for name, box in diagram.boxes.items()}
    for (a, b, c, d), (e, f, g, h) in combinations(frames.values(), 2):
        assert c < e or g < a or d < f or h < b
    for arrow in diagram.arrows:
        for (x, y), (u, v) in pairwise(arrow.points(diagram.boxes)):
            assert x == u or y == v
            for left, top, right, bottom in frames.values():
                across = min(x, u) < right and max(x, u) > left and min(y, v) < bottom and max(y, v) > top
                assert not across, arrow


@pytest.mark.parametrize("diagram", METHODS.values(), ids=METHODS)
def test_text_fits_its_box(diagram):
    for box in diagram.boxes.values():
        assert BOLD * 12 * len(box.title) < diagrams.BOX[0], box
        assert all(LETTER * 12 * len(words) < diagrams.BOX[0] for words in box.notes), box


@pytest.mark.parametrize(
    ("name", "here"), [*(("paper_1", f"0{n}") for n in range(1, 8)), *(("paper_2", f"{n:02}") for n in range(8, 13))]
)
def test_the_part_of_a_chapter_stands_out_and_the_rest_is_faint(name, here):
    boxes = METHODS[name].boxes.values()
    groups = [
        group
        for group in ET.fromstring(diagrams.draw(name, here)).iter(f"{SVG}g")
        if group.find(f"{SVG}rect") is not None
    ]
    opacity = {group.find(f"{SVG}text").text: float(group.get("opacity")) for group in groups}
    for box in boxes:
        assert (opacity[box.title] == 1) == (here in box.chapters)
    assert 1 in opacity.values()


@pytest.mark.parametrize("name", METHODS)
def test_a_phone_has_the_same_boxes_and_the_same_ways_between_them(name):
    page, phone = METHODS[name], PHONES[f"{name}, phone"]
    assert [(box.title, box.notes, box.chapters) for box in page.boxes.values()] == [
        (box.title, box.notes, box.chapters) for box in phone.boxes.values()
    ]
    ways = [{(arrow.start[0], arrow.end[0]) for arrow in one.arrows} for one in (page, phone)]
    assert ways[0] == ways[1]


def test_every_chapter_is_a_station_and_links_to_its_page():
    assert [stop[0] for stop in roadmap.STOPS] == [chapter[:2] for chapter in CHAPTERS]
    links = {chapter[:2]: f"../notebooks/{chapter}.html" for chapter in CHAPTERS}
    root = ET.fromstring(diagrams.draw("roadmap", links=links))
    assert sorted(link.get("href") for link in root.iter(f"{SVG}a")) == sorted(links.values())
    assert not list(ET.fromstring(diagrams.draw("roadmap", "05")).iter(f"{SVG}a"))


@pytest.mark.parametrize(
    ("name", "here", "words"),
    [
        ("paper_3", None, "no diagram 'paper_3'"),
        ("paper_1", "12", "about chapter '12'"),
        ("roadmap", "99", "'99' is not"),
    ],
)
def test_what_there_is_not_is_refused(name, here, words):
    with pytest.raises(ValueError, match=words):
        diagrams.draw(name, here)


def test_a_notebook_shows_it_in_a_box_that_scrolls():
    shown = notebook.Figures("04").picture("paper_1")._repr_html_()
    assert "overflow-x: auto" in shown and "Figure 4.1." in shown
    assert diagrams.draw("paper_1", "04") in shown and diagrams.draw("paper_1", "04", phone=True) in shown


@pytest.mark.parametrize("name", diagrams.DIAGRAMS)
def test_the_readme_has_the_diagrams_as_they_are(name):
    path = Path(__file__).parents[2] / "book" / f"{name}.svg"
    assert path.read_text() == image(name), "run `make sync`"
    assert "prefers-color-scheme" in image(name)
    assert DARK not in include(name)  # it would colour the whole page
    ET.fromstring(image(name))
