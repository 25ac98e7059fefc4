"""The tables of the two papers' summaries, a row per group of cells: how many numbers it has and how many were run."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ltdd_utils.analysis.text import markdown
from ltdd_utils.recipes.labels import label
from ltdd_utils.report.status import between

__all__ = ["GROUPS", "Group", "elements_table", "rows_of"]

PAPER_1, PAPER_2 = "zhao2025ltdd", "cui2026rethinking"
PAPER_WORDS = {PAPER_1: "paper 1", PAPER_2: "paper 2"}
BOTH = ("damed", "unilevel")
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
        run = {scale: rows[rows["scale"] == scale].drop_duplicates(cell) for scale in ("paper", "cpu")}
        gaps, factors = run["cpu"]["difference"], ", ".join(f"{factor:g}" for factor in group.factors)
        shown.append(
            {
                "rows": f"{PAPER_WORDS[group.paper]}, {group.words}",
                "cells": f"{group.dataset}, IF {factors}, IPC {', '.join(map(str, group.ipcs))}",
                "methods": "; ".join(map(label, group.methods)),
                "numbers": len(rows.drop_duplicates(cell)),
                "at published scale": len(run["paper"]),
                "reduced": len(gaps),
                "ours - printed": between(gaps),
            }
        )
    return markdown(pd.DataFrame(shown))
