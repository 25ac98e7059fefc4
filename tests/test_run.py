"""A run, its ledger and its stages: what is declared is what runs, and what it took is counted once."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_recipes import small_condensation, small_coreset, small_trajectory, small_unilevel
from toy_sets import context, digits, fit, toy_run

from ltdd_utils import recipes
from ltdd_utils.core.ledger import Ledger
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.settings import canonical_json
from ltdd_utils.core.store import Bundle, load_bundle
from ltdd_utils.data import PreprocessConfig
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.networks import NetworkConfig
from ltdd_utils.recipes import stages
from ltdd_utils.runs import run

pytestmark = pytest.mark.float32  # as users run it


def number(value):
    return lambda _: Bundle({"x": torch.tensor(float(value))})


# --- The run ----------------------------------------------------------------------------------------------------------


def test_a_key_is_of_the_settings_and_of_the_parts_that_a_stage_shares():
    one = toy_run(seed=3)
    assert one.key(a=1) == {"a": 1, "data": digits().sha256, "preprocess": fit("zca").describe(), "seed": 3}
    assert one.key(shared=("seed",), a=1) == {"a": 1, "seed": 3}


def test_a_stage_is_computed_once_for_all_that_share_it(tmp_path):
    first, again, other = (toy_run(tmp_path, seed=seed) for seed in (0, 0, 1))
    assert first.stage("kind", number(1), a=1).tensors["x"] == 1
    assert again.stage("kind", number(2), a=1).tensors["x"] == 1
    assert again.stage("kind", number(3), a=2).tensors["x"] == 3
    assert other.stage("kind", number(4), a=1).tensors["x"] == 4
    assert [one.stage("kind", number(5), shared=("data",), a=1).tensors["x"].item() for one in (first, other)] == [5, 5]


def test_settings_that_name_a_seed_stand_above_the_runs_and_the_ledger_stays():
    one = toy_run(seed=3)
    assert one.pinned(None) is one
    assert (one.pinned(7).seed, one.pinned(7).ledger) == (7, one.ledger)
    assert one.pinned(0).seed == 0  # a seed like any other


def test_streams_are_named_and_of_the_seed():
    one = toy_run(seed=3)
    assert torch.equal(one.rng("a", 1).get_state(), generator(3, "a", 1).get_state())
    same, other = one.rng("a", 1).get_state(), one.pinned(4).rng("a", 1).get_state()
    assert torch.equal(one.rng("a", 1).get_state(), same) and not torch.equal(same, other)


def test_a_network_is_drawn_from_its_stream_and_a_template_is_the_same_in_every_run():
    cfg, (one, other) = NetworkConfig(width=4), (toy_run(seed=seed) for seed in (0, 1))

    def weights(network):
        return torch.cat([part.flatten() for part in network.parameters()])

    assert torch.equal(weights(one.network(cfg, "a")), weights(one.network(cfg, "a")))
    for changed in (one.network(cfg, "b"), other.network(cfg, "a")):
        assert not torch.equal(weights(one.network(cfg, "a")), weights(changed))
    assert torch.equal(weights(one.template(cfg)), weights(other.template(cfg)))


def test_images_are_preprocessed_all_or_some():
    one, data = toy_run(kind="normalise"), digits()
    assert torch.equal(one.images(), fit("normalise")(data.train_images))
    assert torch.equal(one.images(torch.tensor([5, 0])), one.images()[[5, 0]])
    assert torch.equal(one.test_images(), fit("normalise")(data.test_images))
    assert torch.equal(one.labels(), data.train_labels)


def test_another_space_is_fitted_once_and_entered_in_the_same_ledger(tmp_path):
    one = toy_run(tmp_path)
    assert one.under(PreprocessConfig("zca")) is one and not one.ledger.seconds
    other = one.under(PreprocessConfig("normalise"))
    assert other.preprocess.matches(fit("normalise").describe()) and other.ledger is one.ledger
    assert list(one.ledger.seconds) == ["preprocess"] and (other.data, other.seed) == (one.data, one.seed)
    spent = dict(one.ledger.seconds)
    one.under(PreprocessConfig("normalise"))
    assert one.ledger.seconds == spent


# --- The ledger -------------------------------------------------------------------------------------------------------


def entered(ledger, name, *results, kind="kind"):
    """Enter results, each a pair of its file's name and its seconds, under a name."""
    with ledger.entry(name):
        for file, seconds in results:
            ledger.add(kind, Path(file), {"seconds": seconds, "origin": {"commit": file}})
    return ledger


