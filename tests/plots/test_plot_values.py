"""A figure shows the numbers that it was given, where they belong."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from toy_figures import BY_COUNT, COUNTS, LAYERS, LEVELS, NAMES, SCORES, STEP_POINTS, STEP_SCORES, STEPS, step_bars

from ltdd_utils import plots
from ltdd_utils.methods.alignment.initial import select_crops


def test_bars_are_class_means_from_the_most_to_the_least_frequent():
    (axes,) = plots.per_class_accuracy({"x": SCORES}, COUNTS, NAMES).axes
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], 100 * np.mean(SCORES, axis=0)[BY_COUNT])
    assert axes.yaxis_inverted()
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a (200)", "b (30)", "c (7)", "d (3)"]


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


def test_counts_are_drawn_as_given():
    lines = plots.class_counts({"100": [100, 10, 1], "10": [100, 31, 10]}, ["a", "b", "c"]).axes[0].get_lines()
    assert [list(line.get_xdata()) for line in lines] == [[100, 10, 1], [100, 31, 10]]


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
    np.testing.assert_allclose(several.lines[0].get_xdata(), np.mean(SCORES, axis=0)[BY_COUNT])
    assert [round(row) for row in several.lines[0].get_ydata()] == [0, 1, 2, 3] and axes.yaxis_inverted()
    assert several.has_xerr and not alone.has_xerr


def test_a_histogram_of_confidence_is_in_percent_of_its_third():
    (axes,) = plots.confidence({"x": {"head": torch.tensor([0.97, 0.99, 0.5]), "tail": torch.tensor([0.1])}}).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert len(heights) == 40
    assert sum(heights[:20]) == pytest.approx(100) and heights[19] == pytest.approx(200 / 3)
    assert axes.get_title() == "x\nmeans: head 0.82, tail 0.10"


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


def test_a_row_has_its_dots_and_an_arrow_between_the_means():
    figure = plots.before_after(["a", "b"], [[0.2, 0.4], [None]], [[0.5, 0.7], [0.6]])
    axes = figure.axes[0]
    dots = [dot for collection in axes.collections for dot in collection.get_offsets().tolist()]
    found = sorted((row, round(percent, 6)) for percent, row in dots)
    assert found == [(0, 20), (0, 40), (0, 50), (0, 70), (1, 60)]
    (arrow,) = [text for text in axes.texts if text.arrow_patch is not None]  # no arrow where no start was scored
    assert arrow.xy == pytest.approx((60, 0)) and arrow.xyann == pytest.approx((30, 0))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_every_pipeline_is_a_dot_in_its_method_and_series():
    figure = plots.side_by_side(["a", "b"], {"x": [[0.5, 0.7], []], "y": [[0.6], [0.2]]}, {"teacher": 0.9})
    axes = figure.axes[0]
    dots = [dot for collection in axes.collections for dot in collection.get_offsets().tolist()]
    assert sorted((round(y), round(x, 6)) for x, y in dots if y == y) == [(0, 50), (0, 60), (0, 70), (1, 20)]
    lines = [line for line in axes.lines if line.get_label() == "teacher"]
    assert lines[0].get_xdata() == [pytest.approx(90)] * 2


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


def test_every_score_is_a_dot_in_its_row_and_a_line_joins_the_scores_of_a_set():
    rows = [dict(zip(LEVELS, name, strict=True)) for name in itertools.product(range(3), range(2), range(2), range(2))]
    table = pd.DataFrame(rows).assign(accuracy=[0.5 + 0.01 * number for number in range(24)])
    axes = plots.nested_scores(table, LEVELS).axes[0]
    dots = [dot for collection in axes.collections for dot in collection.get_offsets().tolist()]
    assert sorted((round(y), round(x, 6)) for x, y in dots) == [(n // 8, 50 + n) for n in range(24)]
    lines = sorted(tuple(line.get_xdata()) for line in axes.lines)
    assert lines == [pytest.approx((50 + 2 * n, 51 + 2 * n)) for n in range(12)]
    assert len({y for _, y in dots}) == 12  # no two sets lie on each other
    assert [label.get_text() for label in axes.get_yticklabels()] == ["subset 0", "subset 1", "subset 2"]


def test_a_bar_is_cut_into_its_shares_from_left_to_right():
    found = {
        "a": pd.DataFrame({"share": [0.5, 0.0, 0.47, 0.03]}, index=LEVELS),
        "b": pd.DataFrame({"share": [0.25] * 4}, index=LEVELS),
    }
    axes = plots.variance_shares(found).axes[0]
    parts = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    assert parts[:4] == [pytest.approx(part) for part in ((0, 50), (50, 0), (50, 47), (97, 3))]
    assert parts[4:] == [pytest.approx((25 * level, 25)) for level in range(4)]
    assert [text.get_text() for text in axes.texts] == ["50", "47", *["25"] * 4]  # too narrow a part says nothing


def test_a_bar_leads_from_the_last_score_there_is_to_the_next():
    axes = plots.waterfall(STEPS, STEP_SCORES, STEP_POINTS, [False, True, True, True, False]).axes[0]
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in step_bars(axes)]
    assert ends == [pytest.approx(pair) for pair in [(30, 50), (50, 41), (41, 45)]]
    rows = [bar.get_y() + bar.get_height() / 2 for bar in step_bars(axes)]
    assert rows == pytest.approx([1, 3, 4])
    texts = [text.get_text() for text in axes.texts]
    assert sorted(texts) == ["+20.0", "+5.0", "-9.0", "not run"]  # as judged, where the step_bars are 20, -9 and 4 long


def test_no_bar_begins_at_the_frame():
    axes = plots.waterfall(["high", "low", "higher"], [[0.5], [0.3], [0.6]], [0, -20, 30], [True] * 3).axes[0]
    left, right = axes.get_xlim()
    assert left < 30 and right > 60


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
        np.testing.assert_array_equal(found[..., 0], expected[0])
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


def test_students_stand_at_their_teachers_and_a_line_ends_at_the_last_of_them():
    full, hollow = {"edc": [(40, 31), (60, 50)]}, {"edc": [(64, 55)]}
    (axes,) = plots.dose_response(full, {"edc": (0.9, -4.0)}, hollow=hollow).axes
    drawn = [dots.get_offsets().tolist() for dots in axes.collections]
    assert drawn == [[[40, 31], [60, 50]], [[64, 55]]]
    line, diagonal = axes.get_lines()
    np.testing.assert_allclose(line.get_xydata(), [[40, 32], [64, 53.6]])
    assert (diagonal.get_xdata() == diagonal.get_ydata()).all()


def test_rows_of_images_come_back_from_their_file_with_their_texts(tmp_path):
    rows = {name: torch.randint(0, 256, (4, 3, 5, 5), dtype=torch.uint8) for name in ("before", "after")}
    plots.save_rows(tmp_path / "a.png", rows, ["w", "x", "y", "z"])
    found, over = plots.read_rows(tmp_path / "a.png")
    assert list(found) == list(rows) and over == ["w", "x", "y", "z"]
    assert all(torch.equal(found[name], rows[name]) for name in rows)


def test_a_picture_that_does_not_name_its_rows_is_refused(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="does not name its rows; write it with"):
        plots.read_rows(tmp_path / "a.png")
