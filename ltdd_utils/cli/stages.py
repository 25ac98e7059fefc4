"""The commands ``ltdd stages`` and ``ltdd stage``: the list for a scheduler, and one piece of it."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ltdd_utils import campaign, recipes
from ltdd_utils.campaign.listing import from_file
from ltdd_utils.cli.common import as_json, recipe_of
from ltdd_utils.cli.forecasts import duration, expected_of
from ltdd_utils.cli.granted import free_device, threads
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.failures import Failed, told
from ltdd_utils.core.files import write_atomic
from ltdd_utils.core.locks import Busy
from ltdd_utils.recipes.units import RECORD

__all__ = ["listed_of", "runs_of", "stage_", "stages_"]

USUAL = "cpu"  # the campaign of `ltdd campaign`


def runs_of(options: argparse.Namespace) -> list[campaign.PlannedRun]:
    """The runs that a command line names: recipes, or a campaign.

    Raises:
        ValueError: both; a recipe or a campaign that is wrong.
    """
    if options.recipes and options.plan:
        raise ValueError(f"both recipes and --plan {options.plan!r} are given; give one of them")
    if not options.recipes:
        return campaign.read_plan(options.plan or USUAL)
    return [_run(name, options) for name in dict.fromkeys(options.recipes)]


def _run(name: str, options: argparse.Namespace) -> campaign.PlannedRun:
    recipe = recipe_of(argparse.Namespace(**{**vars(options), "recipe": name}))
    given = {key: getattr(options, key) for key in ("imbalance_factor", "ipc", "scale", "protocol", "teacher")}
    given |= {"network": options.network, "seed": options.seed, "students": options.students}
    return campaign.PlannedRun("", recipe, options.seed, options.students, recipes.command(name, options.set, **given))


def listed_of(runs: Sequence[campaign.PlannedRun], options: argparse.Namespace) -> list[campaign.Listed]:
    """The list of several runs, with what records tell of the time."""
    return campaign.listed(runs, lambda run: expected_of(run.recipe, run.students, options.results), options.device)


def stages_(options: argparse.Namespace) -> str:
    """The stages of runs, each once."""
    found = listed_of(runs_of(options), options)
    if options.workers is not None:
        return _hours(found, options)
    found = _looked(found, options)
    if options.json:
        return as_json([one.facts() | {"failed": _failure(one, options)} for one in found])
    lines = [f"{'id':14}{'kind':12}{'state':9}{'expected':>10}  {'stage':44} needs"]
    for one in found:
        state = {True: "there", False: "missing", None: "unknown"}[one.there]
        state = "failed" if _failure(one, options) else state
        about = "unknown" if one.seconds is None else ("~" if one.basis == "scaled" else "") + duration(one.seconds)
        shared = f"{one.unit.label} (+{len(one.asked) - 1})" if len(one.asked) > 1 else one.unit.label
        lines.append(f"{one.unit.id:14}{one.unit.kind:12}{state:9}{about:>10}  {shared:44} {len(one.unit.needs)}")
    shared = sum(len(one.asked) > 1 for one in found)
    lines.append(f"{len(found)} stages, {shared} of them needed by several runs (+N: by so many more)")
    return "\n".join(lines)


def _note(one: campaign.Listed, options: argparse.Namespace) -> Path:
    """The file that says why a unit failed for good."""
    return options.work / "campaign" / f"{one.unit.id}.failed"


def _failure(one: campaign.Listed, options: argparse.Namespace) -> str | None:
    """Why a unit failed, where another try would fail alike."""
    note = _note(one, options)
    return note.read_text(encoding="utf-8").strip() if not one.there and note.is_file() else None


def _looked(found: Sequence[campaign.Listed], options: argparse.Namespace) -> list[campaign.Listed]:
    """With what is there: what only runs with a record need counts as there; for the others the store is asked."""
    looked_for = campaign.Done([options.results], options.data)
    state = {run.name: looked_for.find(run) for one in found for run in one.asked}
    done = {name for name, its in state.items() if its.done}
    coming = [next((run for run in one.asked if run.name not in done), None) for one in found]
    if not options.work.is_dir():
        return [replace(one, there=_of_records(one, run, state)) for one, run in zip(found, coming, strict=True)]
    from ltdd_utils.cli.context import context_of  # torch: an empty store does without
    from ltdd_utils.runs.units import UnitsOfRun

    context, of, looked = context_of(options, gentle=False), {}, []
    for one, run in zip(found, coming, strict=True):
        there = _of_records(one, run, state)
        if run is not None and one.unit.kind != RECORD:
            if run.name not in of:
                of = {run.name: UnitsOfRun(run.recipe, run.seed, run.students, context)}
            try:
                there = of[run.name].is_there(one.unit.id)
            except FileNotFoundError:  # the data set is not here
                there = None
        looked.append(replace(one, there=there))
    return looked


def _of_records(
    one: campaign.Listed, coming: campaign.PlannedRun | None, state: Mapping[str, campaign.Found]
) -> bool | None:
    """Whether a unit is there by the records alone; None: that of a record cannot be told."""
    if coming is not None and one.unit.kind == RECORD and not state[coming.name].sure:
        return None
    return coming is None


def _hours(found: Sequence[campaign.Listed], options: argparse.Namespace) -> str:
    """Counts, and hours on several numbers of workers."""
    if not options.times_as_fast > 0:
        raise ValueError(f"--times-as-fast is {options.times_as_fast}; give a number above 0")
    try:
        workers = [int(text) for text in options.workers.split(",")]
    except ValueError:
        raise ValueError(f"--workers {options.workers!r}; give whole numbers, such as 1,8,64") from None
    kinds = Counter(one.unit.kind for one in found)
    unknown = sum(one.seconds is None for one in found)
    hours = {n: campaign.makespan(found, n) / 3600 / options.times_as_fast for n in workers}
    longest = campaign.critical_path(found) / 3600 / options.times_as_fast
    facts = {"stages": len(found), "kinds": dict(kinds), "of_unknown_length": unknown}
    facts |= {"longest_chain_hours": longest, "hours": {str(n): value for n, value in hours.items()}}
    if options.json:
        return as_json(facts)
    lines = [f"{len(found)} stages: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items())]
    lines += [f"{n:5} workers: about {duration(3600 * value)}" for n, value in hours.items()]
    lines.append(f"the longest chain of stages that need each other: {duration(3600 * longest)}")
    missing = f"; {unknown} stages of unknown length count as nothing" if unknown else ""
    lines.append(f"by simulation, from recorded times of the book's machine or carried over from them{missing}")
    return "\n".join(lines)


def stage_(options: argparse.Namespace) -> str:
    """Make one stage.

    Raises:
        Failed: the work failed; the message says whether another try may cure it.
    """
    one = _named(options)
    note = _note(one, options)
    if options.attempt > 1 and note.is_file():
        raise Failed(f"not tried again: {note.read_text(encoding='utf-8').strip()}")
    try:
        seconds = _made(one, options)
    except (Stopped, Busy):
        raise
    except Exception as error:
        cure = _may_be_cured(error)
        line = f"{one.unit.label} ({one.unit.id}): {told(error)}"
        if not cure:
            write_atomic(note, f"{line}\n")
        raise Failed(f"{line}; {'another try may cure it' if cure else 'another try would fail alike'}") from error
    note.unlink(missing_ok=True)
    if options.json:
        return as_json({**one.facts(), "there": True, "spent_seconds": seconds})
    return f"there: {one.unit.label} ({one.unit.id})"


def _named(options: argparse.Namespace) -> campaign.Listed:
    """The unit that a command line names."""
    if not options.recipes and options.plan is not None:
        place = Path(options.plan)
        if place.suffix == ".json" or place.is_dir():
            return from_file(place / "stages.json" if place.is_dir() else place, options.id)
    for one in campaign.listed(runs_of(options), lambda run: (), options.device):
        if one.unit.id == options.id:
            return one
    raise ValueError(f"no stage {options.id!r} in these runs; `ltdd stages` with the same options tells the ids")


def _made(one: campaign.Listed, options: argparse.Namespace) -> float:
    """Make a unit; the seconds that it took now."""
    import time

    import torch

    from ltdd_utils.cli.context import context_of
    from ltdd_utils.runs.units import UnitsOfRun

    count, begun = threads(options.threads), time.monotonic()
    if count is not None:
        torch.set_num_threads(count)
    waiting = context_of(argparse.Namespace(**{**vars(options), "device": "cpu"}))
    with free_device(options.device, one.gpu or options.device == "auto", lambda: waiting.store.deadline) as device:
        context = replace(
            context_of(argparse.Namespace(**{**vars(options), "device": device})), results=options.results
        )
        UnitsOfRun(one.run.recipe, one.run.seed, one.run.students, context).make(one.unit.id, one.unit.keeps)
    return time.monotonic() - begun


def _may_be_cured(error: Exception) -> bool:
    """Whether a failure is one of the machine (memory, disk, GPU), and not of the settings or the code."""
    if isinstance(error, Failed) and isinstance(error.__cause__, Exception):
        return _may_be_cured(error.__cause__)
    if isinstance(error, FileNotFoundError | NotImplementedError | RecursionError):
        return False
    return isinstance(error, OSError | MemoryError | RuntimeError)  # PyTorch raises RuntimeError where a GPU fails
