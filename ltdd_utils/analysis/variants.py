"""Records of one cell with other settings than the recipe's own: controls, ablations, initial sets."""

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ltdd_utils.analysis.pooling import Pipelines, percent, pipelines
from ltdd_utils.core.settings import canonical_json, to_dict
from ltdd_utils.recipes.recipe import Recipe, recipe
from ltdd_utils.records.files import load_record

__all__ = ["curve", "diff_from_recipe", "format_changes", "gains", "iterations", "scores", "variants"]

USUAL = "as the recipe"


def diff_from_recipe(made: Recipe) -> dict[str, Any]:
    """The settings of a recipe that differ from what its name, cell and protocol give, by their full name.

    The teacher that labels is no change: the evaluator says it.
    """
    teacher = made.evaluate.teacher
    usual = recipe(
        made.name,
        imbalance_factor=made.data.imbalance_factor,
        ipc=made.ipc or 10,
        scale=made.scale,
        protocol_name=made.evaluate.protocol,
        teacher=None if teacher is None else teacher.kind,
    )
    before, after = _flat(to_dict(usual)), _flat(to_dict(made))
    return {name: value for name, value in after.items() if name not in before or before[name] != value}


def variants(records: pd.DataFrame) -> pd.DataFrame:
    """One row per setting of a trajectory recipe: its score before the first iteration and after the last.

    Args:
        records: as ``results.load`` gives them, of one data set, imbalance factor, IPC, scale and protocol.

    Returns:
        Columns ``method``; ``changed``, the settings that differ from the recipe's own as ``KEY=VALUE`` (without
        "method."), or "as the recipe"; ``before`` and ``after``, lists of one mean accuracy per pipeline, fractions,
        in the order of ``seeds``; ``before`` has None for a seed whose initial set was not scored by such a student;
        ``records``, the paths.

    Raises:
        ValueError: records of more than one cell, or of several protocols or teachers.
    """
    loaded = [load_record(path) for path in records["path"]]
    cells = {(*_cell(record["config"]), record["protocol"]) for record in loaded}
    if len(cells) > 1:
        raise ValueError(f"the records are of {len(cells)} cells ({sorted(map(str, cells))}); give those of one")
    scored = {}  # initial set and student -> mean accuracy, whichever recipe's record has it
    for record, (_, row) in zip(loaded, records.iterrows(), strict=True):
        if iterations(record["config"]["method"]) == 0:
            scored[_sets(record)[0], _student(record)] = pipelines(pd.DataFrame([row]))[0]
    groups: dict[tuple[str, str], list[tuple[int, float | None, float, str]]] = {}
    for record, (_, row) in zip(loaded, records.iterrows(), strict=True):
        if "distillation" not in record:
            continue
        before = scored.get((record["distillation"]["initial_sha256"], _student(record)))
        after = pipelines(pd.DataFrame([row]))[0]
        name = (record["recipe"].rpartition("_")[0], format_changes(diff_from_recipe(record.recipe)))
        groups.setdefault(name, []).append((record["seed"], before, after, row["path"]))
    rows = []
    for (method, changed), runs in groups.items():
        columns = zip(*sorted(runs, key=lambda run: run[0]), strict=True)
        parts = dict(zip(("seeds", "before", "after", "records"), map(list, columns), strict=True))
        parts["after"] = Pipelines(parts["after"], parts["seeds"])
        rows.append({"method": method, "changed": changed, **parts})
    return pd.DataFrame(rows, columns=["method", "changed", "seeds", "before", "after", "records"])


def gains(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over the distillations of each row of ``variants``, in percent: ``before``, ``after``, ``gain`` in points.

    ``gain`` is over the distillations whose initial set was scored; ``distillations`` counts all.
    """
    table = []
    for before, after in zip(rows["before"], rows["after"], strict=True):
        pairs = [(first, last) for first, last in zip(before, after, strict=True) if first is not None]
        started = percent([first for first, _ in pairs]), percent([last - first for first, last in pairs])
        table.append((started[0], percent(after), started[1], len(after)))
    return pd.DataFrame(table, index=rows.index, columns=["before", "after", "gain", "distillations"])


def scores(records: pd.DataFrame) -> pd.DataFrame:
    """One row per method, protocol and changed settings: what each pipeline scored.

    Args:
        records: as ``results.load`` gives them, of one data set, imbalance factor, IPC and scale.

    Returns:
        Columns ``method``, ``protocol``, ``changed`` ("as the recipe", or ``KEY=VALUE``), ``seeds``, ``pipelines``
        (a list of one mean accuracy per pipeline, fractions), ``students`` (how many in all), ``records`` (paths).
    """
    groups: dict[tuple[str, str, str], list[int]] = {}
    for place, (path, recipe_name, protocol) in enumerate(
        zip(records["path"], records["recipe"], records["protocol"], strict=True)
    ):
        changed = format_changes(diff_from_recipe(load_record(path).recipe))
        groups.setdefault((recipe_name.rpartition("_")[0], protocol, changed), []).append(place)
    rows = []
    for (method, protocol, changed), places in groups.items():
        mine = records.iloc[places].sort_values("seed")
        rows.append(
            {
                "method": method,
                "protocol": protocol,
                "changed": changed,
                "seeds": list(mine["seed"]),
                "pipelines": pipelines(mine),
                "students": int(mine["students"].sum()),
                "records": list(mine["path"]),
            }
        )
    columns = ["method", "protocol", "changed", "seeds", "pipelines", "students", "records"]
    return pd.DataFrame(rows, columns=columns)


def iterations(method: Mapping[str, Any]) -> int | None:
    """How many iterations a record's ``config["method"]`` spends on the images; None if it has no such setting."""
    return method.get("iterations", method.get("recover", {}).get("iterations"))


def curve(record: Mapping[str, Any], name: str, block: int = 10) -> tuple[list[float], list[float]] | None:
    """A curve of a record's distillation as means over ``block`` points: iterations and values.

    Args:
        record: of a trajectory recipe with iterations.
        name: "first" or "second" (matching losses), "lr", or "start" (epochs).
        block: stored points per mean.

    Returns:
        None for a phase that was left out.
    """
    values = record["distillation"]["curves"][name]
    if values is None:
        return None
    step = record["distillation"]["iterations"] / len(values)
    starts = range(0, len(values) - block + 1, block)
    means = [math.fsum(values[first : first + block]) / block for first in starts]
    return [step * (first + block / 2) for first in starts], means


def _cell(config: Mapping[str, Any]) -> list[Any]:
    return [config["data"]["name"], config["data"]["imbalance_factor"], config["ipc"], config["scale"]]


def _student(record: Mapping[str, Any]) -> str:
    return canonical_json(record["config"]["evaluate"])


def _sets(record: Mapping[str, Any]) -> list[str]:
    names = record["provenance"]["distilled_sha256"]
    return [names] if isinstance(names, str) else names


def format_changes(changed: Mapping[str, Any]) -> str:
    """Changed settings as one text, ``KEY=VALUE`` as ``--set`` reads it but without "method.", or "as the recipe"."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in changed.items()}
    return ", ".join(f"{name.removeprefix('method.')}={text}" for name, text in texts.items()) or USUAL


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one dictionary with dotted names."""
    rows: dict[str, Any] = {}
    for key, value in config.items():
        rows |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return rows
