"""The command ``ltdd campaign``."""

import argparse
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tqdm import tqdm

from ltdd_utils import campaign
from ltdd_utils.campaign.forecast import Expected
from ltdd_utils.cli.common import as_json, done_of
from ltdd_utils.cli.forecasts import LONG_S, Plan, duration, expected_of
from ltdd_utils.cli.records import folders
from ltdd_utils.core.failures import Failed
from ltdd_utils.data.caching import nothing_kept
from ltdd_utils.recipes.recipe import halves
from ltdd_utils.records.clone import committed, gathered
from ltdd_utils.records.files import read
from ltdd_utils.records.folders import book_dir, folders_to_read
from ltdd_utils.records.record import Record
from ltdd_utils.report.campaign import estimate

__all__ = ["campaign_"]

BORROWED = "* by the book's records, which were made on its own machine: yours have no time of a stage"


def campaign_(options: argparse.Namespace) -> str:
    """The state of a campaign's runs; or run what is missing."""
    text = options.only or ""
    runs = [run for run in campaign.read_plan(options.plan) if text in run.block or text in run.command]
    if not runs:
        raise ValueError(f"--only {text!r}: no block and no command of campaign {options.plan!r} contains it")
    _refuse_options(options)
    if options.action == "export" or options.engine:
        from ltdd_utils.cli.engine import export_, run_engine

        told = export_(runs, options) if options.action == "export" else run_engine(runs, options)
        if told:
            return told
    elif options.dry_run:
        with nothing_kept():
            return _dry_run(runs, options)
    elif options.action == "run":
        _run(runs, options)
    else:
        folders(options)  # refuses one that is not there
    states = _states(runs, options)
    if options.json:
        facts = ("command", "block", "seed", "students")
        return as_json([{n: getattr(s.run, n) for n in facts} | _progress(s) for s in states])
    table = campaign.status_totals(states).to_string(index=False)
    left = [state for state in states if state.state != "done"]
    coming = [f"{state.state:8}{estimate(state) + _mark(state):>15}  {state.run.command}" for state in left]
    head = [f"{'state':8}{'minutes ':>15}  command"] if coming else ["nothing is missing"]
    foot = [BORROWED] if any(_mark(state) == "*" for state in left) else []
    foot += _unsure(states)
    return "\n".join([table, "", *head, *coming, *foot])


def _unsure(states: Sequence[campaign.State]) -> list[str]:
    """A line where nobody can say whether runs are done."""
    count = sum(state.may_have_changed for state in states)
    line = "runs that count as done by their records, on data of your own that cannot be read here and may have changed"
    return [f"{line}: {count}"] if count else []


def _mark(state: campaign.State) -> str:
    return "*" if state.elsewhere and estimate(state) != "unknown" else " "


def _refuse_options(options: argparse.Namespace) -> None:
    """Refuse options of an engine where none is asked for."""
    if options.engine and options.action != "run":
        raise ValueError(f"--engine is of `ltdd campaign run`, not of {options.action}")
    if options.dag and not options.engine:
        raise ValueError("--dag draws what an engine would run; give `ltdd campaign run --engine snakemake --dag`")
    if options.folder is not None and not (options.engine or options.action == "export"):
        raise ValueError(f"FOLDER {str(options.folder)!r} is of `export` and of `run --engine snakemake`")
    if options.threads is not None and options.threads < 1:
        raise ValueError(f"--threads is {options.threads}; at least 1 is needed")


def _states(runs: Sequence[campaign.PlannedRun], options: argparse.Namespace) -> list[campaign.State]:
    places = folders_to_read(options.results)
    book = () if book_dir() in places else _book({halves(run.recipe.name)[1] for run in runs})
    known = campaign.records_by_name(gathered(places))
    return campaign.campaign_status(runs, known, options.work, book, done_of(options, known.values()).find)


def _book(datasets: Collection[str]) -> list[Record]:
    """The book's records of some data sets, whose times stand in where the reader has none."""
    return read(path for path in committed(book_dir()) if halves(path.parent.name)[1] in datasets)


def _run(runs: Sequence[campaign.PlannedRun], options: argparse.Namespace) -> None:
    """Run what is missing.

    Raises:
        Failed: one or more of the runs did.
    """
    from ltdd_utils.cli.carrying import carry_out  # torch: the status does without
    from ltdd_utils.cli.context import context_of, followed

    following, context = followed(options, replace(context_of(options, wait=False), results=options.results))
    states, every = _states(runs, options), runs
    runs = [state.run for state in states if state.state != "done" or state.may_have_changed]
    named = {run.name: run for run in every}
    following.plan_of = lambda name: _plan_of(named[name], options)
    to_come = sum(seconds for _, seconds, _ in _forecasts(states, options))
    if context.device.type == "cpu" and to_come > LONG_S:
        hint = "--dry-run tells more, --stop-after MINUTES stops in time and keeps the state"
        tqdm.write(f"ltdd: warning: this will take about {duration(to_come)} on a CPU; {hint}", file=sys.stderr)
    failed = carry_out(every, runs, options, following, context)
    if failed:
        first, why = failed[0]
        raise Failed(f"{len(failed)} of {len(runs)} runs failed; the first: {first.command}: {why}")


def _plan_of(run: campaign.PlannedRun, options: argparse.Namespace) -> Plan:
    return expected_of(run.recipe, run.students, options.results, options.data)


def _forecasts(
    states: Sequence[campaign.State], options: argparse.Namespace
) -> Iterator[tuple[campaign.State, float, dict[str, Expected]]]:
    """Each run to come, the seconds that it will add, and its stages that no record of these settings times."""
    for state in states:
        if state.state != "done":
            plan = {one.name: one for one in _plan_of(state.run, options)}
            guessed = {name: plan[name] for name in state.unknown if name in plan}
            yield state, state.seconds + sum(one.seconds or 0.0 for one in guessed.values()), guessed


def _dry_run(runs: Sequence[campaign.PlannedRun], options: argparse.Namespace) -> str:
    """The runs to come with their expected time; a stage that two of them share counts in the first."""
    rows, lines, states = [], [], _states(runs, options)
    for state, seconds, guessed in _forecasts(states, options):
        unknown = [name for name, one in guessed.items() if one.seconds is None]
        carried = [name for name in guessed if name not in unknown]
        facts = {"command": state.run.command, "seconds": seconds, "carried_over": carried, "unknown": unknown}
        rows.append(facts | {"elsewhere": state.elsewhere})
        about = f"{'~' if carried else ''}{duration(seconds)}{' or more' if unknown else ''}"
        lines.append(f"{state.state:8}{about + ('*' if state.elsewhere else ' '):>19}  {state.run.command}")
    if options.json:
        return as_json(rows)
    whole = sum(row["seconds"] for row in rows)
    lines.append(f"{len(rows)} runs to come, about {duration(whole)}; ~ carried over from other settings")
    lines += [BORROWED] if any(row["elsewhere"] for row in rows) else []
    return "\n".join([*(lines if rows else ["nothing is missing"]), *_unsure(states)])


def _progress(state: campaign.State) -> dict[str, Any]:
    untimed = list(state.unknown)
    facts = {"state": state.state, "seconds": state.seconds, "untimed": untimed, "elsewhere": state.elsewhere}
    return facts | {"may_have_changed": state.may_have_changed}
