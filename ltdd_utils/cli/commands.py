"""The commands: options in, the text for standard output out. A command's function has its name and a "_"."""

import argparse
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ltdd_utils import analysis, recipes, records
from ltdd_utils.cli.campaigns import campaign_
from ltdd_utils.cli.common import as_json, context_of, recipe_of, require_file
from ltdd_utils.cli.experts import experts_
from ltdd_utils.cli.progress import Bars
from ltdd_utils.cli.records import missing_, records_, records_of, table_
from ltdd_utils.cli.sets import export_, import_
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.sources import downloads
from ltdd_utils.data.sources.dataset import data_root
from ltdd_utils.distilled.files import load_set, save_set
from ltdd_utils.methods.base import Stage
from ltdd_utils.runs.pipeline import run, start
from ltdd_utils.runs.sets import distil
from ltdd_utils.runs.students import evaluate_set, protocol_for

__all__ = [
    "campaign_",
    "data_",
    "evaluate_",
    "experts_",
    "export_",
    "import_",
    "list_",
    "missing_",
    "records_",
    "run_",
    "show_",
    "table_",
]


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
    score = f"seed {row['seed']}: {100 * row['overall']:.1f} % with {records.counted(row['students'])}"
    return f"  {score};  {seconds};  {memory}, {row['device']}{dirty}"


def run_(options: argparse.Namespace) -> str:
    """A recipe to its record, and its distilled set to a file if asked."""
    if options.with_preprocessing and options.save_set is None:
        raise ValueError("--with-preprocessing says what is in the file of --save-set; give --save-set FILE too")
    if options.save_set is not None:
        require_file(options.save_set)
    recipe, context = recipe_of(options), replace(context_of(options), results=options.results)
    record = run(recipe, options.seed, options.students, context)
    if options.save_set is not None:
        work = start(recipe, options.seed, context)
        preprocess = work.preprocess if options.with_preprocessing else None
        save_set(options.save_set, distil(recipe, work).set, preprocess)
    if options.json:
        return as_json(dict(record))
    saved = "" if options.save_set is None else f"\nset: {options.save_set}"
    path = records.record_path(options.results, record)
    return f"{records.summary(record)}\nrecord: {path}{_replaced(path)}{saved}"


def _replaced(path: Path) -> str:
    """A further line where a record replaced one that the clone tracks: how to restore it."""
    if not records.is_tracked(path):
        return ""
    here = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    back = f"`git checkout -- {shlex.quote(str(here))}` restores it, `--results mine` leaves it alone"
    return f"\nthis replaced the committed record of the run: {back}"


def evaluate_(options: argparse.Namespace) -> str:
    """Students on a distilled set from a file."""
    distilled, preprocess = load_set(options.distilled)
    with _about(options.distilled):
        cfg = protocol_for(distilled, options.protocol, options.scale, options.network, options.teacher)
    pairs = recipes.assignments(options.set, "train.epochs=10")
    for key in pairs:
        if key.startswith("evaluate."):
            raise ValueError(f"--set {key}: these are the settings of the protocol alone; drop the leading 'evaluate.'")
    cfg = recipes.with_overrides(cfg, pairs)
    context = context_of(options)
    with _about(options.distilled):
        scores = evaluate_set(distilled, preprocess, cfg, context, seed=options.seed, students=options.students)
    return as_json(scores) if options.json else records.summary(scores)


@contextmanager
def _about(file: Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def data_(options: argparse.Namespace) -> str:
    """The data sets that are present, after fetching or verifying one if requested."""
    root = data_root(options.data)
    if options.action == "fetch" and not options.names:
        raise ValueError(f"fetch what? name one or more of {', '.join(downloads.fetchable())}")
    if options.action == "fetch":
        for name in options.names:
            downloads.fetch(name, root, Bars(options.quiet)(name), None if options.quiet else _to_stderr)
    rows = downloads.status(root, options.names)
    if options.action == "verify":
        wrong = [row for row in rows if not row["verified"] and (options.names or row["present"])]
        if wrong:
            raise ValueError(wrong[0]["state"])
    return as_json(rows) if options.json else "\n".join(f"{row['name']:10}{row['state']}" for row in rows)
