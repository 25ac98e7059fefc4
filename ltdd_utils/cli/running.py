"""The commands that train: ``ltdd run`` and ``ltdd evaluate``."""

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from ltdd_utils import analysis, recipes, records
from ltdd_utils.campaign.forecast import Expected
from ltdd_utils.campaign.planned import PlannedRun
from ltdd_utils.campaign.tasks import tasks_of
from ltdd_utils.cli.ahead import Ahead, set_tasks
from ltdd_utils.cli.common import as_json, recipe_of
from ltdd_utils.cli.context import context_of, followed, require_file
from ltdd_utils.cli.following import Following
from ltdd_utils.cli.forecasts import Plan, dry_run, expected_of, warning
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.progress import told
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.caching import nothing_kept
from ltdd_utils.data.settings import is_own
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.files import load_set, save_set
from ltdd_utils.distilled.states import evenly, kept_states
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.recipes.stages import PREPROCESS, STUDENTS, TEACHER
from ltdd_utils.recipes.units import RECORD
from ltdd_utils.runs.checks import check
from ltdd_utils.runs.held import Held, held, held_of_set
from ltdd_utils.runs.pipeline import refuse_earlier, run, start
from ltdd_utils.runs.set_units import UnitsOfSet
from ltdd_utils.runs.sets import distil
from ltdd_utils.runs.students import evaluate_set, protocol_for
from ltdd_utils.runs.units import UnitsOfRun

__all__ = ["evaluate_", "plan_of_set", "run_", "warn"]


def run_(options: argparse.Namespace) -> str:
    """A recipe to its record, and its distilled set to a file if asked."""
    if options.with_preprocessing and options.save_set is None:
        raise ValueError("--with-preprocessing says what is in the file of --save-set; give --save-set FILE too")
    if options.save_set is not None:
        require_file(options.save_set)
    recipe = recipe_of(options)
    context = replace(context_of(options), results=options.results, keep_images=_states(options, recipe))
    following, context = followed(options, context)
    plan = expected_of(recipe, options.students, options.results, options.data)
    following.plan_of = lambda _: plan

    def look() -> dict[str, Held]:
        seed, students = check(options.seed, options.students, context)
        refuse_earlier(recipe, seed, students, context)
        return held(recipe, seed, students, context)

    if options.dry_run:
        title = f"{recipe.name}, scale {recipe.scale}, seed {options.seed}, {records.counted(options.students)}"
        with nothing_kept():
            return dry_run(title, plan, look, options.json)
    warn(plan, context, look)
    begun = time.monotonic()
    record = _made(recipe, options, context, following)
    now = time.monotonic() - begun
    saved = _saved(options, recipe, context)
    if options.json:
        return as_json(dict(record))
    path = records.record_path(options.results, record)
    return f"{records.summary(record, now)}{_unequal(record, options.results)}\nrecord: {path}{_replaced(path)}{saved}"


def _states(options: argparse.Namespace, recipe: Recipe) -> int:
    """How many states of the images are kept.

    Raises:
        ValueError: fewer than two, or of a recipe whose images do not change.
    """
    if options.keep_images is None:
        return 0
    if not recipe.family.iterations(recipe.method):
        raise ValueError(f"--keep-images {options.keep_images}: {recipe.name} changes no image; leave the option out")
    evenly(1, options.keep_images)
    return options.keep_images


def _saved(options: argparse.Namespace, recipe: Recipe, context: RunContext) -> str:
    """Write the set where it was asked for; further lines with its file and the folder of its states."""
    if options.save_set is None and options.keep_images is None:
        return ""
    work = start(recipe, options.seed, context)
    distilled = distil(recipe, work).set
    lines = ""
    if options.save_set is not None:
        save_set(options.save_set, distilled, work.preprocess if options.with_preprocessing else None)
        lines += f"\nset: {options.save_set}"
    if options.keep_images is not None:
        folder, states = kept_states(work)
        wanted = evenly(recipe.family.iterations(recipe.method), options.keep_images)
        lines += f"\nstates: {folder} ({len(states)} kept)"
        if set(wanted) - set(states):
            again = f"remove {folder.parent} and run the same command to have them"
            lines += f"\nwarning: {len(wanted)} were asked for, but these images were made before, or begun; {again}"
    return lines


