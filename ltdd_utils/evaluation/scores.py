"""Accuracies of students: overall, per class, per group; and DD-Ranking's score."""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.core.store import Bundle
from ltdd_utils.data.longtail import group_accuracy, rank_thirds, shot_groups

__all__ = ["Evaluation", "gather", "label_robust_score"]


@dataclass(frozen=True)
class Evaluation:
    """The answers of S students on the test set, and the cost of training them."""

    confusion: Tensor  # counts: rows are true classes, columns predictions, [S, C, C]
    counts: tuple[int, ...]  # real training images of each class, for the groups
    seconds: tuple[float, ...]  # of each student
    clamped: float = 0.0  # share of synthetic pixel values that had to be clamped (online protocols)
    devices: tuple[str, ...] = ()  # that they were trained on, in words
    norms: tuple[Tensor | None, ...] = ()  # of each class's row of each student's classifier, [C]; None: not kept
    correct: tuple[
        Tensor | None, ...
    ] = ()  # of each student, a bit per test image (``confusion.packed``); None: not kept
    taus: tuple[float | None, ...] = ()  # of ADSA, for each student; None: labels are not calibrated

    @property
    def per_class(self) -> Tensor:
        """Share of each class's test images that each student answers correctly, float64 ``[S, C]``."""
        return self.confusion.diagonal(dim1=1, dim2=2).double() / self.confusion.sum(dim=2).clamp_min(1)

    @property
    def overall(self) -> Tensor:
        """Share of all test images that each student answers correctly, float64 ``[S]``."""
        return self.confusion.diagonal(dim1=1, dim2=2).sum(dim=1).double() / self.confusion.sum(dim=(1, 2))

    @property
    def balanced(self) -> Tensor | None:
        """Mean over the classes of ``per_class``, float64 ``[S]``: balanced accuracy, the macro-averaged recall.

        None where every class has equally many test images, since it is ``overall`` then. A class without a test image
        does not count.
        """
        tests = self.confusion[0].sum(dim=1)
        if (tests == tests[0]).all():
            return None
        return self.per_class[:, tests > 0].mean(dim=1)

    def each_student(self) -> list[dict[str, Any]]:
        """The entries of each student in a record: ``overall``, ``per_class``, and what else was kept."""
        students = len(self.confusion)
        norms, bits, taus = (kept or (None,) * students for kept in (self.norms, self.correct, self.taus))
        rows = zip(self.overall.tolist(), self.per_class.tolist(), norms, bits, taus, strict=True)
        return [
            {"overall": overall, "per_class": per_class}
            | ({} if lengths is None else {"classifier_norms": lengths.tolist()})
            | ({} if right is None else {"correct": base64.b64encode(right.numpy().tobytes()).decode("ascii")})
            | ({} if tau is None else {"adsa_tau": tau})
            for overall, per_class, lengths, right, tau in rows
        ]

    def metrics(self) -> dict[str, Any]:
        """The metrics of a record, as fractions.

        ``overall`` and the groups are ``{"mean", "std"}`` over students (ddof 1; std None for one student), a group
        without classes is None; ``per_class`` ``[C]`` and ``confusion`` ``[C, C]`` are means over students. There is a
        ``balanced`` only for a test set whose classes have unequal numbers of images.
        """
        per_class, balanced = self.per_class, self.balanced
        groups = shot_groups(self.counts) | rank_thirds(self.counts)
        rows = [group_accuracy(row.tolist(), groups) for row in per_class]
        return {
            "overall": _spread(self.overall.tolist()),
            **({} if balanced is None else {"balanced": _spread(balanced.tolist())}),
            "per_class": per_class.mean(dim=0).tolist(),
            **{name: None if rows[0][name] is None else _spread([row[name] for row in rows]) for name in groups},
            "confusion": self.confusion.double().mean(dim=0).tolist(),
        }


def _spread(values: list[float]) -> dict[str, float | None]:
    mean = sum(values) / len(values)
    if len(values) == 1:
        return {"mean": mean, "std": None}
    return {"mean": mean, "std": math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))}


def gather(bundles: Sequence[Bundle], counts: tuple[int, ...]) -> Evaluation:
    """The evaluation that several students make together.

    Args:
        bundles: what ``student`` gives, one or more.
        counts: real training images of each class.
    """
    return Evaluation(
        confusion=torch.stack([bundle.tensors["confusion"] for bundle in bundles]),
        counts=counts,
        seconds=tuple(bundle.meta["seconds"] for bundle in bundles),
        clamped=max(bundle.meta["clamped"] for bundle in bundles),
        devices=tuple(sorted({bundle.meta.get("device", "unknown device") for bundle in bundles})),
        norms=tuple(bundle.tensors.get("classifier_norms") for bundle in bundles),
        correct=tuple(bundle.tensors.get("correct") for bundle in bundles),
        taus=tuple(bundle.meta.get("adsa_tau") for bundle in bundles),
    )


def label_robust_score(real_hard: float, hard: float, own: float, random_own: float, weight: float = 0.5) -> float:
    r"""DD-Ranking's label-robust score of a distilled set, in [0, 1].

    .. math:: \alpha = w (a_{own} - a_{random}) - (1 - w)(a_{real} - a_{hard}), \quad
        \mathrm{LRS} = \frac{e^\alpha - e^{-1}}{e - e^{-1}}

    Li et al. (arXiv 2505.13300). Random is class-balanced, with duplicates where a class is too small.

    Note:
        Differs from the released library, which feeds percent points into the exponential and takes the best epoch on
        the test set: here accuracies are fractions, of the last iterate.

    Args:
        real_hard: accuracy of a student of the whole real data, hard labels.
        hard: accuracy on the distilled set with hard labels.
        own: accuracy on the distilled set under its own protocol.
        random_own: accuracy of a random real set of the same size under that protocol.
        weight: w in [0, 1], of the gain over random.

    Raises:
        ValueError: an accuracy or a weight that is not a fraction.
    """
    for value in (real_hard, hard, own, random_own):
        if not 0 <= value <= 1:
            raise ValueError(f"accuracy {value} is not a fraction; divide percent by 100")
    if not 0 <= weight <= 1:
        raise ValueError(f"weight is {weight}; it must be between 0 and 1")
    alpha = weight * (own - random_own) - (1 - weight) * (real_hard - hard)
    return (math.exp(alpha) - math.exp(-1)) / (math.e - math.exp(-1))
