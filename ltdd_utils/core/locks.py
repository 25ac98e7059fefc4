"""A file that one process at a time holds, so that two of them never do the same work."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ltdd_utils.core.deadline import Deadline, is_over

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there, and two processes may do the same work twice
    fcntl = None  # type: ignore[assignment]

__all__ = ["Busy", "is_locked", "locked"]

EVERY_S = 0.5  # between two looks at a file that is held


class Busy(Exception):
    """Another process holds the file."""


@contextmanager
def locked(path: Path, deadline: Deadline = None) -> Iterator[None]:
    """Hold a file, which is made if it is not there; it is free again when the block or the process ends.

    Args:
        path: the file; its content is not touched.
        deadline: until when to wait for another process; None: as long as it takes.

    Raises:
        Busy: another process still holds it at the deadline.
        OSError: the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while (handle := _taken(path)) is None:
        if is_over(deadline):
            raise Busy(f"another process is at work on {path.parent}")
        time.sleep(EVERY_S)
    try:
        yield
    finally:
        os.close(handle)  # the lock goes with it


def is_locked(path: Path) -> bool:
    """Whether a process holds the file now; a file that is not there is held by nobody."""
    if not path.is_file():
        return False
    try:
        with locked(path, deadline=0.0):
            return False
    except Busy:
        return True


def _taken(path: Path) -> int | None:
    """A handle of the file that holds it, or None: another process does, or has just removed the file."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    with suppress(FileNotFoundError):
        if _take(handle) and os.path.samestat(os.fstat(handle), os.stat(path)):
            return handle
    os.close(handle)
    return None


def _take(handle: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
