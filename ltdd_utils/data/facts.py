"""The one table of data sets, and the scales of a run.

A further data set needs no change here: a file of the user's own calls ``register_dataset``, and the data set then has
every recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from ltdd_utils.core.settings import is_number
from ltdd_utils.core.tables import Table, check_reference

if TYPE_CHECKING:  # these need torch
    from ltdd_utils.data.sources.dataset import Presence, Source, SourceDataset

__all__ = ["DATASETS", "SCALES", "DataSet", "Scale", "dataset_name", "register_dataset", "scale_name", "stand_in"]

Scale = Literal["tiny", "cpu", "paper"]


SCALES: tuple[Scale, ...] = get_args(Scale)
# "tiny" is a data set and a scale. Whoever wants a word for one of them may write these; records keep the first names.
DATASET_WORDS = {"tinyimagenet": "tiny"}
SCALE_WORDS = {"demo": "tiny"}


@dataclass(frozen=True)
class DataSet:
    """All that the package knows of a data set; what belongs to a method alone stands in that method's room.

    References are functions, or text such as "my_package.birds:read", which is imported when it is needed.
    """

    title: str  # of its long tail, in figures
    classes: int
    reader: str | Callable[[Path], SourceDataset]  # from the data root to all train and test images
    scales: tuple[Scale, ...]  # the first one is the default
    imbalance_factor: float  # default; of a standard list: its own, and no other can be asked for
    like: str | None = None  # the data set whose published settings stand in where the papers print none for this one
    depth: int = 3  # blocks of its ConvNet: 3 for 32x32 pixels, 4 for 64x64
    flip: bool = True  # whether a mirrored image is still of its class
    zca: bool = True  # whether the trajectory family whitens it (LTDD: CIFAR and Tiny-ImageNet, not ImageNet)
    padding: int = 4  # pixels, of the crops that train paper 2's observers and teachers at scale paper (its release)
    folder: str | None = None  # of its files, below the data root; None: it has none there, or its source names it
    source: str | Callable[[], Source] | None = None  # where `ltdd data fetch` gets it; None: it cannot be fetched
    presence: str | Callable[[Path], Presence] | None = None  # looks at its files; None: checksums, or its reader does
    by_hand: str = ""  # what a user does who wants what cannot be fetched
    side: int | None = None  # pixels of an image's side; this and the next: for estimates of time
    n_max: int | None = None  # train images of the head class
    profile: Literal["exponential", "list"] = "exponential"  # of its recipes; "list": the data set's standard list

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        for name, least in (("classes", 2), ("depth", 1), ("padding", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name} is {value!r}; it must be a whole number, at least {least}")
        if not (is_number(self.imbalance_factor) and 1 <= self.imbalance_factor < float("inf")):
            raise ValueError(f"imbalance_factor is {self.imbalance_factor!r}; it must be a finite number, at least 1")
        if not isinstance(self.scales, tuple) or not self.scales or not set(self.scales) <= set(SCALES):
            raise ValueError(f"scales is {self.scales!r}; give a tuple of one or more of {', '.join(SCALES)}")
        if self.profile not in ("exponential", "list"):
            raise ValueError(f"profile is {self.profile!r}; choose exponential or list")
        if not isinstance(self.title, str) or not self.title:
            raise ValueError(f"title is {self.title!r}; give the name that stands in figures")
        for name in ("reader", "source", "presence"):
            if getattr(self, name) is not None or name == "reader":
                check_reference(getattr(self, name), name)


_SOURCES = "ltdd_utils.data.sources"
DATASETS: Table[DataSet] = Table(
    "data set",
    DataSet,
    {
        "digits": DataSet(
            "Digits-LT",
            10,
            f"{_SOURCES}.digits:source_dataset",
            ("tiny",),
            imbalance_factor=20,
            side=16,
            n_max=120,
            like="cifar10",
            flip=False,
            padding=2,
            presence=f"{_SOURCES}.digits:presence",
        ),
        "cifar10": DataSet(
            "CIFAR-10-LT",
            10,
            f"{_SOURCES}.cifar:cifar10",
            ("cpu", "paper"),
            imbalance_factor=100,
            side=32,
            n_max=5000,
            source=f"{_SOURCES}.cifar:cifar10_source",
        ),
        "cifar100": DataSet(
            "CIFAR-100-LT",
            100,
            f"{_SOURCES}.cifar:cifar100",
            ("cpu", "paper"),
            imbalance_factor=50,
            side=32,
            n_max=500,
            source=f"{_SOURCES}.cifar:cifar100_source",
        ),
        "tiny": DataSet(
            "Tiny-ImageNet-LT",
            200,
            f"{_SOURCES}.tiny:source_dataset",
            ("cpu", "paper"),
            imbalance_factor=10,
            side=64,
            n_max=500,
            depth=4,
            padding=8,
            source=f"{_SOURCES}.tiny:source",
            presence=f"{_SOURCES}.tiny:presence",
        ),
        "imagenet": DataSet(
            "ImageNet-LT",
            1000,
            f"{_SOURCES}.imagenet:source_dataset",
            ("cpu", "paper"),
            imbalance_factor=10,
            side=64,
            n_max=1300,
            depth=4,
            zca=False,
            padding=8,
            folder="imagenet",
            presence=f"{_SOURCES}.imagenet:presence",
            by_hand="get it at image-net.org, put it below the data folder as imagenet/train and imagenet/val, one "
            "folder a class",
        ),
        "imagenet-224": DataSet(
            "ImageNet-LT, its own list",
            1000,
            f"{_SOURCES}.imagenet:listed_dataset",
            ("paper",),
            imbalance_factor=256,
            profile="list",
            side=224,
            n_max=1280,
            like="imagenet",
            depth=6,
            zca=False,
            padding=28,
            folder="imagenet",
            presence=f"{_SOURCES}.imagenet:listed_presence",
            by_hand="get it at image-net.org, put it below the data folder as imagenet/train and imagenet/val, one "
            "folder a class, with the list ImageNet_LT_train.txt beside them",
        ),
    },
    signs="-.",  # a recipe's name is METHOD_DATASET
)


def dataset_name(text: str) -> str:
    """The name of a data set as records have it; ``tinyimagenet`` is ``tiny``."""
    return text if text in DATASETS else DATASET_WORDS.get(text, text)


def scale_name(text: str) -> str:
    """The name of a scale as records have it; ``demo`` is ``tiny``."""
    return SCALE_WORDS.get(text, text)


def register_dataset(name: str, entry: DataSet) -> None:
    """Add a data set: it then has every recipe, at all its scales.

    Args:
        name: of letters, digits, "-" and ".", since a recipe's name is METHOD_DATASET.
        entry: ``like`` must name a data set that is known.

    Raises:
        ValueError: a name that is taken or invalid, or an entry that does not fit.
    """
    if isinstance(entry, DataSet) and entry.like not in DATASETS:
        known = ", ".join(DATASETS)
        raise ValueError(f"like is {entry.like!r}; data set {name!r} needs one whose settings stand in, of {known}")
    DATASETS.add(name, entry)


def stand_in(dataset: str, published: Collection[str], source: str) -> str:
    """The data set whose published settings a data set has: itself, else the one that it is ``like``, and so on.

    Args:
        dataset: one of ``DATASETS``.
        published: the data sets that ``source`` has settings for.
        source: who published them, for the message.

    Raises:
        ValueError: a data set that neither is in ``published`` nor like one that is.
    """
    name: str | None = dataset
    while name is not None and name not in published:
        name = DATASETS[name].like if name in DATASETS else None
    if name is None:
        raise ValueError(f"{source} has no settings for {dataset!r}; it has {', '.join(sorted(published))}")
    return name
