"""A long-tailed data set in memory: the images that the long tail keeps, and the whole balanced test set."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ltdd_utils.core.hashing import tensor_hash
from ltdd_utils.core.progress import Watch
from ltdd_utils.data.lists import list_sha256, read_list
from ltdd_utils.data.longtail import class_prior, label_counts, long_tailed_indices
from ltdd_utils.data.settings import DataConfig, is_own
from ltdd_utils.data.sources import source_dataset
from ltdd_utils.data.sources.dataset import SourceDataset, data_root


@dataclass(frozen=True, eq=False)
class LongTailedData:
    """Train images of a long tail, class by class in label order, and the test set; pixels are uint8."""

    config: DataConfig
    train_images: Tensor  # uint8 [N, Ch, H, W]
    train_labels: Tensor  # int64 [N]
    indices: Tensor  # int64 [N], positions in the full train set
    test_images: Tensor  # uint8 [M, Ch, H, W]
    test_labels: Tensor  # int64 [M]
    class_names: tuple[str, ...]
    counts: tuple[int, ...]  # train images of each class, in label order

    def __repr__(self) -> str:
        """One line: what it is and how much of it."""
        train, sizes = f"{len(self.train_labels)} train", f"{max(self.counts)} to {min(self.counts)} a class"
        form = "x".join(map(str, self.train_images.shape[1:]))
        return (
            f"LongTailedData({self.config.name!r}, {self.classes} classes, {train} ({sizes}) "
            f"and {len(self.test_labels)} test images, {form})"
        )

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.counts)

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return self.train_images.shape[1]

    @property
    def image_size(self) -> int:
        """Side of the square images, in pixels."""
        return self.train_images.shape[2]

    @cached_property
    def prior(self) -> Tensor:
        """Class prior ``n_c / N`` of the train images, float64 ``[C]``."""
        return torch.from_numpy(class_prior(self.counts))

    @cached_property
    def _by_position(self) -> tuple[Tensor, Tensor]:
        """Positions of the train images in ascending order, and their rows, both ``[N]``."""
        return tuple(self.indices.sort(stable=True))

    def rows_of(self, positions: Tensor) -> Tensor:
        """Rows of the train images at ``positions`` ``[n]`` of the full train set; -1 where the tail keeps none."""
        ascending, rows = self._by_position
        positions = positions.to(ascending)
        place = torch.searchsorted(ascending, positions).clamp_max(len(ascending) - 1)
        return torch.where(ascending[place] == positions, rows[place], -1)

    @cached_property
    def sha256(self) -> str:
        """Hash of everything a run can see: train and test pixels, labels, positions, the number of classes."""
        parts = [self.train_images, self.train_labels, self.indices, self.test_images, self.test_labels]
        text = "\n".join([str(self.classes), *(tensor_hash(part) for part in parts)])
        return hashlib.sha256(text.encode()).hexdigest()


def load(config: DataConfig, root: Path | str | None = None, watch: Watch | None = None) -> LongTailedData:
    """The long-tailed data set that ``config`` names, from the folder ``root`` (see ``data_root``).

    The hash of a list of the user's own is filled into the ``config`` of the result: the same file name with other
    positions is another data set. ``watch`` gets ``{"stage", "done", "total"}`` while JPEGs are decoded, and of what is
    not a usual long tail ``{"stage", "note"}``, one line of what was read; decoded images are cached below ``root``.

    Raises:
        FileNotFoundError: the data set, or an image that the long tail needs, is not there.
        ValueError: an unknown data set, damaged files, a list with other positions than its ``list_sha256`` says, or
            settings that do not fit the data.
    """
    root = data_root(root)
    full = source_dataset(config.name, root)
    config, full = with_list(config, full, root)
    indices = kept_positions(config, full)
    labels = full.labels[indices]
    (test_images, test_labels), train_images = _judges(config, full, watch), full.read_train(indices, watch)
    for split, images, count in (("train", train_images, len(labels)), ("test", test_images, len(test_labels))):
        _require_pixels(config.name, split, images, count)
    data = LongTailedData(
        config=config,
        train_images=train_images,
        train_labels=torch.from_numpy(labels),
        indices=torch.from_numpy(indices),
        test_images=test_images,
        test_labels=test_labels,
        class_names=full.class_names,
        counts=tuple(np.bincount(labels, minlength=len(full.class_names)).tolist()),
    )
    if watch is not None and (is_own(config.name) or config.profile != "exponential"):
        watch({"stage": "read images", "note": f"{config.name}: {tally(data.counts, len(test_labels), full.skipped)}"})
    return data


def _judges(config: DataConfig, full: SourceDataset, watch: Watch | None) -> tuple[Tensor, Tensor]:
    """Images and labels that students answer: the test set, or images that the long tail leaves out."""
    if config.judged_on == "test":
        return full.read_test(watch)
    positions = unused_positions(config, full)
    return full.read_train(positions, watch), torch.from_numpy(full.labels[positions])


def tally(counts: Sequence[int], tests: int, skipped: Mapping[str, int]) -> str:
    """How much was read, and what was not, in one line.

    Args:
        counts: train images of each class.
        tests: number of test images.
        skipped: files that were not read, by kind.
    """
    span = f"{max(counts)} to {min(counts)} a class" if max(counts) != min(counts) else f"{max(counts)} a class"
    kinds = ", ".join(
        f"{kind} {count}" for kind, count in sorted(skipped.items(), key=lambda item: (-item[1], item[0]))
    )
    left_out = f"; skipped {sum(skipped.values())} files ({kinds})" if skipped else ""
    return f"{sum(counts)} train ({span}), {tests} test{left_out}"


def _require_pixels(name: str, split: str, images: Tensor, count: int) -> None:
    """Raise unless a reader gave pixels as all that follows takes them."""
    form = f"{images.dtype} {list(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        what = f"the reader of {name!r} gives {split} images as {form}"
        raise ValueError(f"{what}; give a torch.uint8 tensor of pixels, 0 to 255, [N, channels, height, width]")
    if images.dim() != 4 or len(images) != count or images.shape[2] != images.shape[3]:
        what = f"the reader of {name!r} gives {split} images {list(images.shape)} for {count} labels"
        raise ValueError(f"{what}; give [{count}, channels, side, side]")


def with_list(config: DataConfig, full: SourceDataset, root: Path) -> tuple[DataConfig, SourceDataset]:
    """The settings with the hash of their list, and the full data set with that list in the place of its standard one.

    Raises:
        FileNotFoundError: the list is not there.
        ValueError: the list does not fit, or is not the one of the settings.
    """
    if config.list_file is None:
        return config, full
    path = root / Path(config.list_file).expanduser()
    positions = read_list(path, full.labels, full.class_names)
    found = list_sha256(positions)
    if config.list_sha256 not in (None, found):
        what = (
            f"{path} holds other positions ({found[:12]}) than the list_sha256 of the settings ({config.list_sha256})"
        )
        raise ValueError(f"{what}: restore the file, or leave list_sha256 out for a new data set")
    return replace(config, list_sha256=found), replace(full, listed=lambda: positions)


def kept_positions(config: DataConfig, full: SourceDataset) -> np.ndarray:
    """Positions in the full train set that the profile keeps, class by class in label order, int64 ``[N]``.

    Raises:
        ValueError: a class without an image, a count above a class's size, or a list that the data set does not have.
    """
    sizes = np.bincount(full.labels, minlength=len(full.class_names))
    if sizes.min() < 1:
        empty = full.class_names[sizes.argmin()]
        raise ValueError(f"class {empty!r} of {config.name} has no train image: add some, or remove the class")
    if config.profile == "exponential":
        return long_tailed_indices(full.labels, _counts(config, full, sizes), config.index_list, config.subset_seed)
    positions = np.arange(len(full.labels), dtype=np.int64)
    if config.profile == "list":
        if full.listed is None:
            raise ValueError(
                f"{config.name} has no standard list file: use profile='exponential' or 'natural', or name a file of "
                "positions with list_file"
            )
        positions = full.listed()
    return positions[np.argsort(full.labels[positions], kind="stable")]


def unused_positions(config: DataConfig, full: SourceDataset) -> np.ndarray:
    """Positions in the full train set of a balanced part that the long tail leaves out, int64 ``[C x n]``.

    The index list's rule puts the images of each class in an order and keeps the first; these are the last, n of each
    class, where n is what the class with the fewest left has. One class's images are thus the same at every imbalance
    factor that leaves as many.

    Raises:
        ValueError: a class of which the long tail keeps all images.
    """
    sizes = np.bincount(full.labels, minlength=len(full.class_names))
    counts = _counts(config, full, sizes)
    left = int((sizes - counts).min())
    if left < 1:
        used = int(np.argmin(sizes - counts))
        raise ValueError(
            f"the long tail keeps all {sizes[used]} images of class {full.class_names[used]!r}, and none is left to be "
            f"judged on: lower n_max, now {max(counts)}, for example --set data.n_max={max(counts) * 4 // 5}"
        )
    ordered = long_tailed_indices(full.labels, sizes.tolist(), config.index_list, config.subset_seed)
    ends = np.cumsum(sizes)
    return np.concatenate([ordered[end - left : end] for end in ends])


def _counts(config: DataConfig, full: SourceDataset, sizes: np.ndarray) -> list[int]:
    """Images of each class that the exponential profile keeps, in label order."""
    counts = label_counts(config, len(sizes), full.n_max)
    return np.minimum(counts, sizes).tolist() if full.takes_all else counts
