"""The page "How we count": its example is arithmetic, its factors are Student's, and its words hold for its tables."""

import re
from pathlib import Path

import pandas as pd
import pytest

from ltdd_utils.analysis.differences import factor
from ltdd_utils.records import load
from ltdd_utils.report.luck import LEVELS, RECIPES, WAYS, example, luck_tables

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "book" / "counting.md").read_text()
VARIANCE = ROOT / "results" / "variance"


def rows_below(head: str, text: str = PAGE) -> list[list[str]]:
    table = [line for line in text[text.index(head) :].split("\n\n")[0].splitlines()[2:] if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_the_factors_on_the_page_are_those_that_tables_use():
    pairs = [int(word) for word in re.findall(r"\d+", PAGE[PAGE.index("| pairs |") :].splitlines()[0])]
    (row,) = rows_below("| pairs |")
    assert len(pairs) == 6 and [float(word) for word in row[1:]] == [round(factor(n - 1), 2) for n in pairs]


def test_the_example_is_the_arithmetic_that_the_page_describes():
    rows = [[float(cell) for cell in row] for row in rows_below("| seed |")]
    assert len(rows) >= 3
    for _, first, second, difference in rows:
        assert first - second == pytest.approx(difference, abs=0.011)
    apart = pd.Series([row[3] for row in rows])
    needed = factor(len(rows) - 1) * apart.std() / len(rows) ** 0.5
    mean, bound, sign = re.search(r"\*\*\+([\d.]+) ± ([\d.]+) ([●○])\*\*", PAGE).groups()
    assert float(mean) == pytest.approx(apart.mean(), abs=0.01)
    assert float(bound) == pytest.approx(needed, abs=0.03) and sign == ("●" if apart.mean() > needed else "○")


def test_a_pair_of_methods_that_share_no_two_seeds_is_said_to_be_not_run():
    records = load(ROOT / "results", committed_only=True)
    assert example(records[records.seed == 0]) == "Not run: DAM + ED and ED alone have fewer than two seeds in common."


def test_more_repeats_never_show_less():
    for row in zip(*(row[1:] for row in rows_below("| repeats of each method |")), strict=True):
        values = [float(cell) for cell in row]
        assert values == sorted(values, reverse=True)
    assert len(rows_below("| repeats of each method |")) == len(WAYS)


def test_shares_lie_in_their_intervals_and_sum_to_the_whole():
    rows = rows_below("| source of luck |")
    assert [row[0] for row in rows] == list(LEVELS)
    for column in range(2, 2 * len(RECIPES) + 1, 2):
        found = [[int(number) for number in re.findall(r"\d+", row[column])] for row in rows]
        assert all(low <= share <= high for share, low, high in found)
        assert sum(share for share, *_ in found) == pytest.approx(100, abs=2)


def test_words_that_no_longer_hold_are_refused(tmp_path):
    """Where only students differ, the page may not say that they are not the only source of luck."""
    for file in RECIPES.values():
        table = pd.read_csv(VARIANCE / f"{file}.csv", keep_default_na=False)
        table.assign(accuracy=0.8 + 0.01 * table["student"]).to_csv(tmp_path / f"{file}.csv", index=False)
    with pytest.raises(ValueError, match="students may have 100 % of the variance"):
        luck_tables(tmp_path)
