"""Carrying out a campaign: what is missing, in order, never twice, also with several processes at once."""

import time
from collections.abc import Callable, Sequence

from ltdd_utils.campaign.done import Done
from ltdd_utils.campaign.planned import PlannedRun
from ltdd_utils.campaign.state import lock_of
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.deadline import Stopped, is_over
from ltdd_utils.core.failures import told
from ltdd_utils.core.locks import Busy, locked
from ltdd_utils.runs.pipeline import run

__all__ = ["has_record", "run_campaign"]

EVERY_S = 5.0  # between two looks at runs that other processes are at work on


def run_campaign(
    runs: Sequence[PlannedRun], context: RunContext, say: Callable[[str], None]
) -> list[tuple[PlannedRun, str]]:
    """Run what has no record yet, one after the other.

    A run that another process holds, or that needs a stage which another process computes, is left for later; so the
    same command in two terminals shares the work. A run that fails is named, and the others go on.

    Args:
        runs: in order.
        context: device, folders (``results`` is needed), progress; its store must not wait (``Store(wait=False)``).
        say: is told one line at the begin and end of each run.

    Returns:
        The runs that failed, each with the reason.

    Raises:
        Stopped: the deadline passed; the same call goes on from there.
        ValueError: ``context`` has no results folder, or its store waits.
    """
    if context.results is None or context.store.wait:
        raise ValueError("a campaign needs a folder for its records, and a store that does not wait")
    left, failed = list(runs), []
    begun: set[str] = set()  # a run that had to wait for a stage is not announced again
    while left:
        later = []
        for one in left:
            try:
                with locked(lock_of(one, context.store.root), deadline=0.0, memory=context.store.root):
                    _once(one, context, say, begun)
            except Busy:
                later.append(one)
            except Stopped:
                raise
            except Exception as error:  # whatever somebody's method raises: the other runs go on
                say(f"failed: {one.command}: {told(error)}")
                failed.append((one, told(error)))
        if later and len(later) == len(left):
            _pause(context)
        left = later
    return failed


def _once(one: PlannedRun, context: RunContext, say: Callable[[str], None], begun: set[str]) -> None:
    if has_record(one, context):
        return
    if one.command not in begun:
        say(f"runs: {one.command}")
    begun.add(one.command)
    record = run(one.recipe, one.seed, one.students, context)
    overall, seconds = record.metrics.overall.mean, record.cost.total_seconds
    say(f"done: {one.command}: {100 * overall:.1f} %, {seconds:.0f} s of work in all its stages")


def has_record(one: PlannedRun, context: RunContext) -> bool:
    """Whether a run is done; images and lists of the user's own are looked at anew, since they can change."""
    return Done([context.results], context.data, watch=context.reading())(one)


def _pause(context: RunContext) -> None:
    """Wait a little for other processes.

    Raises:
        Stopped: the deadline has passed.
    """
    if is_over(context.store.deadline):
        raise Stopped("stopped as asked while other processes were at work on all that is left")
    time.sleep(EVERY_S)
