"""Settings that differ from the recipe's, and the command of a run."""

import itertools
from dataclasses import replace

import pytest

from ltdd_utils import analysis, recipes
from ltdd_utils.analysis.changes import changes_of, full_names
from ltdd_utils.evaluation import DEBIASED, PLAIN, STORED, Evaluator
from ltdd_utils.recipes import recipe, with_overrides


def test_the_settings_that_differ_are_named_and_no_others():
    usual = recipe("damed_cifar10", scale="cpu")
    assert analysis.diff_from_recipe(usual) == {}
    other = with_overrides(usual, {"method.dam.weights": "sum", "evaluate.train.epochs": "7"})
    assert analysis.diff_from_recipe(other) == {"method.dam.weights": "sum", "evaluate.train.epochs": 7}


def test_a_group_of_settings_that_is_left_out_is_named():
    other = with_overrides(recipe("damed_cifar10", scale="cpu"), {"method.second": "null"})
    assert analysis.diff_from_recipe(other)["method.second"] is None


def test_a_setting_put_back_to_the_default_of_a_later_field_is_a_change():
    """Dictionaries leave such a default out, so that old hashes stay; here it is the recipe that has another value."""
    usual = recipe("ladm_cifar10", scale="cpu")
    plain = with_overrides(usual, {"method.images.logit_adjustment": 0})
    assert analysis.diff_from_recipe(plain) == {"method.images.logit_adjustment": 0}
    assert analysis.diff_from_recipe(with_overrides(usual, {"method.lr": None})) == {"method.lr": None}


def test_losses_that_a_plain_network_has_not_are_told_by_its_kind():
    usual = recipe("unilevel_cifar10", scale="cpu")
    changes = {"observer.kind": "plain", "observer.debias": None, "observer.network.second_head": False}
    made = with_overrides(usual, {f"method.{name}": value for name, value in changes.items()} | PROJECTION)
    told = analysis.diff_from_recipe(made)
    assert told["method.observer.kind"] == "plain" and "method.observer.debias" not in told


PROJECTION = {"method.observer.network.projection": 0}


def test_another_teacher_is_another_evaluator_and_no_change():
    other = recipe("edc_cifar10", scale="cpu", teacher="debiased")
    assert analysis.diff_from_recipe(other) == {} and Evaluator.of(other) == DEBIASED


def test_what_the_evaluator_says_is_no_change():
    """The students' width; another architecture too, but only as the recipes have it."""
    usual = recipe("damed_cifar10", scale="cpu")
    assert changes_of(with_overrides(usual, {"evaluate.network.width": 128})) == {}
    assert changes_of(recipe("damed_cifar10", scale="cpu", network="vgg11")) == {}
    odd = with_overrides(recipe("damed_cifar10", scale="cpu", network="vgg11"), {"evaluate.network.norm": "batch"})
    assert changes_of(odd)["evaluate.network.norm"] == "batch"


def test_a_name_without_a_group_is_one_of_the_method():
    asked = {"dam.prior": "uniform", "evaluate.adsa.step": 0.01, "method.method": "x", "window": (0, 4, 9)}
    assert full_names(asked) == {
        "method.dam.prior": "uniform",
        "evaluate.adsa.step": 0.01,
        "method.method": "x",
        "method.window": [0, 4, 9],
    }
    assert full_names(None) == {}


def test_a_changed_setting_is_written_as_the_command_line_reads_it():
    given = {"method.a": False, "method.b": None, "c": "text", "d": [0, 9], "e": 1.5}
    assert analysis.format_changes(given) == "a=false, b=null, c=text, d=[0, 9], e=1.5"
    assert analysis.format_changes({}) == ""


def test_an_evaluator_is_named_by_protocol_teacher_network_and_width():
    assert [str(one) for one in (STORED, DEBIASED, replace(STORED, network="vgg11", width=16))] == [
        "dsa-stored (32)",
        "online-teacher/debiased (32)",
        "dsa-stored (vgg11 16)",
    ]
    assert sorted([DEBIASED, STORED.with_width(128), STORED]) == [STORED, STORED.with_width(128), DEBIASED]
    for name, evaluator in (("damed", STORED), ("edc", PLAIN), ("unilevel", DEBIASED)):
        assert Evaluator.of(recipe(f"{name}_cifar10", scale="cpu")) == evaluator


@pytest.mark.parametrize(
    ("method", "evaluator", "changes"),
    [
        ("damed", STORED, {}),
        ("damed", STORED.with_width(128), {"dam.prior": "inverted"}),
        ("damed", replace(STORED, network="vgg11", width=16), {}),
        ("random", STORED, {}),
        ("unilevel", DEBIASED, {}),
        ("unilevel", PLAIN, {}),
        ("damed", Evaluator("online-stored", "debiased"), {}),
        ("edc", STORED, {"recover.iterations": 0, "data.class_order": "reversed"}),
        ("datm", STORED, {"window": [0, 4, 9], "expand": 7}),
    ],
)
@pytest.mark.parametrize(("factor", "ipc"), [(None, 10), (10, 1)])
def test_a_command_read_back_gives_the_run_that_was_asked_for(method, evaluator, changes, factor, ipc):
    at = {"imbalance_factor": factor, "ipc": ipc}
    line = analysis.run_command(method, evaluator, "cifar10", "cpu", changes, **at).replace(", ", ",").replace("'", "")
    pairs = list(itertools.pairwise(line.split()))
    options, settings = dict(pairs), [value.split("=") for name, value in pairs if name == "--set"]
    assert len({key for key, _ in settings}) == len(settings)
    names = {"protocol_name": "--protocol", "teacher": "--teacher", "network": "--network"}
    made = recipes.recipe(
        f"{method}_cifar10",
        scale="cpu",
        imbalance_factor=float(options.get("--imbalance-factor", 100)),
        ipc=int(options.get("--ipc", 10)),
        **{name: options.get(option) for name, option in names.items()},
    )
    told = with_overrides(made, dict(settings))
    assert Evaluator.of(told) == evaluator and changes_of(told) == full_names(changes)
    assert (told.data.imbalance_factor, told.ipc) == (factor or 100, ipc)


def test_a_command_does_not_repeat_what_the_recipe_has():
    assert analysis.run_command("damed", STORED, "cifar10", "cpu") == "ltdd run damed_cifar10 --scale cpu"
    assert analysis.run_command("unilevel", DEBIASED, "cifar10", "cpu") == "ltdd run unilevel_cifar10 --scale cpu"
    assert analysis.run_command("full", STORED, "cifar10", "cpu", ipc=1) == "ltdd run full_cifar10 --scale cpu"
