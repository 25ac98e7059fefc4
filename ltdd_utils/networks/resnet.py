"""Residual backbones: ResNet-32 and ResNet-18 for small images, ResNet-50 and ResNeXt-50 from torchvision."""

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.networks.blocks import normaliser, require_size
from ltdd_utils.networks.settings import NetworkConfig

__all__ = ["resnet18", "resnet32", "torchvision_resnet"]


def resnet32(cfg: NetworkConfig, image_size: int, channels: int) -> nn.Sequential:
    """ResNet-32 of the CIFAR type (He et al., arXiv 1512.03385, section 4.2): three stages of five basic blocks.

    Its shortcuts have no weights (option A). The first stage has 64 channels by default, four times the original, as in
    GLMC and in the uni-level paper's observer; ``width=16`` gives the original.

    Raises:
        ValueError: images so small that the last instance norm would see a single pixel.
    """
    if cfg.norm == "instance":
        require_size(cfg, image_size, 5, "set norm to 'batch'")
    return _residual(cfg, channels, stages=3, blocks=5, shortcut=PaddedShortcut)


def resnet18(cfg: NetworkConfig, image_size: int, channels: int) -> nn.Sequential:
    """ResNet-18 for small images: a 3x3 stem without pooling, four stages of two basic blocks, shortcuts of 1x1.

    The first stage has 64 channels by default (He et al., arXiv 1512.03385).

    Raises:
        ValueError: images so small that the last instance norm would see a single pixel.
    """
    if cfg.norm == "instance":
        require_size(cfg, image_size, 9, "set norm to 'batch'")
    return _residual(cfg, channels, stages=4, blocks=2, shortcut=partial(_convolved_shortcut, cfg.norm))


def torchvision_resnet(cfg: NetworkConfig, image_size: int, channels: int) -> nn.Module:
    """ResNet-50 or ResNeXt-50-32x4d of torchvision, without weights and without the last layer; features ``[B, 2048]``.

    Raises:
        ValueError: a width, or images so small that the last instance norm would see a single pixel.
    """
    if cfg.width not in (None, 64):
        raise ValueError(f"width of {cfg.name} is {cfg.width}; torchvision's network has a fixed width, leave it out")
    if cfg.norm == "instance":
        require_size(cfg, image_size, 33, "set norm to 'batch'")
    # Imported here: torchvision takes a second to load, and only these two networks need it.
    from torchvision import models

    make = models.resnet50 if cfg.name == "resnet50" else models.resnext50_32x4d
    network = make(weights=None, norm_layer=partial(normaliser, cfg.norm))
    if channels != network.conv1.in_channels:
        network.conv1 = nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
    network.fc = nn.Identity()
    return network


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with norms around a shortcut; the first may halve the map."""

    def __init__(self, norm: str, inputs: int, outputs: int, stride: int, shortcut: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            normaliser(norm, outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            normaliser(norm, outputs),
        )
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``[B, inputs, H, W]`` to ``[B, outputs, H/stride, W/stride]``."""
        return F.relu(self.body(x) + self.shortcut(x))


class PaddedShortcut(nn.Module):
    """Option A: every second pixel, and new channels of zeros, half of them on either side."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        before = (outputs - inputs) // 2
        self.stride, self.padding = stride, (before, outputs - inputs - before)

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``[B, inputs, H, W]`` to ``[B, outputs, H/stride, W/stride]``."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, *self.padding))


def _convolved_shortcut(norm: str, inputs: int, outputs: int, stride: int) -> nn.Module:
    """Option B: a 1x1 convolution with a norm."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), normaliser(norm, outputs))


def _residual(
    cfg: NetworkConfig, channels: int, stages: int, blocks: int, shortcut: Callable[[int, int, int], nn.Module]
) -> nn.Sequential:
    """A 3x3 stem, stages of basic blocks that halve the map and double the channels, and the mean over pixels."""
    inputs = cfg.width or 64
    stem = nn.Conv2d(channels, inputs, 3, padding=1, bias=False)
    layers: list[nn.Module] = [stem, normaliser(cfg.norm, inputs), nn.ReLU(inplace=True)]
    for stage in range(stages):
        outputs = (cfg.width or 64) * 2**stage
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            skip = nn.Identity() if stride == 1 and inputs == outputs else shortcut(inputs, outputs, stride)
            layers.append(BasicBlock(cfg.norm, inputs, outputs, stride, skip))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
