"""The arrows from initial to distilled sets."""

import pytest

from ltdd_utils import plots


def test_a_row_has_its_dots_and_an_arrow_between_the_means():
    figure = plots.before_after(["a", "b"], [[0.2, 0.4], [None]], [[0.5, 0.7], [0.6]])
    axes = figure.axes[0]
    dots = [dot for collection in axes.collections for dot in collection.get_offsets().tolist()]
    found = sorted((row, round(percent, 6)) for percent, row in dots)
    assert found == [(0, 20), (0, 40), (0, 50), (0, 70), (1, 60)]
    (arrow,) = [text for text in axes.texts if text.arrow_patch is not None]  # no arrow where no start was scored
    assert arrow.xy == pytest.approx((60, 0)) and arrow.xyann == pytest.approx((30, 0))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
