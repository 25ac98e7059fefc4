"""Whether two ways of computing give the same scores: pairs on the same seeds, and two one-sided tests."""

import math
from collections.abc import Iterator

import pandas as pd
from scipy.special import stdtrit

__all__ = ["LEVEL", "MARGIN", "equivalence"]

MARGIN = 1.0  # points
LEVEL = 0.95  # of each one-sided test


def equivalence(pairs: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """One row per comparison: the mean difference bf16 - fp32, its 90 % interval, and whether it is within the margin.

    Two one-sided tests at 5 % put a mean difference within the margin where its 90 % interval, by Student's t over the
    pairs, lies inside (-margin, margin).

    Args:
        pairs: columns ``what`` (the comparison), ``fp32`` and ``bf16`` (accuracies in percent); a row per pair.
        margin: in points.

    Returns:
        ``what``, ``pairs``, the means ``fp32`` and ``bf16``, ``difference``, ``low``, ``high``, ``equivalent``; one
        pair alone has no interval, and is never equivalent.
    """
    return pd.DataFrame(list(_verdicts(pairs, margin)))


def _verdicts(pairs: pd.DataFrame, margin: float) -> Iterator[dict[str, object]]:
    for what, mine in pairs.groupby("what", sort=False):
        differences, n = mine["bf16"] - mine["fp32"], len(mine)
        mean = differences.mean()
        half = float(stdtrit(n - 1, LEVEL)) * differences.std() / math.sqrt(n) if n > 1 else math.inf
        yield {
            "what": what,
            "pairs": n,
            "fp32": mine["fp32"].mean(),
            "bf16": mine["bf16"].mean(),
            "difference": mean,
            "low": mean - half,
            "high": mean + half,
            "equivalent": abs(mean) + half < margin,
        }
