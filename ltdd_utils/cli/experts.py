"""The command ``ltdd experts``."""

import argparse
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ltdd_utils.cli.common import as_json, recipe_of
from ltdd_utils.cli.context import context_of
from ltdd_utils.core.context import require_writable
from ltdd_utils.data.long_tailed import load
from ltdd_utils.data.run import Run
from ltdd_utils.methods.registry import method_names
from ltdd_utils.methods.trajectory.family import TRAJECTORY
from ltdd_utils.methods.trajectory.small import for_images
from ltdd_utils.methods.trajectory.training import expert_files, renew_experts, train_experts

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
    data = load(recipe.data, context.data, context.reading())
    cfg, run = for_images(method, data)[0].experts, Run.start(data, recipe.space, options.seed, context)
    (renew_experts if options.renew else train_experts)(cfg, run, keep, keep_classifier, only)
    rows = [row for row in expert_files(cfg, run) if row["expert"] in only]
    totals = {name: sum(row[name] for row in rows) for name in ("bytes", "seconds")}
    if options.json:
        return as_json({"recipe": recipe.name, "config_id": recipe.config_id, "experts": rows, **totals})
    lines = [f"{row['stage']:15}{row['expert']:4}  {_cost(row)}  epochs {_ranges(row['epochs'])}" for row in rows]
    return "\n".join([*lines, f"{'in all':19}  {_cost(totals)}"])


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
