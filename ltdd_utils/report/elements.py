"""The page of the papers' elements: how many are covered, and which of the printed numbers were run."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ltdd_utils.analysis.text import markdown
from ltdd_utils.recipes.labels import label
from ltdd_utils.records.schema import TARGET_KEYS
from ltdd_utils.report.status import between, exact
from ltdd_utils.tables.texts import said

__all__ = ["GROUPS", "STATES", "Group", "elements_table", "rows_of", "scope_table", "states_table"]

PAPER_1, PAPER_2 = "zhao2025ltdd", "cui2026rethinking"
PAPER_WORDS = {PAPER_1: "paper 1", PAPER_2: "paper 2"}
STATES = {"■": "covered", "◧": "in part", "□": "missing"}  # sign of a row -> how far it is covered
ROW = re.compile(rf"^\| [^|]+ \| ([{''.join(STATES)}]) ", re.MULTILINE)
BOTH = ("damed", "unilevel")
SCALES = {"cpu": "reduced", "paper": "as published"}
FIVE = re.compile("(.{5})(?=.)")  # squares are counted, and broken over lines, by five
PARTS = ("unilevel_no_debiasing", "unilevel_no_calibration", "unilevel_no_init", "unilevel")


@dataclass(frozen=True)
class Group:
    """Cells of one published table that belong together; ``accuracy`` alone."""

    paper: str  # as in ``targets.csv``
    words: str
    dataset: str
    factors: Sequence[float]
    ipcs: Sequence[int]
    methods: Sequence[str]


GROUPS = (
    Group(PAPER_1, "main table", "cifar10", (10, 100, 200), (50,), ("damed", "datm", "mtt", "random")),
    Group(PAPER_1, "main table", "cifar100", (10,), (50,), ("damed", "random")),
    Group(PAPER_1, "main table", "tiny", (10,), (50,), ("random",)),
    Group(PAPER_1, "ablation", "cifar10", (100,), (50,), ("damed", "dam_only", "ed_only", "datm")),
    Group(PAPER_2, "main table", "cifar10", (100,), (10, 50), BOTH),
    Group(PAPER_2, "main table", "cifar100", (10, 50), (10,), BOTH),
    Group(PAPER_2, "main table", "tiny", (10,), (10,), BOTH),
    Group(PAPER_2, "main table", "imagenet", (5, 10), (10,), BOTH),
    Group(PAPER_2, "IF 256, ResNet-50", "imagenet-224", (256,), (10,), BOTH),
    Group(PAPER_2, "one image per class", "cifar10", (100,), (1,), BOTH),
    Group(PAPER_2, "one image per class", "cifar100", (50,), (1,), BOTH),
    Group(PAPER_2, "one image per class", "tiny", (100,), (1,), BOTH),
    Group(PAPER_2, "ablation", "cifar100", (50,), (10, 20, 50), PARTS),
)


def rows_of(group: Group, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a comparison (``analysis.compare``, every number in it) that a group has."""
    return table[
        (table["paper"] == group.paper)
        & (table["metric"] == "accuracy")
        & (table["dataset"] == group.dataset)
        & table["imbalance_factor"].isin(group.factors)
        & table["ipc"].isin(group.ipcs)
        & table["method"].isin(group.methods)
        & (~table["network"].isin(("vgg11", "alexnet", "resnet18")))
        & table["mean"].notna()
    ]


def scope_table(table: pd.DataFrame) -> str:
    """How many accuracies each paper prints as its own, and how many of them were run, by scale, in Markdown.

    Args:
        table: as ``analysis.compare`` gives it, every number in it.
    """
    own = exact(table)
    shown = []
    for paper, words in PAPER_WORDS.items():
        cells = own[own["paper"] == paper]
        once = {"printed": cells} | {
            f"run {words_of}": cells[cells["scale"] == scale] for scale, words_of in SCALES.items()
        }
        counts = {name: len(rows.drop_duplicates(list(TARGET_KEYS))) for name, rows in once.items()}
        shown.append({"accuracies of": words} | counts)
    found = pd.DataFrame(shown)
    counted = list(found.columns[1:])
    whole = {"accuracies of": "**together**"} | {name: f"**{found[name].sum()}**" for name in counted}
    return markdown(pd.concat([found, pd.DataFrame([whole])]), counted)


def elements_table(table: pd.DataFrame) -> str:
    """The groups in Markdown: how many numbers each has printed, and how many of them were run, by scale; then all.

    Args:
        table: as ``analysis.compare`` gives it, every number in it.
    """
    found = {group: rows_of(group, table) for group in GROUPS}
    shown = []
    for group, rows in found.items():
        factors = ", ".join(f"{factor:g}" for factor in group.factors)
        cells = f"{said(group.dataset)}, IF {factors}, IPC {', '.join(map(str, group.ipcs))}"
        words = {
            "numbers": f"{PAPER_WORDS[group.paper]}, {group.words}<br>{cells}",
            "methods": "; ".join(map(label, group.methods)),
        }
        shown.append(words | _counts(rows))
    words = {"numbers": "**together**, a number of two rows once", "methods": ""}
    whole = _counts(pd.concat(found.values()), every=True)
    shown.append(words | {name: f"**{value}**" if value else "" for name, value in whole.items()})
    return markdown(pd.DataFrame(shown), ["printed"])


def _counts(rows: pd.DataFrame, *, every: bool = False) -> dict[str, str | int]:
    """How many numbers some rows of a comparison have printed and run, each counted once, and how far off the runs are.

    Args:
        rows: as ``rows_of`` gives them.
        every: name the scales at which none was run, too.
    """
    cell = ["paper", "dataset", "imbalance_factor", "ipc", "method"]
    run = {scale: rows[rows["scale"] == scale].drop_duplicates(cell) for scale in SCALES}
    told = [f"{len(run[scale]) or 'none'} {words}" for scale, words in SCALES.items() if every or len(run[scale])]
    return {
        "printed": len(rows.drop_duplicates(cell)),
        "run here": ", ".join(told) or "none",
        "ours - printed": between(run["cpu"]["difference"]),
    }


def states_table(page: str) -> str:
    """How many rows of the page are covered, covered in part and missing, by its parts, in Markdown.

    Args:
        page: the text of the page; its rows say how far they are by a sign.
    """
    found = []
    for paper in page.split("\n## ")[1:]:
        name = paper.partition(":")[0]
        for part in paper.split("\n### ")[1:]:
            signs = ROW.findall(part)
            counts = Counter(signs)
            title = part.partition("\n")[0].removesuffix(" that the summary names")
            squares = FIVE.sub(r"\1 ", "".join(signs))
            row = {"part": f"{name}, {title[0].lower()}{title[1:]}<br>{squares}"}
            found.append(row | {words: counts[sign] for sign, words in STATES.items()})
    table = pd.DataFrame(found, columns=["part", *STATES.values()])
    whole = {"part": "**together**"} | {words: f"**{table[words].sum()}**" for words in STATES.values()}
    return markdown(pd.concat([table, pd.DataFrame([whole])]), list(STATES.values()))
