"""All units of several runs, each once: what a scheduler is given, complete before anything has run."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ltdd_utils.campaign.forecast import Expected
from ltdd_utils.campaign.planned import PlannedRun
from ltdd_utils.core.settings import to_dict
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.recipes.units import RECORD, Unit, units

__all__ = ["Listed", "as_file", "from_file", "ids_of", "listed"]

FORMAT = "ltdd stages 1"
LARGE = "paper"  # the scale whose networks are made for a GPU; the others are for CPUs


@dataclass(frozen=True)
class Listed:
    """A unit in the list of several runs."""

    unit: Unit  # with the epochs that any of the runs reads
    asked: tuple[PlannedRun, ...]  # the runs that need it
    seconds: float | None = None  # expected, on the machine of the records; None: unknown
    basis: str = "unknown"  # "recorded", "scaled" (carried over from other settings), "unknown"
    memory_gib: float | None = None  # the largest of the records
    gpu: bool = False  # whether it wants one
    there: bool | None = None  # None: nobody has looked, or could

    @property
    def run(self) -> PlannedRun:
        """The first run that asks for it."""
        return self.asked[0]

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        unit = self.unit
        facts = {name: getattr(unit, name) for name in ("id", "kind", "number", "label")}
        facts |= {"needs": list(unit.needs), "there": self.there, "seconds": self.seconds, "basis": self.basis}
        facts |= {"memory_gib": self.memory_gib, "gpu": self.gpu, "run": self.run.name, "runs": len(self.asked)}
        return facts | ({"keeps": list(unit.keeps)} if unit.keeps else {})


def listed(
    runs: Iterable[PlannedRun], expected: Callable[[PlannedRun], Sequence[Expected]], device: str = "auto"
) -> list[Listed]:
    """Every unit of the runs, each once, in an order in which each stands behind what it needs.

    Args:
        runs: of a campaign, or single ones.
        expected: tells what the stages of a run will take.
        device: "cpu": no unit wants a GPU; "auto": those of scale paper do; else all that train do.
    """
    found: dict[str, Listed] = {}
    for run in runs:
        times = {one.name: one for one in expected(run)}
        gpu = device != "cpu" and (device != "auto" or run.recipe.scale == LARGE)
        for unit in units(run.recipe, run.seed, run.students):
            known = found.get(unit.id)
            if known is None:
                found[unit.id] = _timed(Listed(unit, (run,), gpu=gpu and unit.kind != RECORD), times)
            else:
                keeps = tuple(sorted({*known.unit.keeps, *unit.keeps}))
                found[unit.id] = replace(known, asked=(*known.asked, run), unit=replace(known.unit, keeps=keeps))
    return list(found.values())


def _timed(one: Listed, times: dict[str, Expected]) -> Listed:
    """With the seconds and the memory that records tell of its stages."""
    own = [times[name] for name in one.unit.stages if name in times]
    memory = max((time.peak_ram_gib for time in own if time.peak_ram_gib is not None), default=None)
    if any(time.seconds is None for time in own):
        return replace(one, memory_gib=memory)
    seconds = one.unit.share * sum(time.seconds for time in own)
    basis = "scaled" if any(time.basis == "scaled" for time in own) else "recorded"
    return replace(one, seconds=seconds, basis=basis, memory_gib=memory)


def as_file(found: Sequence[Listed], plan: str) -> str:
    """The list as JSON that ``from_file`` reads: with the settings of the runs, so that no plan is read again."""
    runs = {one.run.name: one.run for one in found}
    settings = {name: {"config": to_dict(run.recipe), **_words(run)} for name, run in runs.items()}
    content = {"format": FORMAT, "plan": plan, "runs": settings, "stages": [one.facts() for one in found]}
    return json.dumps(content)


def _words(run: PlannedRun) -> dict[str, Any]:
    return {name: getattr(run, name) for name in ("seed", "students", "command", "block")}


def from_file(path: Path, name: str) -> Listed:
    """One unit of a list that ``as_file`` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another file, a unit that is not in it, or one whose settings make another unit now.
    """
    content = _content(path)
    with _whole(path):
        facts = next((one for one in content["stages"] if one["id"] == name), None)
        own = None if facts is None else content["runs"][facts["run"]]
        wants = None if facts is None else {key: facts[key] for key in ("seconds", "gpu")}
        run = None if own is None else _run(own)
    if run is None:
        raise ValueError(f"no stage {name!r} in {path}; `ltdd stages` tells the ids")
    unit = next((unit for unit in units(run.recipe, run.seed, run.students) if unit.id == name), None)
    if unit is None:
        raise ValueError(f"{path} was written by another version of ltdd: export the campaign again")
    unit = replace(unit, keeps=tuple(facts.get("keeps", ())))
    return Listed(unit, (run,), **wants)


def _run(own: Mapping[str, Any]) -> PlannedRun:
    recipe = Recipe.from_dict(own["config"])
    return PlannedRun(own["block"], recipe, own["seed"], own["students"], own["command"])


def ids_of(path: Path) -> list[str]:
    """The ids in a list that ``as_file`` wrote; errors are those of ``from_file``."""
    with _whole(path):
        return [one["id"] for one in _content(path)["stages"]]


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Around the reading of a list: say that it is not whole where something is missing or of another form."""
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{path} is not a whole list of stages; `ltdd campaign export FOLDER` writes it anew"
        raise ValueError(what) from error


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        is_list = content["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        is_list = False
    if not is_list:
        raise ValueError(f"{path} is no list of stages; `ltdd campaign export FOLDER` writes one")
    return content
