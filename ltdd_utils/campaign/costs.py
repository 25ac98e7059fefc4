"""What a run would take, from what runs before it took.

A run consists of stages, and stages are shared: all methods of a seed have one teacher, and a set that a second
protocol judges is not made again. A stage costs nothing where a record has it already, since its result lies in the
store; else what stages of the same settings cost, whatever their seed and data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ltdd_utils.core.settings import config_id

__all__ = ["Stage", "expected", "stages"]


@dataclass(frozen=True)
class Stage:
    """One stage of a run, as its record's ``cost.seconds`` names it."""

    name: str
    exact: str  # equal for equal results
    alike: str  # equal for equal settings: another seed, another imbalance factor or number of images
    units: int = 1  # seconds are proportional to them (students)


def stages(config: Mapping[str, Any], seed: int, students: int) -> list[Stage]:
    """The stages of a run that take time.

    Args:
        config: of a record, or ``to_dict`` of a recipe.
        seed: of the run.
        students: how many are trained.
    """
    method, evaluate, data = config["method"], config["evaluate"], config["data"]
    family = {"scale": config["scale"], "dataset": data["name"], "recipe": config["name"]}
    made = {"method": method, "ipc": config["ipc"]}

    def stage(name: str, own: Mapping[str, Any], **exact: int | None) -> Stage:
        pinned = own.get("seed")  # experts that all seeds of a run share
        kind = "teacher" if name == "scoring teacher" else name  # one training, whoever asks for it
        at = {"name": kind, "data": data, "seed": seed if pinned is None else pinned, "own": own, **exact}
        alike = {"name": name, **family} if own is made else {"name": kind, "scale": config["scale"], "own": own}
        return Stage(name, config_id(at), config_id(alike))

    found = []
    if expert := method.get("expert"):
        found.append(stage("expert", expert))
    if "policy" in method:
        found.append(stage("selection", made))
    if experts := method.get("experts"):
        found.append(stage("experts", experts))
        if method.get("second") or method["initial"]["experts"] == "classifier":
            found.append(stage("classifier experts", experts))
        found.append(stage("initial set", {"experts": experts, "initial": method["initial"]}, ipc=config["ipc"]))
    if method.get("iterations"):
        found.append(stage("matching" if experts else "condensation", made))
    if recover := method.get("recover"):
        if method.get("teacher") not in (None, evaluate.get("teacher")):
            found.append(stage("scoring teacher", method["teacher"]))
        crops = {"teacher": method.get("teacher"), "initial": method["initial"]}
        found.append(stage("initial set", crops, ipc=config["ipc"]))
        if recover["iterations"]:
            observers = {"observer": method["observer"], "others": method.get("others", [])}
            found += [stage("observer", observers), stage("statistics", {**observers, "of": method["statistics"]})]
            found.append(stage("recovery", made))
    if evaluate.get("teacher"):
        found.append(stage("teacher", evaluate["teacher"]))
    own = {"evaluate": {**evaluate, "teacher": None, "adsa": None}, "ipc": config["ipc"]}
    each = config_id({"run": config, "seed": seed})
    found.append(Stage("students", each, config_id({"name": "students", **own}), students))
    return found


def expected(
    runs: Sequence[tuple[Mapping[str, Any], int, int]], records: Sequence[Mapping[str, Any]]
) -> list[tuple[float, list[str]]]:
    """Seconds that each of several missing runs would add, one after the other, and the stages without a recorded time.

    Args:
        runs: configuration, seed and students of each, in the order in which they will run.
        records: what was run, on any machine; only records of the same scale are asked.

    Returns:
        For each run the sum over its timed stages, and the names of the others.
    """
    done: dict[str, int] = {}  # units of each stage
    timed: dict[str, list[float]] = {}
    for record in records:
        spent = record["cost"]["seconds"]
        for stage in stages(record["config"], record["seed"], len(record["students"])):
            if stage.name in spent:
                done[stage.exact] = max(done.get(stage.exact, 0), stage.units)
                timed.setdefault(stage.alike, []).append(spent[stage.name] / stage.units)
    found = []
    for config, seed, students in runs:
        seconds, unknown = 0.0, []
        for stage in stages(config, seed, students):
            left = stage.units - done.get(stage.exact, 0)
            if left <= 0:
                continue
            done[stage.exact] = stage.units
            if stage.alike in timed:
                seconds += left * sum(timed[stage.alike]) / len(timed[stage.alike])
            else:
                unknown.append(stage.name)
        found.append((seconds, unknown))
    return found
