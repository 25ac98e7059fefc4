"""Figures of layers show the numbers they were given, layer by layer, in the same colours in every panel."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ltdd_utils import plots

LAYERS = ["first", "second", "third"]
REPEATS = [[1.0, 2.0, 3.0], [3.0, 2.0, 7.0]]


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    assert plt.get_fignums() == []


def test_a_line_has_the_mean_of_each_layer_and_whiskers_of_one_sample_standard_deviation():
    figure = plots.distances_by_layer({"x": {"several": REPEATS, "alone": REPEATS[:1]}}, LAYERS, "distance")
    (axes,) = figure.axes
    several, alone = axes.containers
    np.testing.assert_allclose(several.lines[0].get_ydata(), [2, 2, 5])
    lengths = [np.ptp(segment[:, 1]) / 2 for segment in several.lines[2][0].get_segments()]
    np.testing.assert_allclose(lengths, np.std(REPEATS, axis=0, ddof=1))
    assert not alone.has_yerr
    np.testing.assert_allclose(alone.lines[0].get_ydata(), REPEATS[0])
    assert [text.get_text() for text in axes.get_xticklabels()] == LAYERS


def test_a_name_has_one_colour_in_all_panels_and_one_entry_in_the_legend():
    figure = plots.distances_by_layer({"one": {"a": REPEATS, "b": REPEATS}, "two": {"b": REPEATS}}, LAYERS, "distance")
    one, two = figure.axes
    assert two.containers[0].lines[0].get_color() == one.containers[1].lines[0].get_color()
    assert one.containers[0].lines[0].get_color() != one.containers[1].lines[0].get_color()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_all_panels_show_the_largest_value_and_zero():
    figure = plots.distances_by_layer({"one": {"a": [[1.0]]}, "two": {"a": [[5.0]]}}, ["only"], "distance")
    for axes in figure.axes:
        assert axes.get_ylim()[0] == 0 and axes.get_ylim()[1] >= 5


def test_the_parts_of_a_layer_stand_on_each_other_and_fill_the_bar():
    parts = {"inside": [3.0, 1.0], "between": [1.0, 3.0]}
    (axes,) = plots.variance_parts({"x": parts}, LAYERS[:2]).axes
    inside, between = axes.containers
    assert [bar.get_height() for bar in inside] == pytest.approx([75, 25])
    assert [bar.get_height() for bar in between] == pytest.approx([25, 75])
    assert [bar.get_y() for bar in inside] == [0, 0] and [bar.get_y() for bar in between] == pytest.approx([75, 25])
