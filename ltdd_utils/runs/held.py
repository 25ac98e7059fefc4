"""How much of a run lies in the store already: looked at in the way in which the run itself would ask for it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from ltdd_utils.core.context import RunContext
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.evaluation.students import student
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.recipes.stages import PREPROCESS, STUDENTS, TEACHER
from ltdd_utils.runs.looking import Held, Looking, looking
from ltdd_utils.runs.pipeline import start
from ltdd_utils.runs.sets import distil, fitted_job
from ltdd_utils.runs.students import evaluate_set
from ltdd_utils.teachers.stage import train_teacher

__all__ = ["Held", "held", "held_of_set"]


def held(recipe: Recipe, seed: int, students: int, context: RunContext) -> dict[str, Held]:
    """What is there of each stage of a run; a stage that is not named has nothing.

    Nothing is written or trained; the data are read, and finished stages are loaded.

    Raises:
        FileNotFoundError: the data set is not there.
        ValueError: settings that do not fit the data.
    """
    store, context = looking(context)
    if not store.root.is_dir():
        return {}
    found: dict[str, Held] = {}
    found[PREPROCESS], work = store.look(lambda: start(recipe, seed, context))
    if work is None:
        return found
    found |= _family(recipe, work, store)
    teacher = None
    if recipe.evaluate.teacher is not None:
        found[TEACHER], teacher = store.look(lambda: train_teacher(recipe.evaluate.teacher, work))
    if all(one.whole for one in found.values()):
        found[STUDENTS], _ = store.look(lambda: _students(recipe, work, students, teacher))
    return found


def _students(recipe: Recipe, work: Run, students: int, teacher: nn.Module | None) -> None:
    """Ask for each student as the run does; the seconds of their sets are no seconds of theirs."""
    store, draws = work.context.store, recipe.family.one_draw_per_student(recipe.method)
    for number in range(students):
        before = store.seconds
        distilled = distil(recipe, work, number if draws else 0).set
        store.seconds = before
        student(distilled, work, recipe.evaluate, number, teacher)


def _family(recipe: Recipe, work: Run, store: Looking) -> dict[str, Held]:
    """The stages that make the set; one whose needs are not there cannot be asked for."""
    _, job = store.look(lambda: fitted_job(recipe, work))
    if job is None:
        return {}
    found: dict[str, Held] = {}
    for stage in recipe.family.stages(job.cfg, job.ipc):
        if all(found[name].whole for name in stage.needs):
            found[stage.name], _ = store.look(lambda stage=stage: recipe.family.run_stage(stage, job))
        else:
            found[stage.name] = Held()
    return found


def held_of_set(
    distilled: DistilledSet,
    space: Preprocess | None,
    cfg: EvaluateConfig,
    context: RunContext,
    *,
    seed: int = 0,
    students: int = 5,
) -> dict[str, Held]:
    """What is there of the stages that score a set from a file; arguments and errors are those of ``evaluate_set``."""
    store, context = looking(context)
    found: dict[str, Held] = {}

    def ended(event: Mapping[str, Any]) -> None:
        if event["event"] != "begin":
            found[event["stage"]] = Held(event["event"] == "end", store.seconds)
        store.seconds = 0.0

    if store.root.is_dir():
        told = replace(context, announce=ended)
        store.look(lambda: evaluate_set(distilled, space, cfg, told, seed=seed, students=students))
    return found
