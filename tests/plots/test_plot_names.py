"""Names and colours: one of each for one thing, the same in every panel, none that hides another."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import same_color, to_rgba
from toy_figures import (
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
    step_bars,
)

from ltdd_utils import plots
from ltdd_utils.plots.style import OURS, PAPER, THIRDS, looks


def test_texts_stand_over_the_columns():
    figure = plots.image_rows({"a": torch.rand(2, 1, 3, 3), "b": torch.rand(2, 1, 3, 3)}, over=["left", "right"])
    (axes,) = figure.axes
    over = [(tick.get_position()[0], tick.get_text()) for tick in axes.get_xticklabels()]
    middles = [sum(image.get_extent()[:2]) / 2 for image in axes.images]
    assert over == [(middles[0], "left"), (middles[1], "right")] and middles[2:] == middles[:2]


def test_published_numbers_stand_in_a_panel_of_their_own_in_the_methods_colours(tmp_path):
    target = {"paper": "p", "dataset": "cifar10", "ipc": 10, "std": 0.5}
    cells = [("random", 10, 32.5), ("datm", 10, 57.2), ("datm", 200, np.nan), ("random", 200, 30.0)]
    rows = [{**target, "method": method, "imbalance_factor": factor, "mean": mean} for method, factor, mean in cells]
    figure = plots.accuracy_by("imbalance_factor", cell_runs(tmp_path), pd.DataFrame(rows))
    ours, published = map(lines_by_colour, figure.axes)
    (shared,) = set(ours) & set(published)
    assert ours[shared][0] == [10, 100] and published[shared] == ([10, 200], [32.5, 30.0], pytest.approx([0.5, 0.5]))
    (datm,) = (values for colour, values in published.items() if colour != shared)
    assert datm[1] == pytest.approx([57.2, np.nan], nan_ok=True)


def test_the_same_over_images_per_class(tmp_path):
    table = cell_runs(tmp_path, repeated=False).query("method == 'random'").assign(imbalance_factor=50, ipc=[1, 10])
    (axes,) = plots.accuracy_by("ipc", table).axes
    ((places, _, _),) = lines_by_colour(axes).values()
    assert places == [1, 10] and axes.get_xlabel() == "images per class"
    assert axes.get_title() == "CIFAR-10-LT, IF 50\nthis book, scale paper"
    with pytest.raises(ValueError, match="random has two numbers at IPC 1; give those of one setting"):
        plots.accuracy_by("ipc", pd.concat([table, table.iloc[:1]]))
    with pytest.raises(ValueError, match="the rows have 2 values of 'imbalance_factor'; give those of one"):
        plots.accuracy_by("ipc", table.assign(imbalance_factor=[10, 100]))


def test_names_of_dots_that_lie_together_do_not_overlap():
    figure = plots.accuracy_by_cost({"x": {f"method {n}": (100 + n, 0.5) for n in range(4)}, "y": {"far": (1, 0.1)}})
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(first.overlaps(second) for i, first in enumerate(boxes) for second in boxes[:i])


def test_a_name_has_one_colour_in_all_panels_and_the_level_is_in_each():
    panels = {"left": {"a": (X, X), "b": (X, X)}, "right": {"b": (X, X), "c": (X, X)}}
    figure = plots.curves(panels, "x", "y", log="xy", level=1.0)
    left, right = figure.axes
    colours = {line.get_label(): line.get_color() for line in left.get_lines()}
    assert {line.get_label(): line.get_color() for line in right.get_lines()}["b"] == colours["b"] != colours["a"]
    assert all(axes.get_lines()[-1].get_ydata()[0] == 1.0 for axes in (left, right))
    assert (left.get_xscale(), left.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in left.get_xticklabels()] == ["1", "2", "4"]
    named = [text.get_text() for text in left.get_yticklabels()]
    assert {"1", "2"} < set(named) and not any("e" in text or "^" in text for text in named)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]


def test_a_series_has_one_colour_in_all_panels_and_one_entry_in_the_legend():
    figure = plots.distances_by_layer({"one": {"a": REPEATS, "b": REPEATS}, "two": {"b": REPEATS}}, LAYERS, "distance")
    one, two = figure.axes
    assert two.containers[0].lines[0].get_color() == one.containers[1].lines[0].get_color()
    assert one.containers[0].lines[0].get_color() != one.containers[1].lines[0].get_color()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_a_step_that_is_not_resolved_is_hollow_and_directions_have_colours():
    axes = plots.waterfall(STEPS, STEP_SCORES, STEP_POINTS, [False, True, True, True, False]).axes[0]
    up, down, hollow = step_bars(axes)
    assert up.get_facecolor() != down.get_facecolor()
    assert hollow.get_facecolor() == to_rgba(PAPER) and hollow.get_edgecolor() == up.get_edgecolor()


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
    assert same_color(after.get_facecolor()[0], OURS) and same_color(before.get_facecolor()[0], PAPER)


def test_a_line_that_others_cover_is_wider_than_they_are():
    values = np.array([1.0, 2.0, 3.0])
    lines = {"below": (X, values), "above": (X, values + 1e-6), "apart": (X, values[::-1])}
    (axes,) = plots.curves({"": lines}, "x", "y").axes
    below, above, apart = (line.get_linewidth() for line in axes.get_lines())
    assert below > above == apart


def test_a_method_has_its_colour_in_code_in_words_and_with_more_words():
    found = looks(["damed", "DAM + ED, before", "DAM + ED, after", "something else"])
    colours = [colour for colour, _ in found.values()]
    assert colours[0] == colours[1] == colours[2] != colours[3]
    assert len(set(found.values())) == 4


def test_a_legend_of_long_names_stays_inside_the_figure():
    names = [
        "DATM, initial set",
        "DATM, matched",
        "both with ED, initial set",
        "ED alone, matched",
        "DAM + ED, matched",
    ]
    figure = plots.class_profiles({name: SCORES for name in names}, COUNTS, NAMES, "accuracy, %")
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width
