"""Which record stands beside which published number, and the command where there is none."""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from ltdd_utils.analysis.pooling import pool
from ltdd_utils.analysis.variance import half_interval
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.networks.settings import ARCHITECTURES, NetworkConfig
from ltdd_utils.presets import published_student
from ltdd_utils.recipes.commands import command
from ltdd_utils.recipes.recipe import parts
from ltdd_utils.records.published import targets
from ltdd_utils.records.schema import TARGET_KEYS

__all__ = ["PUBLISHED_ONLY", "UNNAMED", "compare", "facts", "given", "json_rows", "missing", "usual_student"]

PUBLISHED_ONLY = "published only"  # no recipe of this book makes that number
UNNAMED = "theirs is not named"  # the teacher of a published number, in a note
FIRST_CELL = {
    "dataset": "cifar10",
    "imbalance_factor": 100.0,
    "network": "convnet-d3",
}  # IPC 10, under the method's own protocol
CELL = tuple(name for name in TARGET_KEYS if name != "protocol")
MEASURED = ("students", "pipelines", "scale", "our_protocol", "width", "seconds", "device")
OURS = ("ours", "ours_std", "difference", "inside", *MEASURED)


def compare(
    records: pd.DataFrame,
    published: pd.DataFrame,
    recipes: Collection[str] = (),
    dataset: str | None = None,
    everything: bool = True,
) -> pd.DataFrame:
    """Every published number with ours beside it; a number that was never run says so.

    A record stands beside a published accuracy if data set, IF, IPC, method, network and protocol are equal. A paper
    that names no teacher (``online-teacher``) is matched by every teacher of that protocol, and ``note`` and
    ``our_protocol`` name ours; but the uni-level method has a debiased teacher, and without debiasing a plain one. A
    record under another protocol is named in ``note`` and never compared. ``note`` also says where a record is from
    uncommitted code, or is not committed itself.

    Args:
        records: as ``records.load`` gives them.
        published: as ``records.targets`` gives them.
        recipes: names of the recipes that exist; a number that none of them makes is "published only".
        dataset: keep this data set alone.
        everything: also the numbers that were never run.

    Returns:
        The columns of ``published``, and ``status`` ("run", "not run" or "published only"), ``ours`` and ``ours_std``
        in percent, ``difference`` in points, ``inside`` (whether the published number lies in the 95 % interval of our
        mean over pipelines; None with a single one), ``students``, ``pipelines``, ``scale``, ``our_protocol``,
        ``width`` of the students, ``seconds`` of one run, ``device``, ``command``. One row per published number and
        scale.
    """
    pooled: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    runs = pool(records)
    for row in runs[runs["in_table"].eq(True)].to_dict("records"):
        pooled.setdefault(_key(row), []).append({**row, "origin": _origin(records, row)})
    rows = []
    for target in published.to_dict("records"):
        if dataset is not None and target["dataset"] != dataset:
            continue
        near = pooled.get(_key(target), []) if target["metric"] == "accuracy" else []
        same = [ours for ours in near if f"{ours['protocol']}/".startswith(f"{_protocol(target)}/")]
        rows += [_beside(target, ours) for ours in same]
        if not same and everything:
            rows.append(_alone(target, recipes, sorted({ours["protocol"] for ours in near})))
    frame = pd.DataFrame(rows, columns=[*published.columns, "status", *OURS, "command"])
    numbers = dict.fromkeys(("ours", "ours_std", "difference", "seconds"), float)
    return frame.astype({**numbers, "ipc": "Int64", "students": "Int64", "pipelines": "Int64", "width": "Int64"})


def _protocol(target: Mapping[str, Any]) -> str:
    """The protocol of a published number, with the teacher where the method decides it."""
    method = METHODS.get(target["method"])
    if method is not None and method.teacher_named and target["protocol"] == method.protocol:
        return f"{method.protocol}/{method.teacher}"
    return target["protocol"]


