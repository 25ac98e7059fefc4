"""How far the reproduction is: a table for the README and the reproduction page."""

import pandas as pd

from ltdd_utils.analysis.text import markdown
from ltdd_utils.records.schema import TARGET_KEYS

__all__ = ["PAPERS", "explained", "status_table"]

PAPERS = {
    "zhao2025ltdd": "Zhao et al. 2025: Distilling Long-tailed Datasets",
    "cui2026rethinking": "Cui et al. 2026: Rethinking Long-tailed Dataset Distillation",
    "jiang2025adsa": "Jiang et al. 2025: Rectifying Soft-Label Entangled Bias",
}


def status_table(table: pd.DataFrame) -> str:
    """How far the reproduction is, in Markdown: published accuracies per paper and data set, and how many were run.

    Args:
        table: as ``analysis.compare`` gives it, every number in it.

    A number that a paper copies from another one counts for that one alone, and a cell that a paper prints in two
    tables counts once.
    """
    given = (table["metric"] == "accuracy") & table["mean"].notna()
    exact = table[given & ~table["note"].str.startswith("approximate") & ~table["note"].str.contains("copied from")]
    keys = ["paper", *TARGET_KEYS]
    rows = []
    for (paper, dataset), cells in exact.groupby(["paper", "dataset"], sort=False):
        row = {
            "paper": PAPERS[paper].partition(":")[0],
            "data set": dataset,
            "published": len(cells.groupby(keys, dropna=False)),
        }
        for scale, title in (("paper", "run as published"), ("cpu", "run reduced")):
            run = cells[cells["scale"] == scale]
            once = run.drop_duplicates(keys)
            row[title] = len(once)
            gaps = once["difference"]
            row[f"gaps, {scale}"] = f"{gaps.min():+.1f} to {gaps.max():+.1f}" if len(once) > 1 else _one(gaps)
        rows.append(row)
    return markdown(pd.DataFrame(rows))


def _one(gaps: pd.Series) -> str:
    return f"{gaps.iloc[0]:+.1f}" if len(gaps) else ""


def explained(table: str) -> str:
    """The status table, and below it what its gaps are."""
    return f"{table}\n\n*Gaps* are ours minus the paper's, in points, the smallest and the largest of the cells run."
