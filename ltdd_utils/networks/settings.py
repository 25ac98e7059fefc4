"""Settings of a network, and the one table of architectures.

A further architecture needs no change here: a file of the user's own calls ``register_network``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from ltdd_utils.core.settings import at_least, check_types, choice
from ltdd_utils.core.tables import Table, check_reference

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ARCHITECTURES", "Architecture", "NetworkConfig", "register_network"]

Norm = Literal["instance", "batch", "none"]


@dataclass(frozen=True)
class NetworkConfig:
    """An architecture; its input size and number of classes come from the data."""

    name: str = "convnet"  # one of ``ARCHITECTURES``
    depth: int = 3  # blocks of a ConvNet: 3 for 32x32 pixels, 4 for 64x64
    width: int | None = None  # channels of the first block; None: as published (ConvNet 128, ResNet-32 and -18 64)
    norm: Norm = "instance"
    second_head: bool = False  # a second linear layer, the one used at inference (uni-level experts)
    projection: int = 0  # features of the projection and prediction layers; 0: none

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "name", ARCHITECTURES)
        choice(self, "norm")
        at_least(self, depth=1, width=1, projection=0)

    @property
    def label(self) -> str:
        """The name under which published tables have it: with the depth where it has one (``convnet-d3``)."""
        return f"{self.name}-d{self.depth}" if ARCHITECTURES[self.name].has_depth else self.name


@dataclass(frozen=True)
class Architecture:
    """All that the package knows of an architecture."""

    backbone: (
        str | Callable[[NetworkConfig, int, int], nn.Module]
    )  # (settings, image size, channels) -> images to [B, D]
    norm: Norm  # of a student
    narrow: int | None  # channels of the first block at a reduced scale; None: the architecture has one width
    source: str = ""  # who uses it
    width: int | None = None  # as published, written out in recipes and kept at scale cpu; None: the backbone's own
    has_depth: bool = False  # whether the backbone reads ``NetworkConfig.depth``
    compared: bool = False  # whether published tables of students across architectures have it
    residual: bool = False  # initial weights of convolutions are drawn as torchvision's ResNets do
    projection: int = 128  # features of the projection under the debiased losses (uni-level release)

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_reference(self.backbone, "backbone")
        if self.norm not in get_args(Norm):
            raise ValueError(f"norm is {self.norm!r}; choose one of {', '.join(get_args(Norm))}")
        at_least(self, narrow=1, width=1, projection=1)


_ROOM = "ltdd_utils.networks"
ARCHITECTURES: Table[Architecture] = Table(
    "network",
    Architecture,
    {
        "convnet": Architecture(
            f"{_ROOM}.plain:convnet", "instance", 32, "both papers' student; width 128", width=128, has_depth=True
        ),
        "vgg11": Architecture(
            f"{_ROOM}.plain:vgg11",
            "instance",
            16,
            "cross-architecture tables of the trajectory family (MTT, DATM, LTDD)",
            compared=True,
        ),
        "resnet18": Architecture(
            f"{_ROOM}.resnet:resnet18", "instance", 16, "the same; stem of 3x3", compared=True, projection=256
        ),
        "alexnet": Architecture(f"{_ROOM}.plain:alexnet", "none", 32, "the same; AlexNet has no norm", compared=True),
        "resnet32": Architecture(
            f"{_ROOM}.resnet:resnet32", "batch", 16, "GLMC and the uni-level release: base width 64"
        ),
        "resnet50": Architecture(
            f"{_ROOM}.resnet:torchvision_resnet", "batch", None, "torchvision's; ImageNet-LT", residual=True
        ),
        "resnext50": Architecture(
            f"{_ROOM}.resnet:torchvision_resnet",
            "batch",
            None,
            "torchvision's; the uni-level release on ImageNet-LT",
            residual=True,
        ),
    },
)


def register_network(name: str, entry: Architecture) -> None:
    """Add an architecture: students, teachers, observers and experts may then have its name.

    Args:
        name: of letters, digits, "-", "." and "_".
        entry: its ``backbone`` is built on the meta device; a layer of its own that holds parameters or buffers fills
            them in a method ``initialise(generator)``, see ``networks.initialise``.

    Raises:
        ValueError: a name that is taken or invalid, or an entry that does not fit.
    """
    ARCHITECTURES.add(name, entry)
