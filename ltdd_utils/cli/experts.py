"""The command ``ltdd experts``."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from ltdd_utils.cli.ahead import Ahead, timed
from ltdd_utils.cli.common import as_json, recipe_of
from ltdd_utils.cli.context import context_of
from ltdd_utils.cli.following import Following
from ltdd_utils.cli.forecasts import expected_of
from ltdd_utils.cli.progress import Bars
from ltdd_utils.core.context import RunContext, require_writable
from ltdd_utils.core.settings import to_dict
from ltdd_utils.methods.registry import method_names
from ltdd_utils.methods.trajectory.family import TRAJECTORY
from ltdd_utils.methods.trajectory.training import expert_files
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.records.folders import results_root
from ltdd_utils.runs.expert_units import UnitsOfExperts

__all__ = ["experts_"]


def experts_(options: argparse.Namespace) -> str:
    """The experts of a recipe, trained where they are not there yet, and what is on disk of them."""
    recipe, context = recipe_of(options), context_of(options)
    if recipe.family is not TRAJECTORY:
        *most, last = method_names(TRAJECTORY)
        raise ValueError(f"{recipe.name} matches no experts; {', '.join(most)} and {last} do")
    if options.seed < 0:
        raise ValueError(f"seed is {options.seed}; it must be 0 or more")
    require_writable(context.store.root)
    cfg, method = recipe.method.experts, recipe.method
    keep, keep_classifier, only = (
        usual if text is None else _numbers(name, text, last)
        for name, text, last, usual in (
            ("keep", options.keep, cfg.train.epochs, method.snapshots),
            ("keep-classifier", options.keep_classifier, cfg.classifier_epochs, method.classifier_snapshots),
            ("only", options.only, cfg.count - 1, tuple(range(cfg.count))),
        )
    )
    if keep_classifier:
        keep = (*keep, cfg.train.epochs)  # what classifier experts start from
    asked = {"seed": options.seed, "keep": keep, "keep_classifier": keep_classifier, "only": only}
    work = _made(recipe, {**asked, "renew": options.renew}, options, context)
    rows = [row for row in expert_files(work.cfg, work.run) if row["expert"] in only]
    totals = {name: sum(row[name] for row in rows) for name in ("bytes", "seconds")}
    if options.json:
        return as_json({"recipe": recipe.name, "config_id": recipe.config_id, "experts": rows, **totals})
    lines = [f"{row['stage']:15}{row['expert']:4}  {_cost(row)}  epochs {_ranges(row['epochs'])}" for row in rows]
    return "\n".join([*lines, f"{'in all':19}  {_cost(totals)}"])


def _made(recipe: Recipe, asked: Mapping[str, Any], options: argparse.Namespace, context: RunContext) -> UnitsOfExperts:
    """The experts that are asked for, made side by side where that pays."""
    work = UnitsOfExperts(recipe, asked, context)
    source = {"of": "experts", "config": to_dict(recipe), "asked": work.asked}
    plan = expected_of(recipe, 1, results_root(), options.data)
    tasks = timed([*work.units.values()], source, f"{recipe.name} s{options.seed}", plan)
    ahead = Ahead(options, Following(Bars(options.quiet)), context, tasks)
    ahead.make(work.is_there)
    work = UnitsOfExperts(recipe, asked, replace(context, announce=ahead.announce))
    work.train(asked["only"], again=not ahead.made)
    return work


def _cost(row: dict[str, Any]) -> str:
    return f"{row['bytes'] / 1e6:9.2f} MB  {row['seconds']:7.0f} s"


def _numbers(name: str, text: str, last: int) -> tuple[int, ...]:
    """The numbers of a text such as ``0,2-3`` or ``all``, from 0 to ``last``, in ascending order."""
    if text == "all":
        return tuple(range(last + 1))
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, end = part.strip().partition("-")
        if not (first.isdecimal() and (end or first).isdecimal() and int(first) <= int(end or first) <= last):
            raise ValueError(f"--{name} {text!r}: {part!r} is not a number or range from 0 to {last}; try 0,2-3 or all")
        numbers |= set(range(int(first), int(end or first) + 1))
    return tuple(sorted(numbers))


def _ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in the form of ``--keep``: ``0-21,40``."""
    runs = [[n for _, n in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
