"""A small observer and a small long tail in double precision: what the tests of statistics and of recovery need."""

import itertools
from collections import OrderedDict

import torch
from torch import Tensor, nn

from ltdd_utils.core.seeds import generator

SIDE = 4  # pixels


def observer(name: str = "observer", width: int = 3, classes: int = 3) -> nn.Sequential:
    """Two convolutions, each with BatchNorm, and a linear layer; its running statistics fit no data."""
    layers = OrderedDict(
        first=nn.Conv2d(2, width, 3, padding=1),
        norm1=nn.BatchNorm2d(width),
        relu=nn.ReLU(),
        second=nn.Conv2d(width, 2 * width, 3, padding=1),
        norm2=nn.BatchNorm2d(2 * width),
        flat=nn.Flatten(),
        classifier=nn.Linear(2 * width * SIDE**2, classes),
    )
    network, rng = nn.Sequential(layers).double().eval(), generator(0, name)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(0.3 + torch.rand(tensor.shape, dtype=torch.float64, generator=rng))
        for layer in (network.first, network.second, network.classifier):
            layer.weight.sub_(0.8)  # of both signs
    return network


def inputs(network: nn.Sequential, images: Tensor) -> dict[str, Tensor]:
    """What the BatchNorms and the convolutions get, computed without a hook."""
    first = network.first(images)
    middle = network.relu(network.norm1(first))
    return {"norm1": first, "norm2": network.second(middle), "first": images, "second": middle}


def long_tail(*counts: int, name: str = "images") -> tuple[Tensor, Tensor]:
    """Images of classes with different means and spreads, ``[N, 2, 4, 4]``, and labels ``[N]``, class after class."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    noise = torch.randn(len(labels), 2, SIDE, SIDE, dtype=torch.float64, generator=generator(0, name))
    level = torch.randn(len(labels), 2, 1, 1, dtype=torch.float64, generator=generator(0, name, "levels"))
    scale = 1 + labels[:, None, None, None].double()
    return scale * (noise + level) - 2 * scale, labels


def pooled(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of feature maps ``[B, D, H, W]`` over images and pixels, both ``[D]``."""
    values = maps.transpose(0, 1).flatten(1)
    return values.mean(dim=1), values.var(dim=1, correction=0)


def hooks(network: nn.Module) -> list:
    """The hooks that hang on a network."""
    return [hook for module in network.modules() for hook in module._forward_pre_hooks.values()]


def same_network(network: nn.Module, before: nn.Module) -> bool:
    """Whether nothing of a network differs from its copy: values bit by bit, modes, gradients, hooks."""
    pairs = itertools.zip_longest(network.state_dict().values(), before.state_dict().values())
    switches = zip(network.parameters(), before.parameters(), strict=True)
    return (
        all(torch.equal(mine, theirs) for mine, theirs in pairs)
        and all(mine.requires_grad == theirs.requires_grad and mine.grad is None for mine, theirs in switches)
        and not any(module.training for module in network.modules())
        and not hooks(network)
    )
