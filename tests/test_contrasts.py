"""When a difference of two methods may be claimed."""

import math
from dataclasses import replace

import pandas as pd
import pytest
import torch
from scipy import stats

from ltdd_utils import analysis
from ltdd_utils.analysis import Scores, Spread, contrast, contrasts
from ltdd_utils.analysis.differences import factor
from ltdd_utils.core.seeds import generator


def scores(n, seeds=None, *, name="scores", shift=0.0):
    values = [0.5 + shift + 0.02 * value for value in torch.randn(n, generator=generator(0, name)).tolist()]
    return values if seeds is None else Scores(values, seeds)


@pytest.mark.parametrize("df", [1, 1.5, 2, 3, 10, 30.2, 60, 61, 100, 1e6])
def test_what_is_needed_is_students_quantile_and_never_below_two_standard_errors(df):
    """The quantile falls to 1.96; from about 60 degrees of freedom on, two standard errors are asked for."""
    assert factor(df) == pytest.approx(max(2.0, stats.t.ppf(0.975, df)))
    assert (factor(df) == 2.0) == (df > 60.5)


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.2])
def test_runs_of_one_seed_are_compared_in_pairs(shift):
    """Student's test of the differences, whatever the order of the seeds; and never below two standard errors."""
    first, second = scores(4, [0, 1, 2, 3], name="first", shift=shift), scores(4, [3, 2, 1, 0], name="second")
    test = stats.ttest_rel(first, second[::-1])
    found = contrast(first, second)
    assert found.by == "of pairs" and found.difference == pytest.approx(sum(first) / 4 - sum(second) / 4)
    assert found.difference / found.standard_error == pytest.approx(test.statistic)
    assert found.needed == pytest.approx(stats.t.ppf(0.975, 3) * found.standard_error)
    assert found.resolved == (test.pvalue < 0.05)


def test_what_an_expert_adds_to_both_methods_of_a_seed_does_not_count():
    luck = [0.0, 0.1, -0.05]
    first = Scores([0.51 + value for value in luck], [0, 1, 2])
    second = Scores([0.50 + value + tiny for value, tiny in zip(luck, (0, 1e-4, -1e-4), strict=True)], [0, 1, 2])
    assert contrast(first, second).resolved and not contrast(list(first), list(second)).resolved


@pytest.mark.parametrize(("counts", "shift"), [((2, 2), 0.05), ((3, 5), 0.03), ((6, 2), 0.0)])
def test_methods_without_shared_seeds_are_compared_by_their_means(counts, shift):
    """Welch's test; draws of one seed are no pairs either."""
    first, second = scores(counts[0], name="first", shift=shift), scores(counts[1], name="second")
    test = stats.ttest_ind(first, second, equal_var=False)
    for other in (second, Scores(second, [0] * counts[1]), Scores(second, range(10, 10 + counts[1]))):
        found = contrast(Scores(first, range(counts[0])), other)
        assert found.by == "of both" and found.difference / found.standard_error == pytest.approx(test.statistic)
        k = max(2.0, stats.t.ppf(0.975, test.df))
        assert found.needed == pytest.approx(k * found.standard_error)


def test_a_single_pipeline_takes_the_spread_of_its_peers_and_is_held_against_its_own_seed():
    peers = Spread(0.01, 8)
    many, one = Scores([0.5, 0.6, 0.7], [0, 1, 2]), Scores([0.55], [1])
    assert contrast(one, many) == analysis.Contrast(pytest.approx(-0.05), None, None, False, "", (1, 1), True)
    kin = [replace(values, fallback=peers) for values in (one, many)]
    other = replace(peers, source="elsewhere")
    far = [replace(values, fallback=other) for values in (one, many)]
    for found, by in ((contrast(*kin), "of peers"), (contrast(*far), "elsewhere")):
        assert found.difference == pytest.approx(-0.05) and found.by == by and found.resolved
        assert found.standard_error == pytest.approx(0.01 * math.sqrt(2))
        assert found.needed == pytest.approx(stats.t.ppf(0.975, 8) * 0.01 * math.sqrt(2))


def test_each_method_takes_the_spread_of_its_own_peers():
    """Two evaluators, two spreads: their variances add, and the degrees of freedom are Satterthwaite's."""
    first, second = Scores([0.5], [0], Spread(0.03, 10)), Scores([0.4], [0], Spread(0.04, 20))
    found, df = contrast(first, second), 0.05**4 / (0.03**4 / 10 + 0.04**4 / 20)
    assert found.by == "of peers" and found.standard_error == pytest.approx(0.05)
    assert found.needed == pytest.approx(stats.t.ppf(0.975, df) * 0.05)
    assert contrast(first, Scores([0.4], [0], Spread(0.04, 20, "elsewhere"))).by == "elsewhere"
    assert contrast(first, Scores([0.4], [0])).by == ""


