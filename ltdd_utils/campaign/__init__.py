"""A campaign: a list of runs in order of value, run one after the other, each once, on whatever machine is at hand.

``plan`` reads the list, ``costs`` says what a run would take, ``state`` what is done, running and missing, ``runner``
runs what is missing.
"""

from ltdd_utils.campaign.costs import TimedStage, expected, timed_stages
from ltdd_utils.campaign.plan import Block, PlannedRun, plan_names, read_plan
from ltdd_utils.campaign.runner import run_campaign
from ltdd_utils.campaign.state import State, campaign_status, records_by_name, status_totals

__all__ = [
    "Block",
    "PlannedRun",
    "State",
    "TimedStage",
    "campaign_status",
    "expected",
    "plan_names",
    "read_plan",
    "records_by_name",
    "run_campaign",
    "status_totals",
    "timed_stages",
]
