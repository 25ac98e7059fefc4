"""CIFAR-10 and CIFAR-100, read by torchvision from its usual folders, whose MD5 sums it checks; or from other forms."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.data.sources.cifar_forms import FORMS, elsewhere, folder_of, read_file
from ltdd_utils.data.sources.dataset import FETCH, Source, SourceDataset

CLASSES = {"cifar10": 10, "cifar100": 100}


ARCHIVE_BYTES = {"cifar10": 170_498_071, "cifar100": 169_001_437}


def torchvision_class(name: str) -> Any:  # noqa: ANN401 (a class of torchvision, which is imported here and not above)
    """The class ``CIFAR10`` or ``CIFAR100`` of torchvision: it knows the address, the file names and the MD5 sums."""
    from torchvision import datasets

    return {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[name]


def cifar10(root: Path) -> SourceDataset:
    """CIFAR-10; raises as ``source_dataset`` does."""
    return source_dataset("cifar10", root)


def cifar100(root: Path) -> SourceDataset:
    """CIFAR-100; raises as ``source_dataset`` does."""
    return source_dataset("cifar100", root)


def cifar10_source() -> Source:
    """Where CIFAR-10 comes from: torchvision's own address and MD5 sums."""
    return _source("cifar10")


def cifar100_source() -> Source:
    """Where CIFAR-100 comes from: torchvision's own address and MD5 sums."""
    return _source("cifar100")


def _source(name: str) -> Source:
    known = torchvision_class(name)
    files = dict([*known.train_list, *known.test_list, (known.meta["filename"], known.meta["md5"])])
    folder = known.base_folder
    keras = (f"{folder}.tar.gz", f"{folder}-target_archive", f"{folder}-target.tar.gz")  # its names of the same archive
    look = partial(_elsewhere, name)
    return Source(known.url, known.tgz_md5, folder, files, ARCHIVE_BYTES[name], other_names=keras, elsewhere=look)


def _elsewhere(name: str, root: Path) -> str | None:
    """A CIFAR that is here, but not in torchvision's folder: where, in words, once it is checked.

    Raises:
        ValueError: it is not the original.
    """
    form, place = FORMS[name], folder_of(name, root)
    if (root / form.folder / form.first).is_file():
        return None
    if place != root:
        for train in (True, False):
            _open(name, root, train)
        return f"present in {place / form.folder}, checksums right"
    other = elsewhere(name, root)
    if other is None:
        return None
    for split in ("train", "test"):
        read_file(name, other, split)
    return f"present in {other}, pixels and labels right"


def source_dataset(name: str, root: Path) -> SourceDataset:
    """A CIFAR: 50,000 train and 10,000 test images, 32x32, in torchvision's order, from whatever form is here.

    Raises:
        FileNotFoundError: no form of it is here.
        ValueError: a file of it is absent or has the wrong MD5, or pixels that are not the original's.
    """
    place, other = folder_of(name, root), elsewhere(name, root)
    if other is not None and not (place / FORMS[name].folder / FORMS[name].first).is_file():
        return _of_another_form(name, other)
    train = _open(name, root, train=True)

    def read_train(positions: np.ndarray, watch: Watch | None = None) -> Tensor:
        return _channels_first(train.data[positions])

    def read_test(watch: Watch | None = None) -> tuple[Tensor, Tensor]:
        test = _open(name, root, train=False)
        return _channels_first(test.data), torch.tensor(test.targets, dtype=torch.int64)

    labels = np.asarray(train.targets, dtype=np.int64)
    return SourceDataset(labels, tuple(train.classes), len(labels) // CLASSES[name], read_train, read_test)


def _of_another_form(name: str, place: Path) -> SourceDataset:
    images, labels = read_file(name, place, "train")

    def read_train(positions: np.ndarray, watch: Watch | None = None) -> Tensor:
        return torch.from_numpy(images[positions])

    def read_test(watch: Watch | None = None) -> tuple[Tensor, Tensor]:
        pixels, truth = read_file(name, place, "test")
        return torch.from_numpy(pixels), torch.from_numpy(truth)

    return SourceDataset(labels, FORMS[name].class_names, len(labels) // CLASSES[name], read_train, read_test)


def _open(name: str, root: Path, train: bool) -> Any:  # noqa: ANN401 (torchvision's data set)
    reader, root = torchvision_class(name), folder_of(name, root)
    folder = root / reader.base_folder
    if not folder.is_dir():
        other = "set LTDD_DATA to the folder that has it"
        raise FileNotFoundError(f"no {name} in {root}: run `{FETCH.format(name=name)}`, or {other}")
    try:
        return reader(root, train=train, download=False)
    except RuntimeError as error:  # torchvision found an absent file or a wrong MD5 and says no more
        raise ValueError(
            f"{folder} is incomplete or altered (a file absent or of wrong MD5): run `{FETCH.format(name=name)}`"
        ) from error


def _channels_first(images: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
