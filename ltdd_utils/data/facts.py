"""The data sets that the recipes know, and the scales of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["DATASETS", "SCALES", "DataSetFacts", "Scale"]

Scale = Literal["tiny", "cpu", "paper"]


SCALES: tuple[Scale, ...] = ("tiny", "cpu", "paper")


@dataclass(frozen=True)
class DataSetFacts:
    """What the recipes need to know of a data set."""

    classes: int
    depth: int  # of its ConvNet
    imbalance_factor: float  # default
    scales: tuple[Scale, ...]  # the first one is the default
    flip: bool = True  # whether a mirrored image is still of its class
    zca: bool = True  # LTDD whitens CIFAR and Tiny-ImageNet, not ImageNet
    padding: int = 4  # pixels, of the crops that train paper 2's observers and teachers at scale paper (its release)


DATASETS: Mapping[str, DataSetFacts] = {
    "digits": DataSetFacts(10, depth=3, imbalance_factor=20, scales=("tiny",), flip=False),
    "cifar10": DataSetFacts(10, depth=3, imbalance_factor=100, scales=("cpu", "paper")),
    "cifar100": DataSetFacts(100, depth=3, imbalance_factor=50, scales=("cpu", "paper")),
    "tiny": DataSetFacts(200, depth=4, imbalance_factor=10, scales=("cpu", "paper"), padding=8),
    "imagenet": DataSetFacts(1000, depth=4, imbalance_factor=10, scales=("cpu", "paper"), zca=False, padding=8),
}
