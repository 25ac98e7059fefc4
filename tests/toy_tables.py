"""A data set of the user's own, and tables that are as before once a test is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from ltdd_utils.core.seeds import generator
from ltdd_utils.core.tables import Table
from ltdd_utils.data import DATASETS, DataSet, SourceDataset
from ltdd_utils.evaluation import PROTOCOLS
from ltdd_utils.methods import METHODS
from ltdd_utils.methods.coresets.settings import RULES
from ltdd_utils.networks import ARCHITECTURES

TABLES: tuple[Table, ...] = (DATASETS, ARCHITECTURES, PROTOCOLS)
CLASSES, SIZE = 3, 16


@contextmanager
def tables_kept() -> Iterator[None]:
    """Registered entries are forgotten afterwards."""
    tables = [*(table._entries for table in TABLES), METHODS, RULES]
    before = [dict(table) for table in tables]
    try:
        yield
    finally:
        for table, entries in zip(tables, before, strict=True):
            table.clear()
            table.update(entries)


def stripes(root: Path) -> SourceDataset:
    """Three classes of grey images, each with its own brighter rows: 40 train and 10 test images of each."""

    def drawn(count: int, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.arange(CLASSES).repeat_interleave(count)
        pixels = 100 * torch.rand(len(labels), 1, SIZE, SIZE, dtype=torch.float32, generator=generator(0, name))
        for image, label in zip(pixels, labels, strict=True):
            image[0, 4 * label : 4 * label + 4] += 120
        return pixels.to(torch.uint8), labels

    train, labels = drawn(40, "train")

    def read_train(positions: np.ndarray, watch: object = None) -> torch.Tensor:
        return train[positions]

    return SourceDataset(labels.numpy(), ("a", "b", "c"), 40, read_train, lambda watch=None: drawn(10, "test"))


def toy(**changes: object) -> DataSet:
    """An entry for ``stripes``."""
    facts = {"title": "Toy-LT", "classes": CLASSES, "reader": stripes, "scales": ("tiny", "cpu", "paper")}
    return DataSet(**{**facts, "imbalance_factor": 8, "like": "cifar10", "padding": 2, **changes})
