"""The same units one after the other in this process: what one of several processes does, without the others."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.deadline import Stopped, is_over
from ltdd_utils.core.failures import Failed, told
from ltdd_utils.core.locks import Busy
from ltdd_utils.jobs.schedule import Schedule, Task
from ltdd_utils.jobs.side_by_side import LOOK_S, Failure, View
from ltdd_utils.jobs.sources import SOURCES, Source

__all__ = ["in_turn", "threads"]


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Within it, so many threads of PyTorch; None: as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_turn(tasks: Sequence[Task], context: RunContext, view: View, each: Mapping[str, int] | None) -> list[Failure]:
    """Make units in this process; a failure leaves the units that do not need its result.

    Args:
        tasks: in an order in which each stands behind what it needs.
        context: its store must not wait: what another process makes is left for later.
        view: follows the work; this process has the number 0.
        each: threads of each kind of unit; None: as many as there are now.

    Returns:
        What failed.

    Raises:
        Stopped: the deadline passed; the same call goes on from there.
    """
    one = _OneProcess(context, view, each)
    schedule = Schedule(tasks, each or dict.fromkeys({task.unit.kind for task in tasks}, 1), 1, 1)
    failures = []
    while schedule.left:
        if is_over(context.store.deadline):
            raise Stopped("stopped as asked; run the same command again to go on")
        task = schedule.next(time.monotonic())
        if task is None:  # other processes are at work on all that is left
            time.sleep(LOOK_S)
            view.tick()
            continue
        try:
            one.make(task)
            schedule.done(task.id)
        except Busy:
            schedule.busy(task.id, time.monotonic())
        except Stopped:
            raise
        except Exception as error:  # whatever somebody's method raises
            failures.append(_failure(task, schedule, error))
            view.fail(failures[-1])
    return failures


def _failure(task: Task, schedule: Schedule, error: Exception) -> Failure:
    failed = Failed(f"{task.unit.label}: {told(error)}")
    failed.__cause__ = error
    return Failure(task, frozenset(schedule.give_up(task.id)), failed)


class _OneProcess:
    """This process, as one that makes units; it keeps what it has read of the last run."""

    def __init__(self, context: RunContext, view: View, each: Mapping[str, int] | None) -> None:
        self.view, self.each = view, each
        self.task: Task | None = None
        self.context = replace(context, watch=self.watch, announce=self.announce)
        self.known: tuple[Mapping[str, Any], Source] | None = None

    def make(self, task: Task) -> None:
        self.task, begun, event = task, time.monotonic(), "fail"
        self.view.begin(0, task)
        try:
            if self.known is None or self.known[0] != task.source:
                self.known = None  # before another one reads its data
                self.known = task.source, SOURCES[task.source["of"]](task.source, self.context)
            around = threads(None if self.each is None else self.each[task.unit.kind])
            self.known[1].make(task.id, task.unit.keeps, around)
            event = "end"
        except Busy:
            event = "busy"
            raise
        except Stopped:
            event = "stop"
            raise
        except Exception:
            self.known = None  # what failed may hold much memory
            raise
        finally:
            self.view.end(0, task, event, time.monotonic() - begun)

    def watch(self, part: str) -> Callable[[dict[str, Any]], None]:
        task = self.task

        def watch(event: dict[str, Any]) -> None:
            self.view.tell(0, task, {"progress": event, "part": part})
            self.view.tick()

        return watch

    def announce(self, event: Mapping[str, Any]) -> None:
        if "stage" in event:
            self.view.tell(0, self.task, {"stage": event})
