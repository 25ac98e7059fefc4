"""Whether decoded images are kept below the data root: not where a command promises to write nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["is_kept", "nothing_kept"]

_KEPT = ContextVar("kept", default=True)


def is_kept() -> bool:
    """Whether what is decoded now may be written."""
    return _KEPT.get()


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Read caches in the block, and write none."""
    before = _KEPT.set(False)
    try:
        yield
    finally:
        _KEPT.reset(before)
