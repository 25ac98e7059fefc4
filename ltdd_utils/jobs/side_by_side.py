"""The loop that gives units to processes, hears what comes of them, and stops them together."""

import queue
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ltdd_utils.core.deadline import Deadline, Stopped, is_over
from ltdd_utils.core.failures import Failed
from ltdd_utils.jobs.processes import Process
from ltdd_utils.jobs.schedule import Schedule, Task, width
from ltdd_utils.jobs.share import Share

__all__ = ["Failure", "Place", "View", "Views", "side_by_side"]

LOOK_S = 0.2  # between two looks at the deadline, while nobody says anything
LEAVE_S = 10.0  # for a process that has nothing to do any more


@dataclass(frozen=True)
class Place:
    """Where units are made."""

    work: Path  # of the store
    threads: int  # while a unit's needs are read: as many as in a process that makes all of it
    devices: Sequence[str] = ("cpu",)  # given to the processes in turn
    results: Path | None = None
    data: Path | None = None
    plugins: Sequence[Path] = ()
    keep_images: int = 0  # as of ``RunContext``

    def facts(self, number: int) -> dict[str, Any]:
        """The first order of a process."""
        folders = {name: None if (path := getattr(self, name)) is None else str(path) for name in ("results", "data")}
        plugins = [str(path) for path in self.plugins]
        device = self.devices[number % len(self.devices)]
        facts = {"work": str(self.work), "threads": self.threads, "device": device, "plugins": plugins, **folders}
        return facts | {"keep_images": self.keep_images}


class View(Protocol):
    """Who follows the work; processes have numbers from 0."""

    def begin(self, number: int, task: Task) -> None:
        """A process begins a unit."""

    def tell(self, number: int, task: Task, message: Mapping[str, Any]) -> None:
        """What a process says of its unit: ``progress`` of a ``part``, a ``stage`` that begins or ends."""

    def end(self, number: int, task: Task, event: str, seconds: float) -> None:
        """A unit has ended: "end", "stop", "fail", or "busy" where another process is at work on it."""

    def fail(self, failure: "Failure") -> None:
        """What a unit that has failed takes with it."""

    def warn(self, line: str) -> None:
        """A warning of a process."""

    def tick(self) -> None:
        """Some time has passed."""


class Views:
    """Several views as one."""

    def __init__(self, *views: View) -> None:
        """Tell each of them, in this order."""
        self.views = views

    def __getattr__(self, name: str) -> Callable[..., None]:
        """What each of them does."""

        def tell(*arguments: object) -> None:
            for view in self.views:
                getattr(view, name)(*arguments)

        return tell


@dataclass(frozen=True)
class Failure:
    """A unit that failed."""

    task: Task
    gone: frozenset[str]  # ids of the units that cannot be made now, its own too
    error: Exception


class _Far(Exception):
    """What happened in another process: the traceback there."""


def side_by_side(
    tasks: Sequence[Task],
    share: Share,
    place: Place,
    view: View,
    *,
    threads: Mapping[str, int],
    deadline: Deadline = None,
    keep_going: bool = False,
) -> list[Failure]:
    """Make units in several processes, each as soon as its needs are there, the longest path first.

    Args:
        tasks: in an order in which each stands behind what it needs.
        share: how many at a time.
        place: folders and devices.
        view: follows the work.
        threads: of each kind of unit (``Share.of``).
        deadline: then all keep their state and stop.
        keep_going: whether a failure leaves the units that do not need its result; else all others are stopped too.

    Returns:
        What failed; empty unless ``keep_going``.

    Raises:
        Stopped: the deadline passed; the same call goes on from there.
        ValueError: a unit was refused, by its label and why.
        Failed: a unit failed, or its process was killed.
    """
    if not tasks:
        return []
    loop = _Loop(Schedule(tasks, threads, share.jobs, share.capacity), place, view, deadline, keep_going)
    loop.start(min(share.jobs, width(tasks)))
    try:
        loop.run()
    except BaseException:
        loop.kill()
        raise
    loop.end()
    if loop.failures and not keep_going:
        raise loop.failures[0].error
    if loop.stopping:
        raise Stopped("stopped as asked; run the same command again to go on")
    return loop.failures


