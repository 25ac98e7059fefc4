"""Progress bars with the time left, for every function that calls a ``watch``."""

import math
import sys
from typing import Any, TextIO

from tqdm import tqdm

__all__ = ["Bars"]

EVERY_S = 60.0  # between two lines where there is no terminal to draw on, as in a log
LINE = "{desc}: {n_fmt}/{total_fmt}, {elapsed} so far, {remaining} left{postfix}"
DONE = {"epoch": "epochs", "iteration": "iterations", "done": "total"}  # what is done, and of how much


class Bars:
    """One progress bar per stage, with the time left; in a file or a pipe, a line a minute."""

    def __init__(self, quiet: bool) -> None:
        """Say nothing if ``quiet``."""
        self.quiet = quiet
        self.told: set[str] = set()  # lines, each said once

    def __call__(self, stage: str, position: int | None = None) -> "Drawn":
        """A watch that moves a bar, in the line of a ``position`` from 0; None: in the next free one.

        It takes ``{"epoch", "epochs", "loss"}`` of training, ``{"stage", "done", "total"}`` of reading, and
        ``{"iteration", "iterations", "loss", "loss_classifier", "lr"}`` of matching, where a loss that is nan stands
        for a phase that is left out. The ``"note"`` of an event
        is a line of its own.
        """
        return Drawn(self, stage, position)

    def tell(self, line: str) -> None:
        """A line that is said once."""
        if not self.quiet and line not in self.told:
            tqdm.write(f"ltdd: {line}", file=sys.stderr)
        self.told.add(line)

    @property
    def draws(self) -> bool:
        """Whether bars can be drawn over: on a terminal, and on a notebook's page."""
        return sys.stderr.isatty() or "ipykernel" in sys.modules

    def bar(self, name: str, done: int, total: int | None, position: int | None) -> tqdm:
        """A bar that begins at ``done``."""
        # `initial`: what an earlier call did says nothing about this one's speed.
        style: dict[str, Any] = {"unit": "B", "unit_scale": True} if name.startswith("download") else {}
        if not self.draws:
            style |= {"file": _Lines(sys.stderr), "bar_format": LINE, "miniters": 1}
            style |= {"delay": EVERY_S, "mininterval": EVERY_S}
        if self.quiet:
            style["disable"] = True  # else $TQDM_DISABLE says
        return tqdm(total=total, initial=done, desc=name, leave=False, position=position, **style)


class Drawn:
    """The watch of one stage: a bar at a time."""

    def __init__(self, bars: Bars, stage: str, position: int | None) -> None:
        self.bars, self.stage, self.position = bars, stage, position
        self.drawn: list[tuple[str, tqdm]] = []

    def __call__(self, event: dict[str, Any]) -> None:
        """Move the bar."""
        if "note" in event:
            self.bars.tell(event["note"])
            return
        name = event.get("stage", self.stage)
        done, total = next(((event[key], event.get(DONE[key])) for key in DONE if key in event), (0, None))
        if self.drawn and (self.drawn[0][0] != name or done < self.drawn[0][1].n):
            self.close()
        if not self.drawn:
            self.drawn.append((name, self.bars.bar(name, done, total, self.position)))
        bar = self.drawn[0][1]
        if text := _shown(event):
            bar.set_postfix(text, refresh=False)  # drawn by the update
        bar.update(done - bar.n)
        if total is not None and done >= total:
            self.close()

    def close(self) -> None:
        """Draw it no more."""
        while self.drawn:
            self.drawn.pop()[1].close()


class _Lines:
    """A stream on which each drawing of a bar is a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        line = text.strip("\r\n ")  # the bar returns to the line's begin, and clears it with blanks
        return self.stream.write(line + "\n") if line else 0

    def flush(self) -> None:
        self.stream.flush()


def _shown(event: dict[str, Any]) -> dict[str, str]:
    """The text after a bar: the losses that there are, and the learned step size."""
    losses = {name: event[key] for name, key in (("loss", "loss"), ("classifier", "loss_classifier")) if key in event}
    shown = {name: f"{value:.3f}" for name, value in losses.items() if not math.isnan(value)}
    return shown | ({"lr": f"{event['lr']:.2g}"} if "lr" in event else {})
