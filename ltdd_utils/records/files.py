"""Records as files: one JSON file per run, ``FOLDER/RECIPE/CONFIG_ID-sSEED.json``.

A file that is there is complete: it is written under another name and renamed.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ltdd_utils.core.files import write_atomic
from ltdd_utils.records.record import Record
from ltdd_utils.records.schema import validate_record

__all__ = ["load_record", "read", "record_path", "refuse_fewer_students", "save_record"]


def save_record(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write a record to ``folder/RECIPE/CONFIG_ID-sSEED.json``, whole or not at all; a run replaces its own record.

    Args:
        folder: the results folder.
        record: a ``Record``, or the JSON object of one.

    Raises:
        ValueError: the record is not valid.
        OSError: the folder cannot be written.
    """
    validate_record(record)
    path = record_path(folder, record)
    write_atomic(path, json.dumps(dict(record), indent=1, allow_nan=False) + "\n")
    return path


def record_path(folder: Path, run: Mapping[str, Any]) -> Path:
    """Where the record of a run (``recipe``, ``config_id``, ``seed``) stands in a results folder."""
    return Path(folder) / _place(run)


def _place(run: Mapping[str, Any]) -> str:
    return f"{run['recipe']}/{run['config_id']}-s{run['seed']}.json"


def refuse_fewer_students(folder: Path, run: Mapping[str, Any], students: int) -> None:
    """Raise if the record of this run (``recipe``, ``config_id``, ``seed``) exists and has more than ``students``.

    Raises:
        ValueError: it has more, or it cannot be read.
    """
    path = record_path(folder, run)
    kept = len(load_record(path).students) if path.is_file() else 0
    if kept > students:
        raise ValueError(
            f"students is {students}, but {path} has {kept}, which would be lost; "
            f"ask for {kept} or more, or name another results folder"
        )


def load_record(path: Path) -> Record:
    """Read a record.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is cut short or damaged, has another schema, is not valid, or has another record's name.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no record {path}")
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:  # of JSON or of the text's encoding
        raise ValueError(f"{path} is not a whole record ({error}); delete it and run its recipe again") from error
    try:
        record = Record(content if isinstance(content, dict) else {}, path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not path.resolve().as_posix().endswith(f"/{record.file_name}"):
        raise ValueError(f"{path} holds the record of {record.file_name}; give it that name, or delete it")
    return record


def read(paths: Iterable[Path]) -> list[Record]:
    """Read several records, each file once.

    Raises:
        ValueError: as ``load_record``.
    """
    return [load_record(path) for path in paths]
