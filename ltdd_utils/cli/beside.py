"""Work side by side, as commands do it: how many processes, the bars, the lines of a log, the events."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tqdm import tqdm

from ltdd_utils.cli.following import Following
from ltdd_utils.cli.forecasts import duration
from ltdd_utils.cli.progress import DONE, Drawn
from ltdd_utils.core.progress import Watch
from ltdd_utils.jobs.clock import Clock
from ltdd_utils.jobs.schedule import Task
from ltdd_utils.jobs.side_by_side import Failure

__all__ = ["Beside"]

WHOLE_S, LINE_S = 1.0, 60.0  # between two looks at the whole: on a terminal, and in a log
WHOLE = "{desc}: {n_fmt}/{total_fmt}, {elapsed} so far{postfix}"


class Beside:
    """What ``side_by_side`` tells, put where a reader looks: a line for the whole, and one for each process."""

    def __init__(self, following: Following, tasks: Sequence[Task], jobs: int) -> None:
        """Follow ``tasks``; ``following`` has the bars and the sinks."""
        self.following, self.clock, self.total = following, Clock(tasks, jobs), len(tasks)
        self.done, self.looked, self.begun = 0, time.monotonic(), time.monotonic()
        self.parts: dict[int, tuple[str, Drawn, Watch]] = {}  # of each process: the part that it is at, and its bar
        self.stages: dict[int, str] = {}
        self.at: dict[int, Task] = {}
        bars = following.bars
        self.draws = bars.draws and not bars.quiet
        self.whole = tqdm(total=self.total, desc="stages", bar_format=WHOLE, leave=False, disable=not self.draws)

    def begin(self, number: int, task: Task) -> None:
        """A process begins a unit."""
        self.at[number], self.stages[number] = task, task.unit.stages[0] if task.unit.stages else task.unit.kind
        self.clock.begin(task.id, time.monotonic())
        self._fact(number, task, event="begin")

    def tell(self, number: int, task: Task, message: Mapping[str, Any]) -> None:
        """What a process says of its unit."""
        if "stage" in message:
            if message["stage"]["stage"] in task.unit.stages:  # else one that it reads
                self.stages[number] = message["stage"]["stage"]
            return
        event, part = message["progress"], message["part"]
        if part != self.parts.get(number, ("",))[0]:
            self._close(number)
            place = {"run": task.run, "stage": self.stages[number]}
            label = task.unit.label
            bar = self.following.bars(label if label.endswith(part) else f"{label}: {part}", number + 1)
            self.parts[number] = part, bar, self.following.telling(part, lambda: place)
        _, bar, tell = self.parts[number]
        tell(event)
        if self.draws or "note" in event:
            bar(event)
        done, total = next(((event[key], event.get(DONE[key])) for key in DONE if key in event), (0, None))
        if total is not None:
            self.clock.progress(task.id, event.get("stage", part), (done, total), time.monotonic())

    def end(self, number: int, task: Task, event: str, seconds: float) -> None:
        """A unit has ended."""
        self._close(number)
        del self.at[number]
        self.clock.end(task.id, seconds if event == "end" else None)
        if event != "busy":
            self._fact(number, task, event=event, seconds=seconds)
        if event == "end":
            self.done += 1
            self.whole.update()
            self._say(f"{task.unit.label}: {duration(seconds)}; {self._state()}")

    def fail(self, failure: Failure) -> None:
        """Fewer units are to come."""
        self.clock.drop(failure.gone)
        self.total -= len(failure.gone)
        self.whole.total = self.total

    def warn(self, line: str) -> None:
        """A warning of a process, said once."""
        self.following.bars.tell(f"warning: {line}")

    def tick(self) -> None:
        """Some time has passed."""
        now = time.monotonic()
        if self.draws and now - self.looked >= WHOLE_S:
            self.looked = now
            self.whole.set_postfix_str(self._left())
        elif not self.draws and now - self.looked >= LINE_S:
            self._say(f"{self._state()}; now {', '.join(task.unit.label for task in self.at.values())}")

    def close(self) -> None:
        """Nothing is drawn any more."""
        for number in list(self.parts):
            self._close(number)
        self.whole.close()

    def _close(self, number: int) -> None:
        if number in self.parts:
            self.parts.pop(number)[1].close()

    def _state(self) -> str:
        return f"{self.done} of {self.total} stages, {duration(time.monotonic() - self.begun)} so far, {self._left()}"

    def _left(self) -> str:
        left = self.clock.left(time.monotonic())
        return "time left unknown" if left is None else f"about {duration(left)} left"

    def _say(self, line: str) -> None:
        """A line where nothing can be drawn."""
        self.looked = time.monotonic()
        if not self.draws:
            self.following.say(line)

    def _fact(self, number: int, task: Task, **facts: object) -> None:
        self.following.tell({"run": task.run, "stage": self.stages[number], "unit": task.unit.label, **facts})
