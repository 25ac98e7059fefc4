"""The same network of operations that ``torch.func`` differentiates and batches, and that a compiler traces."""

import copy
from typing import TypeVar

from torch import nn

from ltdd_utils.networks.blocks import HalvingPool
from ltdd_utils.networks.instance_norm import InstanceNorm

__all__ = ["traceable"]

M = TypeVar("M", bound=nn.Module)


def traceable(network: M) -> M:
    """A copy of a network, the same function to rounding, of PyTorch's own layers alone.

    Those that this package wrote for PyTorch's tape, with derivatives by hand, ``torch.func`` does not know; a compiler
    fuses by itself what they fuse.
    """
    return _replaced(copy.deepcopy(network))


def _replaced(module: M) -> M:
    for name, layer in module.named_children():
        setattr(module, name, _PLAIN.get(type(layer), _replaced)(layer))
    return module


def _norm(layer: InstanceNorm) -> nn.GroupNorm:
    plain = nn.GroupNorm(layer.num_groups, layer.num_channels, layer.eps)
    plain.weight, plain.bias = layer.weight, layer.bias
    return plain


_PLAIN = {InstanceNorm: _norm, HalvingPool: lambda _: nn.AvgPool2d(2), nn.ReLU: lambda _: nn.ReLU()}
