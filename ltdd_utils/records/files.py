"""Records as files: one JSON file per run, ``FOLDER/RECIPE/CONFIG_ID-sSEED.json`` (``schema.file_name``).

A file that is there is complete: it is written under another name and renamed.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ltdd_utils.core.files import write_atomic
from ltdd_utils.core.settings import to_dict
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.records.record import Record
from ltdd_utils.records.schema import file_name, validate_record

__all__ = ["load_record", "planned", "read", "record_path", "refuse_fewer_students", "save_record"]


def save_record(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write a record to its place (``record_path``), whole or not at all; a run replaces its own record.

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


def planned(recipe: Recipe, seed: int, data_sha256: str = "") -> dict[str, Any]:
    """The parts of a record that say where it will stand, before it is made (``record_path``).

    Args:
        recipe: what will be run.
        seed: of the run.
        data_sha256: of the data; needed of own data alone.
    """
    cell = {
        "recipe": recipe.name,
        "config_id": recipe.config_id,
        "seed": seed,
        "config": {"data": to_dict(recipe.data)},
    }
    return cell | {"provenance": {"data_sha256": data_sha256}}


def record_path(folder: Path, run: Mapping[str, Any]) -> Path:
    """Where the record of a run stands in a results folder.

    That is the file of ``file_name``; of own data also one of an earlier version, without digits of the data's hash, if
    it is there and of the same data.

    Args:
        folder: the results folder.
        run: a record, or what ``planned`` gives.
    """
    path, earlier = (Path(folder) / file_name(run, with_data) for with_data in (True, False))
    if path != earlier and not path.is_file() and earlier.is_file():
        same = load_record(earlier).provenance.data_sha256 == run["provenance"]["data_sha256"]
        return earlier if same else path
    return path


def refuse_fewer_students(folder: Path, run: Mapping[str, Any], students: int) -> None:
    """Raise if the record of this run (see ``record_path``) exists and has more than ``students``.

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
    known = (f"/{file_name(record, with_data)}" for with_data in (True, False))
    if not path.resolve().as_posix().endswith(tuple(known)):
        raise ValueError(f"{path} holds the record of {record.file_name}; give it that name, or delete it")
    return record


def read(paths: Iterable[Path]) -> list[Record]:
    """Read several records, each file once.

    Raises:
        ValueError: as ``load_record``.
    """
    return [load_record(path) for path in paths]
