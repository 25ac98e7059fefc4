"""Readers of the data sets, and what is present, fetched and verified on this machine."""

from pathlib import Path

from ltdd_utils.data.sources import cifar, digits, folders
from ltdd_utils.data.sources.dataset import SourceDataset, data_root
from ltdd_utils.data.sources.downloads import NAMES, fetch, status, verify

__all__ = ["NAMES", "SourceDataset", "data_root", "fetch", "source_dataset", "status", "verify"]


def source_dataset(name: str, root: Path) -> SourceDataset:
    """The full data set ``name`` below ``root``: one of ``NAMES``, or ``folder:PATH`` with the user's own images.

    Raises:
        ValueError: an unknown name, or damaged files.
        FileNotFoundError: the data set is not there.
    """
    if name == "digits":
        return digits.source_dataset()
    if name in cifar.CLASSES:
        return cifar.source_dataset(name, root)
    if name == "tiny":
        return folders.tiny(root)
    if name == "imagenet":
        return folders.imagenet(root)
    if name.startswith("folder:"):
        return folders.own(name.removeprefix("folder:"), root)
    raise ValueError(f"data set {name!r} is unknown: use {', '.join(NAMES)} or folder:PATH")
