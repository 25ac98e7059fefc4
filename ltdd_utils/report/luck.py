"""The tables of the page "How we count": one difference worked out, and where the luck of a score comes from."""

import math
import statistics
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ltdd_utils.analysis.boards import board
from ltdd_utils.analysis.differences import contrast, factor
from ltdd_utils.analysis.text import markdown
from ltdd_utils.analysis.variance import LEVELS, components, error_of_mean, share_intervals
from ltdd_utils.evaluation.evaluator import STORED
from ltdd_utils.recipes.labels import label

__all__ = ["RECIPES", "example", "luck_tables"]

RECIPES = {"DAM + ED": "damed_digits", "uni-level": "unilevel_digits"}  # file of each nested design
MOST = 0.8  # of the variance: the page says that students are not the only source of luck
SAID = (
    "How many of each were drawn:",
    "How far each source moves a score, and its share of the variance:",
    "What some ways of repeating could show: the smallest difference between two methods, *two* standard errors, in "
    "points.\nThe columns *one subset* leave the subset's luck out, which two methods on one share in part.",
)  # before each table
PLURALS = dict(zip(LEVELS, ("subsets", "groups of experts", "distilled sets", "students"), strict=True))
WAYS: Mapping[str, Mapping[str, int]] = {
    "1 student": {},
    "5 students of one set": {"student": 5},
    "3 sets of the same experts, 5 students each": {"distillation": 3, "student": 5},
    "3 sets with experts of their own, 5 students each": {"experts": 3, "student": 5},
    "10 sets with experts of their own, 1 student each": {"experts": 10},
}


def example(records: pd.DataFrame, first: str = "damed", second: str = "ed_only") -> str:
    """One difference worked out on CIFAR-10-LT, with the seeds that both methods have, in Markdown.

    Args:
        records: as ``records.load`` gives them.
        first: a method.
        second: the one that is subtracted.
    """
    found = board("cifar10", imbalance_factor=100, ipc=10, records=records)
    scores = [found[method, STORED] for method in (first, second)]
    ours, theirs = (one.by_seed for one in scores)
    shared = [seed for seed in ours if seed in theirs]
    names = [label(method) for method in (first, second)]
    if len(shared) < 2:
        return f"Not run: {' and '.join(names)} have fewer than two seeds in common."
    apart = [100 * (ours[seed] - theirs[seed]) for seed in shared]
    rows = [
        [str(seed), f"{100 * ours[seed]:.2f}", f"{100 * theirs[seed]:.2f}", f"{difference:+.2f}"]
        for seed, difference in zip(shared, apart, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["seed", *(f"{name}, %" for name in names), "difference, points"])
    return f"{markdown(table)}\n\n{_worked(apart, contrast(*scores).resolved)}"


def _worked(apart: list[float], resolved: bool) -> str:
    """The way from differences in points to the verdict."""
    n, mean, deviation = len(apart), statistics.fmean(apart), statistics.stdev(apart)
    error, k = deviation / math.sqrt(n), factor(n - 1)
    verdict = "So it is resolved" if resolved else "So it is not resolved"
    return (
        f"The mean difference is {mean:.2f} points, the standard deviation of the {n} differences {deviation:.3g}, the "
        f"standard error ${deviation:.3g} / \\sqrt{{{n}}} = {error:.3g}$. With {n} pairs $k = {k:.2f}$: a difference "
        f"must exceed ${k:.2f} \\cdot {error:.3g} = {k * error:.2f}$ points. {verdict}, and a table shows "
        f"**{mean:+.2f} ± {k * error:.2f} {'●' if resolved else '○'}**, n: {n} pairs."
    )


def luck_tables(variance: Path) -> str:
    """The nested designs, what they say of each source of luck, and what repeats can show, in Markdown.

    Args:
        variance: the folder with a CSV for each of ``RECIPES``, as ``benchmarks/variance.py`` writes them.

    Raises:
        FileNotFoundError: one of them is missing.
        ValueError: nearly all luck is that of the students, and the page says something else.
    """
    scores = {name: pd.read_csv(variance / f"{file}.csv", keep_default_na=False) for name, file in RECIPES.items()}
    found = {name: components(table) for name, table in scores.items()}
    bounds = {name: share_intervals(one) for name, one in found.items()}
    if (most := max(one.loc["student", "high"] for one in bounds.values())) >= MOST:
        raise ValueError(f"students may have {100 * most:.0f} % of the variance: write the page on counting anew")
    tables = (_designs(scores), _sources(found, bounds), _ways(found))
    return "\n\n".join(part for pair in zip(SAID, tables, strict=True) for part in pair)


def _designs(scores: Mapping[str, pd.DataFrame]) -> str:
    rows, said = [], []
    for name, table in scores.items():
        rows.append([name, *(str(len(table.groupby(list(LEVELS[: depth + 1])))) for depth in range(len(LEVELS)))])
        if changed := table["changed"].iloc[0].split():
            said.append(f"{name} was shortened: {' and '.join(f'`{setting}`' for setting in changed)}.")
    return "\n\n".join([markdown(pd.DataFrame(rows, columns=["drawn in all", *PLURALS.values()])), *said])


def _sources(found: Mapping[str, pd.DataFrame], bounds: Mapping[str, pd.DataFrame]) -> str:
    table = pd.DataFrame({"source of luck": LEVELS})
    for name, one in found.items():
        within = bounds[name]
        table[f"{name}: standard deviation, points"] = [f"{100 * one.loc[level, 'std']:.2f}" for level in LEVELS]
        table[f"{name}: share, % (90 % interval)"] = [
            f"{100 * one.loc[level, 'share']:.0f} ({100 * within.loc[level, 'low']:.0f} to "
            f"{100 * within.loc[level, 'high']:.0f})"
            for level in LEVELS
        ]
    return markdown(table)


def _ways(found: Mapping[str, pd.DataFrame]) -> str:
    table = pd.DataFrame({"repeats of each method": list(WAYS)})
    for name, one in found.items():
        for kind, part in (("any subset", one), ("one subset", one.drop("subset"))):
            errors = (100 * error_of_mean(part, repeats) for repeats in WAYS.values())
            table[f"{name}, {kind}"] = [f"{2 * math.sqrt(2) * error:.1f}" for error in errors]
    return markdown(table)
