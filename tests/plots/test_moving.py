"""Figures that a reader moves: whole in themselves, a still without scripts, every state where the slider says."""

import base64
import io
import json
import re
from html import unescape

import pytest
import torch
from PIL import Image

from ltdd_utils import notebook
from ltdd_utils.plots.axes import Axis, Panel
from ltdd_utils.plots.film import strip
from ltdd_utils.plots.moving import Control, address, moving

STATES = [torch.full((2, 1, 4, 4), level, dtype=torch.uint8) for level in (0, 80, 200)]
TOLD = ["start", "after 5", "after 10 </script> \"&'"]
STILL = address(b"x", "png")


def player(element: str) -> str:
    """The HTML that the script puts in the place of the still."""
    return json.loads(re.search(r', (".*")\);</script>', element)[1])


def images(html: str) -> list[Image.Image]:
    found = re.findall(r"data:image/\w+;base64,([\w+/=]+)", html)
    return [Image.open(io.BytesIO(base64.b64decode(code))).convert("L") for code in found]


def test_a_strip_has_the_states_below_each_other_and_their_images_side_by_side():
    image = Image.open(io.BytesIO(strip(STATES))).convert("L")
    assert image.size == (8, 12)
    assert [image.getpixel((5, y)) for y in (1, 5, 9)] == [0, 80, 200], "in grey nothing is lost"
    colour = Image.open(io.BytesIO(strip([torch.rand(3, 3, 8, 8) for _ in range(5)])))
    assert (colour.mode, colour.size) == ("RGB", (24, 40))


def test_a_film_is_whole_in_itself_and_has_a_still_outside_of_its_script():
    film = notebook.film({"first": STATES, "second": STATES}, TOLD, ("loss", [3.0, 1.0, float("nan")]), over=["a", "b"])
    assert film._repr_html_() == film and "start" in repr(film) and len(repr(film)) < 300
    outside, _, inside = film.partition("<script>")
    assert "<input" not in outside and "<button" not in outside and len(images(outside)) == 1
    assert inside.count("</script>") == 1, "a caption must not end the script"
    assert not re.search(r"(?:src|href)=.?.?(?:https?:|//)|url\(|@import|fetch\(", film)
    html = player(film)
    assert [image.size for image in images(html)] == [(8, 12)] * 2
    assert re.findall(r"<span>(\w+)</span>", html) == ["a", "b", "first", "second"]
    assert re.findall(r"--images: (\d+)", html) == ["2", "2"], "a gap beside each image"
    assert json.loads(unescape(re.search(r'data-states="([^"]*)"', html)[1])) == TOLD
    (places,) = re.findall(r'data-points="([^"]*)"', html)
    points = [tuple(map(float, point.split(","))) for point in places.split(" ")]
    assert points[0][0] < points[1][0] < points[2][0] and points[0][1] < points[1][1] == points[2][1]


def test_a_slider_can_be_named_and_reached_by_who_sees_no_figure():
    html = player(notebook.film(STATES, TOLD))
    assert re.search(r'<input type="range" min="0" max="2" [^>]*aria-label="\w', html)
    assert '<button type="button">' in html and "tabindex" not in html and "outline" in html


def test_only_a_film_that_shall_begins_by_itself():
    head = [notebook.film(STATES, TOLD, auto=auto).partition(">")[0] for auto in (False, True)]
    assert ["data-auto" in text for text in head] == [False, True]
    assert "prefers-reduced-motion" in notebook.film(STATES, TOLD)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="3 states and 2 captions"):
        notebook.film(STATES, TOLD[:2])
    with pytest.raises(ValueError, match="2 values of loss and 3 captions"):
        notebook.film(STATES, TOLD, ("loss", [1.0, 2.0]))
    with pytest.raises(ValueError, match="3 texts for 4 states"):
        moving(STILL, "", [Control("a", "xy"), Control("b", "xy")], TOLD, alternative="")


def test_a_list_to_choose_from_begins_where_it_shall():
    element = moving(STILL, "", [Control("judge", ["one", "two"], at=1, choose=True)], ["1", "2"], alternative="x")
    assert "<option>one</option><option selected>two</option>" in player(element)


def test_axes_put_values_where_they_belong():
    panel = Panel(Axis(1, 100, [1, 10, 100], log=True), Axis(0, 2, {0: "none", 2: "all"}), height=200)
    (left, low), (middle, half), (right, high) = (panel.at(*at) for at in ((1, 0), (10, 1), (100, 2)))
    assert middle - left == pytest.approx(right - middle) and low - half == pytest.approx(half - high)
    assert left < right and high < low
    assert panel.at(1e6, 5) == (right, high) and panel.at(0, -1) == (left, low), "what is outside stays at the end"
    assert ">none<" in panel.frame() and ">10<" in panel.frame()
    assert panel.line([1, 10, 50, 100], [0, 1, float("nan"), 2], "red").count("M") == 2
