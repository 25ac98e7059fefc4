"""Work on several cores at once: the longest first, one display with the time left, and one end for all of it."""

import csv
import heapq
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from jupyter_client.manager import AsyncKernelManager
from tqdm import tqdm

from ltdd_utils.cli.granted import threads

SECONDS = Path(__file__).parent / "chapter_seconds.csv"  # of one core, where no earlier build tells
EVERY_S = 0.5  # between two drawings

Outcome = str | None  # what went wrong


class Stopped(Exception):
    """A chapter ends because another one failed, or because the reader stops the build."""


class Kernel(AsyncKernelManager):
    """A kernel that another thread can end.

    All kernels of a build are started by one process, so that no two of them are given the same port.
    """

    started: ClassVar[list["Kernel"]] = []

    async def start_kernel(self, **options: Any) -> None:  # noqa: ANN401 (what jupyter_client takes)
        """Start the process, and remember it."""
        await super().start_kernel(**options)
        self.started.append(self)

    @classmethod
    def end_all(cls) -> None:
        """End every kernel; whoever waits for a cell is told within a second that it is dead."""
        while cls.started:
            process = getattr(cls.started.pop().provisioner, "process", None)
            if process is not None:
                process.kill()


def cores() -> int:
    """The cores that this process may use, or as many as a scheduler granted if these are fewer."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(here, threads(None) or here))


def noted_seconds() -> dict[str, float]:
    """What each chapter took on one core when the table was last written."""
    with SECONDS.open(newline="") as file:
        return {row["chapter"]: float(row["seconds"]) for row in csv.DictReader(file)}


def note_seconds(seconds: Mapping[str, float]) -> None:
    """Write that table anew, for some chapters; the others keep what was noted."""
    known = noted_seconds() | dict(seconds)
    with SECONDS.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("chapter", "seconds"), *((name, round(known[name])) for name in sorted(known))])


def time_left(running: Iterable[float], waiting: Sequence[float], jobs: int) -> float:
    """Seconds until the last of several works ends, if each goes to the first place that becomes free.

    Args:
        running: seconds that the works in progress still need.
        waiting: seconds of the others, in their order.
        jobs: places.
    """
    ends = sorted(running)
    ends += [0.0] * (jobs - len(ends))
    heapq.heapify(ends)
    for seconds in waiting:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)


@dataclass
class Display:
    """One line about all works: how many are done, which are running and where they are, the time left."""

    expected: Mapping[str, float]  # seconds
    jobs: int
    begun: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)  # seconds that it took
    at: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Draw on a terminal only; a file gets the lines of ``say``."""
        style = "chapters: {n_fmt} of {total_fmt} |{bar:20}| {desc}"
        hidden = not sys.stderr.isatty()
        self.bar = tqdm(total=len(self.expected), bar_format=style, leave=False, disable=hidden)

    def left(self) -> float:
        """Seconds until all is done, at the pace so far."""
        told = sum(self.expected[name] for name in list(self.ended))
        pace = sum(self.ended.values()) / told if told else 1.0
        now = time.perf_counter()
        running = [max(0.0, pace * self.expected[n] - (now - t)) for n, t in self._running()]
        return time_left(running, [pace * s for n, s in self.expected.items() if n not in self.begun], self.jobs)

    def _running(self) -> list[tuple[str, float]]:
        """Those in progress, and when each began; a copy, since other threads begin and end them."""
        return [(name, begun) for name, begun in list(self.begun.items()) if name not in self.ended]

    def draw(self) -> None:
        """Draw the line anew."""
        if not self.bar.disable:
            where = ", ".join(f"{name[:2]} {self.at[name]}" for name, _ in self._running())
            self.bar.n = len(self.ended)
            self.bar.set_description_str(f"{clock(self.left())} left; {where}")

    def say(self, line: str) -> None:
        """A line that stays."""
        tqdm.write(line, file=sys.stdout)
        sys.stdout.flush()


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def longest_first(names: Sequence[str], known: Mapping[str, float]) -> dict[str, float]:
    """Names with their expected seconds, longest first; one that is not known counts as the median of the others."""
    usual = statistics.median(known.values()) if known else 1.0
    expected = {name: known.get(name, usual) for name in names}
    return dict(sorted(expected.items(), key=lambda item: -item[1]))


def run_all(
    work: Callable[[str, Callable[[str], None]], Outcome], expected: Mapping[str, float], jobs: int
) -> dict[str, Outcome]:
    """Do works at the same time, in their order; the first that fails ends the others.

    Args:
        work: does one work by its name and returns what went wrong; the function that it is given takes where it is,
            and raises ``Stopped`` when it is to end.
        expected: the names, with the seconds that each is expected to take.
        jobs: how many at the same time.

    Returns:
        What went wrong, or None, of each that came to its own end; the others were stopped.

    Raises:
        KeyboardInterrupt: Ctrl-C; all works have ended.
    """
    display, halt, outcomes = Display(expected, jobs), threading.Event(), {}

    def stop() -> None:
        halt.set()
        Kernel.end_all()

    def one(name: str) -> Outcome:
        def told(where: str) -> None:
            if halt.is_set():
                raise Stopped
            display.at[name] = where

        told("starts")
        display.begun[name] = time.perf_counter()
        problem = work(name, told)
        if halt.is_set() and problem:
            raise Stopped
        display.ended[name] = time.perf_counter() - display.begun[name]
        if problem:
            stop()
        return problem

    with ThreadPoolExecutor(jobs, "chapter") as pool, display.bar:
        waiting: dict[Future[Outcome], str] = {pool.submit(one, name): name for name in expected}
        try:
            while waiting:
                for future in wait(waiting, EVERY_S, FIRST_COMPLETED).done:
                    name = waiting.pop(future)
                    if not isinstance(future.exception(), Stopped):
                        outcomes[name] = future.result()
                        _tell(display, name, outcomes[name], halt.is_set())
                if halt.is_set():
                    Kernel.end_all()  # also one that was starting
                display.draw()
        except BaseException:
            stop()
            raise
    return outcomes


def _tell(display: Display, name: str, problem: Outcome, halted: bool) -> None:
    """Say how a work ended, and how much is left."""
    rest = len(display.expected) - len(display.ended)
    more = f"; {rest} to go, {clock(display.left())} left" if rest and not halted else ""
    display.say(f"{name}: {f'FAILED {problem}' if problem else f'executed in {display.ended[name]:.1f} s{more}'}")
