"""Primary contrasts: a spread of all methods, intervals that cover, Holm's correction, and no effect."""

import math

import numpy as np
import pytest
from scipy.stats import t as student

from ltdd_utils.analysis import Board, Entry, Scores, holm, primary_contrasts, primary_table, residual
from ltdd_utils.analysis.primary import MOST, Primary
from ltdd_utils.evaluation import DEBIASED, STORED
from ltdd_utils.presets import Cell
from ltdd_utils.recipes import recipe

SEEDS = (0, 1, 2)


def board_of(evaluator=STORED, **methods):
    entries = [Entry(name, evaluator, {}, (), Scores(values, SEEDS[: len(values)])) for name, values in methods.items()]
    return Board(Cell("cifar10", "cpu", 100, 10), "convnet", tuple(entries))


def drawn(rng, methods=5, noise=0.01, seed_effect=0.05):
    means = rng.uniform(0.2, 0.6, (methods, 1))
    return means + rng.normal(0, seed_effect, (1, 3)) + rng.normal(0, noise, (methods, 3))


def test_a_balanced_layout_has_the_textbook_residual():
    values = drawn(np.random.default_rng(0))
    rest = values - values.mean(1, keepdims=True) - values.mean(0, keepdims=True) + values.mean()
    found = residual(Scores(row, SEEDS) for row in values)
    assert found.df == 4 * 2
    assert found.std == pytest.approx(math.sqrt((rest**2).sum() / 8), rel=1e-12)


def test_what_a_seed_does_to_all_and_a_methods_mean_are_not_in_it():
    values = drawn(np.random.default_rng(1))
    moved = values + np.array([[0.3, -0.2, 0.1]]) + np.arange(5)[:, None] / 10
    spreads = [residual(Scores(row, SEEDS) for row in rows).std for rows in (values, moved)]
    assert spreads[0] == pytest.approx(spreads[1], rel=1e-9)


def test_missing_seeds_cost_degrees_of_freedom_and_draws_are_left_out():
    rng = np.random.default_rng(2)
    groups = [Scores(row, SEEDS) for row in drawn(rng)] + [Scores(rng.normal(0.5, 0.01, 2), (0, 2))]
    assert residual(groups).df == 17 - (6 + 3 - 1)
    draws = Scores([0.3, 0.9, 0.5], (0, 0, 0))  # of one seed: no pairs
    assert residual([*groups, draws]) == residual(groups)
    assert residual([Scores([0.3, 0.4], (0, 1))]) is None and residual([]) is None


def test_two_methods_give_the_paired_test():
    """With two methods the residual is that of the pairs: s_d / sqrt(2), n - 1 degrees of freedom."""
    first, second = [0.51, 0.54, 0.56], [0.50, 0.51, 0.55]
    row = primary_table([Primary("x", "a", "b", STORED)], board_of(a=first, b=second)).iloc[0]
    gaps = np.subtract(first, second)
    half = student.ppf(0.975, 2) * gaps.std(ddof=1) / math.sqrt(3)
    assert [row["low"], row["high"]] == pytest.approx([100 * (gaps.mean() - half), 100 * (gaps.mean() + half)])
    assert row["p"] == pytest.approx(2 * student.sf(gaps.mean() / gaps.std(ddof=1) * math.sqrt(3), 2))


def test_intervals_cover_the_truth_as_often_as_they_say():
    """600 layouts of five methods on three seeds; 95 % within three standard errors of a binomial."""
    rng, covered, draws = np.random.default_rng(3), 0, 600
    asked = [Primary("x", "m0", "m1", STORED)]
    for _ in range(draws):
        truth = rng.uniform(-0.1, 0.1)
        noise = rng.normal(0, 0.01, (5, 3)) + rng.normal(0, 0.05, (1, 3))
        noise[0] += truth
        board = board_of(**{f"m{i}": row for i, row in enumerate(noise + 0.5)})
        row = primary_table(asked, board).iloc[0]
        covered += row["low"] <= 100 * truth <= row["high"]
    assert abs(covered / draws - 0.95) < 3 * math.sqrt(0.95 * 0.05 / draws)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    with_a_gap = holm([0.01, math.nan, 0.02])  # what is not run was asked for, too
    assert with_a_gap[::2] == pytest.approx([0.03, 0.04]) and math.isnan(with_a_gap[1])


def test_holm_is_between_the_raw_value_and_bonferronis():
    p = np.random.default_rng(4).uniform(0, 0.2, 10)
    found = np.array(holm(p.tolist()))
    assert (found >= p).all() and (found <= np.minimum(1, 10 * p) + 1e-12).all()
    assert (np.diff(found[p.argsort()]) >= 0).all()


def test_no_effect_is_shown_and_not_the_lack_of_one():
    flat = [0.500, 0.501, 0.502]
    near = {f"m{i}": [value + (-1) ** (i + j) * 0.0004 for j, value in enumerate(flat)] for i in range(6)}
    far = {f"m{i}": [value + (-1) ** (i + j) * 0.02 for j, value in enumerate(flat)] for i in range(6)}
    asked = [Primary("x", "m0", "m1", STORED), Primary("y", "m0", "gone", STORED)]
    assert primary_table(asked, board_of(**near))["verdict"].tolist() == ["within a point", "not run"]
    assert primary_table(asked, board_of(**far))["verdict"].tolist() == ["open", "not run"]
    apart = near | {"m0": [value + 0.05 for value in near["m0"]]}
    assert primary_table(asked, board_of(**apart))["verdict"].tolist() == ["resolved", "not run"]


def test_an_evaluator_has_its_own_spread():
    asked = [Primary("x", "m0", "m1", DEBIASED)]
    rows = {f"m{i}": row for i, row in enumerate(drawn(np.random.default_rng(5)))}
    board, alone = board_of(DEBIASED, **rows), board_of(**{k: v * 1.5 for k, v in rows.items()})
    both = Board(board.where, board.network, board.entries + alone.entries)
    assert primary_table(asked, both).equals(primary_table(asked, board))


def test_the_books_own_are_at_most_ten_of_methods_that_exist(tmp_path):
    found = primary_contrasts()
    assert 0 < len(found) <= MOST
    for one in found:
        assert recipe(f"{one.first}_cifar10") and recipe(f"{one.second}_cifar10")
    line = '[[contrast]]\nname = "{}"\nfirst = "a"\nsecond = "b"\nevaluator = "{}"\n'
    many = tmp_path / "many.toml"
    many.write_text("".join(line.format(n, "stored") for n in range(MOST + 1)))
    with pytest.raises(ValueError, match=r"many.toml names 11 contrasts: give at most 10"):
        primary_contrasts(many)
    many.write_text(line.format("x", "nobody"))
    with pytest.raises(ValueError, match=r"evaluator 'nobody' is not one of stored, plain, debiased"):
        primary_contrasts(many)
