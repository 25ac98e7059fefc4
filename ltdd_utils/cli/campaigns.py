"""The command ``ltdd campaign``."""

import argparse
import sys
from dataclasses import replace
from typing import Any

from tqdm import tqdm

from ltdd_utils import campaign
from ltdd_utils.cli.common import as_json
from ltdd_utils.core.failures import Failed
from ltdd_utils.records.clone import all_records
from ltdd_utils.report.campaign import estimate

__all__ = ["campaign_"]


def campaign_(options: argparse.Namespace) -> str:
    """The state of a campaign's runs; or run what is missing."""
    text = options.only or ""
    runs = [run for run in campaign.read_plan(options.plan) if text in run.block or text in run.command]
    if not runs:
        raise ValueError(f"--only {text!r}: no block and no command of campaign {options.plan!r} contains it")
    if options.action == "run":
        from ltdd_utils.cli.context import context_of  # torch: the status does without

        context = replace(context_of(options, wait=False), results=options.results)
        failed = campaign.run_campaign(runs, context, lambda line: tqdm.write(line, file=sys.stderr))
        if failed:
            first, why = failed[0]
            raise Failed(f"{len(failed)} of {len(runs)} runs failed; the first: {first.command}: {why}")
    states = campaign.campaign_status(runs, campaign.records_by_name(all_records(options.results)), options.work)
    if options.json:
        facts = ("command", "block", "seed", "students")
        return as_json([{n: getattr(s.run, n) for n in facts} | _progress(s) for s in states])
    table = campaign.status_totals(states).to_string(index=False)
    left = [state for state in states if state.state != "done"]
    coming = [f"{state.state:8}{estimate(state):>14}  {state.run.command}" for state in left]
    head = [f"{'state':8}{'minutes':>14}  command"] if coming else ["nothing is missing"]
    return "\n".join([table, "", *head, *coming])


def _progress(state: campaign.State) -> dict[str, Any]:
    return {"state": state.state, "seconds": state.seconds, "untimed": list(state.unknown)}
