"""One evaluator over the cells of a table: against the imbalance factor, or the images per class."""

from collections.abc import Iterable

import pandas as pd

from ltdd_utils.analysis.boards import Board
from ltdd_utils.evaluation.evaluator import Evaluator

__all__ = ["accuracy_over_cells"]

COLUMNS = ("method", "scores", "pipelines", "accuracy", "mean", "std")
CELL = ("dataset", "scale", "imbalance_factor", "ipc")


def accuracy_over_cells(boards: Iterable[Board], evaluator: Evaluator) -> pd.DataFrame:
    """The sets of several cells under one evaluator, unchanged recipes alone: what ``plots.accuracy_by`` draws.

    Args:
        boards: of one data set and scale.
        evaluator: of all sets.

    Returns:
        One row per cell and method that was run: ``dataset``, ``scale``, ``imbalance_factor``, ``ipc``, ``method``,
        ``scores`` (a ``Scores``), ``pipelines`` (how many), ``accuracy`` in percent, ``mean`` and ``std`` (ddof 1; NaN
        with a single pipeline) as fractions. The whole training set is left out.
    """
    rows = []
    for board in boards:
        cell = {name: getattr(board.where, name) for name in CELL}
        for one in board.usual:
            if one.evaluator == evaluator and not one.facts.family.whole_set:
                scores = one.scores
                found = (one.method, scores, len(scores), scores.percent, scores.accuracy, scores.deviation)
                rows.append({**cell, **dict(zip(COLUMNS, found, strict=True))})
    return pd.DataFrame(rows, columns=[*CELL, *COLUMNS])
