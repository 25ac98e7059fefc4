"""A campaign: a list of runs in order of value, run one after the other, each once, on whatever machine is at hand.

``plan`` reads the list, ``costs`` and ``forecast`` say what a run would take, ``done`` and ``state`` what is done,
running and missing, ``runner`` runs what is missing. ``listing`` has the stages of all runs, each once, for the
scheduler of a cluster, ``published`` the runs of all cells that the papers print, ``simulation`` the hours on several
workers.
"""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "costs": ["Estimate", "TimedStage", "estimates", "timed_stages"],
        "done": ["Done", "Found"],
        "listing": ["Listed", "listed"],
        "plan": ["Block", "plan_names", "read_plan"],
        "planned": ["PlannedRun"],
        "published": ["PUBLISHED", "published_runs"],
        "runner": ["missing", "run_campaign"],
        "simulation": ["critical_path", "makespan"],
        "state": ["State", "campaign_status", "records_by_name", "status_totals"],
    },
)
