"""The end of a command: its exit code, the line on standard error, and the same as JSON for scripts."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence

from tqdm import tqdm

from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.failures import EXPECTED, Failed, told
from ltdd_utils.core.settings import UnknownName

__all__ = ["CODES", "INTERRUPTED", "REFUSED", "ended", "say"]

FAILED, REFUSED, STOPPED, INTERRUPTED = 1, 2, 75, 130  # 75: EX_TEMPFAIL of sysexits.h, "try again"; 130: 128 + SIGINT
CODES = f"""exit codes:
  0    done
  {FAILED}    the work failed; --traceback shows where
  {REFUSED}    refused: the line says what was wrong, and what to do
  {STOPPED}   stopped by --stop-after or a signal, the state is kept: the same command goes on
  {INTERRUPTED}  ended at once by a second Ctrl-C: the same command goes on from the last checkpoint"""


def ended(error: BaseException, options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Say how a command ended that was not done; its exit code.

    Args:
        error: what ended it.
        options: of the command.
        arguments: as they were given: with ``--json`` an object on standard output has the command that goes on.
    """
    if isinstance(error, BrokenPipeError):  # `ltdd table | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    status, name, text = _outcome(error)
    if options.traceback and status in (FAILED, REFUSED):
        import traceback

        tqdm.write("".join(traceback.format_exception(error)), file=sys.stderr, end="")
    if options.json:
        facts = {"outcome": name, "exit_code": status, "message": text}
        if isinstance(error, Stopped | KeyboardInterrupt):
            facts |= {"state_kept": isinstance(error, Stopped), "resume": shlex.join(["ltdd", *arguments])}
        from ltdd_utils.cli.common import as_json  # late: it imports the recipes

        print(as_json(facts), flush=True)
    return say(text if status in (STOPPED, INTERRUPTED) else f"error: {text}", status)


def _outcome(error: BaseException) -> tuple[int, str, str]:
    """Exit code, outcome, and the line that says it."""
    if isinstance(error, Stopped):
        return STOPPED, "stopped", str(error)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted", "interrupted; the same command goes on from the last checkpoint"
    if isinstance(error, UnknownName):
        return REFUSED, "refused", f"{error}; a name from a file of your own needs --plugin FILE.py"
    if isinstance(error, EXPECTED) and not isinstance(error, Failed | FloatingPointError):
        return REFUSED, "refused", told(error)
    hidden = not isinstance(error, EXPECTED) or error.__cause__ is not None
    return FAILED, "failed", told(error) + ("; --traceback shows all of it" if hidden else "")


def say(text: str, status: int) -> int:
    """One line on standard error; gives the exit code."""
    tqdm.write(f"ltdd: {' '.join(text.split())}", file=sys.stderr)  # on a line of its own, whatever bar is drawn
    return status
