"""The stages of a run as its family and its protocol declare them: the list that everybody reads."""

from dataclasses import replace

from ltdd_utils.methods.base import Stage
from ltdd_utils.recipes.recipe import Recipe

__all__ = ["PREPROCESS", "STUDENTS", "TEACHER", "stages"]

PREPROCESS, TEACHER, STUDENTS = "preprocess", "teacher", "students"


def stages(recipe: Recipe) -> list[Stage]:
    """Every stage of a run, in the order in which they run; their names are those of a record's ``cost.seconds``.

    One training under two names is one stage: a teacher that scores crops and then labels for the students is entered
    under the name that asks for it last.
    """
    evaluate, method = recipe.evaluate, list(recipe.family.stages(recipe.method, recipe.ipc))
    needs = tuple(stage.name for stage in method[-1:])
    scored: list[Stage] = []
    if evaluate.teacher is not None:
        teacher = Stage(TEACHER, "", evaluate.teacher, seed=evaluate.teacher.seed, training=TEACHER)
        names = {one.name for one in method if one.training == TEACHER and one.settings == teacher.settings}
        method = [_without(one, names) for one in method if one.name not in names]
        scored, needs = [teacher], (*needs, TEACHER)
    students = Stage(STUDENTS, "", {"evaluate": evaluate, "ipc": recipe.ipc}, needs=needs)
    return [Stage(PREPROCESS, "", evaluate.preprocess), *method, *scored, students]


def _without(stage: Stage, names: set[str]) -> Stage:
    """The stage with ``teacher`` in the place of what it needs under another name."""
    return replace(stage, needs=tuple(TEACHER if name in names else name for name in stage.needs))
