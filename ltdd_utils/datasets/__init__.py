"""Readers of the data sets, and what is present, fetched and verified on this machine."""

from pathlib import Path

from ltdd_utils.datasets import cifar, digits, folders
from ltdd_utils.datasets.downloads import NAMES, fetch, status, verify
from ltdd_utils.datasets.population import Population, data_root

__all__ = ["NAMES", "Population", "data_root", "fetch", "population", "status", "verify"]


def population(name: str, root: Path) -> Population:
    """The full data set ``name`` below ``root``: one of ``NAMES``, or ``folder:PATH`` with the user's own images.

    Raises:
        ValueError: an unknown name, or damaged files.
        FileNotFoundError: the data set is not there.
    """
    if name == "digits":
        return digits.population()
    if name in cifar.CLASSES:
        return cifar.population(name, root)
    if name == "tiny":
        return folders.tiny(root)
    if name == "imagenet":
        return folders.imagenet(root)
    if name.startswith("folder:"):
        return folders.own(name.removeprefix("folder:"), root)
    raise ValueError(f"data set {name!r} is unknown: use {', '.join(NAMES)} or folder:PATH")
