"""Ctrl-C and SIGTERM: the first one keeps the state of the running stage, the second one ends the command at once."""

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

__all__ = ["restored", "stop_gently", "stopped"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_stopped = threading.Event()


def stopped() -> bool:
    """Whether a signal stopped the command that runs."""
    return _stopped.is_set()


@contextmanager
def restored() -> Iterator[None]:
    """Around a command: nothing has stopped it yet, and the usual handlers are back at its end."""
    _stopped.clear()
    usual = {one: signal.getsignal(one) for one in SIGNALS} if _can_handle() else {}
    try:
        yield
    finally:
        for one, handler in usual.items():
            signal.signal(one, handler)


def stop_gently(store: "Store") -> None:
    """Let the first signal stop ``store``, and the second one end the command, until ``restored`` ends."""
    if not _can_handle():
        return
    # What is ignored stays so: a script's background command, say, that Ctrl-C is not meant for.
    heard = [one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]

    def asked(number: int, frame: FrameType | None) -> None:
        del number, frame
        _stopped.set()
        store.stop()
        for one in heard:
            signal.signal(one, signal.default_int_handler)
        tqdm.write("ltdd: stopping at the next checkpoint; again to stop at once", file=sys.stderr)

    for one in heard:
        signal.signal(one, asked)


def _can_handle() -> bool:
    return threading.current_thread() is threading.main_thread()  # as Python has it
