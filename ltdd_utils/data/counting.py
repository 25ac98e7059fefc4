"""The number of images of each class that a run will train on, from labels alone: no picture is opened."""

import warnings
from pathlib import Path

import numpy as np

from ltdd_utils.data.long_tailed import kept_positions, with_list
from ltdd_utils.data.settings import OWN, DataConfig, is_own
from ltdd_utils.data.sources import own, source_dataset
from ltdd_utils.data.sources.dataset import data_root

__all__ = ["counted"]


def counted(config: DataConfig, root: Path | str | None = None) -> tuple[int, ...]:
    """Train images of each class in label order, as ``load`` would keep them; what reading warns of is left to it.

    Args:
        config: of the data.
        root: folder of the data sets (see ``data_root``).

    Raises:
        FileNotFoundError: the data set is not there.
        ValueError: as ``load``, apart from what only the pictures show.
    """
    root = data_root(root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        if is_own(config.name):
            full = own.labels_alone(config.name.removeprefix(OWN), root)
        else:
            full = source_dataset(config.name, root)
        config, full = with_list(config, full, root)
        labels = full.labels[kept_positions(config, full)]
    return tuple(np.bincount(labels, minlength=len(full.class_names)).tolist())
