"""Signals: the first one keeps the state of the running stage, and only a Ctrl-C after it ends the command at once.

Batch systems send SIGTERM, SIGUSR1 or SIGUSR2 before the time is up, some of them more than once: SLURM sends a second
SIGTERM up to a minute after the first.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from ltdd_utils.core.store import Store

__all__ = ["restored", "stop_gently"]

NAMES = tuple(name for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2") if hasattr(signal, name))  # not on Windows
SIGNALS = tuple(getattr(signal, name) for name in NAMES)


@contextmanager
def restored() -> Iterator[None]:
    """Around a command: the usual handlers are back at its end."""
    usual = {one: signal.getsignal(one) for one in SIGNALS} if _can_handle() else {}
    try:
        yield
    finally:
        for one, handler in usual.items():
            signal.signal(one, handler)


def stop_gently(store: "Store") -> None:
    """Let the first signal stop ``store``, and a Ctrl-C after it end the command, until ``restored`` ends."""
    if not _can_handle():
        return
    # What is ignored stays so: a script's background command, say, that Ctrl-C is not meant for.
    heard = [one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]

    def asked(number: int, frame: FrameType | None) -> None:
        del number, frame
        store.stop()
        for one in heard:  # ignored: a function would hear nothing more as soon as Python begins to end the process
            signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_IGN)
        tqdm.write("ltdd: stopping at the next checkpoint; Ctrl-C again to stop at once", file=sys.stderr)

    for one in heard:
        signal.signal(one, asked)


def _can_handle() -> bool:
    return threading.current_thread() is threading.main_thread()  # as Python has it
