"""A network's weights as one flat vector, and the named slices of it that methods speak of."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ltdd_utils.core.hashing import tensor_hash
from ltdd_utils.networks.network import Network

__all__ = ["Apply", "Layout", "Part", "flat_parameters", "state_hash"]

Part = Literal["all", "backbone", "classifier"]
Apply = Callable[[Tensor, Tensor], Tensor]
"""``apply(flat, images)`` are the logits ``[B, C]`` of the network with the weights ``flat`` ``[P]``."""


def flat_parameters(network: nn.Module) -> Tensor:
    """A copy of all parameters, one after the other in the network's order, ``[P]`` (no alias, on CPU neither)."""
    return torch.cat([parameter.detach().reshape(-1) for parameter in network.parameters()])


def state_hash(network: nn.Module) -> str:
    """SHA-256 of a network's weights and buffers: which network it is, not which architecture."""
    parts = (f"{name}{tensor_hash(tensor.cpu()[None])}" for name, tensor in network.state_dict().items())
    return hashlib.sha256("".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Layout:
    """The position of each parameter of a network in the flat vector: backbone first, then the classifier."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    backbone: int  # parameters of the backbone

    @classmethod
    def of(cls, network: Network) -> "Layout":
        """The layout of a network with a backbone and one classifier.

        Raises:
            ValueError: further heads, or batch norm: its running statistics are not parameters, and no step of a
                trajectory would keep them.
        """
        named = [(name, tuple(parameter.shape)) for name, parameter in network.named_parameters()]
        names = tuple(name for name, _ in named)
        heads = [name for name in names if name.split(".")[0] not in ("backbone", "classifier")]
        if heads:
            raise ValueError(f"the network has the head {heads[0]!r}; trajectories know a backbone and one classifier")
        statistics = next(iter(dict(network.named_buffers())), None)
        if statistics is not None:
            raise ValueError(f"the network keeps statistics ({statistics}); set its norm to 'instance' or 'none'")
        inside = sum(math.prod(shape) for name, shape in named if name.startswith("backbone."))
        return cls(names, tuple(shape for _, shape in named), inside)

    @property
    def size(self) -> int:
        """Parameters in all, P."""
        return sum(map(math.prod, self.shapes))

    def part(self, name: Part) -> slice:
        """The slice of the flat vector that holds a part of the network.

        Raises:
            ValueError: an unknown part.
        """
        slices = {
            "all": slice(0, self.size),
            "backbone": slice(0, self.backbone),
            "classifier": slice(self.backbone, self.size),
        }
        if name not in slices:
            raise ValueError(f"unknown part {name!r}; choose one of {', '.join(slices)}")
        return slices[name]

    def split(self, flat: Tensor) -> dict[str, Tensor]:
        """The parameters by name, as views of ``flat`` ``[P]``.

        Raises:
            ValueError: another number of parameters.
        """
        if flat.shape != (self.size,):
            raise ValueError(f"the weights have shape {list(flat.shape)}; this network needs [{self.size}]")
        parts = flat.split([math.prod(shape) for shape in self.shapes])
        return {name: part.view(shape) for name, part, shape in zip(self.names, parts, self.shapes, strict=True)}

    def apply(self, network: Network) -> Apply:
        """The network as a function of flat weights and images: its own weights are neither read nor changed."""
        return lambda flat, images: functional_call(network, self.split(flat), (images,))

    def features(self, network: Network) -> Apply:
        """The backbone alone: features ``[B, F]`` for flat weights ``[P]`` (those of the classifier are not read)."""
        prefix = "backbone."

        def apply(flat: Tensor, images: Tensor) -> Tensor:
            weights = {
                name.removeprefix(prefix): part for name, part in self.split(flat).items() if name.startswith(prefix)
            }
            return functional_call(network.backbone, weights, (images,))

        return apply

    def load(self, network: Network, flat: Tensor) -> Network:
        """The same network object, now with the weights ``flat`` ``[P]`` (copied)."""
        network.load_state_dict(self.split(flat))
        return network
