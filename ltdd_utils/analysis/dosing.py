r"""Students against their teacher: how much of a set's score is who labels it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from ltdd_utils.analysis.entries import Entry
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.recipes.recipe import halves
from ltdd_utils.records.record import Record
from ltdd_utils.records.scored import ScoredSet

__all__ = ["dose_response", "doses"]

ONLY = "evaluate.teacher."  # settings that may differ from a recipe's


def doses(entries: Iterable[Entry], scored: Iterable[ScoredSet], like: Evaluator) -> pd.DataFrame:
    """A row per run whose students a teacher labels: what the teacher scores, and what they score.

    Args:
        entries: of a board; runs that change anything but their teacher, and those under ADSA, are left out.
        scored: evaluations of sets; those put together of parts, or labelled anew, are left out.
        like: the protocol and the students that count, whatever its teacher.

    Returns:
        ``method``, ``seed``, ``labeller`` ("plain", "debiased", "adjusted loss", "adjusted after training", or
        "changed"), ``teacher`` and ``student``, accuracies in percent, and ``students``, their number.
    """
    runs = [
        (one.method, record)
        for one in entries
        for record in one.records
        if all(name.startswith(ONLY) for name in one.changes) and _labelled(record)
    ]
    sets = [(halves(one.name)[0], one) for one in scored if _labelled(one) and _whole(one)]
    rows = [_row(method, record) for method, record in [*runs, *sets] if _same(record.evaluator, like)]
    return pd.DataFrame(rows, columns=["method", "seed", "labeller", "teacher", "student", "students"])


def dose_response(points: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    r"""Least squares of :math:`student = intercept + slope \cdot teacher` for each method, over its rows of ``doses``.

    Returns:
        ``slope`` and its 95 % interval ``low`` to ``high`` by Student's t; ``intercept`` in points; ``residual``, the
        standard deviation around the line, in points; ``n``. A method with fewer than three different teachers is left
        out.
    """
    rows = {}
    for method in methods:
        mine = points[points["method"] == method]
        x, y = mine["teacher"].to_numpy(float), mine["student"].to_numpy(float)
        if len(np.unique(x)) < 3:
            continue
        slope, intercept = np.polyfit(x, y, 1)
        df = len(x) - 2
        residual = math.sqrt(float(((y - intercept - slope * x) ** 2).sum()) / df)
        half = float(stdtrit(df, 0.975)) * residual / math.sqrt(float(((x - x.mean()) ** 2).sum()))
        rows[method] = (slope, slope - half, slope + half, intercept, residual, len(x))
    columns = ["slope", "low", "high", "intercept", "residual", "n"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _labelled(one: Record) -> bool:
    """Whether a teacher that was scored labels, as it answers: ADSA is another labeller."""
    return one.teacher is not None and one["config"]["evaluate"].get("adsa") is None


def _whole(one: ScoredSet) -> bool:
    return not {"parts", "labelled_by"} & set(one["set"])


def _same(own: Evaluator, like: Evaluator) -> bool:
    return replace(own, teacher="") == replace(like, teacher="")


def _row(method: str, record: Record) -> tuple[str, int, str, float, float, int]:
    accuracy = 100 * record.metrics.overall.mean
    return method, record.seed, _labeller(record), 100 * record.teacher.overall, accuracy, len(record.students)


def _labeller(record: Record) -> str:
    """The kind of a record's teacher in words."""
    evaluate = record["config"]["evaluate"]
    teacher = evaluate["teacher"]
    if teacher.get("logit_adjustment"):
        return "adjusted loss"
    if teacher.get("tau"):
        return "adjusted after training"
    return teacher["kind"]
