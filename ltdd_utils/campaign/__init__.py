"""A campaign: a list of runs in order of value, run one after the other, each once, on whatever machine is at hand.

``plan`` reads the list, ``costs`` says what a run would take, ``state`` what is done, running and missing, ``runner``
runs what is missing.
"""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "costs": ["TimedStage", "expected", "timed_stages"],
        "plan": ["Block", "PlannedRun", "plan_names", "read_plan"],
        "runner": ["run_campaign"],
        "state": ["State", "campaign_status", "records_by_name", "status_totals"],
    },
)
