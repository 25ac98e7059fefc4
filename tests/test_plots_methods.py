"""Methods side by side, and differences with what could have been seen."""

import pytest

from ltdd_utils import plots


def test_every_pipeline_is_a_dot_in_its_method_and_series():
    figure = plots.side_by_side(["a", "b"], {"x": [[0.5, 0.7], []], "y": [[0.6], [0.2]]}, {"teacher": 0.9})
    axes = figure.axes[0]
    dots = [dot for collection in axes.collections for dot in collection.get_offsets().tolist()]
    assert sorted((round(y), round(x, 6)) for x, y in dots if y == y) == [(0, 50), (0, 60), (0, 70), (1, 20)]
    lines = [line for line in axes.lines if line.get_label() == "teacher"]
    assert lines[0].get_xdata() == [pytest.approx(90)] * 2


def test_a_difference_is_coloured_only_if_it_is_resolved():
    axes = plots.differences(["a", "b", "c"], [3.0, -1.0, 9.0], [2.0, 2.0, None]).axes[0]
    bars = [patch for patch in axes.patches if patch.get_height() == pytest.approx(0.55)]
    assert [bar.get_width() for bar in bars] == [3.0, -1.0, 9.0]
    first, second, third = (bar.get_facecolor() for bar in bars)
    assert first != second == third
    ranges = [tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2]
    assert (-2.0, 2.0) in ranges
