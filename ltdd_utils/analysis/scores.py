"""The meaning of n: the unit of a comparison is a pipeline (experts, distillation), not a student.

Students of one seed on one distilled set are averaged first, and the standard deviation (ddof 1) is taken over those
means. Random images are drawn anew for each student, and the whole training set leaves nothing else to repeat: there
each student is a pipeline, unless a teacher labels (online protocols), which all students of a seed share. With a
single set there is only the standard deviation over its students, and the number of pipelines is 1.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import overload

from ltdd_utils.records.record import Record

__all__ = [
    "ACCURACY",
    "BALANCED",
    "ELSEWHERE",
    "MEASURES",
    "PEERS",
    "Scores",
    "Spread",
    "has_unequal_tests",
    "percent",
    "pipelines",
    "spread",
]

PEERS, ELSEWHERE = "of peers", "elsewhere"
ACCURACY, BALANCED = "accuracy", "balanced"  # what a score is: of all test images; mean of the class accuracies
MEASURES = (ACCURACY, BALANCED)


@dataclass(frozen=True)
class Spread:
    """How pipelines of one method scatter, pooled over several methods; in fractions."""

    std: float
    df: int  # pipelines minus methods
    source: str = PEERS  # which methods: those of the same evaluator and cell ("of peers"), or others ("elsewhere")


@dataclass(frozen=True)
class Scores(Sequence[float]):
    """The accuracy of each pipeline of a method, a fraction, and its seed; empty and falsy where nothing was run.

    Raises:
        ValueError: seeds for some of the accuracies only.
    """

    values: Sequence[float] = ()
    seeds: Sequence[int] = ()  # of each; several draws may share one; (): unknown
    fallback: Spread | None = None  # stands for the spread of too few pipelines (``differences.contrast``)

    def __post_init__(self) -> None:
        """Keep what nobody can change."""
        object.__setattr__(self, "values", tuple(self.values))
        object.__setattr__(self, "seeds", tuple(self.seeds))
        if self.seeds and len(self.seeds) != len(self.values):
            raise ValueError(f"{len(self.values)} accuracies have {len(self.seeds)} seeds; give each its own")

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, index: int) -> float: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...

    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        return self.values[index]

    @property
    def accuracy(self) -> float:
        """The mean, a fraction; NaN where nothing was run."""
        return statistics.fmean(self.values) if self.values else math.nan

    @property
    def deviation(self) -> float:
        """The standard deviation (ddof 1), a fraction; NaN with fewer than two pipelines."""
        return statistics.stdev(self.values) if len(self.values) > 1 else math.nan

    @property
    def percent(self) -> float:
        """The mean in percent; NaN where nothing was run."""
        return percent(self.values)

    @property
    def by_seed(self) -> dict[int, float]:
        """Accuracies by seed; empty where seeds are unknown, or several pipelines (draws) have one."""
        return dict(zip(self.seeds, self.values, strict=True)) if len(set(self.seeds)) == len(self.values) else {}

    def on(self, seeds: Iterable[int]) -> "Scores":
        """Those of some seeds alone."""
        kept = set(seeds)
        pairs = [pair for pair in zip(self.values, self.seeds, strict=bool(self.seeds)) if pair[1] in kept]
        return Scores([value for value, _ in pairs], [seed for _, seed in pairs], self.fallback)


def has_unequal_tests(record: Record) -> bool:
    """Whether the classes have unequal numbers of test images, so that accuracy and balanced accuracy differ."""
    return len({round(math.fsum(row)) for row in record["metrics"]["confusion"]}) > 1


def _by_student(record: Record, measure: str) -> list[float]:
    """The score of each student; a class without a test image does not count in its balanced accuracy."""
    if measure == ACCURACY:
        return [student.overall for student in record.students]
    tested = [c for c, row in enumerate(record["metrics"]["confusion"]) if math.fsum(row) > 0]
    return [statistics.fmean(student.per_class[c] for c in tested) for student in record.students]


def pipelines(records: Iterable[Record], measure: str = ACCURACY) -> Scores:
    """Mean accuracy of each pipeline, a fraction: the students of one seed and set averaged, over all given records.

    Under an online protocol the students of one seed are one pipeline, whatever their sets: they share a teacher.

    Args:
        records: of one method, each seed once.
        measure: ``ACCURACY`` or ``BALANCED``.
    """
    scores: dict[tuple[int, str | int], list[float]] = {}
    for record in records:
        if record.has_teacher:
            names: Sequence[str | int] = ["all"] * len(record.students)
        else:
            names = range(len(record.students)) if record.whole_set else record.sets
        for score, name in zip(_by_student(record, measure), names, strict=True):
            scores.setdefault((record.seed, name), []).append(score)
    means = [math.fsum(values) / len(values) for values in scores.values()]
    return Scores(means, [seed for seed, _ in scores])


def spread(groups: Iterable[Sequence[float]], source: str = PEERS) -> Spread | None:
    """The pooled standard deviation of pipelines around the mean of their method; None if no method has two.

    Args:
        groups: ``Scores``, one per method or setting. Those that have no seeds, or several pipelines of one seed
            (draws), are left out: draws of random images scatter more than distillations.
        source: which methods these are.
    """
    paired = [group for group in groups if isinstance(group, Scores) and len(group) > 1 and group.by_seed]
    df = sum(len(group) - 1 for group in paired)
    if not df:
        return None
    squares = math.fsum((len(group) - 1) * statistics.variance(group) for group in paired)
    return Spread(math.sqrt(squares / df), df, source)


def percent(values: Sequence[float]) -> float:
    """The mean of fractions, in percent; NaN if there is none."""
    return 100 * math.fsum(values) / len(values) if values else math.nan
