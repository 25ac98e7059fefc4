"""Shared by the data sets in folders of images: labels by folder, pixels read when they are needed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.data.sources.dataset import SourceDataset
from ltdd_utils.data.sources.files import read_images
from ltdd_utils.data.sources.listing import class_folders, image_files

__all__ = ["Labelled", "LabelledFiles", "common_classes", "labelled_files", "population"]

LabelledFiles = list[tuple[int, Path]]  # label and path, class by class, then in the order of names


@dataclass(frozen=True)
class Labelled:
    """The images of a data set of the user's own, by their labels."""

    names: list[str]  # of the classes, in label order
    train: LabelledFiles
    test: LabelledFiles  # empty: no image is chosen for testing
    skipped: Counter[str] = field(default_factory=Counter)  # files that are not read, by kind


def common_classes(train: Path, test: Path) -> list[str]:
    """Class names, in string order, of two folders with one folder a class.

    Raises:
        FileNotFoundError: a folder is absent or empty.
        ValueError: a class that is in one of them alone.
    """
    names = class_folders(train)
    odd = sorted(set(names) ^ set(class_folders(test)))
    if odd:
        there, absent = (train, test) if odd[0] in names else (test, train)
        both = f"is not in both {train.name} and {test.name}: {absent / odd[0]} is absent"
        raise ValueError(f"class {odd[0]!r} of {train.parent} {both}; add it, or remove {there / odd[0]}")
    return names


def labelled_files(split: Path, names: Sequence[str]) -> LabelledFiles:
    """Label and path of every image below ``split``, by class and name."""
    return [(label, split / name / file) for label, name in enumerate(names) for file in image_files(split / name)]


def population(
    name: str,
    class_names: Sequence[str],
    splits: tuple[LabelledFiles, LabelledFiles],
    form: tuple[int, int],
    *,
    cache: Path,
    as_viewed: bool = False,
) -> SourceDataset:
    """Images of the files of two ``splits`` (train, test), all of ``form`` (side, channels).

    Args:
        name: of the data set, for the progress and the cached files.
        class_names: in label order.
        splits: label and path of each image.
        form: side in pixels and channels that all images get.
        cache: folder of decoded images.
        as_viewed: see ``read_images``.
    """
    train, test = splits

    def read(files: Sequence[Path], split: str, watch: Watch | None) -> Tensor:
        return read_images(files, form, cache, f"{name}-{split}", as_viewed=as_viewed, watch=watch)

    def read_train(positions: np.ndarray, watch: Watch | None = None) -> Tensor:
        return read([train[position][1] for position in positions], "train", watch)

    def read_test(watch: Watch | None = None) -> tuple[Tensor, Tensor]:
        labels = torch.tensor([label for label, _ in test], dtype=torch.int64)
        return read([path for _, path in test], "test", watch), labels

    truth = np.array([label for label, _ in train], dtype=np.int64)
    return SourceDataset(truth, tuple(class_names), len(truth) // len(class_names), read_train, read_test)
