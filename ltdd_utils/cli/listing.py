"""The commands that only tell: ``ltdd list`` and ``ltdd show``. Nothing here imports torch."""

import argparse
from typing import Any

from ltdd_utils import recipes
from ltdd_utils.cli.common import as_json, recipe_of
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.methods.base import Stage
from ltdd_utils.records.text import counted

__all__ = ["list_", "show_"]


def list_(options: argparse.Namespace) -> str:
    """Every recipe, its scales, and one sentence."""
    rows = []
    for name in recipes.names():
        method, dataset = recipes.parts(name)
        rows.append({"recipe": name, "scales": list(DATASETS[dataset].scales), "what": method.summary})
    if options.json:
        return as_json(rows)
    wide = max(len(row["recipe"]) for row in rows)
    return "\n".join(f"{row['recipe']:{wide}}  {', '.join(row['scales']):10}  {row['what']}" for row in rows)


def show_(options: argparse.Namespace) -> str:
    """Settings, published numbers, and what runs gave and cost."""
    from ltdd_utils import analysis
    from ltdd_utils.cli.records import records_of  # pandas: `ltdd list` does without

    recipe = recipe_of(options)
    numbers = analysis.facts(recipe.target, recipe.config_id, records_of(options))
    facts = {"recipe": recipe.name, "scale": recipe.scale, "config_id": recipe.config_id, **numbers}
    if options.json:
        stages = [stage.facts() for stage in recipes.stages(recipe)]
        return as_json({**facts, "stages": stages, "config": to_dict(recipe)})
    lines = [f"{recipe.name}, scale {recipe.scale}, settings {recipe.config_id}", "", "published:"]
    lines += [_published(row) for row in numbers["published_percent"]] or [f"  {_why_unpublished(recipe)}"]
    lines += [
        "",
        "our runs:",
        *([_ran(row) for row in numbers["runs"]] or ["  none yet: `ltdd run` with these options"]),
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


def _ran(row: dict[str, Any]) -> str:
    seconds = "  ".join(f"{stage} {value:.0f} s" for stage, value in row["seconds_by_stage"].items())
    memory = f"{row['peak_ram_gib']:.1f} GiB RAM, {row['peak_gpu_gib']:.1f} GiB GPU"
    dirty = "  (from uncommitted code)" if row["dirty"] else ""
    score = f"seed {row['seed']}: {100 * row['overall']:.1f} % with {counted(row['students'])}"
    return f"  {score};  {seconds};  {memory}, {row['device']}{dirty}"
