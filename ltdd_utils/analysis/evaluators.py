"""Sets under one evaluator: who judged them, what they cost, what a changed setting does, and what was never run."""

import math
import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from ltdd_utils.analysis.contrasts import contrasts, indexed, spread
from ltdd_utils.analysis.pooling import Pipelines, percent
from ltdd_utils.analysis.variants import USUAL, diff_from_recipe, scores
from ltdd_utils.core.settings import to_dict
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.presets import architecture
from ltdd_utils.recipes.commands import command
from ltdd_utils.recipes.recipe import recipe
from ltdd_utils.records.files import load_record

__all__ = [
    "accuracy_over_cells",
    "control_table",
    "evaluator",
    "run_command",
    "scores_by_evaluator",
    "seconds_to_student",
    "select_cell",
]

WIDTH = "evaluate.network.width"


def select_cell(
    records: pd.DataFrame,
    dataset: str,
    imbalance_factor: float,
    ipc: int,
    scale: str = "cpu",
    network: str = "convnet",
) -> pd.DataFrame:
    """The records of one cell at one scale, and with them those of the whole training set, which has no IPC.

    A run at another scale whose settings are the same at both belongs to it too (random images do not know a scale).
    The students are of one architecture, the papers' ConvNet unless ``network`` names another. Whatever else a run
    changed, the class order or the width of the students, it stays.
    """
    kept = []
    for path, ran in zip(records["path"], records["scale"], strict=True):
        made = load_record(path).recipe
        config = to_dict(made)
        data, student = config["data"], config["evaluate"]["network"]["name"]
        here = (data["name"], data["imbalance_factor"], student) == (dataset, imbalance_factor, network)
        here = here and config["ipc"] in (ipc, None)
        kept.append(here and (ran == scale or diff_from_recipe(made) == diff_from_recipe(replace(made, scale=scale))))
    return records[kept]


