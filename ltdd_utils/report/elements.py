"""The page of the papers' elements: how many are shown, and which of the printed numbers were run."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ltdd_utils.analysis.text import markdown
from ltdd_utils.recipes.labels import label
from ltdd_utils.report.status import between
from ltdd_utils.tables.texts import said

__all__ = ["GROUPS", "STATES", "Group", "elements_table", "rows_of", "states_table"]

PAPER_1, PAPER_2 = "zhao2025ltdd", "cui2026rethinking"
PAPER_WORDS = {PAPER_1: "paper 1", PAPER_2: "paper 2"}
STATES = {"■": "shown", "◧": "in part", "□": "missing"}  # sign of a row -> how far it is shown
ROW = re.compile(rf"^\| [^|]+ \| ([{''.join(STATES)}]) ", re.MULTILINE)
BOTH = ("damed", "unilevel")
SCALES = {"paper": "as published", "cpu": "reduced"}
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


def elements_table(table: pd.DataFrame) -> str:
    """The groups in Markdown: how many numbers each has printed, and how many of them were run, by scale.

    Args:
        table: as ``analysis.compare`` gives it, every number in it.
    """
    cell = ["imbalance_factor", "ipc", "method"]
    shown = []
    for group in GROUPS:
        rows = rows_of(group, table)
        run = {scale: rows[rows["scale"] == scale].drop_duplicates(cell) for scale in SCALES}
        factors = ", ".join(f"{factor:g}" for factor in group.factors)
        shown.append(
            {
                "table": f"{PAPER_WORDS[group.paper]}, {group.words}",
                "cells": f"{said(group.dataset)}, IF {factors}, IPC {', '.join(map(str, group.ipcs))}",
                "methods": "; ".join(map(label, group.methods)),
                "printed": len(rows.drop_duplicates(cell)),
                "run here": ", ".join(
                    f"{len(run[scale])} {words}" for scale, words in SCALES.items() if len(run[scale])
                )
                or "none",
                "ours - printed": between(run["cpu"]["difference"]),
            }
        )
    return markdown(pd.DataFrame(shown), ["printed"])


def states_table(page: str) -> str:
    """How many rows of the page are shown, shown in part and missing, by its parts, in Markdown.

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
            row = {"part": f"{name}, {title[0].lower()}{title[1:]}", "row by row": "".join(signs)}
            found.append(row | {words: counts[sign] for sign, words in STATES.items()})
    table = pd.DataFrame(found, columns=["part", *STATES.values(), "row by row"])
    whole = {words: f"**{table[words].sum()}**" for words in STATES.values()}
    whole |= {"part": "**together**", "row by row": ""}
    return markdown(pd.concat([table, pd.DataFrame([whole])]), list(STATES.values()))
