"""The table of methods: what joins it, and what is refused without a trace."""

import functools
from dataclasses import dataclass, replace

import pytest
import torch
from toy_sets import toy_run
from toy_tables import tables_kept

from ltdd_utils import recipes
from ltdd_utils.core.failures import Failed
from ltdd_utils.core.store import Bundle
from ltdd_utils.methods import CORESETS, METHODS, Family, Job, Method, Stage, register
from ltdd_utils.methods.coresets.settings import CoresetConfig, register_rule
from ltdd_utils.methods.registry import method_names


@dataclass(frozen=True)
class Settings:
    """Of a stranger's family."""

    iterations: int = 3


class Strangers(Family):
    """A family from outside."""

    name, settings = "strangers", Settings


STRANGERS = Strangers()


def mine(cell):
    """A method from outside: what it does."""
    return Settings(iterations=cell.ipc)


def random(cell):
    """A method from outside that is called as one of ours, as its function is."""
    return Settings()


MINE = Method("mine", mine, STRANGERS)


@pytest.fixture(autouse=True)
def table():
    """The tables of methods and of rules, as they were before."""
    before = dict(METHODS)
    with tables_kept():
        yield before


def test_a_method_that_joins_has_recipes_on_every_data_set():
    assert register(MINE) is MINE and list(method_names(STRANGERS)) == ["mine"]
    made = recipes.recipe("mine_digits", ipc=7)
    assert made.method == Settings(7) and made.family is STRANGERS and made.family.iterations(made.method) == 7
    assert {name for name in recipes.names() if name.startswith("mine_")} == {
        name.replace("random_", "mine_") for name in recipes.names() if name.startswith("random_")
    }


@pytest.mark.parametrize(
    "name", ["", "Mine", "my-method", "my__method", "_mine", "mine_", "mine 2", "é", "2mine", "m\n"]
)
def test_a_name_that_a_recipe_or_a_file_cannot_have_is_refused(name, table):
    with pytest.raises(ValueError, match=r"a method cannot be called .*; use small letters, digits and single '_'"):
        register(replace(MINE, name=name))
    assert dict(METHODS) == table


@pytest.mark.parametrize("settings", [mine, random, functools.partial(mine), lambda cell: Settings()])
def test_a_name_that_is_taken_is_refused_even_by_a_function_that_is_called_alike(settings, table):
    with pytest.raises(ValueError, match=r"there is a method 'random' already \(Random: .*\); choose another name"):
        register(Method("random", settings, STRANGERS))
    assert dict(METHODS) == table


def test_a_file_or_a_cell_that_is_run_again_replaces_its_own_method():
    register(MINE)
    again = replace(MINE, protocol="online-teacher")
    assert register(again) is METHODS["mine"] is again


@pytest.mark.parametrize(
    "other", ["mine", None, mine, STRANGERS, Method("mine", mine, Strangers), replace(MINE, name=3)]
)
def test_what_is_no_method_of_a_family_is_refused(other, table):
    with pytest.raises(TypeError, match="register takes a Method with a Family, got "):
        register(other)
    assert dict(METHODS) == table


class Nameless(Family):
    settings = Settings


class Unsettled(Family):
    name = "unsettled"


class Undescribed(Family):
    name, settings = "undescribed", int


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (Nameless(), "the family Nameless has no name; give the class an attribute name, a text"),
        (Unsettled(), "the settings of the family 'unsettled' are None; give a frozen dataclass"),
        (Undescribed(), "the settings of the family 'undescribed' are <class 'int'>; give a frozen dataclass"),
    ],
)
def test_a_family_says_its_name_and_its_settings(family, message, table):
    with pytest.raises(TypeError, match=message):
        register(Method("mine", mine, family))
    assert dict(METHODS) == table


class Loose(Strangers):
    """A family whose one stage is whatever it is given."""

    def __init__(self, compute):
        self.compute = compute

    def stages(self, cfg, ipc):
        return [Stage("work", self.compute)]


@pytest.mark.parametrize(
    ("compute", "message", "error"),
    [
        (
            "optimise",
            "the stage 'work' of the family 'strangers' is 'optimise'; give the function itself, or set",
            ValueError,
        ),
        (
            lambda job: None,
            "the last stage of the family 'strangers' gave a NoneType; let it return the set",
            ValueError,
        ),
        (
            lambda job: Bundle(),
            "the last stage of the family 'strangers' gave a Bundle; let it return the set",
            ValueError,
        ),
        (
            lambda job: job.run.stage("work", lambda _: torch.zeros(1)),
            "the stage 'work' computed a Tensor; the store",
            Failed,  # what a stranger's own function met
        ),
    ],
)
def test_a_stage_that_gives_no_set_is_refused(compute, message, error, tmp_path):
    with pytest.raises(error, match=message):
        Loose(compute).distil(Job(Settings(), 1, toy_run(tmp_path)))


def test_settings_of_another_family_are_refused_when_a_recipe_is_made():
    register(replace(MINE, settings=lambda cell: CoresetConfig()))
    with pytest.raises(ValueError, match=r"method is CoresetConfig\(.*; the settings of mine_digits are a Settings"):
        recipes.recipe("mine_digits")
    register(Method("dictionary", lambda cell: {"iterations": 3}, CORESETS))  # whose family looks into its settings
    with pytest.raises(ValueError, match=r"method is \{'iterations': 3\}; the settings of dictionary_digits are a Cor"):
        recipes.recipe("dictionary_digits")


def test_a_rule_keeps_its_name_even_from_a_function_that_is_called_alike():
    def at_random(seen, count, rng):
        return list(range(count))

    register_rule("first", at_random, reads_features=False)
    register_rule("first", at_random, reads_features=False)  # a file that is run again
    assert CoresetConfig("first").expert is None
    with pytest.raises(ValueError, match="there is a rule 'first' already; choose another name"):
        register_rule("first", lambda seen, count, rng: [])
