"""What the architectures share: norms by name, and checks of size and width."""

from torch import nn

from ltdd_utils.config import NetworkConfig

__all__ = ["normaliser", "require_size"]


def normaliser(norm: str, channels: int) -> nn.Module:
    """The normalisation layer of a configuration, with a learned scale and shift per channel.

    "instance" is a group norm with one channel per group: unlike ``nn.InstanceNorm2d`` it is the same in training and
    evaluation, and the family of both papers uses it.

    Raises:
        ValueError: an unknown norm.
    """
    if norm == "instance":
        return nn.GroupNorm(channels, channels)
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
