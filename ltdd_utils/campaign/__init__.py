"""A campaign: a list of runs in order of value, run one after the other, each once, on whatever machine is at hand.

``plan`` reads the list, ``costs`` says what a run would take, ``state`` what is done, running and missing, ``runner``
runs what is missing, ``page`` shows the state in the book.
"""

from ltdd_utils.campaign.costs import Stage, expected, stages
from ltdd_utils.campaign.page import campaign_section, estimate
from ltdd_utils.campaign.plan import Block, Run, plan_names, read_plan
from ltdd_utils.campaign.runner import carry_out
from ltdd_utils.campaign.state import State, by_name, survey, totals

__all__ = [
    "Block",
    "Run",
    "Stage",
    "State",
    "by_name",
    "campaign_section",
    "carry_out",
    "estimate",
    "expected",
    "plan_names",
    "read_plan",
    "stages",
    "survey",
    "totals",
]
