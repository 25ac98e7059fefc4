"""Readers of the data sets, and what is present, fetched and verified on this machine."""

from pathlib import Path

from ltdd_utils.core.hints import did_you_mean
from ltdd_utils.core.tables import resolve
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.settings import OWN, is_own
from ltdd_utils.data.sources import own
from ltdd_utils.data.sources.dataset import Presence, Source, SourceDataset, data_root
from ltdd_utils.data.sources.downloads import fetch, status, verify

__all__ = ["Presence", "Source", "SourceDataset", "data_root", "fetch", "source_dataset", "status", "verify"]


def source_dataset(name: str, root: Path) -> SourceDataset:
    """The full data set ``name`` below ``root``: one of ``DATASETS``, or ``folder:PATH`` with the user's own images.

    Raises:
        ValueError: an unknown name, or damaged files.
        FileNotFoundError: the data set is not there.
    """
    if name in DATASETS:
        return resolve(DATASETS[name].reader)(root)
    if is_own(name):
        return own.source_dataset(name.removeprefix(OWN), root)
    near = own.near(name, root)
    hint = f" (did you mean {OWN}{near}?)" if near else did_you_mean(name, DATASETS)
    raise ValueError(f"data set {name!r} is unknown{hint}: use {', '.join(DATASETS)} or folder:PATH")
