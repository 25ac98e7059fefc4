"""Variance components of a nested design, the error of a mean, the smallest difference, and the budget's files."""

import importlib
import itertools
import math
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from toy_sets import toy_run

from ltdd_utils import recipes, records
from ltdd_utils.analysis import LEVELS, components, contrast, error_of_mean, share_intervals, smallest_difference
from ltdd_utils.core.settings import config_id, to_dict
from ltdd_utils.recipes import with_overrides
from ltdd_utils.teachers import TeacherConfig, train_teacher

SHAPE = (3, 2, 4, 2)


def design(values, levels=LEVELS):
    """The scores of an array with one axis per level."""
    names = itertools.product(*(range(count) for count in values.shape))
    rows = [dict(zip(levels, name, strict=True)) for name in names]
    return pd.DataFrame(rows).assign(accuracy=np.asarray(values).ravel())


def planted(shape, stds, rng):
    """Scores 0.9 plus one normal effect per level."""
    parts = [
        std * rng.standard_normal(shape[: level + 1]).reshape(shape[: level + 1] + (1,) * (len(shape) - level - 1))
        for level, std in enumerate(stds)
    ]
    return 0.9 + sum(np.broadcast_to(part, shape) for part in parts)


def test_mean_squares_are_those_of_sums_over_the_single_scores():
    """The textbook's sums of squares, group by group, and their sum is that of the whole table."""
    values = planted(SHAPE, (3, 1, 2, 1), np.random.default_rng(0))
    table, found = design(values), components(design(values))
    outer = [table["accuracy"].mean()] * len(table)
    for depth, level in enumerate(LEVELS, start=1):
        inner = table.groupby(list(LEVELS[:depth]))["accuracy"].transform("mean")
        groups, above = math.prod(SHAPE[:depth]), math.prod(SHAPE[: depth - 1])
        assert (found.loc[level, "groups"], found.loc[level, "df"]) == (groups, groups - above)
        assert found.loc[level, "mean_square"] == pytest.approx(((inner - outer) ** 2).sum() / (groups - above))
        outer = inner
    total = ((table["accuracy"] - table["accuracy"].mean()) ** 2).sum()
    assert (found["df"] * found["mean_square"]).sum() == pytest.approx(total)


def test_scores_that_differ_in_one_way_have_the_sample_variance_of_that():
    """Two levels, no scatter inside: the outer component is the sample variance of the group means."""
    found = components(design(np.repeat([[1.0], [2.0], [6.0]], 4, axis=1), ("set", "student")), ("set", "student"))
    assert found["variance"].tolist() == pytest.approx([np.var([1, 2, 6], ddof=1), 0])
    assert found["share"].tolist() == pytest.approx([1, 0])


@pytest.mark.parametrize("level", range(4))
def test_the_estimates_are_unbiased(level):
    """A quadratic form's expectation under one level's effect is its sum over the indicators of that level's groups."""
    expected = np.zeros(4)
    for group in np.ndindex(SHAPE[: level + 1]):
        indicator = np.zeros(SHAPE)
        indicator[group] = 1
        expected += components(design(indicator))["variance"].to_numpy()
    assert expected == pytest.approx(np.eye(4)[level], abs=1e-12)


@pytest.mark.parametrize("level", range(4))
def test_a_squared_error_is_in_expectation_the_variance_of_the_estimate(level):
    r"""Of normal effects in one level alone: its mean square is :math:`s^2 \chi^2_f / f`, the others are zero.

    The estimates of this level and of the one above are proportional to it, by 1 over the scores in their groups.
    """
    effects = np.random.default_rng(4).standard_normal(SHAPE[: level + 1])
    effects -= effects.mean(axis=level, keepdims=True)  # so that the levels above see nothing
    found = components(design(np.broadcast_to(effects.reshape(effects.shape + (1,) * (3 - level)), SHAPE)))
    square, law = found["mean_square"].iloc[level], stats.chi2(found["df"].iloc[level])
    assert found["mean_square"].to_numpy() == pytest.approx(square * np.eye(4)[level])
    unbiased = square * math.sqrt(law.var() / law.moment(2))
    expected = [unbiased / math.prod(SHAPE[each + 1 :]) if each in (level - 1, level) else 0 for each in range(4)]
    assert found["variance_error"].tolist() == pytest.approx(expected)


