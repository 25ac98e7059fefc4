"""Primary contrasts: few, named in one file, with one spread for each evaluator, intervals, and Holm's correction.

The spread of three pairs is a lottery: it can come out ten times too small. All methods that an evaluator scored on the
same seeds say together how much a method's score moves from seed to seed beyond what the seed does to all.
"""

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from ltdd_utils.analysis.boards import Board
from ltdd_utils.analysis.scores import Scores, Spread
from ltdd_utils.evaluation.evaluator import DEBIASED, PLAIN, STORED, Evaluator
from ltdd_utils.records.folders import book_dir

__all__ = ["MOST", "Primary", "holm", "primary_contrasts", "primary_table", "residual"]

MOST = 10  # contrasts: with more of them a correction leaves little to see
EVALUATORS = {"stored": STORED, "plain": PLAIN, "debiased": DEBIASED}
POINT = 0.01  # a difference within it counts as none, if two one-sided tests say so
POOLED = "of all methods"


@dataclass(frozen=True)
class Primary:
    """A contrast of two methods under one evaluator."""

    name: str
    first: str  # methods
    second: str
    evaluator: Evaluator


def primary_contrasts(path: Path | None = None) -> list[Primary]:
    """The contrasts that a file names.

    Args:
        path: TOML with a ``[[contrast]]`` each; None: ``primary.toml`` beside the book's records.

    Raises:
        ValueError: more than ten of them, a name given twice, or an evaluator that is none.
    """
    path = book_dir() / "primary.toml" if path is None else path
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["contrast"]
    if len(rows) > MOST or len({row["name"] for row in rows}) < len(rows):
        raise ValueError(f"{path.name} names {len(rows)} contrasts: give at most {MOST}, each a name of its own")
    for row in rows:
        if row["evaluator"] not in EVALUATORS:
            raise ValueError(f"{path.name}: evaluator {row['evaluator']!r} is not one of {', '.join(EVALUATORS)}")
    return [Primary(**{**row, "evaluator": EVALUATORS[row["evaluator"]]}) for row in rows]


def residual(groups: Iterable[Scores]) -> Spread | None:
    r"""How much scores move that are neither the method's mean nor the seed's: the residual of a two-way layout.

    :math:`y_{ms} = a_m + b_s + e_{ms}` by least squares, with the degrees of freedom that the fit leaves. In a balanced
    layout of M methods and S seeds these are :math:`(M - 1)(S - 1)`.

    Args:
        groups: of each method under one evaluator; those without seeds, or with one alone, are left out.

    Returns:
        The standard deviation, a fraction; None where nothing is left to estimate it from.
    """
    known = [group.by_seed for group in groups if len(group.by_seed) > 1]
    cells = [(method, seed, value) for method, of_seed in enumerate(known) for seed, value in of_seed.items()]
    seeds = sorted({seed for _, seed, _ in cells})
    design = np.zeros((len(cells), len(known) + len(seeds)))
    for row, (method, seed, _) in enumerate(cells):
        design[row, [method, len(known) + seeds.index(seed)]] = 1
    values = np.array([value for *_, value in cells], dtype=np.float64)
    if not len(values) or (df := len(values) - int(np.linalg.matrix_rank(design))) < 1:
        return None
    rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return Spread(math.sqrt(float(rest @ rest) / df), df, POOLED)


def holm(p: Sequence[float]) -> list[float]:
    """P-values that are corrected for their number by Holm's rule, in the order given; NaN (not run) stays and counts.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none is below the one before it, or above 1.
    """
    adjusted, running = [math.nan] * len(p), 0.0
    for rank, index in enumerate(sorted((i for i, value in enumerate(p) if value == value), key=lambda i: p[i])):
        running = max(running, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = running
    return adjusted


def primary_table(asked: Sequence[Primary], board: Board) -> pd.DataFrame:
    r"""A row per contrast on the seeds that both methods have.

    With the ``residual`` :math:`s` of the evaluator, n shared seeds give a standard error of :math:`s \sqrt{2 / n}` and
    Student's distribution with the residual's degrees of freedom. Experts that all seeds share are not in it.

    Args:
        asked: at most ten.
        board: our runs of one cell.

    Returns:
        ``points``; ``low`` and ``high`` of the 95 % interval; ``n`` shared seeds; ``p``, two-sided; ``Holm``, that p
        corrected; ``verdict``: "resolved" (corrected p below 0.05), else "within a point" where two one-sided tests at
        5 % put it there, else "open"; or "not run".
    """
    spreads = {on: residual(one.scores for one in board.entries if one.evaluator == on) for on in EVALUATORS.values()}
    rows = [_row(board[one.first, one.evaluator], board[one.second, one.evaluator], spreads[one.evaluator])
            for one in asked]  # fmt: skip
    table = pd.DataFrame(rows, index=pd.Index([one.name for one in asked]))
    table.insert(len(table.columns) - 1, "Holm", holm(table["p"].tolist()))
    resolved = table["Holm"] < 0.05
    verdict = resolved.map({True: "resolved", False: "open"}).where(resolved | ~table["none"], "within a point")
    table["verdict"] = verdict.where(table["n"] > 0, "not run")
    return table.drop(columns="none")


def _row(first: Scores, second: Scores, spread: Spread | None) -> Mapping[str, float | bool]:
    ours, theirs = first.by_seed, second.by_seed
    shared = [seed for seed in ours if seed in theirs]
    if not shared or spread is None:
        return dict.fromkeys(("points", "low", "high"), math.nan) | {"n": 0, "p": math.nan, "none": False}
    difference = math.fsum(ours[seed] - theirs[seed] for seed in shared) / len(shared)
    error = spread.std * math.sqrt(2 / len(shared))
    half, inner = (float(stdtrit(spread.df, level)) * error for level in (0.975, 0.95))
    p = 2 * float(stdtr(spread.df, -abs(difference) / error)) if error else float(difference == 0)
    ends = {"points": difference, "low": difference - half, "high": difference + half}
    points = {name: 100 * value for name, value in ends.items()}
    return points | {"n": len(shared), "p": p, "none": abs(difference) + inner < POINT}
