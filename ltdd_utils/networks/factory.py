"""A network from its settings and a generator."""

import torch
from torch import nn

from ltdd_utils.networks.initialise import initialise
from ltdd_utils.networks.network import Network
from ltdd_utils.networks.plain import alexnet, convnet, vgg11
from ltdd_utils.networks.resnet import resnet18, resnet32, torchvision_resnet
from ltdd_utils.networks.settings import NetworkConfig

__all__ = ["build"]

BACKBONES = {
    "convnet": convnet,
    "resnet32": resnet32,
    "resnet18": resnet18,
    "vgg11": vgg11,
    "alexnet": alexnet,
    "resnet50": torchvision_resnet,
    "resnext50": torchvision_resnet,
}


def build(cfg: NetworkConfig, classes: int, image_size: int, channels: int, generator: torch.Generator) -> Network:
    """A freshly initialised network on the CPU, in training mode; the same generator state gives the same weights.

    Every weight is drawn from ``generator``; the global random state is neither read nor moved.

    Args:
        cfg: architecture, width, norm and heads.
        classes: C, outputs of the classifier.
        image_size: H = W, pixels.
        channels: of the images, 3 or 1.
        generator: on the CPU.

    Returns:
        A network whose parameters are the backbone's, then the classifier's weight and bias, then those of
        further heads.

    Raises:
        ValueError: an unknown name, a setting that the architecture does not have, or images too small for it.
    """
    if cfg.name not in BACKBONES:
        raise ValueError(f"network {cfg.name!r} is unknown; choose one of {', '.join(BACKBONES)}")
    for name, value in (("classes", classes), ("image_size", image_size), ("channels", channels)):
        if value < 1:
            raise ValueError(f"{name} is {value}; a network needs at least 1")
    with torch.device("meta"):  # shapes alone: PyTorch's own initialisation would draw from the global generator
        backbone: nn.Module = BACKBONES[cfg.name](cfg, image_size, channels)
        # Two images, since batch norm refuses a single value per channel.
        features = backbone(torch.empty(2, channels, image_size, image_size)).shape[1]
        network = Network(backbone, features, classes, second_head=cfg.second_head, projection=cfg.projection)
    network.to_empty(device="cpu")
    initialise(network, generator, residual=cfg.name in ("resnet50", "resnext50"))
    return network
