"""Time before work: the stages of a run, which of them are there, and what the others will take."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ltdd_utils.campaign.forecast import Expected, History, duration, forecast
from ltdd_utils.cli.common import as_json
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.settings import DataConfig
from ltdd_utils.recipes.recipe import Recipe, parts
from ltdd_utils.records.clone import all_records
from ltdd_utils.records.folders import book_dir

__all__ = ["LONG_S", "Plan", "dry_run", "duration", "expected_of", "facts_of", "sums", "text_of", "total", "warning"]

LONG_S = 3600.0  # a run on a CPU that takes longer is announced by a warning
Plan = list[Expected]


def expected_of(recipe: Recipe, students: int, results: Path, data: Path | None = None) -> Plan:
    """What the stages of a run will take, by the records of a folder and by those of this book.

    Args:
        recipe: of the run.
        students: how many are trained.
        results: folder of the records.
        data: folder of the data sets, where images of the user's own, or all of a data set, are counted.
    """
    paths = _paths(results)
    ending = f"_{parts(recipe.name)[1]}"
    near = tuple(path for path in paths if path.parent.name.endswith(ending))
    return forecast(
        recipe, students, lambda everything: _history(paths if everything else near), _counts(recipe.data, data)
    )


@functools.cache
def _counts(data: DataConfig, root: Path | None) -> tuple[int, ...]:
    """Train images of each class where they are to be counted; none where the table of data sets tells them."""
    if data.name in DATASETS and data.profile == "exponential":
        return ()
    from ltdd_utils.data.counting import counted  # torch: most forecasts do without

    try:
        return counted(data, root)
    except (ValueError, OSError):  # the run itself says what is wrong
        return ()


@functools.cache
def _paths(results: Path) -> tuple[Path, ...]:
    return tuple(dict.fromkeys([*all_records(results), *all_records(book_dir())]))


@functools.cache
def _history(paths: tuple[Path, ...]) -> History:
    return History.of(paths)


def facts_of(plan: Plan, held: Mapping[str, Any] | None) -> dict[str, Any]:
    """The stages and their sums as JSON; ``held``: what is there of each (``runs.held``), None: nobody could look."""
    rows = [_row(one, None if held is None else held.get(one.name)) for one in plan]
    known = [row["seconds_left"] for row in rows if row["seconds_left"] is not None]
    rams = [one.peak_ram_gib for one in plan if one.peak_ram_gib is not None]
    return {
        "stages": rows,
        "seconds_left": sum(known),
        "unknown": [row["stage"] for row in rows if row["seconds_left"] is None],
        "peak_ram_gib": max(rams, default=None),
        "device": next((one.device for one in plan if one.device), None),
    }


def _row(one: Expected, there: Any) -> dict[str, Any]:  # noqa: ANN401 (runs.held.Held needs torch)
    whole, spent = (False, 0.0) if there is None else (there.whole, there.seconds)
    left = 0.0 if whole else None if one.seconds is None else max(one.seconds - spent, 0.0)
    state = "there" if whole else "begun" if spent else "missing"
    return {"stage": one.name, "state": state, "seconds": one.seconds, "seconds_left": left, "basis": one.basis}


def dry_run(title: str, plan: Plan, look: Callable[[], Mapping[str, Any]], as_facts: bool) -> str:
    """What ``--dry-run`` prints: the facts as JSON, or the table; a data set that is not here is said.

    Args:
        title: of the run.
        plan: of the run.
        look: what is there of each stage; FileNotFoundError where the data are not.
        as_facts: as JSON.
    """
    try:
        held, note = look(), ""
    except FileNotFoundError as error:
        held, note = None, f"what is there already cannot be told: {error}"
    facts = facts_of(plan, held)
    if as_facts:
        return as_json({"run": title, **facts, "note": note or None})
    return "\n".join([text_of(facts, title), *([note] if note else [])])


def text_of(facts: Mapping[str, Any], title: str) -> str:
    """The facts as a table for people: an estimate that was carried over from other settings has a ``~``."""
    lines = [title, f"   {'stage':22}{'state':10}{'in all':>10}{'to come':>12}"]
    for number, row in enumerate(facts["stages"], start=1):
        about = "~" if row["basis"] == "scaled" else ""
        whole, left = (_said(row[key], about) for key in ("seconds", "seconds_left"))
        lines.append(f"{number:2} {row['stage']:22}{row['state']:10}{whole:>10}{left:>12}")
    memory = facts["peak_ram_gib"]
    sums = [f"to come: {total(facts)}", f"memory: {'unknown' if memory is None else f'{memory:.1f} GiB'}"]
    if facts["device"]:
        sums.append(f"as recorded on {facts['device']}")
    lines.append("; ".join(sums))
    if any(row["basis"] == "scaled" for row in facts["stages"]):
        lines.append("~ carried over from records of other settings by the work to do: a guess, not a measurement")
    return "\n".join(lines)


def _said(seconds: float | None, about: str) -> str:
    return "unknown" if seconds is None else "-" if seconds == 0 else about + duration(seconds)


def total(facts: Mapping[str, Any]) -> str:
    """The time to come in words."""
    known, unknown = facts["seconds_left"], facts["unknown"]
    if not unknown:
        return ("" if known < 1 else "about ") + duration(known) if known else "nothing"
    return f"more than {duration(known)} ({', '.join(unknown)}: unknown)" if known else "unknown"


def warning(plan: Plan, on_cpu: bool, look: Callable[[], Mapping[str, Any]]) -> str | None:
    """A line before work that takes long on a CPU; None if it does not.

    Args:
        plan: of the run.
        on_cpu: whether it will run there; no record tells how long a GPU takes.
        look: what is there of each stage; only asked where it matters.
    """
    if not on_cpu or sum(one.seconds or 0.0 for one in plan) < LONG_S:
        return None
    facts = facts_of(plan, look())
    if facts["seconds_left"] < LONG_S:
        return None
    longest = max(facts["stages"], key=lambda row: row["seconds_left"] or 0.0)
    part = f"{longest['stage']}: {duration(longest['seconds_left'])}"
    hint = "--dry-run tells more, --stop-after MINUTES stops in time and keeps the state"
    return f"this will take {total(facts)} on a CPU ({part}); {hint}"


def sums(plan: Sequence[Expected]) -> str:
    """What the stages of a run take in all, whatever is there of them; a sum that lacks most of them tells nothing."""
    facts = facts_of(list(plan), None)
    if 2 * len(facts["unknown"]) > len(plan) or (facts["unknown"] and facts["seconds_left"] < 1):
        return "time unknown"
    return f"{total(facts)} in all"
