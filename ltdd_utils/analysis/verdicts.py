"""A paper's claims beside our records: one difference against another."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ltdd_utils.analysis.boards import Board
from ltdd_utils.analysis.differences import contrasts
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.methods.registry import is_whole_set

__all__ = ["Claim", "claims", "published_score"]

PRINTED_NETWORKS = ("convnet-d3", "convnet-d4", "unknown")  # not those of a cross-architecture table
AS_PUBLISHED, REVERSED = "as published", "the other way round"
WITHIN, LARGER, SMALLER, ELSEWHERE = "in our interval", "printed larger", "printed smaller", "another cell"


@dataclass(frozen=True)
class Claim:
    """One method is better than another: who says so, and which of our runs may answer."""

    said: str  # in our own words
    paper: str  # as in ``targets.csv``
    first: tuple[str, Evaluator]  # method and evaluator of ours that stand for the better one
    second: tuple[str, Evaluator]
    against: str | None = None  # the paper that prints the second number; None: the same one
    printed: tuple[str, float, int] | None = None  # data set, IF, IPC of the published pair; None: those of our runs


def claims(asked: Sequence[Claim], board: Board, published: pd.DataFrame) -> pd.DataFrame:
    """A row per claim: the published difference, ours, and two verdicts, on its direction and on its size.

    Args:
        asked: the claims.
        board: our runs of one cell.
        published: as ``records.targets`` gives them.

    Returns:
        ``paper``; ``published`` and ``ours`` in points; ``needed``, ``n`` and ``spread`` of ``contrasts``;
        ``verdict``, on the direction alone: "as published" or "the other way round" (both resolved), "not resolved" or
        "not run"; ``size``: whether the published difference lies within ``needed`` of ours, which is our 95 %
        interval ("in our interval"), above it ("printed larger") or below it ("printed smaller"). It is "another cell"
        where the pair is printed for another one, and empty where there is no interval or no printed pair. The luck of
        the printed number is not counted.
    """
    pairs = {claim.said: (board[claim.first], board[claim.second]) for claim in asked}
    table = contrasts(pairs).rename(columns={"points": "ours"})
    printed = []
    for claim in asked:
        cell = claim.printed or board.cell
        first, second = (claim.paper, claim.first[0]), (claim.against or claim.paper, claim.second[0])
        printed.append(published_score(published, *first, cell) - published_score(published, *second, cell))
    table.insert(0, "published", printed)
    table.insert(0, "paper", [claim.paper for claim in asked])
    resolved = table["verdict"] == "resolved"
    same = table["ours"] * table["published"] > 0
    table.loc[resolved & table["published"].notna(), "verdict"] = REVERSED
    table.loc[resolved & same, "verdict"] = AS_PUBLISHED
    table["size"] = [_size(claim, board, row) for claim, row in zip(asked, table.to_dict("records"), strict=True)]
    return table


def _size(claim: Claim, board: Board, row: Mapping[str, Any]) -> str:
    """The verdict on the size of a published difference."""
    apart = row["published"] - row["ours"]
    if math.isnan(apart) or math.isnan(row["needed"]):
        return ""
    if claim.printed not in (None, board.cell):
        return ELSEWHERE
    return WITHIN if abs(apart) <= row["needed"] else LARGER if apart > 0 else SMALLER


def published_score(published: pd.DataFrame, paper: str, method: str, cell: tuple[str, float, int]) -> float:
    """The accuracy in percent that a paper prints for a method in a cell, on its usual network; NaN if it prints none.

    Args:
        published: the rows of ``targets.csv``.
        paper: its key there.
        method: its name there.
        cell: data set, imbalance factor and IPC; the whole training set has no IPC.

    Raises:
        ValueError: the paper prints two numbers that disagree.
    """
    dataset, imbalance_factor, ipc = cell
    found = published[
        (published["paper"] == paper)
        & (published["method"] == method)
        & (published["dataset"] == dataset)
        & (published["imbalance_factor"] == imbalance_factor)
        & (published["metric"] == "accuracy")
        & published["network"].isin(PRINTED_NETWORKS)
    ]
    size = found["ipc"].isna() if is_whole_set(method) else (found["ipc"] == ipc).fillna(False)
    values = sorted(set(found.loc[size, "mean"].dropna()))
    if len(values) > 1:
        raise ValueError(f"{paper} prints {' and '.join(map(str, values))} for {method} on {dataset}, IPC {ipc}")
    return values[0] if values else math.nan
