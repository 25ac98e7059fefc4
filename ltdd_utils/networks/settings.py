"""Settings of a network, and the table of architectures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ltdd_utils.core.settings import at_least, check_types, choice

__all__ = ["ARCHITECTURES", "Architecture", "NetworkConfig"]


@dataclass(frozen=True)
class NetworkConfig:
    """An architecture; its input size and number of classes come from the data."""

    name: Literal["convnet", "resnet32", "resnet18", "vgg11", "alexnet", "resnet50", "resnext50"] = "convnet"
    depth: int = 3  # blocks of a ConvNet: 3 for 32x32 pixels, 4 for 64x64
    width: int | None = None  # channels of the first block; None: as published (ConvNet 128, ResNet-32 and -18 64)
    norm: Literal["instance", "batch", "none"] = "instance"
    second_head: bool = False  # a second linear layer, the one used at inference (uni-level experts)
    projection: int = 0  # features of the projection and prediction layers; 0: none

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "name")
        choice(self, "norm")
        at_least(self, depth=1, width=1, projection=0)


@dataclass(frozen=True)
class Architecture:
    """How a student of this architecture is built."""

    norm: Literal["instance", "batch", "none"]
    narrow: int | None  # channels of the first block at a reduced scale; None: the architecture has one width
    source: str


ARCHITECTURES: Mapping[str, Architecture] = {
    "convnet": Architecture("instance", 32, "both papers' student; width 128"),
    "vgg11": Architecture("instance", 16, "cross-architecture tables of the trajectory family (MTT, DATM, LTDD)"),
    "resnet18": Architecture("instance", 16, "the same; stem of 3x3"),
    "alexnet": Architecture("none", 32, "the same; AlexNet has no norm"),
    "resnet32": Architecture("batch", 16, "GLMC and the uni-level release: base width 64"),
    "resnet50": Architecture("batch", None, "torchvision's; ImageNet-LT"),
    "resnext50": Architecture("batch", None, "torchvision's; the uni-level release on ImageNet-LT"),
}