def test_the_errors_are_those_of_many_draws():
    stds, rng = (0.02, 0.01, 0.015, 0.01), np.random.default_rng(1)
    found = [components(design(planted((4, 2, 2, 2), stds, rng))) for _ in range(300)]
    estimates = np.array([one["variance"] for one in found])
    spread = estimates.std(axis=0, ddof=1)
    assert np.abs(estimates.mean(axis=0) - np.square(stds)) == pytest.approx(0, abs=4 * spread.max() / 300**0.5)
    said = np.sqrt(np.mean([one["variance_error"] ** 2 for one in found], axis=0))
    assert said / spread == pytest.approx(np.ones(4), abs=0.25)


def test_a_shift_the_order_of_the_rows_and_the_names_change_nothing_and_a_scale_is_squared():
    table = design(planted(SHAPE, (1, 1, 1, 1), np.random.default_rng(2)))
    found = components(table)
    mixed = table.sample(frac=1, random_state=0)
    mixed["experts"] = mixed["subset"] * 10 + mixed["experts"]  # unique over subsets, as seeds are
    mixed["accuracy"] = 100 * mixed["accuracy"] + 1e4
    again = components(mixed)
    assert again["variance"].to_numpy() == pytest.approx(1e4 * found["variance"].to_numpy(), rel=1e-6)
    assert again["share"].to_numpy() == pytest.approx(found["share"].to_numpy(), rel=1e-6)


def test_a_negative_estimate_is_shown_and_counts_as_none():
    """Two groups with one and the same mean, and scatter inside."""
    found = components(design(np.array([[0.0, 2.0], [2.0, 0.0]]), ("set", "student")), ("set", "student"))
    assert found["variance"].tolist() == pytest.approx([-1, 2])
    assert found["std"].tolist() == pytest.approx([0, 2**0.5]) and found["share"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (design(np.ones(SHAPE)).iloc[1:], r"groups of 'subset' hold 15 to 16 scores; give a balanced design"),
        (design(np.ones((3, 1, 2, 2))), r"there is one 'experts' in each group; its luck needs at least 2"),
        (pd.concat([design(np.ones(SHAPE))] * 2), r"96 scores have 48 names; name each score of a group once"),
    ],
)
def test_other_designs_are_refused(table, message):
    with pytest.raises(ValueError, match=message):
        components(table)


def test_the_error_of_the_designs_own_mean_is_that_of_its_outermost_groups():
    """Repeats as in the design itself: the mean square between subsets over the number of scores."""
    values = planted(SHAPE, (3, 2, 2, 1), np.random.default_rng(3))
    found = components(design(values))
    assert (found["variance"] > 0).all()
    repeats = dict(zip(LEVELS, SHAPE, strict=True))
    assert error_of_mean(found, repeats) ** 2 == pytest.approx(found.loc["subset", "mean_square"] / values.size)
    single = math.sqrt(found["variance"].sum())
    assert error_of_mean(found, {}) == pytest.approx(single)
    assert error_of_mean(found, {"subset": 9}) == pytest.approx(single / 3)  # everything below is drawn anew too


def test_the_smallest_difference_is_that_of_a_contrast_of_equal_spreads():
    scores = [0.5, 0.6, 0.65]
    std = float(np.std(scores, ddof=1))
    expected = contrast(scores, [score - 0.3 for score in scores]).needed
    assert smallest_difference(std, 3) == pytest.approx(expected)
    assert smallest_difference(std, 1) is None


# --- separate seeds ---------------------------------------------------------------------------------------------------


@pytest.mark.float32
def test_a_network_with_a_seed_of_its_own_is_that_of_every_run(tmp_path):
    short = {"method.expert.train.epochs": "1", "method.expert.network.width": "2"}
    cfg = with_overrides(recipes.recipe("herding_digits"), short).method.expert
    pinned = TeacherConfig(**{**vars(cfg), "seed": 7})

    def weights(cfg, seed):
        return train_teacher(cfg, toy_run(tmp_path, seed=seed)).classifier.weight

    assert torch.equal(weights(pinned, 0), weights(pinned, 1))
    assert torch.equal(weights(pinned, 0), weights(cfg, 7))  # read from the store: one network, one stage
    assert not torch.equal(weights(pinned, 0), weights(cfg, 0))
    assert len(list((tmp_path / "work" / "expert").iterdir())) == 2
    assert "seed" not in to_dict(cfg) and config_id(cfg) != config_id(pinned)
    with pytest.raises(ValueError, match="seed is -1; it must be a finite number, at least 0"):
        TeacherConfig(seed=-1)


