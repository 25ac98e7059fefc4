"""Scores of one set under one judge: a record of its own kind, which is no run of a recipe.

``FOLDER/evaluations/SET/JUDGE-sSEED.json``: one folder deeper than the records of recipes, and of another schema, so
that no table, board or report takes it for one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ltdd_utils.core.files import write_atomic
from ltdd_utils.core.settings import config_id
from ltdd_utils.records.schema import GROUPS, SCORED_SET, validate_evaluation

__all__ = [
    "evaluation_path",
    "judge_id",
    "load_evaluation",
    "load_evaluations",
    "refuse_fewer_judges",
    "save_evaluation",
]

FOLDER = "evaluations"
DIGITS = 12  # of the set's hash, in the name of its folder


def judge_id(record: Mapping[str, Any]) -> str:
    """The hash of data and judge, twelve digits: equal for evaluations that may be compared."""
    return config_id(record["config"])


def evaluation_path(folder: Path, record: Mapping[str, Any]) -> Path:
    """Where the record of an evaluation stands in a results folder.

    Args:
        folder: the results folder.
        record: its ``distilled_sha256``, ``config`` and ``seed`` count.
    """
    return Path(folder) / FOLDER / record["distilled_sha256"][:DIGITS] / f"{judge_id(record)}-s{record['seed']}.json"


def save_evaluation(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write the record of an evaluation to its place, whole or not at all; one of the same set and judge is replaced.

    Raises:
        ValueError: the record is not valid.
        OSError: the folder cannot be written.
    """
    validate_evaluation(record)
    path = evaluation_path(folder, record)
    write_atomic(path, json.dumps(dict(record), indent=1, allow_nan=False) + "\n")
    return path


def refuse_fewer_judges(folder: Path, record: Mapping[str, Any], students: int) -> None:
    """Raise if the record of this evaluation exists and has more than ``students``.

    Raises:
        ValueError: it has more, or it cannot be read.
    """
    path = evaluation_path(folder, record)
    kept = len(load_evaluation(path)["students"]) if path.is_file() else 0
    if kept > students:
        raise ValueError(
            f"students is {students}, but {path} has {kept}, which would be lost; "
            f"ask for {kept} or more, or name another results folder"
        )


def load_evaluation(path: Path) -> dict[str, Any]:
    """Read the record of an evaluation.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is cut short or damaged, or is no record of an evaluation.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no evaluation {path}")
    try:
        content = json.loads(Path(path).read_bytes())
        validate_evaluation(content if isinstance(content, dict) else {})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return content


def load_evaluations(folder: Path) -> pd.DataFrame:
    """The evaluations of a results folder, one per row; ``overall`` and ``many`` to ``tail`` are fractions.

    ``record`` is the JSON object itself. A folder without any gives an empty frame.

    Raises:
        ValueError: a damaged record.
    """
    paths = sorted(path for path in (Path(folder) / FOLDER).glob("*/*.json") if not path.name.startswith("."))
    return pd.DataFrame([_row(load_evaluation(path), path) for path in paths])


def _row(record: Mapping[str, Any], path: Path) -> dict[str, Any]:
    metrics, config = record["metrics"], record["config"]
    return {
        **{name: record["set"][name] for name in SCORED_SET},
        "dataset": config["data"]["name"],
        "imbalance_factor": config["data"]["imbalance_factor"],
        **{name: record[name] for name in ("protocol", "seed", "distilled_sha256")},
        "judge": judge_id(record),
        "overall": metrics["overall"]["mean"],
        "std": metrics["overall"]["std"],
        **{name: metrics[name] and metrics[name]["mean"] for name in GROUPS},
        "students": len(record["students"]),
        "path": str(path),
        "record": record,
    }
