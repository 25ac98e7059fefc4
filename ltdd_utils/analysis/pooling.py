"""Records of one setting put together: a row per setting, over all its seeds."""

import math
from collections.abc import Sequence

import pandas as pd

from ltdd_utils.analysis.scores import pipelines
from ltdd_utils.records.schema import TARGET_KEYS

__all__ = ["pool"]

POOLED = ("recipe", "scale", "config_id", *TARGET_KEYS, "in_table", "data_sha256")
MEASURED = ("mean", "std", "students", "pipelines", "seeds", "width", "seconds", "device")


def pool(records: pd.DataFrame) -> pd.DataFrame:
    """One row per setting (recipe, scale, ``config_id``) and data, over all its seeds: ``mean`` and ``std``, fractions.

    Other columns: ``students`` and ``pipelines`` (how many), ``seeds`` (which), ``width`` (of the students; None: their
    architecture's own), ``seconds`` (of one run, the mean over the runs), ``device``.

    Args:
        records: as ``records.load`` gives them.
    """
    rows = []
    for _, runs in [] if records.empty else records.groupby(list(POOLED), dropna=False, sort=False):
        sets, students = pipelines(runs["record"]), [one.overall for run in runs["record"] for one in run.students]
        mean, std = _mean_std(sets)
        rows.append(
            {
                **{name: runs[name].iloc[0] for name in POOLED},
                "mean": mean,
                "std": std if len(sets) > 1 else _mean_std(students)[1],
                "students": len(students),
                "pipelines": len(sets),
                "seeds": sorted(runs["seed"]),
                "width": runs["record"].iloc[0].width,
                "seconds": runs["seconds"].mean(),
                "device": " / ".join(dict.fromkeys(runs["device"])),
            }
        )
    return pd.DataFrame(rows, columns=[*POOLED, *MEASURED]).astype({"std": float, "ipc": "Int64", "width": "Int64"})


def _mean_std(values: Sequence[float]) -> tuple[float, float | None]:
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