def test_many_draws_keep_their_own_spread_beside_a_single_pipeline():
    draws, one = Scores([0.3, 0.34, 0.26], [0, 0, 0], Spread(0.001, 30)), Scores([0.5], [0], Spread(0.01, 8))
    found = contrast(one, draws)
    assert found.standard_error == pytest.approx(math.sqrt(0.01**2 + 0.04**2 / 3)) and found.by == "of peers"
    assert found.counts == (1, 3) and not found.paired


def test_three_pairs_speak_for_themselves():
    first, second = Scores([0.5, 0.6, 0.7], [0, 1, 2]), Scores([0.4, 0.5, 0.61], [0, 1, 2])
    wide = Spread(0.5, 8, "elsewhere")
    held = [replace(values, fallback=wide) for values in (first, second)]
    assert contrast(*held) == contrast(first, second)
    unpaired = [Scores(values, [0] * 3, wide) for values in (second, first)]
    assert contrast(*unpaired) == contrast(list(second), list(first))
    two = contrast(Scores(first[:2], [0, 1], wide), held[1])
    assert two.by == "elsewhere" and two.standard_error == pytest.approx(0.5) and not two.resolved


def test_a_spread_is_pooled_over_methods():
    """Around each method's own mean, weighted by degrees of freedom; single pipelines and draws say nothing."""
    groups = [Scores([0.1, 0.3], [0, 1]), Scores([0.7, 0.8, 0.9], [0, 1, 2]), Scores([0.0], [0])]
    draws = [Scores([0.0, 1.0], [0, 0]), [0.0, 1.0]]
    assert analysis.spread(groups + draws) == Spread(pytest.approx(math.sqrt((0.02 + 0.02) / 3)), 3)
    assert analysis.spread(draws) is None


def test_a_method_that_was_not_run_has_no_contrast():
    with pytest.raises(ValueError, match="1 and 0 pipelines"):
        contrast([0.5], [])
    with pytest.raises(ValueError, match="2 accuracies have 1 seeds"):
        Scores([0.5, 0.6], [0])


def test_contrasts_say_what_is_resolved_and_what_was_not_run():
    many = Scores([0.5, 0.52], [0, 1])
    pairs = {
        ("a", "b"): (many, Scores([0.4, 0.421], [0, 1])),
        ("a", "c"): (many, Scores([0.1], [0])),
        ("a", "d"): (many, []),
        ("a", "e"): ([0.5, 0.52], [0.5, 0.53, 0.51]),
    }
    table = contrasts(pairs)
    assert table.index.tolist() == list(pairs)
    assert table.verdict.tolist() == ["resolved", "not resolved", "not run", "not resolved"]
    assert table.n.tolist() == ["2 pairs", "1 pair", "", "2, 3"]
    assert table.spread.tolist() == ["of pairs", "", "", "of both"]
    assert table.points.iloc[:2].tolist() == pytest.approx([9.95, 40])
    assert table.needed.iloc[0] == pytest.approx(stats.t.ppf(0.975, 1) * 0.05)
    assert table.needed.iloc[1:3].isna().all() and pd.isna(table.points.iloc[2])
    other = Spread(0.01, 4, "elsewhere")
    seen = {name: [Scores(one, getattr(one, "seeds", ()), other) for one in two] for name, two in pairs.items()}
    far = contrasts(seen)
    assert far.spread.tolist() == ["elsewhere", "elsewhere", "", "elsewhere"]
    assert far.verdict.tolist() == ["resolved", "resolved", "not run", "not resolved"]
    assert far.points.equals(table.points) and far.n.equals(table.n)


def test_a_step_is_held_against_the_last_one_that_was_run():
    table = analysis.stepwise({"start": [0.3], "not run": [], "next": [0.5], "last": [0.45]})
    assert table.verdict.tolist() == ["start", "not run", "not resolved", "not resolved"]
    assert table.points.iloc[2:].tolist() == pytest.approx([20, -5])
    assert table.n.tolist() == ["1", "", "1, 1", "1, 1"]


def test_the_first_step_that_was_run_is_the_start():
    table = analysis.stepwise({"a": [], "b": [0.5, 0.6], "c": [0.7, 0.8]})
    assert list(table["verdict"])[:2] == ["not run", "start"] and list(table["n"])[:2] == ["", "2"]
    assert table["points"].iloc[2] == pytest.approx(20)


def test_scores_are_a_frozen_sequence_that_is_falsy_where_nothing_was_run():
    found = Scores([0.4, 0.6], [0, 1])
    assert (
        list(found) == [0.4, 0.6] and found.percent == pytest.approx(50) and found.deviation == pytest.approx(0.02**0.5)
    )
    assert found.on([1]) == Scores([0.6], [1]) and not found.on([7]) and not Scores()
    assert math.isnan(Scores().percent) and math.isnan(Scores().accuracy) and math.isnan(Scores([0.4]).deviation)
    with pytest.raises(AttributeError):
        found.fallback = Spread(0.1, 1)