def _made(recipe: Recipe, options: argparse.Namespace, context: RunContext, following: Following) -> records.Record:
    """The record of a run, whose stages are made side by side where that pays."""
    this = PlannedRun("", recipe, *check(options.seed, options.students, context), command="")
    tasks = tasks_of([this], lambda _: following.plan_of(""), options.device)
    ahead = Ahead(options, following, context, [task for task in tasks if task.unit.kind != RECORD])
    there = UnitsOfRun(recipe, this.seed, this.students, context).is_there
    context = replace(context, announce=ahead.announce)
    return run(recipe, this.seed, this.students, context, ahead=lambda: ahead.make(there))


def _unequal(record: records.Record, folder: Path) -> str:
    """A further line where runs on the same data of the user's own have other students."""
    if not is_own(record.data.name):
        return ""
    line = records.unequal_students(record, records.read(records.all_records(folder)))
    return f"\nwarning: {line}" if line else ""


def warn(plan: Plan, context: RunContext, look: Callable[[], dict[str, Held]]) -> None:
    """Say on standard error if a run will take long on a CPU."""
    if line := warning(plan, context.device.type == "cpu", look):
        tqdm.write(f"ltdd: warning: {line}", file=sys.stderr)


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
    following, context = followed(options, replace(context_of(options), results=options.results))
    plan = plan_of_set(distilled, cfg, options.students)
    following.plan_of = lambda _: plan
    arguments = {"seed": options.seed, "students": options.students}

    def look() -> dict[str, Held]:
        return held_of_set(distilled, preprocess, cfg, context, **arguments)

    if options.dry_run:
        with nothing_kept():
            return dry_run(f"{options.distilled}, {records.counted(options.students)}", plan, look, options.json)
    begun = time.monotonic()
    ahead = Ahead(options, following, context, set_tasks(options.distilled, distilled, cfg, options, plan))
    there = UnitsOfSet(options.distilled, cfg, options.seed, options.students, context).is_there
    context = replace(context, announce=ahead.announce)
    with _about(options.distilled):
        warn(plan, context, look)
        with told(context.announce, run=f"evaluate/{options.distilled.stem}-s{options.seed}") as further:
            arguments["ahead"] = lambda: ahead.make(there)
            scores = evaluate_set(distilled, preprocess, cfg, context, **arguments)
            further["overall"] = scores["metrics"]["overall"]["mean"]
    if options.json:
        return as_json(scores)
    kept = "" if options.results is None else f"\nrecord: {records.evaluation_path(options.results, scores)}"
    return f"{records.summary(scores, time.monotonic() - begun)}{kept}"


def plan_of_set(distilled: DistilledSet, cfg: EvaluateConfig, students: int) -> Plan:
    """The stages that score a set, as a recipe with that set would have them; of unknown length if it names none."""
    names = [PREPROCESS, *([] if cfg.teacher is None else [TEACHER]), STUDENTS]
    info, usual = distilled.info, {}
    made = {key: info.get(key) for key in ("scale", "data", "ipc", "method")}
    try:
        if not info.get("recipe"):  # any recipe tells how long its students take
            stand_in = recipes.recipe(f"{analysis.baseline(info['like'])}_{info['like']}", scale=info["scale"])
            usual = {"name": stand_in.name, "method": to_dict(stand_in.method)}
        recipe = Recipe.from_dict({**made, "name": info["recipe"], "evaluate": to_dict(cfg), **usual})
        plan = expected_of(recipe, students, records.results_root())
    except (ValueError, KeyError, TypeError):
        return [Expected(name, None, "unknown") for name in names]
    return [one for one in plan if one.name in names]


@contextmanager
def _about(file: Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
