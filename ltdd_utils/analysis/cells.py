"""One evaluator over the cells of a table: against the imbalance factor, or the images per class."""

from collections.abc import Iterable

import pandas as pd

from ltdd_utils.analysis.boards import Board, board
from ltdd_utils.evaluation.evaluator import Evaluator

__all__ = ["accuracy_over_cells"]


def accuracy_over_cells(
    records: pd.DataFrame,
    dataset: str,
    cells: Iterable[tuple[float, int]],
    evaluator: Evaluator,
    *,
    scale: str = "cpu",
    like: Board | None = None,
) -> pd.DataFrame:
    """The sets of several cells under one evaluator, unchanged recipes alone: what ``plots.accuracy_by`` draws.

    Args:
        records: as ``records.load`` gives them.
        dataset: of all cells.
        cells: imbalance factor and images per class of each.
        evaluator: of all sets.
        scale: of all cells.
        like: as of ``board``, for cells in which nothing was run twice.

    Returns:
        One row per cell and method that was run: ``dataset``, ``scale``, ``imbalance_factor``, ``ipc``, ``method``,
        ``scores`` (a ``Scores``), ``pipelines`` (how many), ``accuracy`` in percent, ``mean`` and ``std`` (ddof 1; NaN
        with a single pipeline) as fractions.
    """
    sets, found = records[~records["whole_set"]], []
    for factor, ipc in cells:
        here = board(dataset, imbalance_factor=factor, ipc=ipc, scale=scale, records=sets, like=like)
        cell = {"dataset": dataset, "scale": scale, "imbalance_factor": factor, "ipc": ipc}
        for one in here.usual:
            if one.evaluator == evaluator:
                scores = one.scores
                facts = {"accuracy": scores.percent, "mean": scores.mean, "std": scores.std}
                found.append({**cell, "method": one.method, "scores": scores, "pipelines": len(scores), **facts})
    columns = ["dataset", "scale", "imbalance_factor", "ipc", "method", "scores", "pipelines"]
    return pd.DataFrame(found, columns=[*columns, "accuracy", "mean", "std"])