def test_seconds_add_up_under_the_name_of_the_entry():
    ledger = entered(Ledger(), "experts", ("a", 1.0), ("b", 2.0))
    assert entered(ledger, "matching", ("c", 4.0)).seconds == {"experts": 3.0, "matching": 4.0}


def test_an_entry_that_asks_for_nothing_has_no_seconds_and_one_without_a_name_has_that_of_its_kind():
    ledger = entered(Ledger(), "initial set")
    ledger.add("preprocess", Path("a"), {"seconds": 1.0})
    assert ledger.seconds == {"initial set": 0.0, "preprocess": 1.0}


def test_a_result_that_is_asked_for_again_counts_once_whoever_asks_last():
    ledger = entered(Ledger(), "students", ("a", 1.0), ("a", 1.0))
    assert ledger.seconds == {"students": 1.0}
    entered(ledger, "scoring teacher", ("b", 5.0))
    assert entered(ledger, "teacher", ("b", 5.0)).seconds == {"students": 1.0, "teacher": 5.0}


def test_a_name_keeps_the_results_that_nobody_else_asks_for():
    ledger = entered(entered(Ledger(), "observer", ("a", 1.0), ("b", 2.0)), "teacher", ("b", 2.0))
    assert ledger.seconds == {"observer": 1.0, "teacher": 2.0}


def test_a_result_that_was_made_anew_counts_with_its_new_seconds():
    assert entered(entered(Ledger(), "experts", ("a", 1.0)), "experts", ("a", 3.0)).seconds == {"experts": 3.0}


def test_entries_inside_others_come_back_to_the_outer_one_also_after_an_error():
    ledger = Ledger()
    with ledger.entry("outer"):
        entered(ledger, "inner", ("a", 1.0))
        with pytest.raises(ValueError, match="stop"), ledger.entry("broken"):
            raise ValueError("stop")
        ledger.add("kind", Path("b"), {"seconds": 2.0})
    ledger.add("kind", Path("c"), {"seconds": 4.0})
    assert ledger.seconds == {"outer": 2.0, "inner": 1.0, "broken": 0.0, "kind": 4.0}


def test_a_stage_that_another_one_asks_for_is_part_of_that_one(tmp_path):
    """Its seconds are in those of the outer stage already; asked for again on its own, it is entered."""
    one = toy_run(tmp_path)

    def inner():
        return one.stage("inner", number(1))

    one.stage("outer", lambda _: Bundle({"x": inner().tensors["x"] + 1}))
    assert list(one.ledger.seconds) == ["outer"] and [origin["stage"] for origin in one.ledger.origins] == ["outer"]
    inner()
    assert list(one.ledger.seconds) == ["outer", "inner"]


def test_a_stage_that_fails_leaves_the_ledger_open(tmp_path):
    one = toy_run(tmp_path)
    with pytest.raises(ZeroDivisionError):
        one.stage("kind", lambda _: 1 / 0)
    one.stage("kind", number(1))
    assert list(one.ledger.seconds) == ["kind"]


def test_every_origin_is_that_of_the_code_that_computed_the_stage(tmp_path, monkeypatch):
    """In the order in which stages are asked for, and the same whether they are made or read."""
    found = []
    for commit, dirty in (("a", True), ("b", False)):
        monkeypatch.setattr("ltdd_utils.core.store.code", lambda c=commit, d=dirty: {"commit": c, "dirty": d})
        one = toy_run(tmp_path)
        for kind in ("first", "second", "first"):
            one.stage(kind, number(1))
        found.append(one.ledger.origins)
    assert found[0] == found[1] and [origin["stage"] for origin in found[0]] == ["first", "second", "first"]
    assert {(origin["commit"], origin["dirty"]) for origin in found[1]} == {("a", True)}


