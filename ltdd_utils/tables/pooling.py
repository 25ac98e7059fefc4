"""What n counts: the unit of a comparison is a pipeline (experts, distillation), not a student.

Students of one seed on one distilled set are averaged first, and the standard deviation (ddof 1) is taken over those
means. Random images are drawn anew for each student, and the whole training set leaves nothing else to repeat: there
each student is a pipeline, unless a teacher labels (online protocols), which all students of a seed share. With a
single set there is only the standard deviation over its students, and ``pipelines`` is 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ltdd_utils.results import TARGET_KEYS

__all__ = ["POOLED", "Contrast", "contrast", "pipelines", "pool"]

POOLED = ("recipe", "scale", "config_id", *TARGET_KEYS)
MEASURED = ("mean", "std", "students", "pipelines", "seeds", "seconds", "device")


def pipelines(records: pd.DataFrame) -> list[float]:
    """Mean accuracy of each pipeline, a fraction: the students of one seed and set averaged, over all given records.

    Under an online protocol the students of one seed are one pipeline, whatever their sets: they share a teacher.
    """
    scores: dict[tuple[int, str | int], list[float]] = {}
    columns = ("seed", "whole_set", "protocol", "student_overall", "student_sets")
    for seed, whole, protocol, overall, sets in zip(*(records[name] for name in columns), strict=True):
        if protocol.startswith("online"):
            names: Sequence[str | int] = ["all"] * len(overall)
        else:
            names = range(len(overall)) if whole else sets
        for value, name in zip(overall, names, strict=True):
            scores.setdefault((seed, name), []).append(value)
    return [math.fsum(values) / len(values) for values in scores.values()]


def pool(records: pd.DataFrame) -> pd.DataFrame:
    """One row per setting (recipe, scale, ``config_id``), over all its seeds: ``mean`` and ``std``, fractions.

    Other columns: ``students`` and ``pipelines`` (how many), ``seeds`` (which), ``seconds`` (of one run, the mean over
    the runs), ``device``.
    """
    rows = []
    for _, runs in [] if records.empty else records.groupby(list(POOLED), dropna=False, sort=False):
        sets, students = pipelines(runs), [value for values in runs["student_overall"] for value in values]
        mean, std = _mean_std(sets)
        rows.append(
            {
                **{name: runs[name].iloc[0] for name in POOLED},
                "mean": mean,
                "std": std if len(sets) > 1 else _mean_std(students)[1],
                "students": len(students),
                "pipelines": len(sets),
                "seeds": sorted(runs["seed"]),
                "seconds": runs["seconds"].mean(),
                "device": " / ".join(dict.fromkeys(runs["device"])),
            }
        )
    return pd.DataFrame(rows, columns=[*POOLED, *MEASURED]).astype({"std": float, "ipc": "Int64"})


def _mean_std(values: Sequence[float]) -> tuple[float, float | None]:
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


@dataclass(frozen=True)
class Contrast:
    """The difference of two methods, in fractions, and what it takes to claim it."""

    difference: float
    standard_error: float | None  # over pipelines; None: a method has a single one
    smallest: float | None  # difference that could have been seen: two standard errors
    resolved: bool  # whether the difference is beyond that


def contrast(first: Sequence[float], second: Sequence[float]) -> Contrast:
    """Whether the first method scores other than the second: resolved beyond two standard errors over pipelines.

    The standard error is sqrt(s1^2 / n1 + s2^2 / n2) with sample variances (ddof 1). Nothing is resolved where a method
    has a single pipeline.

    Args:
        first: accuracy of each pipeline of the first method, fractions (``pipelines``).
        second: the same of the second.

    Raises:
        ValueError: a method without a pipeline.
    """
    if not first or not second:
        raise ValueError(f"the methods have {len(first)} and {len(second)} pipelines; each needs at least one")
    (mean1, std1), (mean2, std2) = _mean_std(first), _mean_std(second)
    if std1 is None or std2 is None:
        return Contrast(mean1 - mean2, None, None, False)
    error = math.sqrt(std1**2 / len(first) + std2**2 / len(second))
    return Contrast(mean1 - mean2, error, 2 * error, abs(mean1 - mean2) > 2 * error)
