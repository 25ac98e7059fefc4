"""What the stages of a run will take, before any of them runs: from records of the same settings, else carried over.

A recorded time is carried over to other settings in proportion to what a stage has to do (``methods.effort``): an
estimate, marked as one. Nothing here imports torch.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import log2
from pathlib import Path
from statistics import median
from typing import Any, Literal

from ltdd_utils.campaign.costs import timed_stages
from ltdd_utils.core.settings import config_id
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.longtail import class_counts
from ltdd_utils.data.settings import DataConfig
from ltdd_utils.methods.effort import Effort
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.recipes.stages import PREPROCESS, STUDENTS, stages

__all__ = ["Expected", "History", "duration", "forecast"]

Basis = Literal["recorded", "scaled", "unknown"]


@dataclass(frozen=True)
class Expected:
    """What one stage of a run will take, all its students counted in."""

    name: str
    seconds: float | None  # None: unknown
    basis: Basis
    peak_ram_gib: float | None = None  # the largest of the records that it was read off
    device: str = ""  # of those records


@dataclass
class _Time:
    """Recorded seconds of one unit of a stage (one student), and of how much work."""

    seconds: float
    work: float | None
    ram: float
    device: str
    near: tuple[str, str]  # data set and scale


@dataclass
class History:
    """Recorded times of stages: by their settings, and by the kind of their effort."""

    alike: dict[str, list[_Time]] = field(default_factory=dict)
    kinds: dict[tuple[str, str], list[_Time]] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Path]) -> "History":
        """The times in several records; what cannot be read, or is of a method that is not here, is passed over."""
        history, known = cls(), {}
        for path in records:
            try:
                content = json.loads(path.read_bytes())
                cost, students = content["cost"], len(content["students"])
                counts = tuple(content["provenance"].get("class_counts") or ())
                name = content["config_id"], counts
                if name not in known:
                    known[name] = _measured(Recipe.from_dict(content["config"]), counts)
                history._add(known[name], cost, students)
            except (ValueError, KeyError, TypeError, OSError, ZeroDivisionError):
                continue
        return history

    def _add(self, measured: "Sequence[_Measured]", cost: dict[str, Any], students: int) -> None:
        for one in measured:
            if one.name in cost["seconds"]:
                seconds = cost["seconds"][one.name] / (students if one.name == STUDENTS else 1)
                time = _Time(seconds, one.work, cost["peak_ram_gib"], cost["device"], one.near)
                self.alike.setdefault(one.alike, []).append(time)
                if one.kind is not None and one.work:
                    self.kinds.setdefault(one.kind, []).append(time)


@dataclass(frozen=True)
class _Measured:
    """A stage: under which its times are kept."""

    name: str
    alike: str
    kind: tuple[str, str] | None
    work: float | None
    near: tuple[str, str]


def _measured(recipe: Recipe, counts: Sequence[int]) -> list[_Measured]:
    alike = {stage.name: stage.alike for stage in timed_stages(recipe, 0, 1)}
    space = {"name": PREPROCESS, "data": recipe.data, "space": recipe.evaluate.preprocess}
    alike[PREPROCESS] = config_id(space)
    found = []
    for stage in stages(recipe):
        effort = stage.effort if stage.name != PREPROCESS else Effort(recipe.evaluate.preprocess.kind, 1)
        kind = None if effort is None else (stage.name, effort.kind)
        near = (recipe.data.name, recipe.scale)
        # An epoch of another data set or long tail is longer; and a changed number of iterations is no other recipe.
        amount, work = None if effort is None else effort.amount, _work(effort, recipe, counts)
        key = config_id({"stage": alike[stage.name], "data": recipe.data.name, "amount": amount, "work": work})
        found.append(_Measured(stage.name, key, kind, work, near))
    return found


def _work(effort: Effort | None, recipe: Recipe, counts: Sequence[int]) -> float | None:
    """Effort times images times pixels; None where one of them is not known.

    The ``counts`` of the classes are of the data themselves; without them the table of data sets tells, where it can.
    """
    data = recipe.data
    size, side = sum(counts) or _long_tail(data), _side(data.name)
    classes = len(counts) or (DATASETS[data.name].classes if data.name in DATASETS else None)
    if effort is None or side is None:
        return None
    if effort.images == "set" and recipe.ipc is not None and classes is not None:
        size = recipe.ipc * classes * recipe.family.factor(recipe.method) ** 2
    if size is None:
        return None
    if effort.kind == "zca":  # a covariance of side^2 pixels, and its eigenvectors
        return side**4 * (size + side**2)
    return effort.amount * min(size, effort.batch or size) * side**2


def _long_tail(data: DataConfig) -> int | None:
    """Images of the long tail, where the table of data sets tells."""
    facts = DATASETS.get(data.name)
    most = data.n_max or (None if facts is None else facts.n_max)
    if facts is None or most is None or data.profile != "exponential":
        return None
    return sum(class_counts(most, data.imbalance_factor, facts.classes))


def _side(name: str) -> int | None:
    """Pixels of an image's side: of the table, or behind the @ of a folder's name."""
    if name in DATASETS:
        return DATASETS[name].side
    side = name.rpartition("@")[2]
    return int(side) if side.isdecimal() else None


def forecast(
    recipe: Recipe, students: int, history: Callable[[bool], History], counts: Sequence[int] = ()
) -> list[Expected]:
    """The stages of a run in their order, with what each will take if nothing of it is there yet.

    Args:
        recipe: of the run.
        students: how many are trained.
        history: recorded times: of the same data set and scale (False), which is read first, or of all (True).
        counts: train images of each class, where the table of data sets does not tell (``data.counted``).

    Returns:
        Seconds are of the machine of the records, see ``Expected.device``.
    """
    found = []
    for one in _measured(recipe, counts):
        units = students if one.name == STUDENTS else 1
        found.append(_expected(one, units, history(False)) or _carried(one, units, history(True)))
    return found


def _expected(one: _Measured, units: int, history: History) -> Expected | None:
    times = history.alike.get(one.alike)
    if not times:
        return None
    seconds, ram = units * median(time.seconds for time in times), max(time.ram for time in times)
    return Expected(one.name, seconds, "recorded", ram, times[-1].device)


def _carried(one: _Measured, units: int, history: History) -> Expected:
    """From the nearest records of a stage of that kind: of its data set, else its scale, else any; their median."""
    times = [] if one.kind is None or not one.work else history.kinds.get(one.kind, [])
    for near in (lambda time: time.near == one.near, lambda time: time.near[0] == one.near[0], lambda time: True):
        if chosen := [time for time in times if near(time)]:
            closest = min(abs(_far(time, one)) for time in chosen)
            ready = [time for time in chosen if abs(_far(time, one)) <= closest * 1.01]
            seconds = median(time.seconds * one.work / time.work for time in ready)
            return Expected(one.name, units * seconds, "scaled", None, ready[0].device)
    return Expected(one.name, None, "unknown")


def _far(time: _Time, one: _Measured) -> float:
    """How far the work of two stages is apart, in doublings, at least a little."""
    return abs(log2(one.work / time.work)) + 1e-6


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if 0 < seconds < 1:
        return "< 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} hours" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"