@pytest.fixture
def budget(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    return importlib.import_module("variance")


def own_seeds(recipe):
    """Of every network that is trained on the long tail."""
    method = recipe.method
    if recipe.name.startswith("damed"):
        return {method.experts.seed}
    return {method.observer.seed, method.teacher.seed, recipe.evaluate.teacher.seed}


@pytest.mark.parametrize("name", ["damed_digits", "unilevel_digits"])
def test_no_two_groups_of_a_budget_share_their_luck(budget, name, monkeypatch, tmp_path, capsys):
    """The design runs as asked; subsets, experts and distillations have seeds of their own, and the file has it all."""
    runs = []

    def run(recipe, seed, students, context):
        runs.append((recipe, seed))
        found = [{"overall": 0.5 + 0.01 * number + 0.001 * seed, "per_class": [0.1] * 10} for number in range(students)]
        origin = {"stages": {"b": [], "a": []}, "dirty": True}
        return {"students": found, "metrics": {"overall": {"mean": 0.5}}, "provenance": origin}

    monkeypatch.setattr(budget.runs, "run", run)
    options = ["--design", "2", "3", "2", "4", "--set", "evaluate.train.epochs=7", "--work", str(tmp_path)]
    options += ["--threads", str(torch.get_num_threads()), "--out", str(tmp_path / "x.csv"), "--recipe", name]
    monkeypatch.setattr(sys, "argv", ["variance.py", *options])
    assert budget.main() == 0
    assert "share" in capsys.readouterr().out
    assert len({recipe.data.subset_seed for recipe, _ in runs}) == 2
    assert len({min(own_seeds(recipe)) for recipe, _ in runs}) == 6
    assert all(len(own_seeds(recipe)) == 1 and recipe.evaluate.train.epochs == 7 for recipe, _ in runs)
    assert len({seed for _, seed in runs}) == len(runs) == 12
    assert runs[0][0].data == recipes.recipe(name).data  # the first subset is everybody's
    table = pd.read_csv(tmp_path / "x.csv")
    assert len(table) == 48 and set(table["commit"]) == {"a+b"} and table["dirty"].all()
    assert components(table).loc["student", "variance"] == pytest.approx(np.var([0, 0.01, 0.02, 0.03], ddof=1))


def test_a_recipe_without_experts_has_no_budget(budget):
    with pytest.raises(ValueError, match="random_digits has no experts; take a recipe that"):
        budget.drawn(recipes.recipe("random_digits"), 0, 0)


@pytest.mark.parametrize(
    "path", sorted((records.results_root() / "variance").glob("*.csv")), ids=lambda path: path.stem
)
def test_a_committed_budget_is_the_design_it_says(budget, path):
    """Balanced, of the settings it names, on the code it names, and every score is of the balanced test set."""
    table = pd.read_csv(path, keep_default_na=False)
    found = components(table)
    assert path.stem in set(table["recipe"]) and len(set(table["recipe"])) == 1
    assert table["accuracy"].between(0, 1).all() and table["commit"].str.len().min() >= 40
    changed = dict(pair.split("=") for pair in table["changed"].iloc[0].split())
    base = with_overrides(recipes.recipe(path.stem), changed)
    for (subset, experts), rows in table.groupby(["subset", "experts"]):
        assert set(rows["config_id"]) == {budget.drawn(base, subset, experts).config_id}
    assert table.groupby(["subset", "experts", "distillation"])["seed"].nunique().eq(1).all()
    assert table["seed"].nunique() == found.loc["distillation", "groups"]


def test_the_interval_of_a_share_holds_what_drawn_designs_find():
    """Half of the designs with the estimated variances lie in an interval of one half, and a large design is sure."""
    truth = np.array([3.0, 2.0, 0.3])
    rng, shape, names = np.random.default_rng(1), (4, 3, 2), ["a", "b", "c"]

    def design(shape):
        parts = [rng.normal(0, s**0.5, shape[: level + 1]) for level, s in enumerate(truth)]
        values = sum(part.reshape(part.shape + (1,) * (3 - part.ndim)) for part in parts)
        index = pd.MultiIndex.from_product([range(n) for n in shape], names=names)
        return components(pd.Series(np.broadcast_to(values, shape).ravel(), index, name="y").reset_index(), names, "y")

    found = design((400, 3, 2))
    wide = share_intervals(found.assign(groups=np.cumprod(shape), df=[3, 8, 12]), 0.5)
    drawn = pd.DataFrame([design(shape)["share"] for _ in range(600)])
    inside = ((drawn >= wide["low"]) & (drawn <= wide["high"])).mean()
    assert inside.between(0.42, 0.6).all()
    sure = share_intervals(found, 0.9)
    assert ((sure["high"] - sure["low"]) < 0.15).all()
    assert ((sure["low"] < found["share"]) & (found["share"] < sure["high"])).all()
