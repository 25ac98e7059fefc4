"""Cost against accuracy: a dot per method, with a name that hides nothing."""

import pytest

from ltdd_utils import plots


def test_a_dot_per_method_and_its_name():
    figure = plots.accuracy_by_cost({"x": {"a": (10, 0.5), "b": (100, 0.7)}, "empty": {}, "y": {"a": (1000, 0.2)}})
    (axes,) = figure.axes
    dots = [tuple(dot) for collection in axes.collections for dot in collection.get_offsets().tolist()]
    assert sorted(dots) == [(10, pytest.approx(50)), (100, pytest.approx(70)), (1000, pytest.approx(20))]
    assert axes.get_xscale() == "log"
    assert sorted((text.get_text(), text.xy) for text in axes.texts) == [
        ("a", (10, pytest.approx(50))),
        ("a", (1000, pytest.approx(20))),
        ("b", (100, pytest.approx(70))),
    ]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["x", "empty", "y"]


def test_names_of_dots_that_lie_together_do_not_overlap():
    figure = plots.accuracy_by_cost({"x": {f"method {n}": (100 + n, 0.5) for n in range(4)}, "y": {"far": (1, 0.1)}})
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(first.overlaps(second) for i, first in enumerate(boxes) for second in boxes[:i])


def test_a_cost_of_nothing_is_refused():
    with pytest.raises(ValueError, match="free: 0 s has no place on a logarithmic axis"):
        plots.accuracy_by_cost({"x": {"free": (0, 0.5)}})
