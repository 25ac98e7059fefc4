"""PyTorch's default initial weights, drawn from a generator that is passed in."""

import math

import torch
from torch import nn

__all__ = ["initialise"]


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator, *, residual: bool = False) -> None:
    r"""Fill every parameter and statistic of ``network`` in place, in module order.

    Convolutions and linear layers: weight and bias from :math:`U(-1/\sqrt{f}, 1/\sqrt{f})` with fan-in :math:`f`, which
    is PyTorch's default (Kaiming uniform with :math:`a = \sqrt 5`). Norms: scale 1, shift 0, fresh statistics. A module
    of another kind fills its own parameters and buffers in a method ``initialise(generator)``.

    Args:
        network: its tensors may hold anything, for example fresh from ``to_empty``.
        generator: on the network's device.
        residual: draw convolution weights as torchvision's ResNets do, :math:`N(0, 2 / f_{out})` with fan-out
            :math:`f_{out}` (He et al., arXiv 1502.01852).

    Raises:
        TypeError: a layer with parameters or buffers that is none of these.
    """
    for module in network.modules():
        if callable(own := getattr(module, "initialise", None)):
            own(generator)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            bound = 1 / math.sqrt(module.weight[0].numel())
            if residual and isinstance(module, nn.Conv2d):
                fan_out = module.weight[:, 0].numel()
                module.weight.normal_(0, math.sqrt(2 / fan_out), generator=generator)
            else:
                module.weight.uniform_(-bound, bound, generator=generator)
            if module.bias is not None:
                module.bias.uniform_(-bound, bound, generator=generator)
        elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm):
            module.reset_parameters()  # constants; batch norm's running statistics with them
        elif any(True for tensors in (module.parameters, module.buffers) for _ in tensors(recurse=False)):
            name = type(module).__name__
            raise TypeError(
                f"no initial values are known of {name}; give it a method initialise(generator) that fills it"
            )
