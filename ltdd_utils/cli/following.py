"""Following a run: bars or lines on the screen, and the same facts for a log or a tracker."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tqdm import tqdm

from ltdd_utils.cli.forecasts import Plan, duration, sums
from ltdd_utils.cli.progress import DONE, Bars
from ltdd_utils.cli.sinks import Sink
from ltdd_utils.core.progress import Watch
from ltdd_utils.recipes.stages import PREPROCESS

__all__ = ["Following"]

EVERY_S = 1.0  # between two facts about one part of a stage; its last one is always told


class Following:
    """What ``RunContext.watch`` and ``RunContext.announce`` tell, put where a reader looks."""

    def __init__(self, bars: Bars, sinks: Sequence[Sink] = ()) -> None:
        """Draw with ``bars``, and tell the ``sinks``."""
        self.bars, self.sinks = bars, sinks
        self.plan_of: Callable[[str], Plan] = lambda run: []  # the stages of a run, by its name
        self.plan: Plan = []
        self.run, self.stage, self.begun = "", "", []

    def watch(self, part: str) -> Watch:
        """A watch that moves a bar and tells the sinks."""
        draw = self.bars(self._place() + part)
        tell = self.telling(part, lambda: {"run": self.run, "stage": self.stage})

        def watch(event: dict[str, Any]) -> None:
            draw(event)
            if self.run:  # else a look before it: of no run, and not of its log
                tell(event)

        return watch

    def telling(self, part: str, place: Callable[[], Mapping[str, str]]) -> Watch:
        """A watch that tells the sinks; ``place``: the run and the stage that it is of, now."""
        last = 0.0

        def watch(event: dict[str, Any]) -> None:
            nonlocal last
            if "note" in event:
                self.tell({**place(), "event": "note", "part": part, "note": event["note"]})
                return
            done, total = next(((event[key], event.get(DONE[key])) for key in DONE if key in event), (0, None))
            now = time.monotonic()
            if self.sinks and (now - last >= EVERY_S or done == total):
                last = now
                numbers = {key: value for key, value in event.items() if isinstance(value, int | float)}
                numbers = {key: value for key, value in numbers.items() if key not in {*DONE, *DONE.values()}}
                where = {"part": event.get("stage", part), "done": done, "total": total}
                self.tell({**place(), "event": "progress", **where, **numbers})

        return watch

    def announce(self, event: Mapping[str, Any]) -> None:
        """A run or a stage begins or ends."""
        if "run" in event:
            self._of_a_run(event)
            return
        if event["event"] == "begin":
            self._begins(event["stage"])
        self.tell({"run": self.run, **event})

    def _of_a_run(self, event: Mapping[str, Any]) -> None:
        self.run, self.stage, self.begun = event["run"], "", []
        fact = dict(event)
        if event["event"] == "begin":
            self.plan = self.plan_of(self.run)
            fact["stages"] = [one.name for one in self.plan]
            fact["expected_seconds"] = [one.seconds for one in self.plan]
            if self.plan and self.bars.draws:
                self.say(f"{len(self.plan)} stages, {sums(self.plan)}")
        self.tell(fact)

    def _begins(self, stage: str) -> None:
        self.stage, names = stage, [one.name for one in self.plan]
        if stage in names and stage not in self.begun:
            self.begun.append(stage)
            own = stage == PREPROCESS  # a long fit says itself how long it takes on this machine: one number, not two
            seconds = None if own else self.plan[names.index(stage)].seconds
            if not self.bars.draws:
                place = f"stage {names.index(stage) + 1} of {len(names)}, {sums(self.plan)}"
                self.say(f"{place}: {stage}" + ("" if seconds is None else f" ({duration(seconds)})"))

    def _place(self) -> str:
        names = [one.name for one in self.plan]
        return f"{names.index(self.stage) + 1}/{len(names)} " if self.stage in names and self.bars.draws else ""

    def say(self, line: str) -> None:
        """A line on standard error, unless it is quiet."""
        if not self.bars.quiet:
            tqdm.write(line, file=sys.stderr)

    def tell(self, fact: Mapping[str, Any]) -> None:
        """A fact to all sinks, with the time."""
        for sink in self.sinks:
            sink.tell({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **fact})
