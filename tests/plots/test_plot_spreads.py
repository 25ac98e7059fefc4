"""Whiskers and bands are one sample standard deviation, or an interval; a single number has none."""

import numpy as np
import pytest
from toy_figures import (
    BY_COUNT,
    COUNTS,
    LAYERS,
    NAMES,
    REPEATS,
    SCORES,
    STEP_POINTS,
    STEP_SCORES,
    STEPS,
    X,
    cell_runs,
    lines_by_colour,
)

from ltdd_utils import plots


def test_a_bar_has_a_dot_for_each_of_several_students():
    (axes,) = plots.per_class_accuracy({"x": SCORES}, COUNTS, NAMES).axes
    (dots,) = axes.collections
    expected = [(100 * scores[label], row) for scores in SCORES for row, label in enumerate(BY_COUNT)]
    np.testing.assert_allclose(dots.get_offsets(), expected)
    (alone,) = plots.per_class_accuracy({"x": SCORES[:1]}, COUNTS, NAMES).axes
    assert not alone.collections


def test_a_line_per_method_with_whiskers_over_pipelines_alone(tmp_path):
    figure = plots.accuracy_by("imbalance_factor", cell_runs(tmp_path))
    (axes,) = figure.axes
    kcenter, random = lines_by_colour(axes).values()
    assert random[0] == [10, 100] and random[1] == pytest.approx([35, 20])
    assert random[2] == [pytest.approx(np.std([30, 40], ddof=1)), None]  # a single pipeline has no spread
    assert kcenter == ([100], [pytest.approx(25)], [None])
    assert axes.get_xscale() == "log" and axes.get_title() == "CIFAR-10-LT, IPC 10\nthis book, scale paper"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["10", "100"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["k-center", "random real images"]


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


def test_whiskers_stand_where_there_are_several_pipelines():
    axes = plots.waterfall(STEPS, STEP_SCORES, STEP_POINTS, [True] * 5).axes[0]
    ends = [
        segment[:, 0] for bar in axes.containers if hasattr(bar, "has_xerr") for segment in bar[2][0].get_segments()
    ]
    assert sorted(float(end.mean()) for end in ends) == pytest.approx([30, 41])
    assert sorted(float(end[1] - end[0]) / 2 for end in ends) == pytest.approx([2**0.5, 20 / 2**0.5])


def test_a_difference_is_coloured_only_if_its_interval_does_not_reach_zero():
    figure = plots.differences(["a", "b", "c"], [3.0, -1.0, 9.0], [2.0, 2.0, None])
    axes = figure.axes[0]
    dots = [container.lines[0] for container in axes.containers]
    assert [dot.get_xdata().item() for dot in dots] == [3.0, -1.0, 9.0]
    first, second, third = (dot.get_color() for dot in dots)
    assert first != second == third and [dot.get_markerfacecolor() == "none" for dot in dots] == [False, False, True]
    ranges = [bar.get_segments()[0][:, 0].tolist() for c in axes.containers for bar in c.lines[2]]
    assert ranges == [[1.0, 5.0], [-3.0, 1.0]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["resolved", "not resolved", "one pipeline"]
