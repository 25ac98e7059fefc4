"""A figure on a page: numbered, described, in the page's colours, and apart from its neighbours."""

import base64
import io
import re
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from ltdd_utils import plots
from ltdd_utils.notebook import Figures
from ltdd_utils.plots.canvas import PAGE, PHONE
from ltdd_utils.plots.shown import Shown
from ltdd_utils.plots.style import INK, PAPER

SVG = "{http://www.w3.org/2000/svg}"
CAPTION = "Two rows of dots, and a bar at each of their means."
ALTERNATIVE = "The dots of the second row lie right of those of the first & apart."
COUNTS = [9, 3, 1]


def dots():
    return plots.spread_of_students({"one": [0.5, 0.6], "two": [0.7]})


def drawing(shown):
    html = shown._repr_html_()
    return ET.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])


def test_a_figure_has_its_number_its_caption_and_a_text_for_who_does_not_see_it():
    shown = Figures("07")(dots(), CAPTION, ALTERNATIVE)
    page = ET.fromstring(shown._repr_html_())
    assert (page.tag, page.get("id")) == ("figure", "figure-7-1")
    assert "".join(page.find("figcaption").itertext()) == f"Figure 7.1. {CAPTION}"
    pictures = list(page.iter(f"{SVG}svg"))
    assert len(pictures) == 2  # for a page and for a phone
    assert all(one.get("role") == "img" and one.get("aria-label") == ALTERNATIVE for one in pictures)
    assert shown._repr_mimebundle_()["text/plain"] == ALTERNATIVE == str(shown)


def test_numbers_follow_the_order_and_a_cell_that_is_run_again_keeps_its_own():
    figure = Figures("12")
    texts = [f"{CAPTION} Number {number}." for number in range(3)]
    assert [figure("<p/>", text, ALTERNATIVE).number for text in texts] == ["12.1", "12.2", "12.3"]
    assert figure("<p/>", texts[1], ALTERNATIVE).number == "12.2"


@pytest.mark.parametrize(
    ("caption", "alternative", "words"),
    [
        ("", ALTERNATIVE, "the caption '' says too little"),
        (CAPTION, "img_1.png", "the alternative text 'img_1.png' says too little"),
        (CAPTION, CAPTION, "are the same"),
    ],
)
def test_a_figure_without_words_is_refused(caption, alternative, words):
    with pytest.raises(ValueError, match=words):
        Shown("<p/>", caption, alternative)


def test_text_stays_text_and_takes_the_page_s_colours_and_font():
    steps = plots.waterfall(["a", "b"], [[0.2], [0.4]], [0, 20], [True, False])
    root = drawing(Shown(steps, CAPTION, ALTERNATIVE))
    assert {"a", "b", "+20.0"} <= {text.text for text in root.iter(f"{SVG}text")}
    text = ET.tostring(root, encoding="unicode")
    assert INK not in text and PAPER not in text and "currentColor" in text and "--pst-color-background" in text
    assert "DejaVu" not in text and "<style" not in text and "metadata" not in text


def test_two_figures_of_a_page_share_no_identifier_and_every_reference_is_met():
    figure, seen = Figures("3"), set()
    for number in range(2):
        root = drawing(figure(dots(), f"{CAPTION} {number}", ALTERNATIVE))
        own = {element.get("id") for element in root.iter() if element.get("id")}
        text = ET.tostring(root, encoding="unicode")
        referred = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
        assert own and {one for pair in referred for one in pair if one} == own
        assert not own & seen
        seen |= own