class _Loop:
    def __init__(self, schedule: Schedule, place: Place, view: View, deadline: Deadline, keep_going: bool) -> None:
        self.schedule, self.place, self.view = schedule, place, view
        self.deadline, self.keep_going = deadline, keep_going
        self.heard: queue.SimpleQueue[tuple[int, dict[str, Any]]] = queue.SimpleQueue()
        self.processes: dict[int, Process] = {}
        self.ready: set[int] = set()  # processes that have imported what they need
        self.at: dict[int, tuple[Task, float]] = {}  # what each process makes, and since when
        self.stopping = False
        self.failures: list[Failure] = []

    def start(self, count: int) -> None:
        for number in range(count):
            self._process(number)

    def _process(self, number: int) -> None:
        tell = lambda *message: self.heard.put(message)  # noqa: E731
        self.processes[number] = Process(number, self.place.facts(number), tell)

    def run(self) -> None:
        """Until nothing is left, or all have stopped."""
        while self.schedule.left and not (self.stopping and not self.at):
            if not self.stopping:
                self._hand_out()
            self._hear()
            self.view.tick()
            if is_over(self.deadline):
                self.stop()

    def _hand_out(self) -> None:
        for number in sorted(self.ready - set(self.at)):
            task = self.schedule.next(time.monotonic())
            if task is None:
                return
            self.schedule.begin(task.id)
            self.at[number] = task, time.monotonic()
            self.view.begin(number, task)
            threads = self.schedule.threads[task.unit.kind]
            self.processes[number].order(make=task.id, keeps=task.unit.keeps, threads=threads, source=task.source)

    def _hear(self) -> None:
        """What the processes say: all of it, after a short wait for the first word."""
        try:
            message = self.heard.get(timeout=LOOK_S)
            while True:
                self._heard(*message)
                message = self.heard.get_nowait()
        except queue.Empty:
            pass

    def _heard(self, number: int, message: dict[str, Any]) -> None:
        if "warning" in message:
            self.view.warn(message["warning"])
        elif "gone" in message:
            self._gone(number, message["gone"])
        elif "ended" in message:
            self._ended(number, message)
        elif "ready" in message:
            self.ready.add(number)
        elif number in self.at:
            self.view.tell(number, self.at[number][0], message)

    def _ended(self, number: int, message: Mapping[str, str]) -> None:
        task, begun = self.at.pop(number)
        ended, now = message["ended"], time.monotonic()
        if ended == "done":
            self.schedule.done(task.id)
        elif ended == "busy":
            self.schedule.busy(task.id, now)
        elif ended == "stopped":
            self.schedule.running.discard(task.id)
            self.stop()
        events = {"done": "end", "busy": "busy", "stopped": "stop"}
        self.view.end(number, task, events.get(ended, "fail"), now - begun)
        if ended not in events:
            self._failed(task, message)

    def _failed(self, task: Task, message: Mapping[str, str]) -> None:
        line = f"{task.unit.label}: {message['message']}"
        error = ValueError(line) if message["ended"] == "refused" else Failed(line)
        if text := message.get("traceback"):
            error.__cause__ = _Far(f"in another process:\n{text}")
        self.failures.append(Failure(task, frozenset(self.schedule.give_up(task.id)), error))
        self.view.fail(self.failures[-1])
        if not self.keep_going:
            self.stop()

    def _gone(self, number: int, status: int) -> None:
        """A process has ended, and nobody has dismissed it."""
        how = f"by signal {-status}" if status < 0 else f"with exit status {status}"
        what = f"its process ended {how}; where memory is short, take fewer --jobs"
        del self.processes[number]
        self.ready.discard(number)
        if number not in self.at:
            if not self.stopping:
                raise Failed(f"a process that had nothing to do yet ended {how}")
            return
        task, begun = self.at.pop(number)
        self.view.end(number, task, "fail", time.monotonic() - begun)
        self._failed(task, {"ended": "failed", "message": what})
        if not self.stopping:
            self._process(number)

    def stop(self) -> None:
        """Let all processes keep their state and stop."""
        if not self.stopping:
            self.stopping = True
            for process in self.processes.values():
                process.order(stop=True)

    def end(self) -> None:
        """Let the processes go; they have nothing to do. One that still imports what it needs is ended."""
        for number, process in self.processes.items():
            if number in self.ready:
                process.dismiss()
            else:
                process.kill()
        end = time.monotonic() + LEAVE_S
        for process in self.processes.values():
            try:
                process.child.wait(max(end - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                process.kill()

    def kill(self) -> None:
        for process in self.processes.values():
            process.kill()