def _origin(records: pd.DataFrame, row: Mapping[str, Any]) -> list[str]:
    """Remarks on the records behind a pooled row."""
    mine = records[(records["config_id"] == row["config_id"]) & (records["recipe"] == row["recipe"])]
    said = ["ours is from uncommitted code"] if mine["dirty"].isin([True]).any() else []
    said += ["matching failed in ours: `ltdd records` says how"] if "warnings" in mine and any(mine["warnings"]) else []
    return said + ([] if mine["committed"].all() else ["our record is not committed"])


def _beside(target: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    seeds = ours["seeds"]
    teacher = ours["protocol"].removeprefix(_protocol(target)).removeprefix("/")
    unnamed = [f"our teacher is {teacher}, {UNNAMED}"] if teacher else []
    return {
        **target,
        "status": "run",
        "ours": 100 * ours["mean"],
        "ours_std": 100 * ours["std"],
        "difference": 100 * ours["mean"] - target["mean"],
        "inside": _inside(target["mean"], ours),
        **{name: ours[name] for name in MEASURED if name != "our_protocol"},
        "our_protocol": ours["protocol"],
        "command": _command(
            ours["recipe"], ours, ours["scale"], seed=seeds[0], students=ours["students"] // len(seeds)
        ),
        "note": "; ".join(part for part in (target["note"], *unnamed, *ours["origin"]) if part),
    }


def _inside(printed: float, ours: Mapping[str, Any]) -> bool | None:
    half = half_interval(ours["std"], ours["pipelines"])
    return None if half is None or not given(printed) else bool(abs(ours["mean"] - printed / 100) <= half)


def _alone(target: Mapping[str, Any], recipes: Collection[str], elsewhere: list[str]) -> dict[str, Any]:
    recipe = f"{target['method']}_{target['dataset']}"
    ours = recipe in recipes and target["metric"] == "accuracy" and given(target["imbalance_factor"])
    known = target["network"] == usual_student(target) or _other_student(target["network"]) is not None
    ours = ours and target["protocol"] != "unknown" and known
    seen = f"there is a run under {' and '.join(elsewhere)}" if elsewhere else ""
    return {
        **target,
        "status": "not run" if ours else PUBLISHED_ONLY,
        "command": _command(recipe, target, "paper") if ours else PUBLISHED_ONLY,
        "note": "; ".join(part for part in (target["note"], seen) if part),
    }


def given(value: float | None) -> bool:
    """Whether a cell of a table holds a value."""
    return value is not None and not pd.isna(value)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] if given(row[name]) else None for name in CELL)


def _command(recipe: str, cell: Mapping[str, Any], scale: str, **further: int) -> str:
    """The run of a cell; of the online protocols the name stands there even where it is the recipe's own.

    The recipe, or the protocol, may be of a plugin that is not here.
    """
    protocol = cell["protocol"].partition("/")[0]
    usual, rules = _usual_protocol(recipe), PROTOCOLS.get(protocol)
    return command(
        recipe,
        imbalance_factor=cell["imbalance_factor"] if given(cell["imbalance_factor"]) else None,
        ipc=cell["ipc"] if given(cell["ipc"]) else None,
        protocol=None if protocol == usual and not (rules and rules.has_teacher) else protocol,
        scale=scale,
        network=_student(cell),
        **further,
    )


def _usual_protocol(recipe: str) -> str | None:
    try:
        return parts(recipe)[0].protocol
    except ValueError:
        return None


def usual_student(cell: Mapping[str, Any]) -> str | None:
    """The label of the student that recipes have under the protocol of a cell; None: its data set is not known."""
    if cell["dataset"] not in DATASETS:
        return None
    rules = PROTOCOLS.get(cell["protocol"].partition("/")[0])
    if rules is not None and rules.has_teacher:
        return published_student(cell["dataset"], "paper").label
    return NetworkConfig(depth=DATASETS[cell["dataset"]].depth).label


def _student(cell: Mapping[str, Any]) -> str | None:
    """The student that a command must name; None: the usual one."""
    usual = usual_student(cell)
    return _other_student(cell["network"]) if usual in (None, cell["network"]) else cell["network"]


