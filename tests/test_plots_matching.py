"""Curves show what they were given: means, one sample standard deviation around them, the same colour everywhere."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ltdd_utils import plots

X, REPEATS = [1, 2, 4], [[1.0, 2.0, 3.0], [3.0, 2.0, 7.0]]


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    assert plt.get_fignums() == []


def test_a_line_is_the_mean_of_its_repeats_in_a_band_of_one_sample_deviation():
    (axes,) = plots.curves({"": {"a": (X, REPEATS)}}, "x", "y").axes
    (line,) = axes.get_lines()
    np.testing.assert_allclose(line.get_xydata(), np.stack([X, np.mean(REPEATS, axis=0)], axis=1))
    corners = axes.collections[0].get_paths()[0].vertices
    spread = np.std(REPEATS, axis=0, ddof=1)
    for position, mean, deviation in zip(X, np.mean(REPEATS, axis=0), spread, strict=True):
        heights = corners[corners[:, 0] == position][:, 1]
        np.testing.assert_allclose([heights.min(), heights.max()], [mean - deviation, mean + deviation])


def test_a_single_run_has_no_band():
    (axes,) = plots.curves({"": {"a": (X, REPEATS[0])}}, "x", "y").axes
    assert not axes.collections
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), REPEATS[0])


def test_a_name_has_one_colour_in_all_panels_and_the_level_is_in_each():
    panels = {"left": {"a": (X, X), "b": (X, X)}, "right": {"b": (X, X), "c": (X, X)}}
    figure = plots.curves(panels, "x", "y", log="xy", level=1.0)
    left, right = figure.axes
    colours = {line.get_label(): line.get_color() for line in left.get_lines()}
    assert {line.get_label(): line.get_color() for line in right.get_lines()}["b"] == colours["b"] != colours["a"]
    assert all(axes.get_lines()[-1].get_ydata()[0] == 1.0 for axes in (left, right))
    assert (left.get_xscale(), left.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in left.get_xticklabels()] == ["1", "2", "4"]
    named = [text.get_text() for text in left.get_yticklabels()]
    assert {"1", "2"} < set(named) and not any("e" in text or "^" in text for text in named)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]
