"""How much of the spread of a score comes from each source of luck, and what difference some repeats can show."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ltdd_utils.analysis.differences import factor

__all__ = ["LEVELS", "components", "error_of_mean", "half_interval", "share_intervals", "smallest_difference"]

LEVELS = ("subset", "experts", "distillation", "student")  # each one drawn anew inside the one before


def components(scores: pd.DataFrame, levels: Sequence[str] = LEVELS, value: str = "accuracy") -> pd.DataFrame:
    r"""Variance components of a balanced nested design, by the mean squares of its levels (ANOVA).

    A score is the sum of a mean and of one random effect per level, :math:`y_{abcd} = m + s_a + e_{ab} + d_{abc} +
    t_{abcd}`. With :math:`MS_l` the mean square of the groups of level :math:`l` inside those of the level above,

    .. math:: s_l^2 = (MS_l - MS_{l+1}) / n_l,

    where :math:`n_l` is the number of scores in a group of level :math:`l`, and :math:`s^2 = MS` at the last level.
    These estimates are unbiased, so they can be negative where a component is small: they are given as estimated, and
    counted as 0 in ``std`` and ``share``. Searle, Casella, McCulloch, Variance Components (1992), chapter 3.

    Args:
        scores: one row per score; the columns ``levels`` say in which group it is. Names of groups need to be unique
            inside the group above only.
        levels: from the outermost to the single scores.
        value: the column of the scores.

    Returns:
        Indexed by level, in float64: ``groups`` (how many in all), ``df`` (degrees of freedom), ``mean_square``,
        ``variance``, ``variance_error`` (its standard error, for normal effects), ``std``, ``share`` of the sum.

    Raises:
        ValueError: a group without a second one beside it, or groups of unequal size.
    """
    table = _balanced(scores, levels, value)
    means = [table.mean(axis=tuple(range(level, table.ndim))) for level in range(table.ndim + 1)]
    sizes = [math.prod(table.shape[level:]) for level in range(table.ndim + 1)]  # scores in a group of level - 1
    groups = np.cumprod(table.shape)
    freedom = groups - groups // np.array(table.shape)
    squares = np.array(
        [
            sizes[level + 1] * np.square(means[level + 1] - means[level][..., None]).sum() / freedom[level]
            for level in range(table.ndim)
        ]
    )
    inside, inner = np.array(sizes[1:]), np.append(squares[1:], 0.0)
    variance = (squares - inner) / inside
    spread = 2 * np.square(squares) / (freedom + 2)  # unbiased for the variance of a mean square
    error = np.sqrt(spread + np.append(spread[1:], 0.0)) / inside
    kept = variance.clip(min=0)
    columns = {"groups": groups, "df": freedom, "mean_square": squares, "variance": variance, "variance_error": error}
    columns |= {"std": np.sqrt(kept), "share": kept / kept.sum() if kept.sum() else np.full(len(kept), np.nan)}
    return pd.DataFrame(columns, index=pd.Index(levels, name="level"))


def share_intervals(found: pd.DataFrame, level: float = 0.9, draws: int = 4000, seed: int = 0) -> pd.DataFrame:
    r"""How well a design knows the shares of its levels: parametric bootstrap.

    Designs of the same size are drawn from normal effects with the estimated variances. There a mean square is its
    expectation, :math:`\sum_{k \ge l} n_k s_k^2`, times :math:`\chi^2_f / f`; components and shares follow from it.

    Args:
        found: as ``components`` gives it.
        level: of the interval.
        draws: designs.
        seed: of the draws.

    Returns:
        ``low`` and ``high`` of each level's share.
    """
    sizes = found["groups"].iloc[-1] / found["groups"].to_numpy()  # scores in a group of the level
    expected = (sizes * np.square(found["std"].to_numpy()))[::-1].cumsum()[::-1]
    freedom = found["df"].to_numpy()
    squares = expected * np.random.default_rng(seed).chisquare(freedom, (draws, len(found))) / freedom
    inner = np.append(squares[:, 1:], np.zeros((draws, 1)), axis=1)
    kept = ((squares - inner) / sizes).clip(min=0)
    shares = kept / kept.sum(axis=1, keepdims=True)
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return pd.DataFrame({"low": low, "high": high}, index=found.index)


def _balanced(scores: pd.DataFrame, levels: Sequence[str], value: str) -> np.ndarray:
    """The scores as an array with one axis per level, float64."""
    rows = scores.sort_values(list(levels))
    counts, above = [], 1
    for depth, level in enumerate(levels, start=1):
        sizes = rows.groupby(list(levels[:depth])).size()
        if sizes.nunique() != 1 or len(sizes) % above:
            raise ValueError(f"groups of {level!r} hold {sizes.min()} to {sizes.max()} scores; give a balanced design")
        counts.append(len(sizes) // above)
        above = len(sizes)
        if counts[-1] < 2:
            raise ValueError(f"there is one {level!r} in each group; its luck needs at least 2 to be seen")
    if above != len(rows):
        raise ValueError(f"{len(rows)} scores have {above} names; name each score of a group once")
    return rows[value].to_numpy(dtype=np.float64).reshape(counts)


def error_of_mean(found: pd.DataFrame, repeats: Mapping[str, int]) -> float:
    r"""Standard error of the mean score of a nested design, in the units of the scores, all sources of luck counted.

    :math:`\sqrt{\sum_l s_l^2 / (n_1 \cdots n_l)}` with :math:`n_l` groups of a level in each of the one above: five
    students of one set divide the luck of the students by five, and that of the set by one.

    Args:
        found: as ``components`` gives them.
        repeats: of each level, inside a group of the level above; a level that is not named has 1.
    """
    drawn = np.cumprod([repeats.get(level, 1) for level in found.index])
    return math.sqrt(float((np.square(found["std"].to_numpy()) / drawn).sum()))


def half_interval(std: float, n: int) -> float | None:
    r"""Half the width of the 95 % interval of a mean of ``n`` repeats that scatter by ``std``.

    :math:`k s / \sqrt n`, where k is the ``factor`` of :math:`n - 1` degrees of freedom. None for a single repeat.
    """
    return None if n < 2 else factor(n - 1) * std / math.sqrt(n)


def smallest_difference(std: float, n: int) -> float | None:
    r"""The difference of two methods that ``n`` repeats of each must exceed to be resolved, if both scatter by ``std``.

    :math:`k \sqrt{2 s^2 / n}`, where k is the ``factor`` of :math:`2n - 2` degrees of freedom: what ``contrast`` needs
    without pairs. None for a single repeat.
    """
    return None if n < 2 else factor(2 * n - 2) * math.sqrt(2 * std**2 / n)
