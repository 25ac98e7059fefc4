"""All records of a folder as one table, a row each."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from ltdd_utils.records.clone import gathered
from ltdd_utils.records.files import load_record
from ltdd_utils.records.record import Record
from ltdd_utils.records.schema import GROUPS, TARGET_KEYS
from ltdd_utils.records.text import warnings_of

__all__ = ["load"]


def load(
    folder: Path | Iterable[Path], allow_dirty: bool = False, allow_mixed: bool = False, committed_only: bool = False
) -> pd.DataFrame:
    """All records of a folder, one per row; ``overall`` and ``many`` to ``tail`` are fractions, ``seconds`` a sum.

    ``dataset`` to ``protocol`` say what was run, also of own data and of changed settings (``Record.cell``);
    ``in_table`` whether a published number is of the same settings. ``class_counts`` are the train images of each class
    (None: of an earlier version), ``width`` the students' (None: the architecture's own). ``committed`` says whether a
    record is one of the book's, as its clone knows: a reader's own beside them are False, and outside of a clone it is
    missing (``clone.membership``). ``record`` is the ``Record`` itself, so that nobody needs to open its file again.

    Args:
        folder: the results folder, or several, of which the first counts where two have a record of one name; one that
            does not exist holds no records.
        allow_dirty: also read records from uncommitted code.
        allow_mixed: also read records with other settings under one target, for a table with a row per ``config_id``.
        committed_only: leave out records that the clone does not track; they are not even opened.

    Raises:
        ValueError: a damaged record, a dirty one, or two records with other settings for one cell of a table.
    """
    every = gathered([Path(folder)] if isinstance(folder, str | Path) else folder)
    known = {path: book for path, book in every.items() if book is not False or not committed_only}
    frame = pd.DataFrame([{**_row(load_record(path)), "committed": book} for path, book in known.items()])
    if frame.empty:
        return frame
    dirty = frame.loc[frame["dirty"].isin([True]), "path"]
    if len(dirty) and not allow_dirty:
        what = f"{dirty.iloc[0]} comes from uncommitted code"
        raise ValueError(f"{what}; commit the code and run the recipe again, or read it with allow_dirty=True")
    if not allow_mixed:
        _refuse_mixed_cells(frame)
    return frame.astype({"imbalance_factor": float, "ipc": "Int64", "width": "Int64", "committed": "boolean"})


def _row(record: Record) -> dict[str, Any]:
    metrics, cost, origin = record.metrics, record.cost, record.provenance
    groups = {group: getattr(metrics, group) for group in GROUPS}
    return {
        "recipe": record.name,
        **{name: getattr(record, name) for name in ("scale", "config_id", "seed")},
        **record.cell,
        "in_table": record.in_table,
        "class_counts": origin.class_counts,
        "width": record.width,
        "overall": metrics.overall.mean,
        "std": metrics.overall.std,
        "balanced": None if metrics.balanced is None else metrics.balanced.mean,
        **{name: None if group is None else group.mean for name, group in groups.items()},
        "per_class": list(metrics.per_class),
        "students": len(record.students),
        "student_overall": [student.overall for student in record.students],
        "student_sets": list(record.sets),
        "whole_set": record.whole_set,
        "has_teacher": record.has_teacher,
        "seconds": cost.total_seconds,
        "seconds_by_stage": cost.seconds,
        **{name: getattr(cost, name) for name in ("peak_ram_gib", "peak_gpu_gib", "device")},
        **{name: getattr(origin, name) for name in ("commit", "dirty", "started_utc", "data_sha256")},
        "warnings": warnings_of(record),
        "path": str(record.path),
        "record": record,
    }


def _refuse_mixed_cells(frame: pd.DataFrame) -> None:
    """Raise if two records of one scale stand for one published number but were made with other settings."""
    for _, cell in frame[frame["in_table"]].groupby(["scale", *TARGET_KEYS], dropna=False):
        paths = cell.drop_duplicates("config_id")["path"]
        if len(paths) > 1:
            names = " and ".join(paths)
            raise ValueError(f"{names} stand for one cell of a table but have other settings; move one of them away")
