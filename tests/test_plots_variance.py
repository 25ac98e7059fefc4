"""The scores of a nested design, and the shares of its levels."""

import itertools

import pandas as pd
import pytest

from ltdd_utils import plots

LEVELS = ("subset", "experts", "distillation", "student")


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
