"""A file that one process at a time holds, so that two of them never do the same work."""

import errno
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ltdd_utils.core.deadline import Deadline, is_over

__all__ = ["Busy", "is_locked", "locked"]

EVERY_S = 0.5  # between two looks at a file that is held
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)  # a file system that has none


class Busy(Exception):
    """Another process holds the file."""


@contextmanager
def locked(path: Path, deadline: Deadline = None, keep: bool = True) -> Iterator[None]:
    """Hold a file, which is made if it is not there; it is free again when the block or the process ends.

    Args:
        path: the file; it holds nothing.
        deadline: until when to wait for another process; None: as long as it takes.
        keep: whether the file is still there afterwards.

    Raises:
        Busy: another process still holds it at the deadline.
        OSError: the file cannot be made.
    """
    from filelock import FileLock, SoftFileLock, Timeout  # late: it takes as long as all of `ltdd list`

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    while not lock.is_locked:
        try:
            lock.acquire(blocking=False)  # its own waiting refuses a file that this thread holds already
        except Timeout:
            if is_over(deadline):
                raise Busy(f"another process is at work on {path.parent}") from None
            time.sleep(EVERY_S)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            warnings.warn(f"no file locks in {path.parent}: two processes may do the same work", stacklevel=3)
            break
    native = not isinstance(lock, SoftFileLock)  # else the file is the lock: being there says that it is held
    try:
        yield
    finally:
        with suppress(OSError):
            if native and not keep:
                path.unlink()  # while it is held: whoever waits for it makes another one
        lock.release()
        with suppress(OSError):
            if native and keep:
                path.touch()  # a lock of Windows has removed it


def is_locked(path: Path) -> bool:
    """Whether a process holds the file now; a file that is not there is held by nobody."""
    if not path.is_file():
        return False
    try:
        with locked(path, deadline=0.0):
            return False
    except Busy:
        return True
