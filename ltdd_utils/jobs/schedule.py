"""Which unit is made next: one whose needs are there, with the longest path behind it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ltdd_utils.jobs.paths import tails
from ltdd_utils.recipes.units import Unit

__all__ = ["Schedule", "Task", "lengths", "width"]

RETRY_S = 2.0  # until a unit that another process holds is tried again


@dataclass(frozen=True)
class Task:
    """A unit that is to be made."""

    unit: Unit
    source: Mapping[str, Any] = field(default_factory=dict)  # of ``sources``: from which a process makes it; plain JSON
    run: str = ""  # name of the run, for logs
    seconds: float | None = None  # expected; None: unknown

    @property
    def id(self) -> str:
        """Of the unit."""
        return self.unit.id


class Schedule:
    """The units that are left, those that run, and which one is next."""

    def __init__(self, tasks: Sequence[Task], threads: Mapping[str, int], jobs: int, capacity: int) -> None:
        """Begin.

        Args:
            tasks: each stands behind what it needs; a need that is no task is there.
            threads: of each kind of unit.
            jobs: units at a time, at most.
            capacity: threads at a time, at most, unless a single unit takes more.
        """
        self.tasks, self.threads = {task.id: task for task in tasks}, threads
        self.jobs, self.capacity = jobs, capacity
        self.behind = tails(lengths(tasks), {task.id: task.unit.needs for task in tasks})
        self.left = set(self.tasks)  # neither there nor given up
        self.running: set[str] = set()
        self._again: dict[str, float] = {}  # when a unit that another process held is tried again

    def next(self, now: float) -> Task | None:
        """The unit to begin now; None: none can be, or the first of those that are ready waits for threads."""
        if len(self.running) >= self.jobs:
            return None
        ready = [name for name in self.tasks if self._is_ready(name, now)]  # in the order of the list where paths tie
        if not ready:
            return None
        first = max(ready, key=self.behind.__getitem__)
        free = self.capacity - sum(map(self._threads, self.running))
        return self.tasks[first] if not self.running or self._threads(first) <= free else None

    def _is_ready(self, name: str, now: float) -> bool:
        if name not in self.left or name in self.running or self._again.get(name, now) > now:
            return False
        return not self.left.intersection(self.tasks[name].unit.needs)

    def _threads(self, name: str) -> int:
        return self.threads[self.tasks[name].unit.kind]

    def begin(self, name: str) -> None:
        """A unit is being made."""
        self.running.add(name)

    def done(self, name: str) -> None:
        """A unit is there."""
        self.running.discard(name)
        self.left.discard(name)

    def busy(self, name: str, now: float) -> None:
        """Another process makes the unit: others come first."""
        self.running.discard(name)
        self._again[name] = now + RETRY_S

    def give_up(self, name: str) -> set[str]:
        """A unit failed: it goes, with all that needs it; gives their ids."""
        self.running.discard(name)
        gone = {name}
        for task in self.tasks.values():  # in an order in which each stands behind what it needs
            if gone.intersection(task.unit.needs):
                gone.add(task.id)
        self.left -= gone
        return gone


def lengths(tasks: Iterable[Task]) -> dict[str, float]:
    """Expected seconds by id; a unit of unknown length counts as the mean of its kind, else of all, else as one."""
    tasks = list(tasks)
    known: dict[str, list[float]] = defaultdict(list)
    for task in tasks:
        if task.seconds is not None:
            known[task.unit.kind].append(task.seconds)
    every = [value for values in known.values() for value in values]
    usual = sum(every) / len(every) if every else 1.0
    means = {kind: sum(values) / len(values) for kind, values in known.items()}
    return {task.id: means.get(task.unit.kind, usual) if task.seconds is None else task.seconds for task in tasks}


def width(tasks: Sequence[Task]) -> int:
    """How many units could be made at a time: the most that have the same number of units in a chain before them."""
    depth: dict[str, int] = {}
    for task in tasks:
        depth[task.id] = 1 + max((depth[need] for need in task.unit.needs if need in depth), default=0)
    counts = list(depth.values())
    return max(map(counts.count, set(counts)), default=0)
