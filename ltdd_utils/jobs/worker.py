"""``python -m ltdd_utils.jobs.worker``: a process that makes the units that it is told to, one after the other.

Both directions are lines of JSON: orders on standard input, what comes of them on what was standard output. When the
input ends, the process that gave the orders is gone, or needs no more: what is being made keeps its state and stops.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from ltdd_utils.core.context import RunContext
    from ltdd_utils.core.progress import Watch
    from ltdd_utils.jobs.sources import Source

__all__ = ["Worker", "main"]

EVERY_S = 0.5  # between two messages about one part of the work; its last one is always sent
GRACE_S = 60.0  # for the state to be kept, once nobody hears
SIGNALS = ("SIGTERM", "SIGUSR1", "SIGUSR2")  # a batch system sends them to all processes of a job


ENDS = (("epoch", "epochs"), ("iteration", "iterations"), ("done", "total"))  # what is done, and of how much


class Worker:
    """The process: it hears in one thread and works in the main one."""

    def __init__(self, orders: TextIO, answers: TextIO) -> None:
        """Take orders from one stream, and answer on another."""
        self.orders, self.answers = orders, answers
        self.todo: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.context: RunContext | None = None
        self.stopped = False
        self.known: tuple[str, Source] | None = None  # the run that the last unit was of, and its results read so far

    def hear(self) -> None:
        """Read orders until there are no more."""
        for line in self.orders:
            order = json.loads(line)
            if "stop" in order:
                self.stop()
            else:
                self.todo.put(order)
        self.todo.put(None)
        self.stop()
        timer = threading.Timer(GRACE_S, os._exit, (1,))
        timer.daemon = True
        timer.start()

    def stop(self, *_: object) -> None:
        """Let what is being made keep its state and stop."""
        self.stopped = True
        if self.context is not None:
            self.context.store.stop()

    def say(self, **facts: object) -> None:
        """Send a message; where nobody hears any more, stop."""
        try:
            self.answers.write(json.dumps(facts) + "\n")
            self.answers.flush()
        except (OSError, ValueError):
            self.stop()

    def work(self) -> None:
        """Follow the orders: the first one says where, each other one what to make."""
        first = self.todo.get()
        if first is None:
            return
        self.open(first)
        if self.stopped:
            self.stop()  # it was asked for before there was a store to stop
        self.say(ready=os.getpid())
        while (order := self.todo.get()) is not None:
            self.say(**self.made(order))

    def open(self, place: Mapping[str, Any]) -> None:
        """Import what the work needs, and make its context."""
        import torch

        from ltdd_utils.core.context import RunContext, pick_device
        from ltdd_utils.core.store import Store
        from ltdd_utils.recipes.plugins import load_plugin

        torch.set_num_threads(place["threads"])
        for path in place["plugins"]:
            load_plugin(Path(path))
        folders = {name: None if place[name] is None else Path(place[name]) for name in ("results", "data")}
        store, device = Store(Path(place["work"]), wait=False), pick_device(place["device"])
        told = {"watch": self.watch, "announce": self.announce, "keep_images": place["keep_images"]}
        self.context = RunContext(store, device, **folders, **told)

    def source(self, facts: Mapping[str, Any]) -> "Source":
        """What a description names; the last one is kept, with what it has read."""
        from ltdd_utils.jobs.sources import SOURCES

        name = json.dumps(facts)
        if self.known is None or self.known[0] != name:
            self.known = None  # before another one reads its data
            self.known = name, SOURCES[facts["of"]](facts, self.context)
        return self.known[1]

    def threads(self, count: int) -> AbstractContextManager[None]:
        """Within it, so many threads; before and after as many as the whole command has, whatever is made."""
        from ltdd_utils.jobs.in_turn import threads

        return threads(count)

    def made(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Make a unit; the message that says how that ended."""
        import traceback

        from ltdd_utils.core.deadline import Stopped
        from ltdd_utils.core.failures import EXPECTED, Failed, told
        from ltdd_utils.core.locks import Busy

        try:
            around = self.threads(order["threads"])
            self.source(order["source"]).make(order["make"], order["keeps"], around)
        except Busy as busy:
            return {"ended": "busy", "message": str(busy)}
        except Stopped as stopped:
            return {"ended": "stopped" if self.stopped else "missing", "message": str(stopped)}
        except Exception as error:  # whatever somebody's method raises
            self.known = None  # what failed may hold much memory
            refused = isinstance(error, EXPECTED) and not isinstance(error, Failed | FloatingPointError)
            text = "".join(traceback.format_exception(error))
            return {"ended": "refused" if refused else "failed", "message": told(error), "traceback": text}
        return {"ended": "done", "message": ""}

    def watch(self, part: str) -> "Watch":
        """A watch that sends what it is told."""
        last = 0.0

        def watch(event: dict[str, Any]) -> None:
            nonlocal last
            ends = any(key in event and event[key] == event.get(total) for key, total in ENDS)
            now = time.monotonic()
            if "note" in event or ends or now - last >= EVERY_S:
                last = now
                self.say(progress=event, part=part)

        return watch

    def announce(self, event: Mapping[str, Any]) -> None:
        """Send that a stage begins or ends."""
        if "stage" in event:
            self.say(stage=dict(event))


def main(make: type[Worker] = Worker) -> None:
    """Work until the orders end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gives the orders
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no message
    worker = make(sys.stdin, answers)
    heard = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    for number in heard:
        signal.signal(number, worker.stop)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, *heard])  # held back until here
    warnings.showwarning = lambda message, *_: worker.say(warning=str(message))
    threading.Thread(target=worker.hear, daemon=True).start()
    worker.work()
    sys.stdout.flush()
    os._exit(0)  # at once: Python would look through all that PyTorch is made of


if __name__ == "__main__":
    main()
