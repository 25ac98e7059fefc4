"""The README's first table: one cell, each method, the published number and ours."""

import pandas as pd

from ltdd_utils.analysis.boards import Board, board
from ltdd_utils.analysis.text import markdown
from ltdd_utils.analysis.verdicts import published_score
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.longtail import class_counts
from ltdd_utils.evaluation.evaluator import DEBIASED, PLAIN, STORED, Evaluator
from ltdd_utils.records.record import Record

__all__ = ["headline_table", "shares_experts"]

CELL = ("cifar10", 100, 10)  # data set, imbalance factor, IPC
CLASSES = DATASETS[CELL[0]].classes
WHOLE = f"all {sum(class_counts(50_000 // CLASSES, CELL[1], CLASSES)):,} images"  # the balanced train set has 50,000
SHOWN = {  # method -> words, the paper whose number stands beside
    "random": ("random real images", "zhao2025ltdd"),
    "dc": ("DC", "zhao2025ltdd"),
    "dm": ("DM", "zhao2025ltdd"),
    "dream": ("DREAM", "zhao2025ltdd"),
    "idm": ("IDM", "zhao2025ltdd"),
    "ladm": ("**LADM** (ours, chapter 18)", ""),
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
SHARED = "†"
WALK = ("damed", STORED), ("unilevel", DEBIASED)  # from paper 1's headline to paper 2's
NOTE = (
    "The number in brackets counts distilled sets; for random real images draws, or teachers where one labels; for all "
    "images students. A teacher, an observer and a start are new for each. "
)


def headline_table(records: pd.DataFrame, published: pd.DataFrame) -> str:
    """CIFAR-10-LT at IF 100 and IPC 10: each method's published number, and ours under three evaluators, in Markdown.

    Below it stands what the numbers in brackets count, which of them leave the luck of the experts out, and the numbers
    on the two ways from paper 1's headline to paper 2's, where they were run.

    Args:
        records: as ``records.load`` gives them.
        published: as ``records.targets`` gives them.
    """
    dataset, factor, ipc = CELL
    found = board(dataset, imbalance_factor=factor, ipc=ipc, records=records)
    table = []
    for method, (words, paper) in SHOWN.items():
        value = published_score(published, paper, method, CELL)
        shown = [_shown(found, method, evaluator) for evaluator in EVALUATORS]
        table.append([words, "" if pd.isna(value) else f"{value:.1f}", *shown])
    text = markdown(pd.DataFrame(table, columns=["top-1 accuracy, %", "published", *EVALUATORS.values()]))
    pairs = {record.recipe.method.experts.count for record in found.records if shares_experts(record)}
    count = " or ".join(map(str, sorted(pairs)))
    mark = f"{SHARED} These sets share the same {count} experts, so these numbers do not show how much experts vary."
    below = f"{NOTE}{mark if pairs else ''}".rstrip()
    return "\n\n".join(filter(None, (text, below, _walks(found))))


def _walks(found: Board) -> str:
    """The numbers on the two ways from one headline to the other, in a sentence; empty where one was not run."""
    (first, own), (last, other) = WALK
    start, end = found[first, own], found[last, other]
    by_judge, by_set = found[first, other], found[last, own]
    if not all((start, end, by_judge, by_set)):
        return ""
    ways = (
        f"{start.percent:.1f} → {middle.percent:.1f} → {end.percent:.1f} ({what} first)"
        for middle, what in ((by_judge, "the evaluator"), (by_set, "the set"))
    )
    return f"Two ways from paper 1's result to paper 2's: {' and '.join(ways)}."


def _shown(found: Board, method: str, evaluator: Evaluator) -> str:
    entry = found.entry(method, evaluator)
    if entry is None:
        return ""
    mark = SHARED if any(shares_experts(record) for record in entry.records) else ""
    return f"{entry.scores.percent:.1f} ({len(entry.scores)}){mark}"


def shares_experts(record: Record) -> bool:
    """Whether the experts of a run are those of one fixed seed, whatever the seed of the run."""
    experts = getattr(record.recipe.method, "experts", None)
    return experts is not None and experts.seed is not None
