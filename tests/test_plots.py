"""Figures show the numbers they were given, in the order they promise, and leave nothing open behind them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from ltdd_utils import plots

COUNTS, NAMES = [3, 200, 30, 7], ["d", "a", "b", "c"]  # in label order; by count: a, b, c, d
BY_COUNT = [1, 2, 3, 0]
SCORES = [[0.1, 0.9, 0.5, 0.3], [0.3, 0.9, 0.7, 0.3]]


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    assert plt.get_fignums() == []


def test_bars_are_class_means_from_the_most_to_the_least_frequent():
    (axes,) = plots.per_class_accuracy({"x": SCORES}, COUNTS, NAMES).axes
    heights = [bar.get_height() for bar in axes.patches]
    np.testing.assert_allclose(heights, 100 * np.mean(SCORES, axis=0)[BY_COUNT])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["a (200)", "b (30)", "c (7)", "d (3)"]


def test_whiskers_are_one_sample_standard_deviation_and_absent_for_one_student():
    (axes,) = plots.per_class_accuracy({"x": SCORES}, COUNTS, NAMES).axes
    (bars,) = axes.collections
    lengths = [np.ptp(segment[:, 1]) for segment in bars.get_segments()]
    np.testing.assert_allclose(lengths, 200 * np.std(SCORES, axis=0, ddof=1)[BY_COUNT], atol=1e-9)
    (alone,) = plots.per_class_accuracy({"x": SCORES[:1]}, COUNTS, NAMES).axes
    assert not alone.collections


def test_the_confusion_matrix_is_ordered_on_both_sides_and_in_percent_of_its_rows():
    matrix = torch.arange(16.0).reshape(4, 4) + 1
    drawn = plots.confusion(matrix, COUNTS, NAMES).axes[0].images[0].get_array()
    expected = matrix[BY_COUNT][:, BY_COUNT].numpy()
    np.testing.assert_allclose(drawn, 100 * expected / expected.sum(axis=1, keepdims=True))


def test_pictures_are_clamped_and_uint8_and_floats_look_alike():
    pixels = torch.tensor([[[0, 128], [255, 64]]], dtype=torch.uint8).expand(3, 2, 2)[None]
    floats = pixels / 255
    floats[0, 0, 0, 0] = -0.5
    for figure in (plots.image_rows({"row": pixels}), plots.image_rows({"row": floats})):
        shown = next(axes.images[0] for axes in figure.axes if axes.images).get_array()
        np.testing.assert_allclose(shown, (pixels[0] / 255).permute(1, 2, 0).numpy(), atol=1e-6)


def test_texts_stand_over_the_columns():
    figure = plots.image_rows({"a": torch.rand(2, 1, 3, 3), "b": torch.rand(2, 1, 3, 3)}, over=["left", "right"])
    assert [axes.get_title() for axes in figure.axes] == ["left", "right", "", ""]


def test_counts_are_drawn_as_given():
    lines = plots.class_counts({"100": [100, 10, 1], "10": [100, 31, 10]}, ["a", "b", "c"]).axes[0].get_lines()
    assert [list(line.get_ydata()) for line in lines] == [[100, 10, 1], [100, 31, 10]]


def test_every_student_is_a_dot():
    (axes,) = plots.spread_of_students({"one": [0.5, 0.6], "two": [0.7]}).axes
    drawn = [collection.get_offsets()[:, 0].tolist() for collection in axes.collections]
    assert [pytest.approx(values) for values in drawn] == [[50, 60], [70]]


def test_a_number_that_was_never_run_leaves_the_published_one_alone():
    table = pd.DataFrame(
        {"method": ["r", "k"], "paper": [34.4, 16.2], "paper_std": [2, None], "ours": [33, None], "ours_std": None}
    )
    published, ours = (bar.lines[0].get_xdata() for bar in plots.compare_published(table).axes[0].containers)
    np.testing.assert_array_equal(published, [34.4, 16.2])
    np.testing.assert_array_equal(ours, [33, np.nan])


def test_each_stage_is_a_panel_and_each_class_a_line_over_its_epochs():
    values = torch.rand(3, 4)
    first, second = plots.classes_over_epochs(
        {"one": ([0, 5, 9], values), "two": ([0, 1], values[:2])}, COUNTS, "norm"
    ).axes
    for row, label in enumerate(BY_COUNT):
        np.testing.assert_array_equal(first.get_lines()[row].get_xdata(), [0, 5, 9])
        np.testing.assert_allclose(first.get_lines()[row].get_ydata(), values[:, label])
    np.testing.assert_array_equal(second.get_lines()[0].get_xdata(), [0, 1])


def test_a_profile_has_the_mean_of_each_class_from_the_most_to_the_least_frequent():
    (axes,) = plots.class_profiles({"x": SCORES, "alone": SCORES[:1]}, COUNTS, NAMES, "norm").axes
    several, alone = axes.containers
    np.testing.assert_allclose(several.lines[0].get_ydata(), np.mean(SCORES, axis=0)[BY_COUNT])
    assert several.has_yerr and not alone.has_yerr


def test_a_histogram_of_confidence_is_in_percent_of_its_third():
    (axes,) = plots.confidence({"x": {"head": torch.tensor([0.97, 0.99, 0.5]), "tail": torch.tensor([0.1])}}).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert len(heights) == 40
    assert sum(heights[:20]) == pytest.approx(100) and heights[19] == pytest.approx(200 / 3)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["head: mean 0.82", "tail: mean 0.10"]
