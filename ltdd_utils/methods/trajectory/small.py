"""Experts on few images: batches small enough that an epoch moves them.

An epoch is what a trajectory is counted in, and on a handful of images it is one step: the student, which takes ten or
twenty between two snapshots, overshoots its target many times, the matching loss is divided by next to nothing, and
images and step size explode. On CIFAR-10-LT an epoch has 49 steps, on Digits-LT 16.
"""

import warnings
from dataclasses import replace
from typing import Any

from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.settings import is_own
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig

__all__ = ["for_images"]

LEAST, WANTED = 8, 16  # steps in an epoch: with fewer than the first batches get smaller, until there are the second
BATCH = "experts.train.batch_size"


def for_images(cfg: TrajectoryConfig, data: LongTailedData) -> tuple[TrajectoryConfig, dict[str, Any]]:
    """The settings for the images that there are, and what is other than asked for, by name.

    Experts with a batch above the number of images get one that makes ``WANTED`` steps an epoch; of data of the user's
    own also where an epoch has fewer than ``LEAST``. Settings of built-in data sets stay as they are otherwise.
    """
    count, usual = len(data.train_labels), cfg.experts.train.batch_size
    few = count < usual or (is_own(data.config.name) and -(-count // usual) < LEAST)
    batch = max(count // WANTED, 1)
    if not few or batch >= usual:
        return cfg, {}
    warnings.warn(
        f"{count} images are {_steps(count, usual)} of {usual} in an epoch, which hardly move an expert: experts train "
        f"in batches of {batch}, {_steps(count, batch)} an epoch",
        stacklevel=2,
    )
    train = replace(cfg.experts.train, batch_size=batch)
    return replace(cfg, experts=replace(cfg.experts, train=train)), {BATCH: batch}


def _steps(count: int, batch: int) -> str:
    steps = -(-count // batch)
    return f"{steps} step{'s' * (steps != 1)}"
