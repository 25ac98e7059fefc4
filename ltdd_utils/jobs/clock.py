"""The time left for all units, from what records expect, corrected by what the units so far took."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from ltdd_utils.jobs.paths import makespan
from ltdd_utils.jobs.schedule import Task

__all__ = ["Clock"]

SHORT_S = 1.0


class Clock:
    """Told of each unit how far it is; tells what is left of all."""

    def __init__(self, tasks: Sequence[Task], jobs: int) -> None:
        """Nothing has begun."""
        self.tasks, self.jobs = {task.id: task for task in tasks}, jobs
        self.took: dict[str, float] = {}  # seconds of units that are done
        self.begun: dict[str, float] = {}  # when those that run began
        self._part: dict[str, tuple[str, float, int]] = {}  # of each: its part, when that was first seen, how far
        self._to_come: dict[str, tuple[float, float]] = {}  # seconds of its part to come, as of a time

    def begin(self, name: str, now: float) -> None:
        """A unit begins at a time in seconds."""
        self.begun[name] = now

    def progress(self, name: str, part: str, counts: tuple[int, int], now: float) -> None:
        """A part of a unit is at ``counts[0]`` of ``counts[1]``, and goes on as fast as since it was first seen."""
        done, total = counts
        known, since, first = self._part.get(name, ("", now, done))
        if known != part or done < first:
            since, first = now, done
            self._to_come.pop(name, None)
        self._part[name] = part, since, first
        if done > first:
            self._to_come[name] = (now - since) / (done - first) * max(total - done, 0), now

    def end(self, name: str, seconds: float | None) -> None:
        """A unit has ended, after so many seconds; None: it is not there, and may begin again."""
        for kept in (self.begun, self._part, self._to_come):
            kept.pop(name, None)
        if seconds is not None:
            self.took[name] = seconds

    def drop(self, names: Collection[str]) -> None:
        """Units that nobody makes any more."""
        for name in names:
            self.end(name, None)
            self.tasks.pop(name, None)

    def left(self, now: float) -> float | None:
        """Seconds until all are there, None: of one that is to come nobody knows how long it takes."""
        lengths: dict[str, float] = {}
        usual = self._usual()
        for name, task in self.tasks.items():
            if name in self.took:
                continue
            length = self._length(task, usual, now)
            if length is None:
                return None
            lengths[name] = length
        needs = {name: self.tasks[name].unit.needs for name in lengths}
        return makespan(lengths, needs, self.jobs, self.begun)

    def _length(self, task: Task, usual: dict[str, float], now: float) -> float | None:
        if task.id in self._to_come:
            seconds, at = self._to_come[task.id]
            return max(seconds - (now - at), 0.0)
        if task.seconds is not None:
            whole = task.seconds * usual[""]
        elif task.unit.kind in usual:
            whole = usual[task.unit.kind]
        else:
            return None
        return max(whole - (now - self.begun.get(task.id, now)), 0.0)

    def _usual(self) -> dict[str, float]:
        """By kind the mean seconds of what is done; under "" how many times as long as expected it took."""
        took: dict[str, list[float]] = defaultdict(list)
        spent = expected = 0.0
        for name, seconds in self.took.items():
            task = self.tasks[name]
            took[task.unit.kind].append(seconds)
            if (task.seconds or 0.0) >= SHORT_S:  # else it is mostly reading data
                spent, expected = spent + seconds, expected + task.seconds
        means = {kind: sum(values) / len(values) for kind, values in took.items()}
        return means | {"": spent / expected if expected else 1.0}
