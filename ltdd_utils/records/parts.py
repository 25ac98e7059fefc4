"""The parts of a record: what students, teacher and iterations gave, what the run cost, where it comes from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ltdd_utils.core.settings import added_field

__all__ = ["Cost", "Distillation", "MeanStd", "Metrics", "Provenance", "Student", "Teacher", "open_part"]

T = TypeVar("T")


@dataclass(frozen=True)
class MeanStd:
    """A mean over students and its standard deviation (ddof 1), fractions; no deviation of a single student."""

    mean: float
    std: float | None


@dataclass(frozen=True)
class Metrics:
    """The accuracies of a run's students together; a group without classes is None."""

    overall: MeanStd
    per_class: tuple[float, ...]  # means over students, [C]
    many: MeanStd | None  # groups by number of real images, then by rank
    medium: MeanStd | None
    few: MeanStd | None
    head: MeanStd | None
    mid: MeanStd | None
    tail: MeanStd | None
    confusion: tuple[tuple[float, ...], ...]  # of each true class (row), how often each class (column) was said, [C, C]
    balanced: MeanStd | None = None  # mean of the class accuracies; None: a balanced test set


@dataclass(frozen=True)
class Student:
    """The accuracies of one student."""

    stream: str  # name of its random stream
    overall: float
    per_class: tuple[float, ...]  # [C]
    classifier_norms: tuple[float, ...] | None = added_field(None)  # of each row of the layer used at inference, [C]
    adsa_tau: float | None = added_field(None)  # of ADSA; None: labels are not calibrated
    correct: str | None = added_field(None)  # base64 of one bit per test image (``answers_of``); None: not kept


@dataclass(frozen=True)
class Teacher:
    """The accuracies of the teacher that labels."""

    overall: float
    per_class: tuple[float, ...]  # [C]


@dataclass(frozen=True)
class Cost:
    """The time and memory of a run."""

    seconds: Mapping[str, float]  # by the declared name of each stage
    peak_ram_gib: float
    peak_gpu_gib: float
    device: str  # in words
    compiled: Sequence[str] = ()  # kinds of the stages whose functions were compiled

    @property
    def total_seconds(self) -> float:
        """Seconds of all stages together."""
        return math.fsum(self.seconds.values())


@dataclass(frozen=True)
class Provenance:
    """The code, the versions, the data and the sets that a record comes from."""

    commit: str | None  # None: no repository
    dirty: bool | None  # whether a file that decides a number differed from the commit; None: unknown
    versions: Mapping[str, str | None]
    started_utc: str
    data_sha256: str
    distilled_sha256: str | Sequence[str]  # one for all students, or one for each of them
    tf32: bool | None = None  # whether convolutions in "fp32" might use TF32
    clamped: float = 0.0  # largest share of synthetic pixel values that had to be clamped
    stages: Mapping[str, Sequence[str]] = field(default_factory=dict)  # commit -> the stages that it computed
    plugins: Sequence[Mapping[str, str | None]] = ()  # module and SHA-256 of each file with a part from outside
    class_counts: Sequence[int] | None = None  # train images of each class, [C]; None: of an earlier version
    adapted: Mapping[str, Any] = field(default_factory=dict)  # settings that fit few images, other than those asked for


@dataclass(frozen=True)
class Distillation:
    """How the iterations went that made a set."""

    initial_sha256: str  # of the set before the first iteration
    iterations: int = 0
    curves: Mapping[str, Sequence[float] | None] = field(default_factory=dict)  # None: a phase that was left out
    class_gradient: Sequence[float] | None = None  # norm of the gradient of each class's images, mean of all, [C]
    class_gradient_std: Sequence[float] | None = None  # its standard deviation over the iterations, [C]
    skipped: int = 0  # iterations left out
    clamped: int = 0  # times that the step size was set back
    warnings: Sequence[str] = ()  # what went wrong, and what to try

    def curve(self, name: str, block: int = 10) -> tuple[list[float], list[float]] | None:
        """A curve as means over ``block`` stored points: iterations, and values.

        Args:
            name: "first" or "second" (matching losses), "lr", or "start" (epochs); see ``curves``.
            block: stored points per mean.

        Returns:
            None for a phase that was left out.
        """
        values = self.curves[name]
        if values is None:
            return None
        step = self.iterations / len(values)
        starts = range(0, len(values) - block + 1, block)
        means = [math.fsum(values[first : first + block]) / block for first in starts]
        return [step * (first + block / 2) for first in starts], means


def open_part(cls: type[T], values: Mapping[str, Any]) -> T:
    """A part of a record that may hold more than what has an attribute."""
    return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})
