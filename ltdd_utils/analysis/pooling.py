"""What n counts: the unit of a comparison is a pipeline (experts, distillation), not a student.

Students of one seed on one distilled set are averaged first, and the standard deviation (ddof 1) is taken over those
means. Random images are drawn anew for each student, and the whole training set leaves nothing else to repeat: there
each student is a pipeline, unless a teacher labels (online protocols), which all students of a seed share. With a
single set there is only the standard deviation over its students, and ``pipelines`` is 1.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from ltdd_utils.records.schema import TARGET_KEYS

__all__ = ["Pipelines", "Spread", "percent", "pipelines", "pool"]

POOLED = ("recipe", "scale", "config_id", *TARGET_KEYS)
MEASURED = ("mean", "std", "students", "pipelines", "seeds", "seconds", "device")


@dataclass(frozen=True)
class Spread:
    """How pipelines of one method scatter, pooled over several methods; in fractions."""

    std: float
    df: int  # pipelines minus methods


class Pipelines(list[float]):
    """A list of accuracies, fractions, that knows the seed of each; several draws may have one seed.

    Where they are few, they may take the spread of their ``peers``: the methods that the same evaluator judged in the
    same cell. Where no peer has several pipelines, there may be one from ``elsewhere``: of the same evaluator in
    another cell, or of other evaluators (``judged`` fills both in).
    """

    def __init__(
        self,
        values: Iterable[float] = (),
        seeds: Iterable[int] = (),
        peers: Spread | None = None,
        elsewhere: Spread | None = None,
    ) -> None:
        super().__init__(values)
        self.seeds, self.peers, self.elsewhere = tuple(seeds), peers, elsewhere
        if len(self.seeds) != len(self):
            raise ValueError(f"{len(self)} accuracies have {len(self.seeds)} seeds; give each its own")


def pipelines(records: pd.DataFrame) -> Pipelines:
    """Mean accuracy of each pipeline, a fraction: the students of one seed and set averaged, over all given records.

    Under an online protocol the students of one seed are one pipeline, whatever their sets: they share a teacher.
    """
    scores: dict[tuple[int, str | int], list[float]] = {}
    for record in records["record"]:
        if record.has_teacher:
            names: Sequence[str | int] = ["all"] * len(record.students)
        else:
            names = range(len(record.students)) if record.whole_set else record.sets
        for student, name in zip(record.students, names, strict=True):
            scores.setdefault((record.seed, name), []).append(student.overall)
    means = (math.fsum(values) / len(values) for values in scores.values())
    return Pipelines(means, (seed for seed, _ in scores))


def percent(values: Sequence[float]) -> float:
    """The mean of fractions, in percent; NaN if there is none."""
    return 100 * math.fsum(values) / len(values) if values else math.nan


def pool(records: pd.DataFrame) -> pd.DataFrame:
    """One row per setting (recipe, scale, ``config_id``), over all its seeds: ``mean`` and ``std``, fractions.

    Other columns: ``students`` and ``pipelines`` (how many), ``seeds`` (which), ``seconds`` (of one run, the mean over
    the runs), ``device``.
    """
    rows = []
    for _, runs in [] if records.empty else records.groupby(list(POOLED), dropna=False, sort=False):
        sets, students = pipelines(runs), [student.overall for record in runs["record"] for student in record.students]
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
