"""A file that one process at a time holds, so that two of them never do the same work."""

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ltdd_utils.core import exclusive
from ltdd_utils.core.deadline import Deadline, is_over
from ltdd_utils.core.mounts import NO_LOCKS, locks_hold, without_locks

__all__ = ["Busy", "is_locked", "locked"]

EVERY_S = 0.5  # between two looks at a file that is held
Release = Callable[[bool], None]  # is told whether to keep the file


class Busy(Exception):
    """Another process holds the file."""


@contextmanager
def locked(path: Path, deadline: Deadline = None, keep: bool = True, memory: Path | None = None) -> Iterator[None]:
    """Hold a file, which is made if it is not there; it is free again when the block or the process ends.

    It is locked where locks hold (``mounts.locks_hold``), else files beside it take the place of the lock
    (``exclusive``).

    Args:
        path: the file; it holds nothing.
        deadline: until when to wait for another process; None: as long as it takes.
        keep: whether the file is still there afterwards.
        memory: the folder that remembers whether locks hold.

    Raises:
        Busy: another process still holds it at the deadline.
        OSError: the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    release = None
    while release is None:
        take = _native if locks_hold(path.parent, memory) else _exclusive
        try:
            release = take(path)
        except OSError as error:
            if error.errno not in NO_LOCKS or take is not _native:
                raise
            without_locks(path.parent, error.strerror or str(error), memory)
            continue
        if release is None:
            if is_over(deadline):
                who = exclusive.in_words(exclusive.holder(path) or {})
                raise Busy(f"another process is at work on {path.parent}{who}")
            time.sleep(EVERY_S)
    try:
        yield
    finally:
        release(keep)


def is_locked(path: Path) -> bool:
    """Whether a process holds the file now; a file that is not there is held by nobody. Nothing is written."""
    if exclusive.holder(path) is not None:
        return True
    if not path.is_file():
        return False
    try:
        release = _native(path)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return False
    if release is None:
        return True
    release(True)
    return False


def _native(path: Path) -> Release | None:
    """Lock a file without waiting; None: another process has it."""
    from filelock import FileLock, SoftFileLock, Timeout  # late: it takes as long as all of `ltdd list`

    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)  # its own waiting refuses a file that this thread holds already
    except Timeout:
        return None
    if isinstance(lock, SoftFileLock):  # what it turned into: a file that a dead holder may leave for good
        lock.release()
        raise OSError(errno.ENOSYS, "no locks")

    def release(keep: bool) -> None:
        with suppress(OSError):
            if not keep:
                path.unlink()  # while it is held: whoever waits for it makes another one
        lock.release()
        with suppress(OSError):
            if keep:
                path.touch()  # a lock of Windows has removed it

    return release


def _exclusive(path: Path) -> Release | None:
    """Hold the files beside a name without waiting; None: another process has them."""
    free = exclusive.take(path)
    if free is None:
        return None
    with suppress(OSError):
        path.touch()

    def release(keep: bool) -> None:
        with suppress(OSError):
            if not keep:
                path.unlink()
        free()

    return release