DRAWN = {
    "panels": lambda: plots.curves({name: {"a": ([1, 2], [1, 2])} for name in "xyz"}, "steps", "loss"),
    "lines": lambda: plots.curves({"": {name * 9: ([1, 2], [1, 2]) for name in "abc"}}, "steps", "loss"),
    "rows": lambda: plots.side_by_side(["unilevel_no_calibration", "damed"], {"dsa-stored": [[0.2], [0.3]]}),
    "classes": lambda: plots.per_class_accuracy({name: [[0.1, 0.2, 0.3]] for name in "wxyz"}, COUNTS, ["a", "b", "c"]),
    "images": lambda: plots.image_rows(
        {"first": torch.rand(10, 3, 4, 4), "second": torch.rand(10, 3, 4, 4)}, over=[f"no. {n}" for n in range(10)]
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_phone_shows_the_same_in_half_the_width_and_loses_nothing(name):
    figure = DRAWN[name]()
    phone = figure.narrow()
    assert figure.get_size_inches()[0] == PAGE and phone.get_size_inches()[0] == PHONE
    marks, words = ([reader(one) for one in (figure, phone)] for reader in (_marks, _words))
    assert marks[0] == marks[1] > 0
    assert words[0] <= words[1], words[0] - words[1]
    cut = [text.get_text() for text in _texts(phone) if text.get_window_extent().x1 > phone.bbox.x1 + 1]
    assert not cut


def _marks(figure):
    return sum(len([*axes.collections, *axes.lines, *axes.patches, *axes.images]) for axes in figure.axes)


def _texts(figure):
    """What is written, but for the numbers of axes, which each width chooses for itself, and marks."""
    return [text for text in figure.findobj(plt.Text) if re.search("[a-z]", text.get_text())]


def _words(figure):
    return {text.get_text().replace("\n", " ") for text in _texts(figure)}


def test_a_page_shows_one_of_the_two_drawings():
    html = Shown(dots(), CAPTION, ALTERNATIVE)._repr_html_()
    assert html.count("<svg") == 2 and html.count('style="display: none"') == 1
    assert html.index('ltdd-page">') < html.index("<svg") < html.index('ltdd-phone" style="display: none"')


def test_the_same_figure_is_the_same_text():
    assert Shown(dots(), CAPTION, ALTERNATIVE)._repr_html_() == Shown(dots(), CAPTION, ALTERNATIVE)._repr_html_()


def test_photos_keep_their_pixels_and_are_enlarged_as_squares():
    pixels = torch.randint(0, 256, (1, 3, 4, 4), dtype=torch.uint8)
    root = drawing(Shown(plots.image_rows({"row": pixels}), CAPTION, ALTERNATIVE))
    (image,) = root.iter(f"{SVG}image")
    content = Image.open(io.BytesIO(base64.b64decode(image.get("href").partition(",")[2]))).convert("RGB")
    assert content.size == (4, 4) and "pixelated" in image.get("style")
    found = torch.from_numpy(np.array(content)).long()
    shown = pixels[0].permute(1, 2, 0).long()
    assert (found == shown).all() or (found.flip(0) == shown).all()  # drawn from below, and turned by its transform


def test_a_file_of_pixels_brings_them_along(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    page = ET.fromstring(Shown(tmp_path / "a.png", CAPTION, ALTERNATIVE)._repr_html_())
    (image,) = page.iter("img")
    assert image.get("alt") == ALTERNATIVE and "pixelated" in image.get("style")
    assert base64.b64decode(image.get("src").partition(",")[2]) == (tmp_path / "a.png").read_bytes()


def test_no_text_is_smaller_than_nine_points_and_no_figure_wider_than_a_page():
    tails = {name: [100, 10, 1] for name in ("10", "100")}
    drawn = [
        dots(),
        plots.class_counts(tails, ["a", "b", "c"]),
        plots.per_class_accuracy({"x": [[0.1, 0.2, 0.3]] * 2}, COUNTS, ["a", "b", "c"]),
        plots.confusion(torch.eye(3), COUNTS, ["a", "b", "c"]),
        plots.accuracy_by_cost({"x": {"damed": (10, 0.5), "mtt": (20, 0.6)}}),
        plots.curves({"": {"a": ([1, 2], [1, 2]), "b": ([1, 2], [1, 2])}}, "x", "y"),
        plots.tau_search({"p": (0.5, [(0.0, 0.3), (0.5, 0.1)])}, ("p", [[0.9, 0.5, 0.1]] * 2), COUNTS),
        plots.image_rows({"a": torch.rand(2, 1, 3, 3)}, over=["left", "right"]),
    ]
    for figure in drawn:
        sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", _text(figure))]
        sizes += [float(size) for size in re.findall(r"font: ([\d.]+)px", _text(figure))]
        assert sizes and min(sizes) >= 9
        assert figure.get_size_inches()[0] <= 7
    assert plt.get_fignums() == []


def _text(figure):
    return ET.tostring(drawing(Shown(figure, CAPTION, ALTERNATIVE)), encoding="unicode")
