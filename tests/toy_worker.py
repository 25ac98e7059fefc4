"""A process that makes units by sleeping, without PyTorch: for the laws of what gives units to processes.

The description of a unit says what happens: ``seconds`` of work, ``raises`` a ValueError or a FloatingPointError,
``busy`` as long as a file is there, ``dies`` by a signal, ``deaf`` to stops. Each begin and end is a line in ``trace``.
"""

import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.locks import Busy
from ltdd_utils.jobs.worker import Worker, main


class Toy(Worker):
    """Sleeps where another one trains."""

    def open(self, place):
        """Nothing is imported."""
        self.over = False
        self.context = SimpleNamespace(store=SimpleNamespace(stop=lambda: setattr(self, "over", True)))

    def source(self, facts):
        """The description itself."""
        return SimpleNamespace(make=lambda name, keeps, around: self.sleep(name, facts))

    def threads(self, count):
        """As they are."""
        return count

    def sleep(self, name, facts):
        """Make a unit."""
        if facts.get("busy") and Path(facts["busy"]).exists():
            raise Busy("another process is at work")
        note(facts, "begin", name)
        end = time.monotonic() + facts.get("seconds", 0.0)
        while time.monotonic() < end:
            time.sleep(0.005)
            self.watch("sleep")({"done": 1, "total": 2})
            if self.over and not facts.get("deaf"):
                note(facts, "stop", name)
                raise Stopped("stopped as asked")
        if facts.get("dies"):
            os.kill(os.getpid(), signal.SIGKILL)
        if "raises" in facts:
            raise {"ValueError": ValueError, "FloatingPointError": FloatingPointError}[facts["raises"]]("it is broken")
        note(facts, "end", name)


def note(facts, event, name):
    with open(facts["trace"], "a") as file:
        file.write(f"{event} {name} {os.getpid()} {time.monotonic()}\n")


if __name__ == "__main__":
    main(Toy)
