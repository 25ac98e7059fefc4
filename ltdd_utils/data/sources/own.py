"""Images of the user's own: their labels from folders or from a table, their test set, their common form."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ltdd_utils.data.sources.dataset import SourceDataset
from ltdd_utils.data.sources.files import CACHE
from ltdd_utils.data.sources.folders import LabelledFiles, population
from ltdd_utils.data.sources.own_folders import labels_of_folders, named
from ltdd_utils.data.sources.own_forms import common_form
from ltdd_utils.data.sources.own_tables import labels_of_table, table_of

__all__ = ["source_dataset"]

SPLITS = {  # names of folders, and of values of a table's column split, in lower case
    "train": ("train", "training"),
    "test": ("test", "testing", "val", "valid", "validation"),  # the first that is there
}
TEST_SEED = 0  # of a test set that is set aside, one for all runs
TEST_SHARE = 0.2  # of all images, at most, in a test set that is set aside


def source_dataset(spec: str, root: Path) -> SourceDataset:
    """Images of the user's own: ``PATH/train/<class>/*`` and ``PATH/test/<class>/*``, labels in string order.

    ``spec`` is ``PATH`` or ``PATH@SIZE``; a relative path counts from the data root. Without a train folder a CSV file
    in ``PATH`` gives the labels (``labels_of_table``); without test images a balanced part is set aside. With a size,
    images are resized and centre-cropped to it; without, they must be squares of one size. One channel if every image
    is grey, else RGB. Images are read as a viewer shows them (``read_images``). For an exponential long tail the
    default of n_max is the size of the smallest class. What is not read, or not as it lies there, is told once, as a
    warning.

    Raises:
        FileNotFoundError: a folder is absent.
        ValueError: a size of 0, train and test hold different classes, a class without an image, or images of several
            sizes.
    """
    path, _, size = spec.rpartition("@") if re.search(r"@\d+$", spec) else (spec, "", "")
    if size and int(size) < 1:
        raise ValueError(f"folder:{spec} asks for images of {size} pixels; name a side of at least 1, as in @32")
    top = root / Path(path).expanduser()
    table = None if named(top, SPLITS["train"]) else table_of(top)
    names, train, test = labels_of_folders(top, SPLITS) if table is None else labels_of_table(table, SPLITS)
    if not test:
        train, test = _set_aside(top, names, train)
    _tell_order(top, names)
    form = common_form([path for _, path in (*train, *test)], int(size) if size else None)
    whole = population("folder", names, (train, test), form, cache=root / CACHE, as_viewed=True)
    return replace(whole, n_max=int(np.bincount(whole.labels).min()))


def _set_aside(top: Path, names: Sequence[str], files: LabelledFiles) -> tuple[LabelledFiles, LabelledFiles]:
    """Train and test images of files without a test set: equally many of each class are drawn for testing.

    As many as a fifth of the mean class, and at most half of the smallest, rounded down; at least one.
    """
    labels = np.array([label for label, _ in files])
    sizes = np.bincount(labels, minlength=len(names))
    if sizes.min() < 2:
        raise ValueError(
            f"{top} has no test images, and class {names[sizes.argmin()]!r} has {sizes.min()} image: add images, at "
            "least one to train and one to test on, or a test set"
        )
    count = max(min(int(TEST_SHARE * sizes.mean()), int(sizes.min()) // 2), 1)
    drawn = np.random.RandomState(TEST_SEED)
    picks = [drawn.choice(np.flatnonzero(labels == c), count, replace=False) for c in range(len(names))]
    test = set(np.concatenate(picks).tolist())
    warnings.warn(
        f"{top} has no test images: {count} of each class, {len(test)} of {len(files)}, are set aside by seed "
        f"{TEST_SEED} and not trained on",
        stacklevel=2,
    )
    return [f for k, f in enumerate(files) if k not in test], [f for k, f in enumerate(files) if k in test]


def _tell_order(top: Path, names: Sequence[str]) -> None:
    """Say that numbered classes are in the order of text, where that is not the order of their numbers."""
    if all(name.isdecimal() for name in names) and list(names) != sorted(names, key=int):
        first = ", ".join(names[:3])
        warnings.warn(
            f"{top}: numbered classes are in the order of text ({first}, ...), so label 1 is class {names[1]!r}; "
            "pad the numbers with zeros for their own order",
            stacklevel=2,
        )
