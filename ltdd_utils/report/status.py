"""How far the reproduction is: a table for the README and the reproduction page."""

import pandas as pd

from ltdd_utils.analysis.published import UNNAMED
from ltdd_utils.analysis.text import markdown
from ltdd_utils.records.schema import TARGET_KEYS
from ltdd_utils.tables.texts import number, said

__all__ = ["PAPERS", "between", "exact", "explained", "status_table"]

PAPERS = {
    "zhao2025ltdd": "Zhao et al. 2025: Distilling Long-tailed Datasets",
    "cui2026rethinking": "Cui et al. 2026: Rethinking Long-tailed Dataset Distillation",
    "jiang2025adsa": "Jiang et al. 2025: Rectifying Soft-Label Entangled Bias",
}


RUN = {"paper": "as published", "cpu": "reduced"}
SCALES = {"paper": "at published scale", "cpu": "at a reduced one"}
ALONE = "A cell of one pipeline has no interval and is not counted; a wide interval holds a number more easily."


def exact(table: pd.DataFrame) -> pd.DataFrame:
    """The accuracies that a paper prints exactly, and as its own."""
    given = (table["metric"] == "accuracy") & table["mean"].notna()
    return table[given & ~table["note"].str.startswith("approximate") & ~table["note"].str.contains("copied from")]


def status_table(table: pd.DataFrame) -> str:
    """How far the reproduction is, in Markdown: published accuracies per paper and data set, and how many were run.

    Args:
        table: as ``analysis.compare`` gives it, every number in it.

    The data sets of a paper without a run are one row. A number that a paper copies from another one counts for that
    one alone, and a cell that a paper prints in two tables counts once.
    """
    own = exact(table)
    keys = ["paper", *TARGET_KEYS]
    alone = own["dataset"].where(
        own.groupby(["paper", "dataset"])["scale"].transform(lambda of: of.isin(RUN).any()), ""
    )
    rows = []
    for (paper, dataset), cells in own.groupby(["paper", alone], sort=False):
        row = {
            "paper": PAPERS[paper].partition(":")[0],
            "data set": "; ".join(map(said, [dataset] if dataset else cells["dataset"].unique())),
            "printed": len(cells.groupby(keys, dropna=False)),
        }
        for scale, title in RUN.items():
            run = cells[cells["scale"] == scale]
            once = run.drop_duplicates(keys)
            gaps = between(once["difference"])
            row[f"run {title}"] = f"{len(once)} ({gaps})" if gaps else str(len(once))
        rows.append(row)
    return markdown(pd.DataFrame(rows))


def between(gaps: pd.Series) -> str:
    """The smallest and the largest of some differences as text: one number where there is one, nothing where none."""
    ends = [number(gap, 1, sign=True) for gap in (gaps.min(), gaps.max())] if len(gaps) else []
    return " to ".join(ends[:1] if len(gaps) == 1 else ends)


def explained(table: pd.DataFrame) -> str:
    """The status table of a comparison, and below it what its gaps are, and how many are within our intervals.

    Args:
        table: as ``analysis.compare`` gives it, every number in it.
    """
    gaps = "In brackets the gaps, ours minus the paper's in points: the smallest and the largest of the cells run."
    own = exact(table)
    below = " ".join(filter(None, (gaps, _inside(own), _assumed(own))))
    return f"{status_table(table)}\n\n{below}"


def _assumed(own: pd.DataFrame) -> str:
    """Of how many numbers the teacher is assumed, and their gaps; nothing where there are none."""
    found = own[own["note"].str.contains(UNNAMED)].drop_duplicates(["paper", *TARGET_KEYS, "scale"])
    if found.empty:
        return ""
    methods = " and ".join(sorted(said(name) for name in found["method"].unique()))
    return (
        f"{len(found)} of the cells run are of {methods}, whose teacher the paper does not name: ours is plain, "
        f"and their gaps, {between(found['difference'])}, hold only if theirs was."
    )


def _inside(own: pd.DataFrame) -> str:
    """How many printed numbers lie in the intervals of ours, by scale; nothing where no cell has an interval."""
    known = own[own["inside"].notna()].drop_duplicates(["paper", *TARGET_KEYS, "scale"])
    words = []
    for scale, where in SCALES.items():
        found = known.loc[known["scale"] == scale, "inside"]
        words += [f"{int(found.sum())} of {len(found)} {where}"] if len(found) else []
    return (
        f"Inside the 95 % interval of ours lie the printed numbers of {' and '.join(words)}. {ALONE}" if words else ""
    )