# --- Stages -----------------------------------------------------------------------------------------------------------


def one_network(labels: bool):
    """The network that observes scores crops, too, and perhaps labels."""
    made = small_unilevel("unilevel")
    observer = replace(made.evaluate.teacher, network=made.method.observer.network)
    made = replace(made, method=replace(made.method, observer=observer, teacher=observer))
    return replace(made, evaluate=replace(made.evaluate, teacher=observer)) if labels else made


RECIPES = {
    "random": small_coreset("random"),
    "kcenter": small_coreset("kcenter"),
    "kcenter, its expert labels": small_coreset("kcenter", "online-stored", same_teacher=True),
    "dc": small_condensation("dc"),
    "dm": small_condensation("dm"),
    "csdm": small_condensation("csdm"),
    "idm": small_condensation("idm"),
    "dream": small_condensation("dream"),
    "ladm": small_condensation("ladm"),
    "ladm without iterations": small_condensation("ladm", **{"method.images.iterations": 0}),
    "dm without iterations": small_condensation("dm", **{"method.iterations": 0}),
    "mtt": small_trajectory("mtt"),
    "damed": small_trajectory("damed"),
    "damed without iterations": small_trajectory("damed", **{"method.iterations": "0"}),
    "unilevel": small_unilevel("unilevel"),
    "unilevel, another teacher": small_unilevel("unilevel", teacher="plain"),
    "unilevel whitened": small_unilevel("unilevel", "dsa-stored"),
    "unilevel in a space of its own": small_unilevel("unilevel", **{"method.preprocess.eps": 0.2}),
    "unilevel, its observer scores": one_network(labels=False),
    "unilevel, its observer scores and labels": one_network(labels=True),
    "sre2l": small_unilevel("sre2l", "online-stored"),
    "rded": small_unilevel("rded"),
    "full": small_coreset("full"),
}


def test_every_family_has_a_recipe_here():
    assert {recipe.family for recipe in RECIPES.values()} == {method.family for method in METHODS.values()}


@pytest.mark.parametrize("name", RECIPES)
def test_a_record_has_the_seconds_of_the_declared_stages_and_all_of_them_once(name, tmp_path):
    recipe = RECIPES[name]
    spent = run(recipe, 0, 2, context(tmp_path))["cost"]["seconds"]
    assert set(spent) == {stage.name for stage in stages(recipe)}
    results = (tmp_path / "work").rglob("result.safetensors")
    assert sum(spent.values()) == pytest.approx(sum(load_bundle(path).meta["seconds"] for path in results))
    assert all(seconds > 0 for stage, seconds in spent.items() if stage != "initial set")
    assert run(recipe, 0, 2, context(tmp_path))["cost"]["seconds"] == spent  # read, it took what it took


def test_what_a_stage_needs_stands_before_it():
    for name, protocol in product(recipes.names(), (None, "dsa-stored", "online-teacher", "online-stored")):
        recipe = recipes.recipe(name)
        if protocol is not None and not recipe.entry.logit_adjustment:
            recipe = recipes.recipe(name, protocol_name=protocol)
        before = set()
        for stage in stages(recipe):
            assert stage.name not in before and set(stage.needs) <= before, f"{name}: {stage.name}"
            before.add(stage.name)


@pytest.mark.parametrize("seed", [3.0, np.int64(3)])
def test_a_seed_from_a_data_frame_names_the_same_stages(tmp_path, seed):
    plain, other = toy_run(tmp_path, seed=3), toy_run(tmp_path, seed=seed)
    assert canonical_json(other.key(a=1)) == canonical_json(plain.key(a=1))
    assert torch.equal(torch.rand(3, generator=other.rng("x")), torch.rand(3, generator=plain.rng("x")))
