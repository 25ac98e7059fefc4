"""The stages of a run as its family and its protocol declare them: the list that everybody reads."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ltdd_utils.methods.base import Stage, teacher_stage
from ltdd_utils.methods.effort import Effort, network_kind, training
from ltdd_utils.recipes.recipe import Recipe

__all__ = ["PREPROCESS", "STUDENTS", "TEACHER", "stages"]

PREPROCESS, TEACHER, STUDENTS = "preprocess", "teacher", "students"


def stages(recipe: Recipe) -> list[Stage]:
    """Every stage of a run, in the order in which they run; their names are those of a record's ``cost.seconds``.

    One training under two names is one stage: a teacher that scores crops and then labels for the students is entered
    under the name that asks for it last, and stands where it is asked for first.

    Raises:
        ValueError: the family declares something else than stages, two of one name, one of a name that every run has
            itself, or one that needs what no stage before it gives.
    """
    evaluate, method = recipe.evaluate, _merged(_declared(recipe))
    scored = [] if evaluate.teacher is None else [teacher_stage(TEACHER, "", evaluate.teacher)]
    needs = tuple(stage.name for stage in (*method[-1:], *scored))
    settings = {"evaluate": evaluate, "ipc": recipe.ipc}
    students = Stage(STUDENTS, "", settings, needs=needs, effort=_of_a_student(recipe))
    trained = [*method, *scored]
    if recipe.space == evaluate.preprocess:  # else the same settings train another network
        trained = _merged(trained)
    return [Stage(PREPROCESS, "", evaluate.preprocess), *trained, students]


def _of_a_student(recipe: Recipe) -> Effort:
    """The effort of one student; a teacher that labels each view is asked at every step."""
    evaluate = recipe.evaluate
    teacher = "" if evaluate.teacher is None else f" {network_kind(evaluate.teacher.network)}"
    images = "long tail" if recipe.ipc is None else "set"
    kind = f"{evaluate.protocol} {evaluate.augment.kind}{teacher}"
    return training(kind, evaluate.train.epochs, evaluate.network, images=images)


def _declared(recipe: Recipe) -> Sequence[Stage]:
    """The stages of the family, refused where a run could not tell them apart."""
    listed, who = recipe.family.stages(recipe.method, recipe.ipc), f"the family {recipe.family.name!r}"
    if not isinstance(listed, Sequence) or not all(isinstance(stage, Stage) for stage in listed):
        raise ValueError(f"{who} declares {listed!r:.80} as its stages; give a list of Stage")
    before = [PREPROCESS, TEACHER, STUDENTS]
    for stage in listed:
        if stage.name in before:
            raise ValueError(f"{who} has a stage {stage.name!r}, which is taken; give each stage a name of its own")
        if absent := [name for name in stage.needs if name not in before[3:]]:
            raise ValueError(f"the stage {stage.name!r} of {who} needs {absent[0]!r}, which no stage before it is")
        before.append(stage.name)
    return listed


def _merged(listed: Sequence[Stage]) -> list[Stage]:
    """The stages without those whose trainings are all asked for again later, under another name."""
    last = {cfg: stage.name for stage in listed for cfg in stage.trainings}
    heirs = {stage.name: tuple(dict.fromkeys(last[cfg] for cfg in stage.trainings)) for stage in listed}
    names = {name: (name,) if name in found or not found else found for name, found in heirs.items()}
    known = {stage.name: stage for stage in listed}
    kept = [known[name] for name in _flat(names[stage.name] for stage in listed)]
    return [replace(stage, needs=_flat(names[name] for name in stage.needs)) for stage in kept]


def _flat(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The names of all groups, each once."""
    return tuple(dict.fromkeys(itertools.chain.from_iterable(groups)))
