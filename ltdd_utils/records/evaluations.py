"""Scores of one set under one judge: a record of its own kind, which is no run of a recipe.

``FOLDER/evaluations/SET/JUDGE-sSEED.json``, of the user's own data with the first digits of the data's hash as records
of runs have them (``schema.file_name``): one folder deeper than the records of recipes, and of another schema, so that
no table, board or report takes it for one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ltdd_utils.core.files import write_atomic
from ltdd_utils.core.settings import config_id
from ltdd_utils.records.schema import GROUPS, SCORED_SET, data_digits, validate_evaluation

__all__ = [
    "evaluation_name",
    "evaluation_path",
    "judge_id",
    "load_evaluation",
    "load_evaluations",
    "refuse_fewer_judges",
    "save_evaluation",
    "set_names",
]

FOLDER = "evaluations"
DIGITS = 12  # of the set's hash, in the name of its folder


def judge_id(record: Mapping[str, Any]) -> str:
    """The hash of data and judge, twelve digits: equal for evaluations that may be compared."""
    return config_id(record["config"])


def evaluation_name(record: Mapping[str, Any], with_data: bool = True) -> str:
    """The place of an evaluation's record in a results folder, with slashes.

    Args:
        record: its ``distilled_sha256``, ``config``, ``seed`` and ``provenance.data_sha256`` count.
        with_data: False: without the digits of own data, as earlier versions named every record.
    """
    name = f"{judge_id(record)}-s{record['seed']}{data_digits(record) if with_data else ''}.json"
    return f"{FOLDER}/{record['distilled_sha256'][:DIGITS]}/{name}"


def evaluation_path(folder: Path, record: Mapping[str, Any]) -> Path:
    """Where the record of an evaluation stands in a results folder.

    That is the file of ``evaluation_name``; of own data also one of an earlier version, without digits of the data's
    hash, if it is there and of the same data.

    Args:
        folder: the results folder.
        record: as ``evaluation_name`` takes it.
    """
    path, earlier = (Path(folder) / evaluation_name(record, with_data) for with_data in (True, False))
    if path != earlier and not path.is_file() and earlier.is_file():
        same = load_evaluation(earlier)["provenance"]["data_sha256"] == record["provenance"]["data_sha256"]
        return earlier if same else path
    return path


def set_names(record: Mapping[str, Any]) -> tuple[str, ...]:
    """All names under which the set of an evaluation was scored, the last one first; () of a set without a name."""
    known = record["set"]
    return tuple(dict.fromkeys(name for name in (known["name"], *known.get("names", ())) if name))


def save_evaluation(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write the record of an evaluation to its place, whole or not at all; one of the same set and judge is replaced.

    Pixels are told by their hash, whatever their file is called: the names of the record that is replaced stay in
    ``set.names``.

    Raises:
        ValueError: the record is not valid.
        OSError: the folder cannot be written.
    """
    validate_evaluation(record)
    path = evaluation_path(folder, record)
    names = list(dict.fromkeys([*set_names(record), *(set_names(load_evaluation(path)) if path.is_file() else ())]))
    if len(names) > 1 or (names and record["set"]["name"] is None):
        record = {**record, "set": {**record["set"], "name": names[0], "names": names}}
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

    ``names`` are all that the set was scored under; ``balanced`` is None where the test set is balanced.
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
        "names": set_names(record),
        "overall": metrics["overall"]["mean"],
        "std": metrics["overall"]["std"],
        "balanced": metrics.get("balanced") and metrics["balanced"]["mean"],
        **{name: metrics[name] and metrics[name]["mean"] for name in GROUPS},
        "students": len(record["students"]),
        "path": str(path),
        "record": record,
    }