def _other_student(network: str) -> str | None:
    """The name of a student that published tables compare with the usual one; None: it is the usual one, or unknown."""
    return network if network in ARCHITECTURES and ARCHITECTURES[network].compared else None


def missing(
    records: pd.DataFrame,
    recipes: Collection[str],
    dataset: str | None = None,
    published: pd.DataFrame | None = None,
    scale: str = "paper",
) -> list[dict[str, Any]]:
    """The runs still missing at a scale: a ``command`` for each published cell that some recipe makes.

    A record of another scale, or from uncommitted code, does not answer a cell; ``note`` says that it exists. A
    method without any published number on CIFAR-10-LT is asked for at IF 100 and IPC 10. A data set without that scale
    misses none.
    """
    published = targets() if published is None else published
    published = pd.concat([published, _first_cells(recipes, published)], ignore_index=True)
    answers = records if records.empty else records[(records["scale"] == scale) & ~records["dirty"].isin([True])]
    table = compare(answers, published, recipes, dataset)
    there = compare(records, published, recipes, dataset, everything=False).to_dict("records")
    scales = {(*_key(row), row["protocol"]): row["scale"] for row in there}
    found: dict[str, dict[str, Any]] = {}
    for row in json_rows(table.loc[table["status"] == "not run", [*TARGET_KEYS, "paper", "table"]]):
        if row["dataset"] in DATASETS and scale not in DATASETS[row["dataset"]].scales:
            continue
        line = _command(f"{row['method']}_{row['dataset']}", row, scale)
        note = _exists(scales.get((*_key(row), row["protocol"])), scale)
        found.setdefault(line, {**row, "command": line, "note": note})
    return list(found.values())


def _exists(other: str | None, scale: str) -> str:
    if other is None:
        return ""
    return "a run exists, from uncommitted code" if other == scale else f"a run at scale {other} exists"


def _first_cells(recipes: Collection[str], published: pd.DataFrame) -> pd.DataFrame:
    """The cell that stands for a method of CIFAR-10-LT which no paper prints."""
    printed = set(published.loc[published["dataset"] == FIRST_CELL["dataset"], "method"])
    split = (parts(name) for name in recipes)
    methods = sorted(method.name for method, dataset in split if dataset == FIRST_CELL["dataset"])
    blank = {"paper": "", "table": "", "metric": "accuracy", "unit": "percent", "source": "", "note": ""}
    rows = [
        {
            **FIRST_CELL,
            **blank,
            "method": method,
            "ipc": None if METHODS[method].family.whole_set else 10,
            "protocol": METHODS[method].protocol,
        }
        for method in methods
        if method not in printed
    ]
    return pd.DataFrame(rows, columns=published.columns).astype(published.dtypes.to_dict())


def json_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as dictionaries that fit into JSON: None where a cell is empty."""
    rows = table.to_dict("records")
    return [{name: value if _filled(value) else None for name, value in row.items()} for row in rows]


def _filled(value: object) -> bool:
    return isinstance(value, list | dict) or given(value)


def facts(target: Mapping[str, Any] | None, config_id: str, records: pd.DataFrame) -> dict[str, Any]:
    """The facts known of a recipe: the published numbers it is held against, and what its runs gave and cost so far.

    Args:
        target: keys of the published number; None if there is none of the same settings.
        config_id: of the recipe.
        records: as ``records.load`` gives them.
    """
    mine: list[dict[str, Any]] = []
    if target is not None:
        table = targets()
        near = table["dataset"].eq(target["dataset"]) & table["method"].eq(target["method"])
        rows = json_rows(table[near & table["metric"].eq("accuracy")])
        mine = [row for row in rows if _key(row) == _key(target)]
    runs = [] if records.empty else json_rows(records[records["config_id"] == config_id])
    printed = ("paper", "table", "protocol", "mean", "std", "source", "note")
    measured = ("seed", "overall", "students", "seconds_by_stage", "peak_ram_gib", "peak_gpu_gib", "device", "dirty")
    return {
        "target": target,
        "published_percent": [{name: row[name] for name in printed} for row in mine],
        "runs": [{name: row[name] for name in measured} for row in runs],
    }
