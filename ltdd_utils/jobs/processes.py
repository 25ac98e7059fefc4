"""The near end of a process that makes units (``worker`` is the far one)."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["Process"]

MODULE = "ltdd_utils.jobs.worker"
Tell = Callable[[int, dict[str, Any]], None]


@contextmanager
def _held_back() -> Iterator[None]:
    """Hold signals back, here for a moment, and in a process that is started meanwhile until it lets them through.

    While it imports what it needs it could only die of them.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Process:
    """A process that makes units; what it says is told from a thread, at its end ``{"gone": EXIT STATUS}``."""

    def __init__(self, number: int, place: Mapping[str, Any], tell: Tell) -> None:
        """Start it.

        Args:
            number: what it is called when it is told of.
            place: its first order: folders, device, plugins, threads.
            tell: is given the number and each message.
        """
        self.number, self._tell = number, tell
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
        # Threads that spin while they wait would take the cores of the other processes.
        waiting = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
        with _held_back():
            self.child = subprocess.Popen(
                [sys.executable, "-m", MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **waiting, "PYTHONPATH": paths},
                text=True,
                encoding="utf-8",
            )
        self.order(**place)
        threading.Thread(target=self._hear, daemon=True).start()

    def order(self, **facts: object) -> None:
        """Send an order; one to a process that has ended is lost, and its end is told."""
        with suppress(OSError, ValueError):
            self.child.stdin.write(json.dumps(facts) + "\n")
            self.child.stdin.flush()

    def _hear(self) -> None:
        for line in self.child.stdout:
            try:
                message = json.loads(line)
            except ValueError:  # cut short: the process was killed
                continue
            self._tell(self.number, message)
        self._tell(self.number, {"gone": self.child.wait()})

    def dismiss(self) -> None:
        """Let it end: what it makes keeps its state."""
        with suppress(OSError, ValueError):
            self.child.stdin.close()

    def kill(self) -> None:
        """End it at once."""
        self.child.kill()
        self.child.wait()
