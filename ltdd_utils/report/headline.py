"""The README's first table: one cell, each method, the published number and ours."""

import pandas as pd

from ltdd_utils.analysis.boards import board
from ltdd_utils.analysis.text import markdown
from ltdd_utils.analysis.verdicts import published_score
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.longtail import class_counts
from ltdd_utils.evaluation.evaluator import DEBIASED, PLAIN, STORED

__all__ = ["headline_table"]

CELL = ("cifar10", 100, 10)  # data set, imbalance factor, IPC
CLASSES = DATASETS[CELL[0]].classes
WHOLE = f"all {sum(class_counts(50_000 // CLASSES, CELL[1], CLASSES)):,} images"  # the balanced train set has 50,000
SHOWN = {  # method -> words, the paper whose number stands beside
    "random": ("random real images", "zhao2025ltdd"),
    "dc": ("DC", "zhao2025ltdd"),
    "dm": ("DM", "zhao2025ltdd"),
    "mtt": ("MTT", "zhao2025ltdd"),
    "datm": ("DATM", "zhao2025ltdd"),
    "damed": ("**DAM + ED** (paper 1)", "zhao2025ltdd"),
    "rded": ("RDED", "cui2026rethinking"),
    "edc": ("EDC", "cui2026rethinking"),
    "unilevel": ("**uni-level** (paper 2)", "cui2026rethinking"),
    "full": (f"{WHOLE}, cross-entropy", "zhao2025ltdd"),
    "full_logit_adjusted": (f"{WHOLE}, logit-adjusted", "zhao2025ltdd"),
}
EVALUATORS = {STORED: "stored labels", PLAIN: "plain teacher", DEBIASED: "debiased teacher"}


def headline_table(records: pd.DataFrame, published: pd.DataFrame) -> str:
    """CIFAR-10-LT at IF 100 and IPC 10: each method's published number, and ours under three evaluators, in Markdown.

    Args:
        records: as ``records.load`` gives them.
        published: as ``records.targets`` gives them.
    """
    dataset, factor, ipc = CELL
    found = board(dataset, imbalance_factor=factor, ipc=ipc, records=records)
    table = []
    for method, (words, paper) in SHOWN.items():
        value = published_score(published, paper, method, CELL)
        ours = [found[method, evaluator] for evaluator in EVALUATORS]
        shown = [f"{scores.percent:.1f} ({len(scores)})" if scores else "" for scores in ours]
        table.append([words, "" if pd.isna(value) else f"{value:.1f}", *shown])
    return markdown(pd.DataFrame(table, columns=["top-1 accuracy, %", "published", *EVALUATORS.values()]))
