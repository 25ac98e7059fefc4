"""Carrying out a campaign: the units of all runs without a record, each made once, by however many processes."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from ltdd_utils.campaign.done import Done
from ltdd_utils.campaign.planned import PlannedRun
from ltdd_utils.campaign.state import lock_of
from ltdd_utils.campaign.tasks import tasks_of
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.locks import Busy, locked
from ltdd_utils.jobs.in_turn import in_turn
from ltdd_utils.jobs.schedule import Task
from ltdd_utils.jobs.side_by_side import Failure, View
from ltdd_utils.recipes.units import RECORD

__all__ = ["Making", "Say", "missing", "run_campaign"]

Say = Callable[[str], None]
Making = Callable[[Sequence[Task], View], object]


def run_campaign(
    runs: Sequence[PlannedRun],
    context: RunContext,
    say: Say,
    *,
    tasks: Sequence[Task] | None = None,
    make: Making | None = None,
) -> list[tuple[PlannedRun, str]]:
    """Run what has no record yet.

    A unit that another process holds is left for later, and others are made first; so the same command in two terminals
    shares the work. A unit that fails takes the runs that need it with it; they are named, and the others go on.

    Args:
        runs: in order of value, which decides between units with paths of one length behind them.
        context: device, folders (``results`` is needed), progress; its store must not wait (``Store(wait=False)``).
        say: is told one line at the begin and end of each run.
        tasks: the units of the runs, with what they are expected to take; None: they are listed here.
        make: makes tasks and tells a view; None: this process, one after the other.

    Returns:
        The runs that failed, each with the reason.

    Raises:
        Stopped: the deadline passed; the same call goes on from there.
        ValueError: ``context`` has no results folder, or its store waits.
    """
    if context.results is None or context.store.wait:
        raise ValueError("a campaign needs a folder for its records, and a store that does not wait")
    if make is None:
        make = lambda tasks, view: in_turn(tasks, context, view, None)  # noqa: E731
    runs = missing(runs, context)
    tasks = tasks_of(runs, lambda _: ()) if tasks is None else tasks
    with _Runs(runs, tasks, context, say) as view:
        make(tasks, view)
    return view.failed


def missing(runs: Sequence[PlannedRun], context: RunContext) -> list[PlannedRun]:
    """The runs without a record; images and lists of the user's own are looked at anew, since they can change."""
    done = Done([context.results], context.data, watch=context.reading())
    return [run for run in runs if not done(run)]


class _Runs:
    """A view of the units that tells of the runs, and holds the file of each that is at work."""

    def __init__(self, runs: Sequence[PlannedRun], tasks: Sequence[Task], context: RunContext, say: Say) -> None:
        self.runs, self.context, self.say = {run.name: run for run in runs}, context, say
        self.records = {task.id: self.runs[task.run] for task in tasks if task.unit.kind == RECORD}
        self.done = Done([context.results], context.data, watch=context.reading())
        self.begun: dict[str, float] = {}  # runs that have neither ended nor failed, by name, and since when
        self.held: dict[str, ExitStack] = {}
        self.failed: list[tuple[PlannedRun, str]] = []

    def __enter__(self) -> "_Runs":
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.begun):
            self._end(self.runs[name], "stop")

    def begin(self, number: int, task: Task) -> None:
        """The first unit of a run begins the run, and marks it for ``ltdd campaign`` as being at work."""
        run = self.runs[task.run]
        if run.name not in self.begun:
            self.begun[run.name] = time.monotonic()
            self._announce(event="begin", run=run.name, students=run.students)
            self.say(f"runs: {run.command}")
        if run.name not in self.held:
            stack, root = ExitStack(), self.context.store.root
            with suppress(Busy):  # another process has marked it
                stack.enter_context(locked(lock_of(run, root), deadline=0.0, memory=root))
                self.held[run.name] = stack

    def tell(self, number: int, task: Task, message: Mapping[str, Any]) -> None:
        """Nothing."""

    def end(self, number: int, task: Task, event: str, seconds: float) -> None:
        """A record ends its run."""
        run = self.records.get(task.id)
        record = self.done.find(run).record if run is not None and event == "end" else None
        if record is not None:
            overall, spent = record.metrics.overall.mean, record.cost.total_seconds
            self._end(run, "end", overall=overall, record=record.file_name)
            self.say(f"done: {run.command}: {100 * overall:.1f} %, {spent:.0f} s of work in all its stages")

    def fail(self, failure: Failure) -> None:
        """A failed unit takes runs with it."""
        for run in [self.records[name] for name in self.records if name in failure.gone]:
            self._end(run, "fail")
            self.failed.append((run, str(failure.error)))
            self.say(f"failed: {run.command}: {failure.error}")

    def warn(self, line: str) -> None:
        """Nothing."""

    def tick(self) -> None:
        """Nothing."""

    def _end(self, run: PlannedRun, event: str, **further: object) -> None:
        if run.name in self.begun:
            seconds = time.monotonic() - self.begun.pop(run.name)
            self._announce(event=event, run=run.name, students=run.students, seconds=seconds, **further)
        if run.name in self.held:
            self.held.pop(run.name).close()

    def _announce(self, **event: object) -> None:
        if self.context.announce is not None:
            self.context.announce(event)
