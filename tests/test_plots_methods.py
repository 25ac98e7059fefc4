"""Methods side by side, and differences with their intervals."""

import pytest

from ltdd_utils import plots


def test_every_pipeline_is_a_dot_in_its_method_and_series():
    figure = plots.side_by_side(["a", "b"], {"x": [[0.5, 0.7], []], "y": [[0.6], [0.2]]}, {"teacher": 0.9})
    axes = figure.axes[0]
    dots = [dot for collection in axes.collections for dot in collection.get_offsets().tolist()]
    assert sorted((round(y), round(x, 6)) for x, y in dots if y == y) == [(0, 50), (0, 60), (0, 70), (1, 20)]
    lines = [line for line in axes.lines if line.get_label() == "teacher"]
    assert lines[0].get_xdata() == [pytest.approx(90)] * 2


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
