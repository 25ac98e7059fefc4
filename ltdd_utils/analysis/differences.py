"""Whether two methods differ: the difference of their pipelines, and what it takes to claim it."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from scipy.special import stdtrit

from ltdd_utils.analysis.scores import ELSEWHERE, PEERS, Scores, Spread

__all__ = ["Contrast", "Ladder", "contrast", "contrasts", "factor", "indexed", "stepwise"]

LEVEL = 0.975  # two-sided, 95 %
FEW = 3  # pairs, or pipelines of each method: fewer say too little about their own spread
PAIRS, BOTH, ALONE = "of pairs", "of both", ""
NOT_RUN, FIRST = "not run", "start"


@dataclass(frozen=True)
class Contrast:
    """The difference of two methods, in fractions, and what it takes to claim it."""

    difference: float
    standard_error: float | None  # None: a method has a single pipeline, and nobody to take a spread from
    needed: float | None  # what the difference must exceed to be resolved
    resolved: bool
    by: str  # where the spread comes from: "of pairs", "of both", "of peers", "elsewhere", or "" for nowhere
    counts: tuple[int, int]  # pipelines of the two that were compared
    paired: bool  # whether they were compared seed by seed

    @property
    def n(self) -> str:
        """How many pairs, or pipelines of each, as text."""
        first, second = self.counts
        return f"{first} pair{'s' * (first > 1)}" if self.paired else f"{first}, {second}"


def factor(df: float) -> float:
    """Standard errors that a difference must exceed: Student's 97.5 % quantile, and never below two."""
    return max(2.0, float(stdtrit(df, LEVEL)))


def contrast(first: Sequence[float], second: Sequence[float]) -> Contrast:
    r"""Whether the first method scores other than the second.

    Runs of one seed share experts and teacher, so they are compared in pairs: the difference is the mean over shared
    seeds, its standard error :math:`s_d / \sqrt{n}`. Methods without shared seeds, or with draws of one seed, are
    compared by their means, with :math:`\sqrt{s_1^2 / n_1 + s_2^2 / n_2}` and Welch's degrees of freedom.

    Fewer than three pairs, or fewer than three pipelines of a method, say too little about their own spread. In their
    place stands the ``fallback`` of each method's scores; pairs of them count as independent. Without one, two
    pipelines have their own spread, and with a single one nothing is resolved.
    A difference is resolved beyond two standard errors and beyond Student's 95 % interval, which is wide with few
    pipelines.

    Args:
        first: accuracy of each pipeline of the first method, fractions (``Scores``); other sequences have no seeds.
        second: the same of the second.

    Raises:
        ValueError: a method without a pipeline.
    """
    if not first or not second:
        raise ValueError(f"the methods have {len(first)} and {len(second)} pipelines; each needs at least one")
    first, second = (one if isinstance(one, Scores) else Scores(one) for one in (first, second))
    ours, theirs = first.by_seed, second.by_seed
    shared = [seed for seed in ours if seed in theirs]
    if shared:
        found = [ours[seed] - theirs[seed] for seed in shared]
        difference, counts = statistics.fmean(found), (len(shared), len(shared))
    else:
        difference, counts = statistics.fmean(first) - statistics.fmean(second), (len(first), len(second))
    taken = [_taken(first, counts[0], bool(shared)), _taken(second, counts[1], bool(shared))]
    if shared and (len(shared) >= FEW or None in taken) and len(shared) > 1:
        error, df, by = statistics.stdev(found) / math.sqrt(len(found)), len(found) - 1.0, PAIRS
    elif taken[0] is None or taken[1] is None:
        return Contrast(difference, None, None, False, ALONE, counts, bool(shared))
    else:
        parts = [one.std**2 / count for (one, _), count in zip(taken, counts, strict=True)]
        error, df = math.sqrt(sum(parts)), _freedom(parts, [one for one, _ in taken])
        by = next((by for by in (ELSEWHERE, PEERS) if by in (taken[0][1], taken[1][1])), BOTH)
    needed = factor(df) * error
    return Contrast(difference, error, needed, abs(difference) > needed, by, counts, bool(shared))


