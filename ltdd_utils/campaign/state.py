"""The state of a campaign: the runs that are done, running and missing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ltdd_utils.campaign.costs import estimates
from ltdd_utils.campaign.done import Found, enough
from ltdd_utils.campaign.planned import PlannedRun
from ltdd_utils.core.locks import is_locked
from ltdd_utils.records.files import read
from ltdd_utils.records.record import Record
from ltdd_utils.records.schema import run_name

__all__ = ["State", "campaign_status", "lock_of", "records_by_name", "status_totals"]

STATES = ("done", "running", "begun", "missing")


@dataclass(frozen=True)
class State:
    """A run, and how far it is."""

    run: PlannedRun
    state: str  # one of STATES; "begun": some of its work lies in the store
    seconds: float  # of a run that is done: what it took, shared stages counted in; else what it would add
    unknown: tuple[str, ...] = ()  # stages of a run to come without a recorded time
    elsewhere: bool = False  # whether a time was taken from another folder's records, of another machine perhaps
    may_have_changed: bool = False  # of a run that is done, by a record: its own data cannot be read here


def records_by_name(records: Iterable[Path]) -> dict[str, Record]:
    """Records, under the names that their runs have; of several for one run, on changed data, the newest.

    Args:
        records: files, also of runs that are in no campaign.

    Raises:
        ValueError: a record is damaged.
    """
    found = sorted(read(records), key=lambda record: record.provenance.started_utc)
    return {run_name(record): record for record in found}


def campaign_status(
    runs: Sequence[PlannedRun],
    known: Mapping[str, Record],
    work: Path | None = None,
    elsewhere: Sequence[Record] = (),
    find: Callable[[PlannedRun], Found] | None = None,
) -> list[State]:
    """The state of every run, in the order of the campaign.

    Args:
        runs: of ``read_plan``.
        known: all records at hand, as ``by_name`` gives them.
        work: folder of the stages; None: a run without a record is missing, whoever is at work on it.
        elsewhere: records whose times stand in where ``known`` has none of a stage.
        find: of ``Done``, which looks at data of the user's own; None: the names of the records in ``known`` decide.
    """
    by_name = {run.name: _named(run, known) for run in runs}
    finished = by_name if find is None else {run.name: find(run) for run in runs}
    coming = [run for run in runs if finished[run.name].record is None]
    changed = {run.recipe.data for run in coming if by_name[run.name].done}  # of records on what the data were before
    lying, before = [], []
    for record in known.values():
        (before if changed and record.data in changed else lying).append(record)
    costs = estimates([(run.recipe, run.seed, run.students) for run in coming], lying, elsewhere, before)
    further = dict(zip((run.name for run in coming), costs, strict=True))
    found = []
    for run in runs:
        if (record := finished[run.name].record) is not None:
            spent = record.cost.total_seconds
            found.append(State(run, "done", spent, may_have_changed=not finished[run.name].sure))
        else:
            state = "missing" if work is None else _state(lock_of(run, work))
            cost = further[run.name]
            found.append(State(run, state, cost.seconds, tuple(cost.unknown), cost.elsewhere))
    return found


def _named(run: PlannedRun, known: Mapping[str, Record]) -> Found:
    record = known.get(run.name)
    return Found(record if record is not None and enough(run, record) else None)


def _state(lock: Path) -> str:
    return "running" if is_locked(lock) else "begun" if lock.is_file() else "missing"


def lock_of(run: PlannedRun, work: Path) -> Path:
    """The file that a process holds while it carries out a run."""
    return work / "campaign" / f"{run.name.replace('/', '-')}.lock"


def status_totals(states: Sequence[State]) -> pd.DataFrame:
    """One row per block and a last one for all: runs in each state, and the hours that are still to come.

    ``hours to come`` are those of the stages that were ever timed, and says how many runs have others.
    """
    blocks = list(dict.fromkeys(state.run.block for state in states))
    groups = [(block, [state for state in states if state.run.block == block]) for block in blocks]
    return pd.DataFrame([_row(*group) for group in [*groups, ("all", list(states))]])


def _row(title: str, states: Sequence[State]) -> dict[str, Any]:
    counts = {name: sum(state.state == name for state in states) for name in STATES}
    coming = [state for state in states if state.state != "done"]
    untimed = sum(bool(state.unknown) for state in coming)
    hours = f"{sum(state.seconds for state in coming) / 3600:.1f}"
    if untimed:
        runs = f"{untimed} run{'s' * (untimed > 1)}"
        hours = "unknown" if untimed == len(coming) and hours == "0.0" else f"{hours}, and {runs} not timed in full"
    return {"block": title, **counts, "hours to come": hours if coming else ""}
