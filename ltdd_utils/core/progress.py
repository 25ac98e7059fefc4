"""The types of progress callbacks, and what is told of work that has a begin and an end."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ltdd_utils.core.deadline import Stopped

__all__ = ["Announce", "Watch", "told"]

Watch = Callable[[dict[str, Any]], None]
# Told that a run (``{"run": NAME}``) or one of its stages (``{"stage": NAME}``) begins, ends, is stopped with its state
# kept, or fails: ``{"event": "begin" | "end" | "stop" | "fail", ...}``, after the begin with ``seconds``.
Announce = Callable[[Mapping[str, Any]], None]


@contextmanager
def told(announce: Announce | None, **facts: str | int) -> Iterator[dict[str, Any]]:
    """Tell that the work inside begins, and how it ends; what is put into the dictionary is told at the end too."""
    further: dict[str, Any] = {}
    if announce is None:
        yield further
        return
    announce({"event": "begin", **facts})
    begun, event = time.monotonic(), "fail"
    try:
        yield further
        event = "end"
    except Stopped:
        event = "stop"
        raise
    finally:
        announce({"event": event, **facts, "seconds": time.monotonic() - begun, **further})