def scores_by_evaluator(records: pd.DataFrame, like: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per method, evaluator and changed settings: ``scores`` with the students' network as part of who judges.

    A wider student, or one of another architecture as the recipes have it, is another judge and not another method: so
    it stands in ``evaluator`` and not in ``changed``.

    Args:
        records: as ``results.load`` gives them, of one data set, imbalance factor, IPC and scale.
        like: rows of another cell, as this function gives them, to take a spread from where an evaluator judged nothing
            twice here; None: these rows.

    Returns:
        The columns of ``scores``, each of whose ``pipelines`` knows the spread of its ``peers``, the rows of the same
        evaluator, and one from ``elsewhere``: of the same evaluator's rows of ``like``, or of all of them;
        ``evaluator``, as ``evaluator`` names it; ``seconds``, up to one student that is trained
        (``seconds_to_student``), the mean over the records.
    """
    rows = scores(records)
    first = [load_record(paths[0]) for paths in rows["records"]]
    cost = [[seconds_to_student(load_record(path)) for path in paths] for paths in rows["records"]]
    rows = rows.assign(
        evaluator=[evaluator(record["protocol"], record["config"]) for record in first],
        changed=[_without_judge(*pair) for pair in zip(rows["changed"], first, strict=True)],
        seconds=[math.fsum(values) / len(values) for values in cost],
    )
    other = rows if like is None else like
    whole = spread(other["pipelines"])  # one estimate, also where two evaluators take it (``contrasts.Contrast``)
    for judge, mine in rows.groupby("evaluator"):
        peers = spread(mine["pipelines"])
        elsewhere = spread(other.loc[other["evaluator"] == judge, "pipelines"]) or whole
        for values in mine["pipelines"]:
            values.peers, values.elsewhere = peers, elsewhere
    return rows


def accuracy_over_cells(
    records: pd.DataFrame,
    dataset: str,
    cells: Iterable[tuple[float, int]],
    judge: str,
    scale: str = "cpu",
    like: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The sets of several cells under one evaluator, unchanged recipes alone: what ``plots.accuracy_by`` draws.

    Args:
        records: as ``results.load`` gives them.
        dataset: of all cells.
        cells: imbalance factor and images per class of each.
        judge: an evaluator, as ``evaluator`` names it.
        scale: of all cells.
        like: as of ``judged``, for cells in which nothing was run twice.

    Returns:
        One row per cell and method that was run: ``dataset``, ``scale``, ``imbalance_factor``, ``ipc``, ``method``,
        ``scores`` (a list of one mean accuracy per pipeline, fractions), ``pipelines`` (how many), ``mean`` and ``std``
        (ddof 1; NaN with a single pipeline).
    """
    sets, found = records[~records["whole_set"]], []
    for factor, ipc in cells:
        rows = scores_by_evaluator(select_cell(sets, dataset, factor, ipc, scale), like)
        rows = rows[(rows["changed"] == USUAL) & (rows["evaluator"] == judge)]
        cell = {"dataset": dataset, "scale": scale, "imbalance_factor": factor, "ipc": ipc}
        for method, values in zip(rows["method"], rows["pipelines"], strict=True):
            facts = {"mean": statistics.fmean(values), "std": statistics.stdev(values) if len(values) > 1 else math.nan}
            found.append({**cell, "method": method, "scores": values, "pipelines": len(values), **facts})
    columns = ["dataset", "scale", "imbalance_factor", "ipc", "method", "scores", "pipelines", "mean", "std"]
    return pd.DataFrame(found, columns=columns)


def evaluator(protocol: str, config: Mapping) -> str:
    """Who judges: the protocol with its teacher, and the width of the students' network: "dsa-stored (32)"."""
    network = config["evaluate"]["network"]
    kind = "" if network["name"] == "convnet" else f"{network['name']} "
    return f"{protocol} ({kind}{network['width']})"


def _without_judge(changed: str, record: Mapping) -> str:
    """``changed`` without what ``evaluator`` says: the students' width, and another architecture if as published."""
    config = record["config"]
    network = config["evaluate"]["network"]
    published = to_dict(architecture(network["name"], config["data"]["name"], config["scale"]))
    said = "evaluate.network." if network["name"] != "convnet" and network == published else f"{WIDTH}="
    return ", ".join(part for part in changed.split(", ") if not part.startswith(said)) or USUAL


def seconds_to_student(record: Mapping) -> float:
    """Seconds from nothing to one trained student: every stage once, and one student's share of the last."""
    stages = dict(record["cost"]["seconds"])
    return stages.pop("students", 0.0) / len(record["students"]) + math.fsum(stages.values())


def control_table(
    rows: pd.DataFrame, asked: Mapping[Any, tuple[str, str, str]], dataset: str, scale: str
) -> pd.DataFrame:
    """Runs with some settings changed, beside the recipe itself on the same seeds; what was not run has its command.

    Args:
        rows: as ``judged`` gives them.
        asked: name -> method, evaluator, and the changed settings as ``changed`` has them; a ``*`` stands for the rest.
        dataset: of the rows.
        scale: of the rows.

    Returns:
        ``accuracy``, and ``recipe itself`` on the seeds of the run, in percent; the columns of ``contrasts``; and
        ``command`` of what is not run.

    Raises:
        ValueError: a ``*`` that stands for several settings that were run.
    """
    table = {}
    for name, (method, judge, changed) in asked.items():
        mine = rows[(rows["method"] == method) & (rows["evaluator"] == judge)]
        found = mine[[_stands_for(changed, other) for other in mine["changed"]]]
        if len(found) > 1:
            raise ValueError(f"{changed!r} stands for {' and '.join(found['changed'])}; name one of them")
        ours = found["pipelines"].iloc[0] if len(found) else Pipelines()
        itself = mine.loc[mine["changed"] == USUAL, "pipelines"]
        itself = itself.iloc[0] if len(itself) else Pipelines()
        row = contrasts({0: (ours, itself)}).iloc[0].to_dict()
        if ours and not itself:
            row |= {"n": str(len(ours)), "verdict": "recipe itself not run"}
        shared = [value for value, seed in zip(itself, itself.seeds, strict=True) if not ours or seed in ours.seeds]
        table[name] = {
            "accuracy": percent(ours),
            "recipe itself": percent(shared or itself),
            **row,
            "command": "" if ours else run_command(method, judge, dataset, scale, _settings(changed)),
        }
    return indexed(table)


def run_command(method: str, judge: str, dataset: str, scale: str, changed: Iterable[str] = ()) -> str:
    """The command that makes a run, at the data set's own imbalance factor and ten images per class.

    Args:
        method: the recipe without its data set.
        judge: as ``evaluator`` names it; what the recipe has by itself is not repeated.
        dataset: of the recipe.
        scale: of the recipe.
        changed: settings as ``KEY=VALUE``, without "method.".
    """
    protocol, _, width = judge.removesuffix(")").partition(" (")
    protocol, _, teacher = protocol.partition("/")
    usual = recipe(f"{method}_{dataset}", scale=scale, protocol_name=protocol, teacher=teacher or None)
    wider = [] if str(usual.evaluate.network.width) == width else [f"{WIDTH}={width}"]
    full = (part if part.startswith(("evaluate.", "data.")) else f"method.{part}" for part in changed)
    return command(
        f"{method}_{dataset}",
        [*wider, *full],
        scale=scale,
        protocol=None if protocol == METHODS[method].protocol else protocol,
        teacher=None if teacher in ("", METHODS[method].teacher) else teacher,
    )


def for_display(table: pd.DataFrame, digits: int = 1, empty: str = "") -> pd.DataFrame:
    """A table to look at: rounded as text is, and with ``empty`` where there is no number."""
    rounded = table.map(lambda value: float(f"{value:.{digits}f}") if isinstance(value, float) else value)
    return rounded.astype(object).where(table.notna(), empty)


def _settings(changed: str) -> list[str]:
    """The settings of an asked change, one each; the recipe itself has none."""
    return [] if changed == USUAL else re.split(r", (?=[\w.]+=)", changed.rstrip("*"))  # a value may be a list


def _stands_for(asked: str, changed: str) -> bool:
    """Whether ``changed`` is what was asked for: word for word, or up to a ``*`` at its end."""
    return changed.startswith(asked[:-1]) if asked.endswith("*") else changed == asked
