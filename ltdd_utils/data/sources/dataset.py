"""The result of every reader of a data set: the labels of the full train set, and pixels on demand."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from ltdd_utils.core.paths import ROOT
from ltdd_utils.core.progress import Watch

FETCH = "ltdd data fetch {name}"  # the command that an error message offers


@dataclass(frozen=True, eq=False)
class SourceDataset:
    """The full train set, from which a long tail is drawn, and the balanced test set.

    Raises:
        ValueError: labels that are no int64 array, or that the names of the classes do not cover.
    """

    labels: np.ndarray  # int64, of the full train set in data-set order; positions in it are what index lists hold
    class_names: tuple[str, ...]
    n_max: int  # images of the head class of an exponential long tail
    read_train: Callable[[np.ndarray, Watch | None], Tensor]  # positions [N] -> uint8 [N, Ch, H, W]
    read_test: Callable[[Watch | None], tuple[Tensor, Tensor]]  # uint8 [M, Ch, H, W], int64 [M]
    listed: Callable[[], np.ndarray] | None = None  # positions that the data set's standard long-tailed list names
    takes_all: bool = False  # a class with fewer images than its count gives all it has, instead of an error
    skipped: Mapping[str, int] = field(default_factory=dict)  # files of the user's own that are not read, by kind

    def __post_init__(self) -> None:
        """Refuse labels that do not fit."""
        labels = self.labels
        if not isinstance(labels, np.ndarray) or labels.dtype != np.int64 or labels.ndim != 1:
            shown = getattr(labels, "dtype", type(labels).__name__)
            raise ValueError(f"labels are {shown}; a reader gives a numpy array of int64, one label per train image")
        if len(labels) and not (labels.min() >= 0 and labels.max() < len(self.class_names)):
            found, names = f"from {labels.min()} to {labels.max()}", len(self.class_names)
            raise ValueError(f"labels go {found}, but {names} classes have a name; give labels from 0 to {names - 1}")


@dataclass(frozen=True)
class Source:
    """Where a data set comes from, and how its files are known."""

    url: str
    md5: str  # of the archive
    folder: str  # below the data root; also the folder in the archive
    files: dict[str, str]  # MD5 of each file in the folder; empty: the archive's MD5 is all there is
    size: int  # of the archive, in bytes
    other_names: tuple[str, ...] = ()  # under which other programs keep the same archive
    elsewhere: Callable[[Path], str | None] | None = None  # in words: the same data in another form, checked

    @property
    def archive(self) -> str:
        """Name of the archive."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Presence:
    """The files of a data set on this machine, if they are right."""

    words: str
    whole: bool = True  # False: some images are absent, which not every long tail needs


def data_root(root: Path | str | None = None) -> Path:
    """The folder of the data sets: ``root``, else ``$LTDD_DATA``, else ``data/`` of the repository.

    Where the package is installed without its repository, ``data/`` of the working folder takes its place.
    """
    if root is None:
        root = os.environ.get("LTDD_DATA") or None
    if root is None:
        root = (ROOT if (ROOT / "pyproject.toml").is_file() else Path.cwd()) / "data"
    return Path(root).expanduser()
