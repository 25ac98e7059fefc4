"""Backbones without shortcuts: ConvNet-D, VGG-11 and AlexNet, in the versions for small images."""

from torch import nn

from ltdd_utils.networks.blocks import HalvingPool, normaliser, require_size
from ltdd_utils.networks.settings import NetworkConfig

__all__ = ["alexnet", "convnet", "vgg11"]

VGG11 = ((1,), (2,), (4, 4), (8, 8), (8, 8))  # convolutions between two pools, channels in units of the first


def convnet(cfg: NetworkConfig, image_size: int, channels: int) -> nn.Sequential:
    """ConvNet-D: ``cfg.depth`` blocks of 3x3 convolution, norm, ReLU and 2x2 average pool, all of the same width.

    The network of both papers and of the family before them (Gidaris and Komodakis, arXiv 1804.09458; Zhao et al.,
    arXiv 2006.05929). Depth 3 with 32x32 pixels and depth 4 with 64x64 both end at 4x4 times the width (128 by
    default).

    Raises:
        ValueError: more blocks than the image can be halved.

    Note:
        Differs from the released code of the dataset condensation family, whose first layer pads images of one channel
        by two more pixels on each side, so that 28x28 ends like 32x32: here every image gets the same padding.
    """
    deepest = image_size.bit_length() - 1
    require_size(cfg, image_size, 2**cfg.depth, f"set depth to at most {deepest}, not {cfg.depth}")
    width = cfg.width or 128
    layers: list[nn.Module] = []
    for block in range(cfg.depth):
        layers += [*_convolution(cfg, channels if block == 0 else width, width), HalvingPool()]
    return nn.Sequential(*layers, nn.Flatten())


def vgg11(cfg: NetworkConfig, image_size: int, channels: int) -> nn.Sequential:
    """VGG-11 for small images: eight 3x3 convolutions with norm and ReLU, five max-pools (arXiv 1409.1556, column A).

    At 32x32 pixels it ends at 1x1 times 512. An inner pool that would leave a single pixel is skipped, since the
    instance norm of a single pixel is a constant: 16x16 images end at 1x1 times 512 as well.

    Raises:
        ValueError: images below 2x2 pixels.

    Note:
        Differs from the released code of the dataset condensation family, whose first layer pads images of one channel
        by two more pixels on each side, so that 28x28 ends like 32x32: here every image gets the same padding.
    """
    require_size(cfg, image_size, 2)
    width, size, layers = cfg.width or 64, image_size, []
    for stage, multiples in enumerate(VGG11):
        for multiple in multiples:
            layers += _convolution(cfg, channels, multiple * width)
            channels = multiple * width
        if size // 2 >= (2 if stage + 1 < len(VGG11) else 1):
            layers.append(nn.MaxPool2d(2))
            size //= 2
    return nn.Sequential(*layers, nn.Flatten())


def alexnet(cfg: NetworkConfig, image_size: int, channels: int) -> nn.Sequential:
    """AlexNet for small images: five convolutions with ReLU, a 2x2 max-pool after the first, second and fifth.

    Channels 128, 192, 256, 192, 192; kernels 5, 5, 3, 3, 3. It has no norm. A pool that does not fit is skipped.

    Raises:
        ValueError: a norm, or an odd width.

    Note:
        Differs from the released code of the dataset condensation family, whose first layer pads images of one channel
        by two more pixels on each side, so that 28x28 ends like 32x32: here every image gets the same padding.
    """
    if cfg.norm != "none":
        raise ValueError(f"alexnet has no norm layers, but norm is {cfg.norm!r}; set norm to 'none'")
    width, size = cfg.width or 128, image_size
    if width % 2:
        raise ValueError(f"width of alexnet is {width}; its layers are 1, 1.5 and 2 times that, so give an even number")
    wide, layers = 3 * width // 2, []
    for outputs, kernel, pool in ((width, 5, 1), (wide, 5, 1), (2 * width, 3, 0), (wide, 3, 0), (wide, 3, 1)):
        layers += _convolution(cfg, channels, outputs, kernel)
        channels = outputs
        if pool and size > 1:
            layers.append(nn.MaxPool2d(2))
            size //= 2
    return nn.Sequential(*layers, nn.Flatten())


def _convolution(cfg: NetworkConfig, inputs: int, outputs: int, kernel: int = 3) -> list[nn.Module]:
    """A convolution that keeps the size, its norm and a ReLU."""
    return [
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2),
        normaliser(cfg.norm, outputs),
        nn.ReLU(inplace=True),
    ]
