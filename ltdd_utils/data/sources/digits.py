"""Digits: scikit-learn's 1,797 scans of handwritten digits, which come with the package."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.data.sources.dataset import Presence, SourceDataset

N_MAX = 120  # images of the head class; every class keeps at least 124 for training
TEST_PER_CLASS = 50
TEST_SEED = 0  # of the test split, one for all runs
SIZE = 16  # pixels, from 8


def presence(root: Path) -> Presence:
    """They are always there."""
    return Presence("present: part of scikit-learn")


def source_dataset(root: Path | None = None) -> SourceDataset:
    """Digits, 16x16, one channel: 50 test images a class (drawn once, fixed), the rest to train; no file of ``root``.

    The 8x8 scans, values 0..16, are enlarged bilinearly (strokes stay smooth; copying pixels would make stairs) and
    scaled to 0..255. Train images keep scikit-learn's order.
    """
    from sklearn.datasets import load_digits  # slow to import, and needed here alone

    scans = load_digits()
    labels = scans.target.astype(np.int64)
    drawn = np.random.RandomState(TEST_SEED)
    picks = [drawn.choice(np.flatnonzero(labels == c), TEST_PER_CLASS, replace=False) for c in range(10)]
    test = np.sort(np.concatenate(picks))
    train = np.setdiff1d(np.arange(len(labels)), test)

    def read_train(positions: np.ndarray, watch: Watch | None = None) -> Tensor:
        return _enlarge(scans.images[train[positions]])

    def read_test(watch: Watch | None = None) -> tuple[Tensor, Tensor]:
        return _enlarge(scans.images[test]), torch.from_numpy(labels[test])

    return SourceDataset(labels[train], tuple("0123456789"), N_MAX, read_train, read_test)


def _enlarge(scans: np.ndarray) -> Tensor:
    """Scans ``[N, 8, 8]``, 0..16, as uint8 ``[N, 1, 16, 16]``."""
    images = torch.from_numpy(scans).double().unsqueeze(1) * (255 / 16)
    return F.interpolate(images, size=(SIZE, SIZE), mode="bilinear", align_corners=False).round().to(torch.uint8)
