"""Sets put together from parts, and sets labelled anew: what each part gives."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from ltdd_utils.analysis.images import answers_of, image_error
from ltdd_utils.records.scored import ScoredSet

__all__ = ["part_scores"]

CLASS_LABELS, PROTOCOLS_OWN = "class labels", "protocol's"
COLUMNS = ["images", "labels", "step size", "accuracy", "error", "head", "mid", "tail", "students"]


def part_scores(scored: Iterable[ScoredSet]) -> pd.DataFrame:
    """A row per evaluation of a set that ``distilled.swapped`` made, whole sets and sets labelled anew among them.

    Returns:
        ``images``, ``labels`` and ``step size``, the names of the sets they are from, "class labels", or a number;
        ``accuracy``, ``head``, ``mid`` and ``tail`` in percent; ``error``, the standard error of the accuracy over
        students and over test images together, in points; ``students``, their number.
    """
    return pd.DataFrame([_row(one) for one in scored if "parts" in one["set"]], columns=COLUMNS)


def _row(one: ScoredSet) -> dict[str, Any]:
    parts, metrics = one["set"]["parts"], one.metrics
    step = parts["lr"]
    if step is None:
        step = one["config"]["evaluate"]["train"]["lr"]
    thirds = {name: getattr(metrics, name) for name in ("head", "mid", "tail")}
    return {
        "images": parts["images"]["name"],
        "labels": CLASS_LABELS if parts["labels"] is None else parts["labels"]["name"],
        "step size": step["name"] if isinstance(step, dict) else step,
        "accuracy": 100 * metrics.overall.mean,
        "error": 100 * _error(one),
        **{name: math.nan if found is None else 100 * found.mean for name, found in thirds.items()},
        "students": len(one.students),
    }


def _error(one: ScoredSet) -> float:
    """Standard error over students and test images, a fraction; NaN where either is not known."""
    answers, spread = answers_of(one), one.metrics.overall.std
    if answers is None or spread is None:
        return math.nan
    return math.hypot(spread / math.sqrt(len(one.students)), image_error([answers]))
