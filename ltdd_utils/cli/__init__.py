"""The ``ltdd`` command: list, show, run, evaluate and compare recipes; look after the data.

``options`` says what can be asked, ``commands`` does it, ``progress`` draws the bars.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence

from tqdm import tqdm

from ltdd_utils.cli import commands
from ltdd_utils.cli.common import INTERRUPTED, SIGNALS
from ltdd_utils.cli.options import build_parser
from ltdd_utils.cli.progress import Bars
from ltdd_utils.store import Stopped

__all__ = ["Bars", "main"]

STATUS = 128 + 2  # of an interrupted command: what a shell reports after Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked (or stopped as asked), 2 after one line that says what was wrong."""
    options = build_parser().parse_args(arguments)
    INTERRUPTED.clear()
    usual = {one: signal.getsignal(one) for one in SIGNALS}
    try:
        return _run(options)
    except Stopped as stop:
        return _say(str(stop), STATUS if INTERRUPTED.is_set() else 0)
    except KeyboardInterrupt:
        return _say("interrupted; the same command goes on from the last checkpoint", STATUS)
    except BrokenPipeError:  # `ltdd table | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError, FloatingPointError) as error:
        return _say(f"error: {error}", 2)
    finally:
        if threading.current_thread() is threading.main_thread():
            for one, handler in usual.items():
                signal.signal(one, handler)


def _run(options: argparse.Namespace) -> int:
    print(getattr(commands, options.command)(options), flush=True)
    return 0


def _say(text: str, status: int) -> int:
    tqdm.write(f"ltdd: {' '.join(text.split())}", file=sys.stderr)  # on a line of its own, whatever bar is drawn
    return status
