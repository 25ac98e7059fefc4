"""The work of a stage beside another of its kind: what carries a recorded time over to other settings.

An estimate, not a law: the cost of a convolution goes with the square of its channels and with the pixels, and small
networks are slower than that. Nothing here decides a result.
"""

from dataclasses import dataclass
from typing import Literal

from ltdd_utils.networks.settings import ARCHITECTURES, NetworkConfig

__all__ = ["Effort", "network_kind", "network_work", "training"]

USUAL_WIDTH = 64  # channels of the first block of an architecture that names none


@dataclass(frozen=True)
class Effort:
    """How much there is to do for one image; two of a kind cost as their amounts, times their images and pixels."""

    kind: str  # of equal text: comparable
    amount: float
    images: Literal["long tail", "set"] = "long tail"  # which images are gone through
    batch: int | None = None  # at most so many of them count


def network_kind(network: NetworkConfig) -> str:
    """What must be equal for two networks to be compared by their width."""
    return f"{network.name} {network.norm}"  # a ConvNet's further blocks see a quarter of the pixels each


def network_work(network: NetworkConfig) -> float:
    """Work of one image in one pass, beside a network of the same kind."""
    return (network.width or ARCHITECTURES[network.name].width or USUAL_WIDTH) ** 2


def training(
    name: str, epochs: float, *networks: NetworkConfig, images: Literal["long tail", "set"] = "long tail"
) -> Effort:
    """The effort of training networks for a number of epochs.

    Args:
        name: what else must be equal (the loss, the augmentation).
        epochs: passes over the images.
        networks: trained one after the other.
        images: which ones they see.
    """
    kinds = ", ".join(map(network_kind, networks))
    return Effort(f"{name}: {kinds}", epochs * (sum(map(network_work, networks)) or 1), images)
