"""The runs of a campaign carried out: side by side where that pays."""

import argparse
import sys
from collections.abc import Sequence

from tqdm import tqdm

from ltdd_utils.campaign.planned import PlannedRun
from ltdd_utils.campaign.runner import missing, run_campaign
from ltdd_utils.campaign.tasks import tasks_of
from ltdd_utils.cli.ahead import Ahead
from ltdd_utils.cli.following import Following
from ltdd_utils.core.context import RunContext
from ltdd_utils.jobs.schedule import Task

__all__ = ["carry_out"]


def carry_out(
    every: Sequence[PlannedRun],
    runs: Sequence[PlannedRun],
    options: argparse.Namespace,
    following: Following,
    context: RunContext,
) -> list[tuple[PlannedRun, str]]:
    """Carry out what is missing, all of it at once; run by run for a tracker, which knows one run at a time.

    Args:
        every: the runs that the command names; what a unit's threads follow from.
        runs: those of them that have no record.
        options: of the command.
        following: who follows the work.
        context: of the work.

    Returns:
        The runs that failed, each with the reason.

    Raises:
        Stopped: the deadline passed; the same call goes on from there.
    """

    def listed(some: Sequence[PlannedRun]) -> list[Task]:
        return tasks_of(some, lambda run: following.plan_of(run.name), options.device)

    def say(line: str) -> None:
        tqdm.write(line, file=sys.stderr)

    ahead, failed = Ahead(options, following, context, listed(every)), []
    for some in [runs] if options.track is None else [[run] for run in runs]:
        left = missing(some, context)
        failed += run_campaign(left, context, say, tasks=listed(left), make=ahead.each)
    return failed
