"""A network from its settings and a generator."""

import torch
from torch import nn

from ltdd_utils.core.tables import resolve
from ltdd_utils.networks.initialise import initialise
from ltdd_utils.networks.network import Network
from ltdd_utils.networks.settings import ARCHITECTURES, NetworkConfig

__all__ = ["build"]


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
        ValueError: a setting that the architecture does not have, images too small for it, or a backbone that does not
            give one vector of features per image.
        TypeError: a layer whose initial values are not known.
    """
    known = ARCHITECTURES.find(cfg.name)
    for name, value in (("classes", classes), ("image_size", image_size), ("channels", channels)):
        if value < 1:
            raise ValueError(f"{name} is {value}; a network needs at least 1")
    with torch.device("meta"):  # shapes alone: PyTorch's own initialisation would draw from the global generator
        backbone: nn.Module = resolve(known.backbone)(cfg, image_size, channels)
        # Two images, since batch norm refuses a single value per channel.
        shape = tuple(backbone(torch.empty(2, channels, image_size, image_size)).shape)
        if len(shape) != 2 or shape[0] != 2:
            raise ValueError(
                f"the backbone of {cfg.name} maps 2 images to shape {shape}; let it end in features [2, D]"
            )
        network = Network(backbone, shape[1], classes, second_head=cfg.second_head, projection=cfg.projection)
    network.to_empty(device="cpu")
    initialise(network, generator, residual=known.residual)
    return network
