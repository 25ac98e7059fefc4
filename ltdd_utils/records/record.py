"""The record of a run: what was run, what came out, what it cost and where it comes from, in one JSON file.

All accuracies are fractions in [0, 1]; percent stands in tables alone. A file that is there is complete: it is written
under another name and renamed.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ltdd_utils.core.files import write_atomic
from ltdd_utils.records.clone import all_records, committed
from ltdd_utils.records.schema import GROUPS, TARGET_KEYS, validate_record

__all__ = [
    "counted",
    "in_percent",
    "load",
    "load_record",
    "record_path",
    "refuse_fewer_students",
    "save_record",
    "summary",
]


def save_record(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write a record to ``folder/RECIPE/CONFIG_ID-sSEED.json``, whole or not at all; a run replaces its own record.

    Raises:
        ValueError: the record is not valid.
        OSError: the folder cannot be written.
    """
    validate_record(record)
    path = record_path(folder, record)
    write_atomic(path, json.dumps(record, indent=1, allow_nan=False) + "\n")
    return path


def record_path(folder: Path, run: Mapping[str, Any]) -> Path:
    """Where the record of a run (``recipe``, ``config_id``, ``seed``) stands in a results folder."""
    return Path(folder) / _place(run)


def refuse_fewer_students(folder: Path, run: Mapping[str, Any], students: int) -> None:
    """Raise if the record of this run (``recipe``, ``config_id``, ``seed``) exists and has more than ``students``.

    Raises:
        ValueError: it has more, or it cannot be read.
    """
    path = record_path(folder, run)
    kept = len(load_record(path)["students"]) if path.is_file() else 0
    if kept > students:
        raise ValueError(
            f"students is {students}, but {path} has {kept}, which would be lost; "
            f"ask for {kept} or more, or name another results folder"
        )


def _place(record: Mapping[str, Any]) -> str:
    return f"{record['recipe']}/{record['config_id']}-s{record['seed']}.json"


def load_record(path: Path) -> dict[str, Any]:
    """Read a record.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is cut short or damaged, has another schema, is not valid, or has another record's name.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no record {path}")
    try:
        record = json.loads(path.read_bytes())
    except ValueError as error:  # of JSON or of the text's encoding
        raise ValueError(f"{path} is not a whole record ({error}); delete it and run its recipe again") from error
    try:
        validate_record(record if isinstance(record, dict) else {})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not path.resolve().as_posix().endswith("/" + _place(record)):
        raise ValueError(f"{path} holds the record of {_place(record)}; give it that name, or delete it")
    return record


def load(
    folder: Path, allow_dirty: bool = False, allow_mixed: bool = False, committed_only: bool = False
) -> pd.DataFrame:
    """All records of a folder, one per row; ``overall`` and ``many`` to ``tail`` are fractions, ``seconds`` a sum.

    ``committed`` says whether a record belongs to the book (``clone.committed``); a reader's own do not.

    Args:
        folder: the results folder; one that does not exist holds no records.
        allow_dirty: also read records from uncommitted code.
        allow_mixed: also read records with other settings under one target, for a table with a row per ``config_id``.
        committed_only: leave out records that the clone does not track; they are not even opened.

    Raises:
        ValueError: a damaged record, a dirty one, or two records with other settings for one cell of a table.
    """
    tracked = set(committed(folder))
    paths = [path for path in all_records(folder) if path in tracked or not committed_only]
    frame = pd.DataFrame([{**_row(path, load_record(path)), "committed": path in tracked} for path in paths])
    if frame.empty:
        return frame
    dirty = frame.loc[frame["dirty"].isin([True]), "path"]
    if len(dirty) and not allow_dirty:
        what = f"{dirty.iloc[0]} comes from uncommitted code"
        raise ValueError(f"{what}; commit the code and run the recipe again, or read it with allow_dirty=True")
    if not allow_mixed:
        _refuse_mixed_cells(frame)
    return frame.astype({"imbalance_factor": float, "ipc": "Int64"})


def _row(path: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    metrics, cost, origin = record["metrics"], record["cost"], record["provenance"]
    sets, count = origin["distilled_sha256"], len(record["students"])
    return {
        **{name: record[name] for name in ("recipe", "scale", "config_id", "seed")},
        **(record["target"] or dict.fromkeys(TARGET_KEYS)),
        "protocol": record["protocol"],
        "overall": metrics["overall"]["mean"],
        "std": metrics["overall"]["std"],
        **{group: None if metrics[group] is None else metrics[group]["mean"] for group in GROUPS},
        "per_class": metrics["per_class"],
        "students": count,
        "student_overall": [student["overall"] for student in record["students"]],
        "student_sets": [sets] * count if isinstance(sets, str) else sets,
        "whole_set": record["config"].get("ipc", 0) is None,
        "seconds": math.fsum(cost["seconds"].values()),
        "seconds_by_stage": cost["seconds"],
        **{name: cost[name] for name in ("peak_ram_gib", "peak_gpu_gib", "device")},
        **{name: origin[name] for name in ("commit", "dirty", "started_utc", "data_sha256")},
        "path": str(path),
    }


def _refuse_mixed_cells(frame: pd.DataFrame) -> None:
    """Raise if two records of one scale stand for one published number but were made with other settings."""
    for _, cell in frame[frame["method"].notna()].groupby(["scale", *TARGET_KEYS], dropna=False):
        paths = cell.drop_duplicates("config_id")["path"]
        if len(paths) > 1:
            names = " and ".join(paths)
            raise ValueError(f"{names} stand for one cell of a table but have other settings; move one of them away")


def summary(record: Mapping[str, Any]) -> str:
    """A record, or the scores of a set from a file, as a few lines of text with accuracies in percent."""
    metrics = record["metrics"]
    seconds = list(record["cost"]["seconds"].values()) if "cost" in record else record["seconds"]
    students = len(record.get("students", seconds))
    name = "  ".join(str(record[key]) for key in ("recipe", "scale", "protocol") if key in record)
    cost = f"{counted(students)}, {sum(seconds):.0f} s"
    lines = [name, f"overall {in_percent(metrics['overall'])} %  ({cost})"]
    lines += ["  ".join(f"{group} {in_percent(metrics[group])}" for group in part) for part in (GROUPS[:3], GROUPS[3:])]
    made = record.get("distillation", {})
    if made.get("skipped") or made.get("clamped"):
        what = f"{made['skipped']} iterations left out, step size set back {made['clamped']} times"
        lines.append(f"matching: {what}, of {made['iterations']} iterations")
    return "\n".join(lines)


def counted(students: int) -> str:
    """How many students, in words."""
    return f"{students} student{'s' * (students != 1)}"


def in_percent(value: Mapping[str, float | None] | None) -> str:
    """A ``mean`` and its ``std``, fractions, as percent; None: "n/a"."""
    if value is None:
        return "n/a"
    return f"{100 * value['mean']:.1f}" + ("" if value["std"] is None else f" ± {100 * value['std']:.1f}")
