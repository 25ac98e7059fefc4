"""From a recipe to its record."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.ledger import Ledger
from ltdd_utils.core.progress import told
from ltdd_utils.core.provenance import full_precision, provenance
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.long_tailed import LongTailedData, load
from ltdd_utils.data.run import Run
from ltdd_utils.data.settings import is_own
from ltdd_utils.distilled.contents import content_hash
from ltdd_utils.distilled.result import DistillationResult
from ltdd_utils.evaluation.scores import Evaluation
from ltdd_utils.recipes.origins import plugins_of
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.recipes.stages import stages
from ltdd_utils.records.files import planned, refuse_fewer_students, save_record
from ltdd_utils.records.record import Record
from ltdd_utils.records.schema import SCHEMA
from ltdd_utils.runs.checks import check, require_classes, require_networks
from ltdd_utils.runs.costs import code_of, cost_of, students_of
from ltdd_utils.runs.sets import distil
from ltdd_utils.runs.students import evaluate_students
from ltdd_utils.teachers.scores import teacher_scores
from ltdd_utils.teachers.stage import train_teacher

__all__ = ["refuse_earlier", "refuse_early", "run", "start"]


def start(recipe: Recipe, seed: int, context: RunContext, data: LongTailedData | None = None) -> Run:
    """The run of a recipe before its first stage: its long tail, preprocessed as its protocol asks.

    ``data`` is that long tail where it was read already.

    Raises:
        FileNotFoundError: the data set is not there.
        ValueError: settings that do not fit the data.
    """
    data = load(recipe.data, context.data, context.reading()) if data is None else data
    return Run.start(data, recipe.evaluate.preprocess, seed, context)


def run(
    recipe: Recipe, seed: int, students: int, context: RunContext, *, ahead: Callable[[], None] | None = None
) -> Record:
    """Run a recipe to its record; finished stages are read, not repeated.

    Args:
        recipe: what to run.
        seed: of everything but the long-tailed subset, which its own ``subset_seed`` fixes.
        students: how many students to train; 5 unless there is a reason.
        context: device, folders, progress.
        ahead: makes stages in other processes; called once nothing is left to refuse, before the first stage is asked
            for.

    Returns:
        The record; it is also written to ``context.results``.

    Raises:
        ValueError: fewer than one student or than an earlier record of this run has, a negative seed, or settings that
            do not fit the data.
        OSError: a folder cannot be written.
        Stopped: the deadline passed; the same call goes on from there.
    """
    seed, students = check(seed, students, context)
    with told(context.announce, run=f"{recipe.name}/{recipe.config_id}-s{seed}", students=students) as further:
        record = _made(recipe, seed, students, context, ahead)
        further |= {"overall": record.metrics.overall.mean, "record": record.file_name}
    return record


def _made(recipe: Recipe, seed: int, students: int, context: RunContext, ahead: Callable[[], None] | None) -> Record:
    """The record of a run whose arguments were checked, written where records are kept."""
    origin = provenance() | plugins_of(recipe)
    data = load(recipe.data, context.data, context.reading())
    recipe = replace(recipe, data=data.config)  # with the hash of a list of the user's own: its content names the run
    if context.results is not None:
        refuse_fewer_students(context.results, planned(recipe, seed, data.sha256), students)
    refuse_early(recipe, data)
    if ahead is not None:
        ahead()
    work = Run.start(data, recipe.evaluate.preprocess, seed, context)
    draws = students if recipe.family.one_draw_per_student(recipe.method) else 1
    results = [distil(recipe, work, draw) for draw in range(draws)]
    sets = [result.set for result in results] * (1 if draws == students else students)
    teacher, scores = None, None
    if recipe.evaluate.teacher is not None:
        with work.ledger.entry("teacher"):
            teacher = train_teacher(recipe.evaluate.teacher, work)
        with full_precision():
            scores = teacher_scores(teacher, work)
    with work.ledger.entry("students"):
        evaluation = evaluate_students(sets, work, recipe.evaluate, teacher)
    origin |= {"data_sha256": data.sha256, "class_counts": list(data.counts)}
    origin |= {"distilled_sha256": [content_hash(distilled) for distilled in sets]}
    origin["clamped"] = max(evaluation.clamped, *(result.clamped for result in results))
    if results[0].adapted:
        origin["adapted"] = dict(results[0].adapted)
    record = Record(_record(recipe, seed, evaluation, origin, work.ledger) | _optional(results[0], scores))
    if context.results is not None:
        save_record(context.results, record)
    return record


def refuse_earlier(recipe: Recipe, seed: int, students: int, context: RunContext) -> None:
    """Refuse what ``run`` would, for a record with more students; the data are read where their hash names the record.

    Raises:
        FileNotFoundError: a data set of the user's own is not there.
        ValueError: such a record is there, or data that do not fit.
    """
    if context.results is None:
        return
    sha256, kept = "", context.results / recipe.name
    if kept.is_dir() and (is_own(recipe.data.name) or recipe.data.list_file is not None):
        data = load(recipe.data, context.data, context.reading())
        recipe, sha256 = replace(recipe, data=data.config), data.sha256
    refuse_fewer_students(context.results, planned(recipe, seed, sha256), students)


def refuse_early(recipe: Recipe, data: LongTailedData) -> None:
    """Refuse settings of what comes last, the students, before the first stage is computed; and odd stages.

    Raises:
        ValueError: the message says which.
    """
    require_classes(data)
    stages(recipe)
    family, evaluate = recipe.family, recipe.evaluate
    trained = [] if evaluate.teacher is None else [evaluate.teacher.network]
    require_networks([evaluate.network, *trained, *family.networks(recipe.method)], data)
    if evaluate.adsa is not None and evaluate.teacher is None and not family.has_soft_labels(recipe.method):
        raise ValueError(
            f"evaluate.adsa is {to_dict(evaluate.adsa)}: ADSA calibrates soft labels, and the sets of {recipe.name} "
            "store none; leave evaluate.adsa out, or use a protocol with a teacher"
        )


def _record(
    recipe: Recipe, seed: int, evaluation: Evaluation, origin: dict[str, Any], ledger: Ledger
) -> dict[str, Any]:
    """One row of the results: what was run, what came out, what it cost and where it comes from."""
    return {
        "schema": SCHEMA,
        "recipe": recipe.name,
        "scale": recipe.scale,
        "config_id": recipe.config_id,
        "seed": seed,
        "config": to_dict(recipe),
        "target": recipe.target,
        "protocol": recipe.evaluate.label,
        "metrics": evaluation.metrics(),
        "students": students_of(evaluation, seed),
        "cost": cost_of(ledger, evaluation.devices),
        "provenance": {**origin, **code_of(origin, ledger.origins)},
    }


def _optional(result: DistillationResult, teacher: dict[str, Any] | None) -> dict[str, Any]:
    """The entries that only some runs have: the history of iterations, the teacher's accuracies."""
    history = {} if result.history is None else {"distillation": result.history}
    return history | ({} if teacher is None else {"teacher": teacher})
