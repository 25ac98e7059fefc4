"""The figures of paper 2's stages say what they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import same_color

from ltdd_utils import plots
from ltdd_utils.methods.alignment.initial import select_crops
from ltdd_utils.plots.style import OURS, THIRDS


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    assert plt.get_fignums() == []


def test_a_row_has_its_image_and_its_crops_best_first_and_chosen_ones_are_framed():
    draw = torch.Generator().manual_seed(0)
    scores = torch.tensor([[0.2, 0.9, 0.5], [0.6, 0.1, 0.3]]).log()
    images, crops = torch.rand(2, 1, 4, 4, generator=draw), torch.rand(2, 3, 1, 4, 4, generator=draw)
    axes = plots.crop_rounds(images, crops, scores, select_crops(scores, 3)).axes
    titles = np.array([a.get_title() for a in axes]).reshape(2, 4)
    assert titles.tolist() == [["", "0.90  (no. 1)", "0.50  (no. 3)", "0.20"], ["", "0.60  (no. 2)", "0.30", "0.10"]]
    framed = np.array([a.spines["left"].get_visible() for a in axes]).reshape(2, 4)
    assert framed.tolist() == [[False, True, True, False], [False, True, False, False]]
    shown = [np.asarray(a.images[0].get_array()) for a in axes[:3]]
    for found, expected in zip(shown, (images[0], crops[0, 1], crops[0, 2]), strict=True):
        np.testing.assert_array_equal(found, expected[0])
    assert [a.get_xlabel() for a in axes[4:]] == ["image", "round 1", "round 2", "round 3"]


def test_a_crop_that_is_taken_twice_shows_its_first_place():
    scores = torch.tensor([[0.5]]).log()
    figure = plots.crop_rounds(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 1, 2, 2), scores, select_crops(scores, 3))
    assert figure.axes[1].get_title() == "0.50  (no. 1)"


def test_an_arrow_goes_from_the_distance_before_to_the_one_after():
    panels = {"all": {"a": (2.0, 1.0), "b": (8.0, 0.5)}, "classes": {"b": (4.0, 3.0), "a": (5.0, 6.0)}}
    left, right = plots.layer_distances(panels, "distance").axes
    for axes, rows in ((left, [(2.0, 1.0), (8.0, 0.5)]), (right, [(5.0, 6.0), (4.0, 3.0)])):
        arrows = [text for text in axes.texts if text.arrow_patch is not None]
        assert [(arrow.xyann, arrow.xy) for arrow in arrows] == [
            ((before, row), (after, row)) for row, (before, after) in enumerate(rows)
        ]
        assert axes.get_xscale() == "log"
    assert [label.get_text() for label in left.get_yticklabels()] == ["a", "b"]


def test_the_search_marks_what_was_chosen_and_draws_classes_in_the_colours_of_their_thirds():
    pairs = [(0.0, 0.3), (0.5, 0.1), (1.0, 0.2)]
    values = [[0.9, 0.5, 0.1], [0.8, 0.6, 0.5], [0.3, 0.4, 0.9]]
    left, right = plots.tau_search({"p": (0.5, pairs), "q": (0.0, pairs)}, ("p", values), [9, 1, 3]).axes
    np.testing.assert_allclose(left.get_lines()[0].get_xydata(), pairs)
    assert [dots.get_offsets().tolist() for dots in left.collections] == [[[0.5, 0.1]], [[0.0, 0.3]]]
    *classes, dashed = right.get_lines()
    assert dashed.get_xdata()[0] == 0.5
    for line, (label, third) in zip(classes, [(0, "head"), (2, "mid"), (1, "tail")], strict=True):
        np.testing.assert_allclose(line.get_ydata(), [row[label] for row in values])
        assert same_color(line.get_color(), THIRDS[third])


def test_colours_of_before_and_after_are_those_of_the_book():
    (axes,) = plots.layer_distances({"": {"a": (2.0, 1.0)}}, "distance").axes
    before, after = axes.collections[:2]
    assert same_color(after.get_facecolor()[0], OURS) and same_color(before.get_facecolor()[0], "white")
