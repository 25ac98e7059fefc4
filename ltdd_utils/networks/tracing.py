"""The same network of operations that a compiler traces, and that ``torch.func`` differentiates and batches."""

import copy
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.networks.blocks import HalvingPool
from ltdd_utils.networks.instance_norm import InstanceNorm

__all__ = ["traceable"]

M = TypeVar("M", bound=nn.Module)
FEW = 8  # input channels below which a convolution is a matrix product of patches


def traceable(network: M) -> M:
    """A copy of a network, the same function to rounding, with plain operations instead of hand-written derivatives.

    Layers that this package wrote for PyTorch's tape have no place in a traced graph, where the compiler fuses what
    they fused by hand. A convolution of few channels becomes a matrix product: PyTorch's kernel for three channels
    takes two to three times as long on a CPU.
    """
    return _replaced(copy.deepcopy(network))


def _replaced(module: M) -> M:
    for name, layer in module.named_children():
        setattr(module, name, _TRACEABLE.get(type(layer), _replaced)(layer))
    return module


def _norm(layer: InstanceNorm) -> nn.Module:
    plain = nn.GroupNorm(layer.num_groups, layer.num_channels, layer.eps)
    plain.weight, plain.bias = layer.weight, layer.bias
    return plain


def _pool(_: HalvingPool) -> nn.Module:
    return _Halving()


def _convolution(layer: nn.Conv2d) -> nn.Module:
    (side, *_), padding = layer.kernel_size, layer.padding
    plain = layer.kernel_size == (side, side) and padding == (side // 2, side // 2) and side % 2
    if layer.in_channels >= FEW or not plain or layer.stride != (1, 1) or layer.groups > 1 or layer.dilation != (1, 1):
        return layer
    found = _FewChannels(layer.in_channels, layer.out_channels, side, padding=padding, bias=layer.bias is not None)
    found.weight, found.bias = layer.weight, layer.bias
    return found


class _Halving(nn.Module):
    """The mean of each 2x2 pixels; an odd last row or column is left out."""

    def forward(self, maps: Tensor) -> Tensor:
        height, width = (side - side % 2 for side in maps.shape[-2:])
        rows = maps[..., 0:height:2, :width] + maps[..., 1:height:2, :width]
        return (rows[..., 0::2] + rows[..., 1::2]) * 0.25


class _FewChannels(nn.Conv2d):
    """A convolution that keeps the size, as a product of its weights and the patches of the images."""

    def forward(self, maps: Tensor) -> Tensor:
        images, _, height, width = maps.shape
        side = self.kernel_size[0]
        wide = F.pad(maps, (side // 2,) * 4)
        shifts = [wide[..., i : i + height, j : j + width] for i in range(side) for j in range(side)]
        patches = torch.stack(shifts, dim=2).view(images, -1, height * width)
        out = torch.bmm(self.weight.flatten(1).expand(images, -1, -1), patches).view(images, -1, height, width)
        return out if self.bias is None else out + self.bias[:, None, None]


_TRACEABLE = {InstanceNorm: _norm, HalvingPool: _pool, nn.Conv2d: _convolution, nn.ReLU: lambda _: nn.ReLU()}
