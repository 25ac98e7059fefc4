"""Explorables hold what they were given: a state for each combination, marks at their values, words that say them."""

import json
import math
import re
from html import unescape

import pandas as pd
import pytest
import torch

from ltdd_utils.data import class_counts
from ltdd_utils.plots import explorables
from ltdd_utils.plots.axes import Axis
from ltdd_utils.plots.explorable import Mark, Rows, rows
from ltdd_utils.plots.moving import Control

NAMES = ["a", "b", "c"]


def player(element: str) -> str:
    return json.loads(re.search(r', (".*")\);</script>', element)[1])


def words(element: str) -> list[str]:
    return json.loads(unescape(re.search(r'data-states="([^"]*)"', player(element))[1]))


def states(element: str) -> list[str]:
    return re.findall(r'<g class="ltdd-state" style="display: none">(.*?)</g>', player(element))


def dots(state: str) -> list[float]:
    return [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', state)]


def test_counts_shares_and_groups_follow_the_factor():
    counts = {factor: class_counts(1000, factor, 3) for factor in (1, 100)}
    figure = explorables.imbalance(counts, NAMES, at=1)
    balanced, tailed = states(figure)
    assert re.findall(r"1,000 \(33 %\)", balanced) == ["1,000 (33 %)"] * 3 and "10 (0.9 %)" in tailed
    assert (
        words(figure)[1]
        == "Imbalance factor 100: 1,110 images; classes by group: many-shot 1, medium-shot 1, few-shot 1."
    )
    assert figure.alternative.endswith(words(figure)[1]) and 'value="1"' in player(figure)


def test_the_boundary_costs_the_rare_class_what_the_normal_distribution_says():
    edges = {(1, 0.0): 0.0, (100, 0.0): 0.0, (1, 1.0): 0.0, (100, 1.0): math.log(100) / 2}
    told = words(explorables.boundary((1, 100), (0.0, 1.0), edges, (0, 0)))
    right = 100 * torch.distributions.Normal(1.0, 1.0).cdf(torch.tensor(math.log(100) / 2)).item()
    assert f"{100 - right:.1f} % of the rare one" in told[3] and told[0].endswith("84.1 % on balanced data.")


def test_step_sizes_show_the_mean_all_seeds_and_the_best():
    losses = {"plain": torch.tensor([[2.0, 1.0], [4.0, 1.0]]), "weights": torch.tensor([[0.5, 0.8], [0.5, 0.8]])}
    figure = explorables.step_sizes(losses, (0.1, 0.2), at=0)
    first, second = states(figure)
    assert words(figure)[0] == "Step size 0.1, from the closest: weights 0.50, plain 3.00."
    assert "best, at step size 0.2: 1.00" in first and "best, at step size 0.1: 0.50" in second
    ring, dot = dots(first)[:2]
    assert ring < dot and dots(second)[0] == dots(second)[1], "at the best step size the dot is in its ring"


def test_rivals_show_their_interval_and_whether_it_is_resolved():
    def table(points: float, needed: float, verdict: str) -> pd.DataFrame:
        values = {"points": [points, math.nan, 0.0], "needed": [needed, math.nan, 1.0]}
        return pd.DataFrame({**values, "verdict": [verdict, "not run", "not resolved"]}, index=NAMES)

    tables = {("j", "c"): table(4.0, 2.0, "resolved"), ("k", "c"): table(1.0, math.nan, "not resolved")}
    figure = explorables.rivals(tables, (0, 0))
    first, second = states(figure)
    assert "1 of 1 other sets are above it, resolved: a." in words(figure)[0] and "0 of 1" in words(figure)[1]
    (at,), line = dots(first), re.search(r'd="M([\d.]+) [\d.]+H([\d.]+)"', first)
    assert at == pytest.approx((float(line[1]) + float(line[2])) / 2, abs=0.1)
    assert 'fill="none"' in second and not re.search(r'd="M[\d.]+ [\d.]+H', second), "no interval is known"
    assert ">b<" not in player(figure), "what no judge has seen has no row"


def test_a_batch_and_a_tau_are_said_in_words():
    figure = explorables.batch_sizes({8: [1.0, 0.5, 0.0], 64: [1.0, 1.0, 0.25]}, NAMES, 0)
    assert words(figure)[1] == "Batches of 64: a keeps 100 % of its variance between images, c 25 %."
    figure = explorables.taus({0.0: ([1.0, 0.5, 0.0], [0.9, 0.9, 0.9]), 1.0: ([0.5] * 3, [0.1, 0.5, 0.9])}, NAMES, 0)
    assert words(figure)[0] == "τ = 0: accuracy 50.0 % over all classes; the confidences spread by 0.0 points."


def test_a_value_that_is_no_number_is_not_drawn():
    axis = Axis(0, 1, [0, 1])
    figure = rows(
        Rows(axis, NAMES, absent="not run"), [{"a": [Mark(math.nan, "x")], "b": []}], ["w"], [Control("", "1")], "s"
    )
    (state,) = states(figure)
    assert not dots(state) and state.count("not run") == 1
