"""Steps from the plainest control to the full method."""

import pytest
from matplotlib.colors import to_rgba

from ltdd_utils import plots

NAMES = ["start", "up", "nothing", "down", "hollow"]
SCORES = [[0.2, 0.4], [0.5], [], [0.4, 0.42], [0.45]]
POINTS = [float("nan"), 20.0, float("nan"), -9.0, 5.0]


def bars(axes):
    return [patch for patch in axes.patches if patch.get_height() == pytest.approx(0.5)]


def test_a_bar_leads_from_the_last_score_there_is_to_the_next():
    axes = plots.waterfall(NAMES, SCORES, POINTS, [False, True, True, True, False]).axes[0]
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars(axes)]
    assert ends == [pytest.approx(pair) for pair in [(30, 50), (50, 41), (41, 45)]]
    rows = [bar.get_y() + bar.get_height() / 2 for bar in bars(axes)]
    assert rows == pytest.approx([1, 3, 4])
    texts = [text.get_text() for text in axes.texts]
    assert sorted(texts) == ["+20.0", "+5.0", "-9.0", "not run"]  # as judged, where the bars are 20, -9 and 4 long


def test_a_step_that_is_not_resolved_is_hollow_and_directions_have_colours():
    axes = plots.waterfall(NAMES, SCORES, POINTS, [False, True, True, True, False]).axes[0]
    up, down, hollow = bars(axes)
    assert up.get_facecolor() != down.get_facecolor()
    assert hollow.get_facecolor() == to_rgba("white") and hollow.get_edgecolor() == up.get_edgecolor()


def test_no_bar_begins_at_the_frame():
    axes = plots.waterfall(["high", "low", "higher"], [[0.5], [0.3], [0.6]], [0, -20, 30], [True] * 3).axes[0]
    left, right = axes.get_xlim()
    assert left < 30 and right > 60


def test_whiskers_stand_where_there_are_several_pipelines():
    axes = plots.waterfall(NAMES, SCORES, POINTS, [True] * 5).axes[0]
    ends = [
        segment[:, 0] for bar in axes.containers if hasattr(bar, "has_xerr") for segment in bar[2][0].get_segments()
    ]
    assert sorted(float(end.mean()) for end in ends) == pytest.approx([30, 41])
    assert sorted(float(end[1] - end[0]) / 2 for end in ends) == pytest.approx([2**0.5, 20 / 2**0.5])


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="2 names, 1 scores, 2 differences and 2 flags"):
        plots.waterfall(["a", "b"], [[0.1]], [0, 0], [True, True])
    with pytest.raises(ValueError, match="the first row has no score"):
        plots.waterfall(["a", "b"], [[], [0.1]], [0, 0], [True, True])
