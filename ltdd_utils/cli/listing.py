"""The commands that only tell: ``ltdd list``, ``ltdd settings`` and ``ltdd show``. Nothing here imports torch."""

import argparse
import json
from collections.abc import Iterable
from typing import Any

from ltdd_utils import recipes
from ltdd_utils.cli.common import as_json, recipe_of
from ltdd_utils.core.hints import did_you_mean
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.methods.base import Stage
from ltdd_utils.methods.registry import METHODS

__all__ = ["list_", "settings_", "show_"]


def list_(options: argparse.Namespace) -> str:
    """Every method by family, with one sentence, and the data sets."""
    rows = []
    for name in recipes.names():
        method, dataset = recipes.parts(name)
        scales = list(DATASETS[dataset].scales)
        rows.append({"recipe": name, "scales": scales, "what": method.summary, "family": method.family.name})
    if options.json:
        return as_json(rows)
    if options.names:
        return "\n".join(row["recipe"] for row in rows)
    wide = max(map(len, METHODS))
    lines = ["recipes are METHOD_DATASET, such as random_digits: each of these methods on each of these data sets"]
    lines += ["", f"{'data set':{wide}}  {'scales':12}  long tail of"]
    lines += [f"{name:{wide}}  {', '.join(facts.scales):12}  {facts.title}" for name, facts in DATASETS.items()]
    for family in dict.fromkeys(method.family.name for method in METHODS.values()):
        lines += ["", f"{family}:"]
        own = {name: method for name, method in METHODS.items() if method.family.name == family}
        lines += [f"{name:{wide}}  {method.summary}" for name, method in own.items()]
    return "\n".join(lines)


def settings_(options: argparse.Namespace) -> str:
    """Every single setting with its value and its comment.

    Raises:
        ValueError: no key has the text that was asked for.
    """
    from ltdd_utils.recipes.described import settings_of  # reads sources: the other commands do without

    every = list(settings_of(recipe_of(options)))
    chosen = [one for one in every if options.key is None or options.key in one[0]]
    if not chosen:
        hint = did_you_mean(options.key, _parts_of(key for key, _, _ in every))
        raise ValueError(f"no setting of {options.recipe} has {options.key!r} in its key{hint}; leave it out for all")
    if options.json:
        return as_json([{"key": key, "value": value, "what": what} for key, value, what in chosen])
    shown = [(f"{key}={json.dumps(to_dict(value))}", what) for key, value, what in chosen]
    wide = min(max(len(setting) for setting, _ in shown), 52)
    return "\n".join(f"{setting:{wide}}  {what}".rstrip() for setting, what in shown)


def _parts_of(keys: Iterable[str]) -> set[str]:
    """Every part of dotted keys that can be asked for: ``method.experts.train``, ``experts.train``, ``train``."""
    words = [key.split(".") for key in keys]
    return {".".join(w[first:end]) for w in words for first in range(len(w)) for end in range(first + 1, len(w) + 1)}


def show_(options: argparse.Namespace) -> str:
    """Settings, published numbers, and what runs gave and cost."""
    from ltdd_utils import analysis
    from ltdd_utils.cli.records import records_of  # pandas: `ltdd list` does without

    recipe = recipe_of(options)
    found = records_of(options)
    numbers = analysis.facts(recipe.target, recipe.config_id, found)
    others = 0 if found.empty else int(found["recipe"].eq(recipe.name).sum())
    facts = {"recipe": recipe.name, "scale": recipe.scale, "config_id": recipe.config_id, **numbers}
    if options.json:
        stages = [stage.facts() for stage in recipes.stages(recipe)]
        return as_json({**facts, "stages": stages, "config": to_dict(recipe)})
    lines = [f"{recipe.name}, scale {recipe.scale}, settings {recipe.config_id}", "", "published:"]
    lines += [_published(row) for row in numbers["published_percent"]] or [f"  {_why_unpublished(recipe)}"]
    lines += [
        "",
        "our runs:",
        *([_ran(row) for row in numbers["runs"]] or [_not_run(recipe.name, others)]),
    ]
    lines += ["", "stages:", *(_stage(stage) for stage in recipes.stages(recipe))]
    if note := recipe.family.note(recipe.cell):
        lines += ["", note]
    return "\n".join([*lines, "", "settings:", as_json(to_dict(recipe))])


def _stage(stage: Stage) -> str:
    return f"  {stage.name}" + (f"  (needs {', '.join(stage.needs)})" if stage.needs else "")


def _published(row: dict[str, Any]) -> str:
    spread = "" if row["std"] is None else f" ± {row['std']:g}"
    number = "N/A" if row["mean"] is None else f"{row['mean']:g}{spread} %"
    note = f"  {row['note']}" if row["note"] else ""
    return f"  {number}  ({row['paper']}, {row['table']}, {row['protocol']}){note}"


def _why_unpublished(recipe: recipes.Recipe) -> str:
    if recipe.target is None:
        return "no number is of these settings: one or more were changed"
    return "no number for this cell"


def _not_run(name: str, others: int) -> str:
    where = f"; of other settings {others} here: `ltdd records {name}`" if others else ""
    return f"  none yet: `ltdd run` with these options{where}"


def _ran(row: dict[str, Any]) -> str:
    from ltdd_utils.records.text import counted  # numpy: `ltdd list` does without

    seconds = "  ".join(f"{stage} {value:.0f} s" for stage, value in row["seconds_by_stage"].items())
    memory = f"{row['peak_ram_gib']:.1f} GiB RAM, {row['peak_gpu_gib']:.1f} GiB GPU"
    dirty = "  (from uncommitted code)" if row["dirty"] else ""
    score = f"seed {row['seed']}: {100 * row['overall']:.1f} % with {counted(row['students'])}"
    return f"  {score};  {seconds};  {memory}, {row['device']}{dirty}"
