"""The list of several runs as tasks for processes that work side by side."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ltdd_utils.campaign.forecast import Expected
from ltdd_utils.campaign.listing import Listed, listed
from ltdd_utils.campaign.planned import PlannedRun
from ltdd_utils.core.settings import to_dict
from ltdd_utils.jobs.schedule import Task
from ltdd_utils.recipes.stages import PREPROCESS
from ltdd_utils.recipes.units import fit

__all__ = ["described", "tasks_of"]


def tasks_of(
    runs: Sequence[PlannedRun], expected: Callable[[PlannedRun], Sequence[Expected]], device: str = "auto"
) -> list[Task]:
    """Every unit of the runs, each once, with the fits of their preprocessing, which the other units need.

    Args:
        runs: of a campaign, or single ones.
        expected: tells what the stages of a run will take.
        device: as of ``listed``.
    """
    found: dict[str, Task] = {}
    for one in listed(runs, expected, device):
        first = fit(one.run.recipe)
        if first.id not in found:
            seconds = next((time.seconds for time in expected(one.run) if time.name == PREPROCESS), None)
            found[first.id] = Task(first, described(one.run), one.run.name, seconds or 0.0)
        found[one.unit.id] = _task(one, first.id)
    return list(found.values())


def _task(one: Listed, first: str) -> Task:
    unit = replace(one.unit, needs=(first, *one.unit.needs))
    return Task(unit, described(one.run), one.run.name, one.seconds)


def described(run: PlannedRun) -> dict[str, object]:
    """A run as ``jobs.sources`` reads it."""
    return {"of": "run", "config": to_dict(run.recipe), "seed": run.seed, "students": run.students}
