"""Settings of dataset condensation: by gradient matching (DC), by distribution matching (DM), by spectra (CSDM).

The papers' pixels have variance 1. Other preprocessing gives another scale (ZCA a smaller one), and networks with norms
hardly notice it: so noise and step sizes are in units of the preprocessed pixels' deviation and variance.
"""

from dataclasses import dataclass
from typing import Literal

from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.core.settings import at_least, check_types, choice
from ltdd_utils.networks.settings import NetworkConfig

__all__ = ["CondensationConfig", "DCConfig", "DMConfig", "SpectralConfig"]


@dataclass(frozen=True)
class CondensationConfig:
    """Settings that DC and DM share: synthetic images that follow a gradient through ever new random networks."""

    network: NetworkConfig = NetworkConfig()
    initial: Literal["real", "noise"] = "real"  # images of the class, drawn blindly; or normal noise
    iterations: int = 1000  # K, networks that are drawn one after the other
    batch: int = 256  # real images of a class at each update; all of them where it has no more
    lr_images: float = 0.1  # step size of the images, times the variance of the preprocessed pixels
    momentum_images: float = 0.5
    augment: AugmentConfig = AugmentConfig(kind="none")  # of "dsa": one draw for both sides (siamese)

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "initial")
        at_least(self, iterations=0, batch=1, lr_images=0, momentum_images=0)
        if self.augment.kind not in ("dsa", "none"):
            kind = self.augment.kind
            raise ValueError(f"augment.kind is {kind!r}; both sides get one and the same DSA: use 'dsa' or 'none'")


@dataclass(frozen=True)
class DCConfig(CondensationConfig):
    """Gradient matching (arXiv 2006.05929); the defaults are the paper's for IPC 10."""

    initial: Literal["real", "noise"] = "noise"
    updates: int = 10  # T, of the images under one network (IPC 1, 10, 50: 1, 10, 50)
    network_steps: int = 50  # of that network on the synthetic set, between two updates (IPC 1, 10, 50: 1, 50, 10)
    network_batch: int = 256  # synthetic images of such a step; all of them where there are no more
    lr_network: float = 0.01  # SGD without momentum (as released: with 0.5)

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        super().__post_init__()
        at_least(self, updates=1, network_steps=0, network_batch=1, lr_network=0)


@dataclass(frozen=True)
class DMConfig(CondensationConfig):
    """Distribution matching (arXiv 2110.04181); the defaults are the paper's."""

    iterations: int = 20_000
    lr_images: float = 1.0
    augment: AugmentConfig = AugmentConfig(kind="dsa")


@dataclass(frozen=True)
class SpectralConfig(DMConfig):
    """Spectral distribution matching (CSDM, arXiv 2603.01698), as reconstructed: the values of its own fields are ours.

    NCFM (arXiv 2502.20653), from which the split into amplitude and phase is known, has 4096 frequencies and equal
    weights in its released settings.
    """

    frequencies: int = 4096  # that are drawn for each network; the more, the less the loss is of chance
    bandwidth: float = 1.0  # of the Gaussian kernel, in root mean square distances of two real images' features
    amplitude_head: float = 0.75  # weight of the amplitude for the largest class, from 0 to 1; the rest is the phase's
    amplitude_tail: float = 0.25  # the same for the smallest; between them even steps in the logarithm of the size

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        super().__post_init__()
        at_least(self, frequencies=1, amplitude_head=0, amplitude_tail=0)
        for name in ("amplitude_head", "amplitude_tail"):
            if getattr(self, name) > 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is a share, from 0 to 1")
        if not 0 < self.bandwidth < float("inf"):
            raise ValueError(f"bandwidth is {self.bandwidth}; it must be a finite number above 0")
