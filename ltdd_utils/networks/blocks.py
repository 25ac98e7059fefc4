"""Parts that the architectures share: norms by name, the 2x2 average pool, and checks of size and width."""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from ltdd_utils.networks.instance_norm import InstanceNorm
from ltdd_utils.networks.settings import NetworkConfig

__all__ = ["HalvingPool", "normaliser", "require_size"]


def normaliser(norm: str, channels: int) -> nn.Module:
    """The normalisation layer of a configuration, with a learned scale and shift per channel.

    "instance" is a group norm with one channel per group: unlike ``nn.InstanceNorm2d`` it is the same in training and
    evaluation, and the family of both papers uses it.

    Raises:
        ValueError: an unknown norm.
    """
    if norm == "instance":
        return InstanceNorm(channels)
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "none":
        return nn.Identity()
    raise ValueError(f"norm is {norm!r}; choose one of instance, batch, none")


def require_size(cfg: NetworkConfig, image_size: int, minimum: int, remedy: str = "use another network") -> None:
    """Refuse images whose feature maps would vanish.

    Raises:
        ValueError: fewer than ``minimum`` pixels.
    """
    if image_size < minimum:
        raise ValueError(
            f"{cfg.name} with norm {cfg.norm!r} needs images of at least {minimum}x{minimum} pixels, "
            f"got {image_size}x{image_size}; {remedy}"
        )


class HalvingPool(nn.AvgPool2d):
    """The mean of each 2x2 pixels: ``nn.AvgPool2d(2)``, about six times as fast on a CPU, to rounding.

    PyTorch's CPU kernel visits one pixel at a time. It serves where this one does not: half precision, odd sizes,
    other memory layouts, other devices, and graphs that are compiled.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, maps: Tensor) -> Tensor:
        """Feature maps ``[B, C, H, W]`` to ``[B, C, H // 2, W // 2]``."""
        exact = maps.device.type == "cpu" and maps.dtype in (torch.float32, torch.float64)
        even = maps.shape[-2] % 2 == 0 and maps.shape[-1] % 2 == 0
        own = exact and even and maps.is_contiguous() and not torch.compiler.is_compiling()
        return _Halve.apply(maps) if own else super().forward(maps)


class _Halve(torch.autograd.Function):
    """Means of 2x2 pixels."""

    @staticmethod
    def forward(_: FunctionCtx, maps: Tensor) -> Tensor:
        rows = maps[..., 0::2, :] + maps[..., 1::2, :]
        return (rows[..., 0::2] + rows[..., 1::2]).mul_(0.25)

    @staticmethod
    def backward(_: FunctionCtx, grad: Tensor) -> Tensor:
        return _Spread.apply(grad)


class _Spread(torch.autograd.Function):
    """A quarter of each value, to 2x2 pixels: the adjoint of ``_Halve``, which is in turn the adjoint of this."""

    @staticmethod
    def forward(_: FunctionCtx, grad: Tensor) -> Tensor:
        *leading, height, width = grad.shape
        quarter = grad.contiguous() * 0.25
        # A complex number with two equal parts is the fastest way to write a value twice in a row.
        rows = torch.view_as_real(torch.complex(quarter, quarter)).view(-1, 1, 2 * width)
        return torch.cat((rows, rows), dim=1).view(*leading, 2 * height, 2 * width)

    @staticmethod
    def backward(_: FunctionCtx, grad: Tensor) -> Tensor:
        return _Halve.apply(grad)
