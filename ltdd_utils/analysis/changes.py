"""Settings of a run that differ from its recipe's: a dictionary, and text only for display or a command line."""

import functools
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.presets import architecture
from ltdd_utils.recipes.commands import command
from ltdd_utils.recipes.recipe import Recipe, parts, recipe

__all__ = ["changes_of", "diff_from_recipe", "flat", "format_changes", "full_names", "run_command"]

NETWORK, WIDTH, PRECISION = "evaluate.network", "evaluate.network.width", "evaluate.train.precision"
GROUPS = tuple(f"{field.name}." for field in fields(Recipe))  # what a full name begins with


def diff_from_recipe(made: Recipe) -> dict[str, Any]:
    """The settings of a recipe that differ from what its name, cell and protocol give, by their full names.

    The teacher that labels is no change: the evaluator says it. Nor is a later field's group of settings that is
    not there, the debiased losses of a plain network: its kind says it.
    """
    teacher = made.evaluate.teacher
    cell = made.data.imbalance_factor, made.ipc or 10, made.scale
    before = _usual(made.name, cell, made.evaluate.protocol, None if teacher is None else teacher.kind)
    groups = {name[:place] for name in before for place, mark in enumerate(name) if mark == "."}
    absent = groups - flat(to_dict(made)).keys()
    own = {name: value for name, value in flat(to_dict(made, whole=True)).items() if name not in absent}
    return {name: value for name, value in own.items() if name not in before or before[name] != value}


@functools.lru_cache(maxsize=512)
def _usual(name: str, cell: tuple[float, int, Any], protocol: str, teacher: str | None) -> dict[str, Any]:
    factor, ipc, scale = cell
    usual = recipe(name, imbalance_factor=factor, ipc=ipc, scale=scale, protocol_name=protocol, teacher=teacher)
    return flat(to_dict(usual, whole=True))


def changes_of(made: Recipe) -> dict[str, Any]:
    """``diff_from_recipe`` without what the evaluator says of students: width, precision, an architecture if as usual.

    A wider student, or one of another architecture as the recipes have it, is another evaluator and not another method.
    """
    network = made.evaluate.network
    usual = architecture(network.name, parts(made.name)[1], made.scale)  # own data have the settings of its recipe
    whole = network.name != "convnet" and network == usual
    return {
        name: value
        for name, value in diff_from_recipe(made).items()
        if name not in (WIDTH, PRECISION) and not (whole and name.startswith(f"{NETWORK}."))
    }


def full_names(changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Changed settings by their full names; a name of no other group is one of the method's ("dam.prior")."""
    known = {name if name.startswith(GROUPS) else f"method.{name}": value for name, value in (changes or {}).items()}
    return to_dict(known)


def format_changes(changes: Mapping[str, Any]) -> str:
    """Changed settings as one text for display, ``KEY=VALUE`` each, without "method."; "" for none."""
    return ", ".join(f"{name.removeprefix('method.')}={_text(value)}" for name, value in changes.items())


def run_command(
    method: str,
    evaluator: Evaluator,
    dataset: str,
    scale: str,
    changes: Mapping[str, Any] | None = None,
    *,
    imbalance_factor: float | None = None,
    ipc: int = 10,
) -> str:
    """The command that makes a run; what the recipe has anyway is not repeated.

    Args:
        method: by name.
        evaluator: of the set.
        dataset: of the recipe.
        scale: of the recipe.
        changes: settings that differ from the recipe's.
        imbalance_factor: None: the data set's usual one.
        ipc: images per class.
    """
    entry, name = METHODS[method], f"{method}_{dataset}"
    teacher, network = evaluator.teacher or None, None if evaluator.network == "convnet" else evaluator.network
    told = {"scale": scale, "protocol_name": evaluator.protocol, "teacher": teacher, "network": network}
    usual = recipe(name, **told).evaluate
    students = {} if usual.network.width == evaluator.width else {WIDTH: evaluator.width}
    students |= {} if usual.train.precision == evaluator.precision else {PRECISION: evaluator.precision}
    usual_factor = imbalance_factor in (None, DATASETS[dataset].imbalance_factor)
    return command(
        name,
        [f"{key}={_text(value)}" for key, value in (students | full_names(changes)).items()],
        imbalance_factor=None if usual_factor else imbalance_factor,
        ipc=None if ipc == 10 or entry.family.whole_set else ipc,
        scale=scale,
        protocol=None if evaluator.protocol == entry.protocol else evaluator.protocol,
        network=network,
        teacher=None if teacher in (None, entry.teacher) else teacher,
    )


def _text(value: Any) -> str:  # noqa: ANN401 (a JSON value)
    """A value as ``--set`` reads it."""
    return value if isinstance(value, str) else json.dumps(value)


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one dictionary with dotted names."""
    rows: dict[str, Any] = {}
    for key, value in config.items():
        rows |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return rows
