"""From a recipe to its record."""

from typing import Any

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.provenance import full_precision, peak_ram_gib, provenance
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.fitting import fit_stage
from ltdd_utils.data.long_tailed import LongTailedData, load
from ltdd_utils.distilled.contents import content_hash
from ltdd_utils.evaluation.scores import Evaluation
from ltdd_utils.methods.alignment.settings import UnilevelConfig
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.records.record import refuse_fewer_students, save_record
from ltdd_utils.records.schema import SCHEMA
from ltdd_utils.runs.checks import check, require_networks
from ltdd_utils.runs.sets import distil
from ltdd_utils.runs.students import evaluate_students
from ltdd_utils.teachers.scores import teacher_scores
from ltdd_utils.teachers.stage import expert_stage

__all__ = ["run"]


def run(recipe: Recipe, seed: int, students: int, context: RunContext) -> dict[str, Any]:
    """Run a recipe to its record; finished stages are read, not repeated.

    Args:
        recipe: what to run.
        seed: of everything but the long-tailed subset, which its own ``subset_seed`` fixes.
        students: how many students to train; 5 unless there is a reason.
        context: device, folders, progress.

    Returns:
        The record; it is also written to ``context.results``.

    Raises:
        ValueError: fewer than one student or than an earlier record of this run has, a negative seed, or settings that
            do not fit the data.
        OSError: a folder cannot be written.
        Stopped: the deadline passed; the same call goes on from there.
    """
    check(seed, students, context)
    if context.results is not None:
        named = {"recipe": recipe.name, "config_id": recipe.config_id, "seed": seed}
        refuse_fewer_students(context.results, named, students)
    origin = provenance()
    context.store.origins.clear()
    data = load(recipe.data, context.data, context.watching("read images"))
    _refuse_early(recipe, data)
    preprocess, fitting = fit_stage(recipe.evaluate.preprocess, data, context)
    made = [distil(recipe, data, seed, context, draw) for draw in range(students if recipe.one_draw_per_student else 1)]
    stages = made[0].seconds
    seconds = {"preprocess": fitting, **{stage: sum(one.seconds[stage] for one in made) for stage in stages}}
    sets = [one.set for one in made]
    sets = sets if len(sets) == students else sets * students
    teacher = None
    if recipe.evaluate.teacher is not None:
        teacher, seconds["teacher"] = expert_stage(recipe.evaluate.teacher, data, preprocess, seed, context, "teacher")
        with full_precision():
            own = teacher_scores(teacher, data, preprocess, context.device)
    evaluation = evaluate_students(sets, data, preprocess, recipe.evaluate, seed, context, teacher)
    seconds["students"] = sum(evaluation.seconds)
    origin |= {"data_sha256": data.sha256, "distilled_sha256": [content_hash(distilled) for distilled in sets]}
    clamped = max(evaluation.clamped, *(one.clamped for one in made))
    record = _record(recipe, seed, evaluation, origin | {"clamped": clamped}, seconds, context)
    if made[0].history is not None:
        record["distillation"] = made[0].history
    if teacher is not None:
        record["teacher"] = own
    if context.results is not None:
        save_record(context.results, record)
    return record


def _refuse_early(recipe: Recipe, data: LongTailedData) -> None:
    """Refuse settings of what comes last, the students, before the first stage is computed."""
    method, evaluate = recipe.method, recipe.evaluate
    trained = [] if evaluate.teacher is None else [evaluate.teacher]
    if isinstance(method, UnilevelConfig) and method.recover.iterations:
        trained += [method.observer, *method.others]
    require_networks([evaluate.network, *(own.network for own in trained)], data)
    soft = isinstance(method, TrajectoryConfig) and method.initial.labels != "hard"
    if evaluate.adsa is not None and evaluate.protocol == "dsa-stored" and not soft:
        raise ValueError(
            f"evaluate.adsa is {to_dict(evaluate.adsa)}: ADSA calibrates soft labels, and the sets of {recipe.name} "
            "store none; leave evaluate.adsa out, or use a protocol with a teacher"
        )


def _record(
    recipe: Recipe,
    seed: int,
    evaluation: Evaluation,
    origin: dict[str, Any],
    seconds: dict[str, float],
    context: RunContext,
) -> dict[str, Any]:
    """One row of the results: what was run, what came out, what it cost and where it comes from."""
    stages = context.store.origins
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
        "students": [
            {"stream": f"{seed}/student/{number}", **scores} for number, scores in enumerate(evaluation.each_student())
        ],
        "cost": {
            "seconds": seconds,
            "peak_ram_gib": max((stage.get("peak_ram_gib", 0.0) for stage in stages), default=0.0) or peak_ram_gib(),
            "peak_gpu_gib": max((stage.get("peak_gpu_gib", 0.0) for stage in stages), default=0.0),
            "device": " and ".join(evaluation.devices),
        },
        "provenance": {**origin, **_code(origin, stages)},
    }


def _code(origin: dict[str, Any], stages: list[dict[str, Any]]) -> dict[str, Any]:
    """Which code computed the stages, and whether any of it was in no commit: a later call only reads them."""
    commits: dict[str, list[str]] = {}
    for stage in stages:
        names = commits.setdefault(stage.get("commit") or "unknown", [])
        if stage["stage"] not in names:
            names.append(stage["stage"])
    dirty = any(stage.get("dirty") for stage in stages) or origin["dirty"]  # None: nobody knows
    return {"stages": commits, "dirty": dirty}
