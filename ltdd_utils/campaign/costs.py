"""The cost of a run, estimated from runs before it.

A run consists of stages, and stages are shared: all methods of a seed have one teacher, and a set that a second
protocol scores is not made again. A stage costs nothing where a record has it already, since its result lies in the
store; else what stages of the same settings cost, whatever their seed and data.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ltdd_utils.core.settings import config_id, to_dict
from ltdd_utils.methods.base import Stage
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.recipes.stages import PREPROCESS, STUDENTS, TEACHER, stages
from ltdd_utils.records.record import Record

__all__ = ["Estimate", "TimedStage", "estimates", "timed_stages"]


@dataclass(frozen=True)
class TimedStage:
    """One stage of a run, as its record's ``cost.seconds`` names it."""

    name: str
    exact: str  # equal for equal results
    alike: str  # equal for equal settings: another seed, another imbalance factor or number of images
    units: int = 1  # seconds are proportional to them (students)


def timed_stages(recipe: Recipe, seed: int, students: int) -> list[TimedStage]:
    """The stages of a run that take time: all that are declared but the fit of the preprocessing."""
    found = [_timed(stage, recipe, seed) for stage in stages(recipe) if stage.name not in (PREPROCESS, STUDENTS)]
    evaluate = {**to_dict(recipe.evaluate), "teacher": None, "adsa": None}
    alike = config_id({"name": STUDENTS, "evaluate": evaluate, "ipc": recipe.ipc})
    each = config_id({"run": recipe, "seed": seed})
    return [*found, TimedStage(STUDENTS, each, alike, students)]


def _timed(stage: Stage, recipe: Recipe, seed: int) -> TimedStage:
    kind = "training" if stage.settings in stage.trainings else stage.name  # whatever it is called
    space = recipe.evaluate.preprocess if stage.name == TEACHER else recipe.space
    whole = {"method": recipe.method, "ipc": recipe.ipc}
    settings = whole if stage.settings is None else stage.settings
    exact = {"name": kind, "data": recipe.data, "space": space, "own": settings}
    exact["seed"] = seed if stage.seed is None else stage.seed
    if stage.sized:
        exact["ipc"] = recipe.ipc
    if stage.settings is None:  # set by the recipe: another method's iterations cost something else
        alike = {"name": kind, "scale": recipe.scale, "dataset": recipe.data.name, "recipe": recipe.name}
    else:
        alike = {"name": kind, "scale": recipe.scale, "own": settings}
    return TimedStage(stage.name, config_id(exact), config_id(alike))


@dataclass(frozen=True)
class Estimate:
    """What a missing run would add."""

    seconds: float  # over its timed stages
    unknown: list[str]  # the others
    elsewhere: bool  # whether a time is of another folder's records


def estimates(
    runs: Sequence[tuple[Recipe, int, int]],
    records: Sequence[Record],
    elsewhere: Sequence[Record] = (),
    before: Sequence[Record] = (),
) -> list[Estimate]:
    """What each of several missing runs would add, one after the other.

    Args:
        runs: recipe, seed and students of each, in the order in which they will run.
        records: what was run, and lies in the store; only records of the same scale are asked, and of methods that are
            known.
        elsewhere: what was run in other places: its times stand in for stages that ``records`` have none of, but no
            stage of it lies in the store.
        before: what was run here on data that have changed since: its times count, its stages are of no use.
    """
    done: dict[str, int] = {}  # units of each stage
    timed: dict[str, list[float]] = {}
    for stage, seconds in _spent(records):
        done[stage.exact] = max(done.get(stage.exact, 0), stage.units)
        timed.setdefault(stage.alike, []).append(seconds / stage.units)
    for stage, seconds in _spent(before):
        timed.setdefault(stage.alike, []).append(seconds / stage.units)
    others: dict[str, list[float]] = {}
    for stage, seconds in _spent(elsewhere):
        if stage.alike not in timed:
            others.setdefault(stage.alike, []).append(seconds / stage.units)
    found = []
    for recipe, seed, students in runs:
        seconds, unknown, borrowed = 0.0, [], False
        for stage in timed_stages(recipe, seed, students):
            left = stage.units - done.get(stage.exact, 0)
            if left <= 0:
                continue
            done[stage.exact] = stage.units
            times = timed.get(stage.alike) or others.get(stage.alike)
            if times:
                seconds += left * median(times)  # a run that stood still behind other work counts for little
                borrowed = borrowed or stage.alike in others
            else:
                unknown.append(stage.name)
        found.append(Estimate(seconds, unknown, borrowed))
    return found


def _spent(records: Iterable[Record]) -> Iterator[tuple[TimedStage, float]]:
    """The stages that records name, and the seconds of each."""
    for record in records:
        try:
            recipe = record.recipe
        except ValueError:  # of a method that is not here, or has other settings now
            continue
        for stage in timed_stages(recipe, record.seed, len(record.students)):
            if stage.name in record.cost.seconds:
                yield stage, record.cost.seconds[stage.name]
