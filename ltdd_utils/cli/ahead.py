"""What a command makes side by side before it reads the results as if it had made them one after the other."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import torch

from ltdd_utils.cli.beside import Beside
from ltdd_utils.cli.following import Following
from ltdd_utils.cli.forecasts import Plan, duration
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.settings import to_dict
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.jobs.in_turn import in_turn
from ltdd_utils.jobs.paths import makespan
from ltdd_utils.jobs.schedule import Task, lengths, width
from ltdd_utils.jobs.share import Share, cores
from ltdd_utils.jobs.side_by_side import Failure, Place, View, Views, side_by_side
from ltdd_utils.recipes.units import FIT, Unit
from ltdd_utils.runs.set_units import set_units

__all__ = ["Ahead", "place_of", "set_tasks", "share_of", "timed"]

GAIN_S = 10.0  # that processes have to save: each of them takes a few seconds of a core to begin


class Ahead:
    """The units of a command that are not there: made side by side, or left to this process with the same threads."""

    def __init__(
        self, options: argparse.Namespace, following: Following, context: RunContext, tasks: Sequence[Task]
    ) -> None:
        """Decide how many processes there are.

        Args:
            options: ``--jobs``, ``--threads`` and what a process needs to know.
            following: who follows the work.
            context: of the command.
            tasks: all units of the command, whether they are there or not.

        Raises:
            ValueError: a number below 1.
        """
        self.options, self.following, self.context, self.tasks = options, following, context, tasks
        self.share = share_of(options, context.device, width(tasks))
        self.threads = self.share.of(task.unit.kind for task in tasks)
        self.of_stage = {stage: self.threads[task.unit.kind] for task in tasks for stage in task.unit.stages}
        self.before: list[int] = []  # threads outside of the stages that are open
        self.made = False  # whether the stages that are asked for now were told of when they were made

    @property
    def is_alone(self) -> bool:
        """Whether there is one process."""
        return self.share.jobs == 1

    def announce(self, event: Mapping[str, Any]) -> None:
        """Told of stages that this process makes itself: they get the threads that a process beside it would get."""
        if "stage" in event and not self.is_alone:
            if event["event"] == "begin":
                self.before.append(torch.get_num_threads())
                torch.set_num_threads(self.of_stage.get(event["stage"], self.before[-1]))
            else:
                torch.set_num_threads(self.before.pop())
        if not (self.made and "stage" in event):
            self.following.announce(event)

    def make(self, there: Callable[[str], bool]) -> None:
        """Make what is not there, unless that is so short that processes would not pay.

        Args:
            there: whether the unit of an id is there.

        Raises:
            Stopped: the deadline passed.
            ValueError, Failed: as ``side_by_side`` raises them.
        """
        if self.is_alone or not self._pays(self.tasks):
            return
        left = [task for task in self.tasks if not there(task.id)]
        if left and self._pays(left):
            self.beside(left)
            self.made = True

    def _pays(self, tasks: Sequence[Task]) -> bool:
        """Whether processes save time, by the expected seconds; where they were asked for they do."""
        if self.options.jobs is not None or any(task.seconds is None for task in tasks):
            return True
        length, needs = lengths(tasks), {task.id: task.unit.needs for task in tasks}
        whole = sum(length.values())
        if whole - makespan(length, needs, self.share.jobs) >= GAIN_S:
            return True
        if whole >= 1:
            line = f"about {duration(whole)} of work: in one process; --jobs {self.share.jobs} makes it side by side"
            self.following.bars.tell(line)
        return False

    def beside(self, tasks: Sequence[Task], *further: View, keep_going: bool = False) -> list[Failure]:
        """Make units side by side; result and errors are those of ``side_by_side``."""
        place, deadline = place_of(self.options, self.context), lambda: self.context.store.deadline
        how = {"threads": self.threads, "deadline": deadline, "keep_going": keep_going}
        self.following.say(self._words(len(tasks)))
        with closing(Beside(self.following, tasks, self.share.jobs)) as view:
            return side_by_side(tasks, self.share, place, Views(view, *further), **how)

    def each(self, tasks: Sequence[Task], further: View) -> list[Failure]:
        """Make units of several runs, side by side where that pays; a failure leaves those that do not need it."""
        if not self.is_alone and self._pays(tasks):
            return self.beside(tasks, further, keep_going=True)
        each = None if self.is_alone else self.threads
        with closing(Beside(self.following, tasks, 1)) as view:
            return in_turn(tasks, self.context, Views(view, further), each)

    def _words(self, count: int) -> str:
        each = sorted(set(self.threads.values()))
        threads = str(each[0]) if len(each) == 1 else f"{each[0]} to {each[-1]}"
        return f"{count} stages, {self.share.jobs} at a time, threads of each: {threads}"


def timed(units: Sequence[Unit], source: Mapping[str, Any], run: str, plan: Plan) -> list[Task]:
    """Units as tasks, with the seconds that a plan expects of their stages."""
    known = {one.name: one.seconds for one in plan}
    found = []
    for unit in units:
        own = [known[stage] for stage in unit.stages if stage in known]
        seconds = None if None in own else unit.share * sum(own)
        found.append(Task(unit, source, run, 0.0 if unit.kind == FIT and seconds is None else seconds))
    return found


def set_tasks(
    file: Path, distilled: DistilledSet, cfg: EvaluateConfig, options: argparse.Namespace, plan: Plan
) -> list[Task]:
    """The tasks that score a set.

    Args:
        file: of the set.
        distilled: the set.
        cfg: the judge.
        options: the seed, and how many students.
        plan: what the stages are expected to take.
    """
    source = {"of": "set", "file": str(Path(file).absolute()), "evaluate": to_dict(cfg)}
    source |= {"seed": options.seed, "students": options.students}
    units = set_units(distilled, cfg, options.seed, options.students)
    return timed(units, source, f"evaluate/{Path(file).stem}-s{options.seed}", plan)


def share_of(options: argparse.Namespace, device: torch.device, wide: int) -> Share:
    """Processes and threads of a command; with ``--threads`` this process has so many, too.

    Args:
        options: ``--jobs`` and ``--threads``.
        device: of the work: on a GPU there is one process unless more are asked for.
        wide: how many units can be made at a time.
    """
    count = cores()
    usual = min(count, wide) if device.type == "cpu" else 1
    share = Share(max(usual, 1) if options.jobs is None else options.jobs, count, options.threads)
    if share.threads is not None:
        torch.set_num_threads(share.threads)
    return share


def place_of(options: argparse.Namespace, context: RunContext) -> Place:
    """Where processes of a command work; several GPUs are shared out among them."""
    devices = [str(context.device)]
    if options.device in ("auto", "cuda") and context.device.type == "cuda":
        devices = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    folders = {"results": context.results, "data": context.data}
    folders = {name: None if path is None else Path(path).absolute() for name, path in folders.items()}
    plugins = [path.absolute() for path in options.plugin]
    work = context.store.root.absolute()
    kept = {"plugins": plugins, "keep_images": context.keep_images}
    return Place(work, torch.get_num_threads(), devices, **folders, **kept)
