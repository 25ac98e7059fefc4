"""Sets put together from parts, and sets labelled anew: what each part gives."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ltdd_utils.analysis.images import answers_of, image_error
from ltdd_utils.evaluation.evaluator import PLAIN
from ltdd_utils.recipes.recipe import halves
from ltdd_utils.records.record import Record
from ltdd_utils.records.scored import ScoredSet

__all__ = ["label_budgets", "part_scores"]

CLASS_LABELS = "class labels"
COLUMNS = ["images", "labels", "step size", "accuracy", "error", "head", "mid", "tail", "students"]


def part_scores(scored: Iterable[ScoredSet], whole: Iterable[Record] = ()) -> pd.DataFrame:
    """A row per evaluation of a set that ``distilled.swapped`` made, whole sets and sets labelled anew among them.

    Args:
        scored: evaluations of sets; others are left out.
        whole: runs of recipes, whose sets have all their parts from themselves.

    Returns:
        ``images``, ``labels`` and ``step size``, the names of the sets they are from, "class labels", or a number;
        ``accuracy``, ``head``, ``mid`` and ``tail`` in percent; ``error``, the standard error of the accuracy over
        students and over test images together, in points; ``students``, their number.
    """
    put_together = [_row(one, one["set"]["parts"]) for one in scored if "parts" in one["set"]]
    runs = [_row(one, {key: {"name": one.name} for key in ("images", "labels", "lr")}) for one in whole]
    return pd.DataFrame([*runs, *put_together], columns=COLUMNS)


def label_budgets(scored: Iterable[ScoredSet], lr: float) -> pd.DataFrame:
    """One teacher, one step size, three budgets of labels: a row per method, accuracies in percent.

    The names are those of "Hard Truths about Soft Labels" (arXiv 2604.18811).

    Args:
        scored: evaluations of sets of one cell, made under one teacher.
        lr: step size of the students that train on stored labels.

    Returns:
        ``HL``, class labels; ``SL``, one soft label per image, stored; ``SL+KD``, the teacher asked about every view;
        NaN where nothing was run.
    """
    cells: dict[str, dict[str, float]] = {}
    for one in scored:
        if (regime := _regime(one, lr)) is not None:
            parts = one["set"].get("parts")
            name = one.name if parts is None else parts["images"]["name"]
            cells.setdefault(halves(name.partition(",")[0])[0], {})[regime] = 100 * one.metrics.overall.mean
    return pd.DataFrame.from_dict(cells, orient="index", columns=["HL", "SL", "SL+KD"], dtype=float)


def _regime(one: ScoredSet, lr: float) -> str | None:
    """Which budget of labels an evaluation has; None: neither of the three, or another step size."""
    known, evaluate = one["set"], one["config"]["evaluate"]
    if evaluate["teacher"] is not None:
        online = one.evaluator.protocol == PLAIN.protocol and not {"parts", "labelled_by"} & set(known)
        return "SL+KD" if online else None
    if "parts" not in known or known["parts"]["lr"] is not None or evaluate["train"]["lr"] != lr:
        return None
    if "labelled_by" in known:
        return "SL"
    return "HL" if known["parts"]["labels"] is None else None


def _row(one: Record, parts: Mapping[str, Any]) -> dict[str, Any]:
    metrics = one.metrics
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


def _error(one: Record) -> float:
    """Standard error over students and test images, a fraction; NaN where either is not known."""
    answers, spread = answers_of(one), one.metrics.overall.std
    if answers is None or spread is None:
        return math.nan
    return math.hypot(spread / math.sqrt(len(one.students)), image_error([answers]))
