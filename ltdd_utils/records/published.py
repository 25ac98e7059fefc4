"""The published numbers, as transcribed into ``results/targets.csv``."""

from pathlib import Path

import pandas as pd

from ltdd_utils.core.paths import ROOT
from ltdd_utils.records.folders import PACKAGED, results_root

__all__ = ["TARGET_COLUMNS", "targets"]

WHAT = ("paper", "table", "dataset", "imbalance_factor", "ipc", "method", "network", "protocol")
TARGET_COLUMNS = (*WHAT, "metric", "unit", "mean", "std", "source", "note")
NUMBERS = ("imbalance_factor", "ipc", "mean", "std")


def targets(path: Path | None = None) -> pd.DataFrame:
    """Every published number that this book compares itself with, one per row.

    ``imbalance_factor`` and ``ipc`` (images per class) are empty where the paper names none; ``mean`` is empty where it
    prints "N/A" or a dash, which ``note`` says; ``std`` where it prints none. ``unit`` is percent, points, seconds, GB,
    fraction or ratio. Where two sources disagree about one printed number both rows stand; ``note`` says "conflict:".

    Args:
        path: the file; None: ``targets.csv`` in the results folder, else in the clone's, else in the package's own.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a column is missing or unknown, or a cell that must be a number is none.
    """
    folders = [results_root(), ROOT / "results", PACKAGED]
    places = [folder / "targets.csv" for folder in folders] if path is None else [Path(path)]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise FileNotFoundError(f"no published numbers at {places[0]}; a clone of the repository has them in results/")
    frame = pd.read_csv(found, dtype=str, keep_default_na=False)
    wrong = sorted(set(frame.columns) ^ set(TARGET_COLUMNS))
    if wrong:
        raise ValueError(f"{found}: column {wrong[0]!r} is missing or unknown; write {', '.join(TARGET_COLUMNS)}")
    for name in NUMBERS:
        try:
            frame[name] = pd.to_numeric(frame[name].where(frame[name] != ""))
        except ValueError as error:
            raise ValueError(f"{found}: column {name!r}: {error}; write a number, or nothing") from error
    return frame.astype({"ipc": "Int64"})[list(TARGET_COLUMNS)]
