"""Deadlines: one that may be moved, and the exception raised once it has passed."""

import time
from collections.abc import Callable

__all__ = ["Deadline", "Stopped", "is_over"]

# A time as of time.monotonic(), None: never; or what tells it, for one that may be moved while somebody works.
Deadline = float | None | Callable[[], float | None]


def is_over(deadline: Deadline) -> bool:
    """Whether a deadline is over."""
    at = deadline() if callable(deadline) else deadline
    return at is not None and time.monotonic() >= at


class Stopped(Exception):
    """Stopped as asked, by ``--stop-after`` or a signal; what was done so far lies in the store."""