def _taken(values: Scores, count: int, paired: bool) -> tuple[Spread, str] | None:
    """The spread that stands for a method's, and whose: its own or its fallback; None: there is neither."""
    own = Spread(statistics.stdev(values), len(values) - 1) if len(values) > 1 else None
    if not paired and count >= FEW and own is not None:
        return own, BOTH
    if values.fallback is not None:
        return values.fallback, values.fallback.source
    return None if own is None or paired else (own, BOTH)


def _freedom(parts: Sequence[float], spreads: Sequence[Spread]) -> float:
    """The degrees of freedom of a sum of estimated variances of means; of one and the same estimate, its own."""
    if spreads[0] is spreads[1]:
        return float(spreads[0].df)
    below = sum(part**2 / one.df for part, one in zip(parts, spreads, strict=True))
    return sum(parts) ** 2 / below if below else float(min(one.df for one in spreads))


def contrasts(pairs: Mapping[Any, tuple[Sequence[float], Sequence[float]]]) -> pd.DataFrame:
    """A row per pair of methods: the first one's score minus the second's, and what it takes to claim that.

    Args:
        pairs: name, or a tuple of names -> accuracies of each pipeline of the two, fractions; an empty list: not run.

    Returns:
        ``points``, the difference; ``needed``, what it must exceed to be resolved (NaN: nobody knows); ``n``, how many
        pairs, or pipelines of each, empty if not run; ``spread``: "of pairs", "of both", "of peers" or "elsewhere";
        ``verdict``: "resolved", "not resolved" or "not run".
    """
    rows: dict[Any, tuple[float, float, str, str, str]] = {}
    for name, (first, second) in pairs.items():
        if not first or not second:
            rows[name] = (math.nan, math.nan, "", ALONE, NOT_RUN)
            continue
        found = contrast(first, second)
        needed = math.nan if found.needed is None else 100 * found.needed
        verdict = "resolved" if found.resolved else "not resolved"
        rows[name] = (100 * found.difference, needed, found.n, found.by, verdict)
    return indexed(rows, columns=["points", "needed", "n", "spread", "verdict"])


@dataclass(frozen=True)
class Ladder:
    """Steps from one run to the next: what each scored, and its difference to the last one before it that was run."""

    scores: Mapping[str, Sequence[float]]  # name of the step -> accuracies; an empty one: not run
    table: pd.DataFrame  # as ``stepwise`` gives it

    @property
    def bars(self) -> tuple[list[str], list[Sequence[float]], list[float], list[bool]]:
        """As ``plots.waterfall`` takes them: names, scores, differences in points, and whether each is resolved."""
        scores, table = self.scores, self.table
        return list(scores), list(scores.values()), list(table["points"]), list(table["verdict"] == "resolved")


def stepwise(scores: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """``contrasts`` of each method with the one before it that was run: the first of those stands alone.

    Its verdict is "start", and its ``n`` the number of its pipelines.

    Args:
        scores: name -> accuracies of each pipeline, fractions, in the order of the steps; an empty list: not run.
    """
    pairs: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
    before: Sequence[float] = []
    for name, values in scores.items():
        pairs[name] = (values, before)
        before = values if len(values) else before
    table = contrasts(pairs)
    first = next((name for name, values in scores.items() if values), None)
    if first is not None:
        table.loc[first, ["n", "verdict"]] = [str(len(scores[first])), FIRST]
    return table


def indexed(rows: Mapping[Any, Any], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table of rows by name; names that are tuples become levels of the index."""
    table = pd.DataFrame(list(rows.values()), columns=columns)
    names = list(rows)
    table.index = pd.MultiIndex.from_tuples(names) if names and isinstance(names[0], tuple) else pd.Index(names)
    return table
