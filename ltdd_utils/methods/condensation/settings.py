"""Settings of dataset condensation: by gradients (DC, DREAM), by distributions (DM, IDM, LADM), by spectra (CSDM).

The papers' pixels have variance 1. Other preprocessing gives another scale (ZCA a smaller one), and networks with norms
hardly notice it: so noise and step sizes are in units of the preprocessed pixels' deviation and variance.
"""

from dataclasses import dataclass
from typing import Literal

from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.core.settings import above_zero, added_field, at_least, check_types, choice
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.teachers.settings import TeacherConfig

__all__ = [
    "CondensationConfig",
    "DCConfig",
    "DMConfig",
    "DREAMConfig",
    "IDMConfig",
    "LADMConfig",
    "MosaicConfig",
    "SpectralConfig",
]


@dataclass(frozen=True)
class CondensationConfig:
    """Settings that all share: synthetic images that follow a gradient through ever new random networks."""

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
        above_zero(self, "bandwidth")


@dataclass(frozen=True)
class MosaicConfig(CondensationConfig):
    """Settings that IDM and DREAM share: images in parts, and networks that are trained meanwhile."""

    augment: AugmentConfig = AugmentConfig(kind="dsa")
    factor: int = 2  # parts along a side of each stored image; 1: whole images
    lr_network: float = 0.01  # of the networks, SGD
    momentum_network: float = 0.9
    decay_network: float = 5e-4

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        super().__post_init__()
        at_least(self, factor=1, lr_network=0, momentum_network=0, decay_network=0)


@dataclass(frozen=True)
class IDMConfig(MosaicConfig):
    """Improved distribution matching (arXiv 2307.09742); the defaults are those of the released CIFAR-10 command.

    That is ``command.txt`` of uitrbn/IDM at 9acccfd, IPC 10.
    """

    iterations: int = 20_000
    lr_images: float = 0.2
    regulariser: float = 0.5  # weight of the images' cross-entropy
    regulariser_of: Literal["accuracy", "constant"] = "accuracy"  # times the network's train accuracy in percent; or 1
    queue: int = 100  # networks, at most
    first_networks: int = 3  # before the first iteration
    push_every: int = 30  # iterations until a new network comes, in the place of the oldest if there are ``queue``
    trained: int = 2  # networks of the queue that are trained after an iteration
    network_steps: int = 10  # of each of them
    network_batch: int = 256  # images of such a step; all where there are no more
    network_data: Literal["real", "synthetic"] = "real"  # what the networks are trained on
    logit_adjustment: float = added_field(0.0)  # tau of the networks' loss on the long tail; 0: cross-entropy

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        super().__post_init__()
        choice(self, "regulariser_of")
        choice(self, "network_data")
        at_least(self, regulariser=0, queue=1, first_networks=0, push_every=1, trained=0, network_steps=0)
        at_least(self, network_batch=1, logit_adjustment=0)
        if self.first_networks > self.queue:
            more = f"first_networks is {self.first_networks}, more than the queue's {self.queue} networks"
            raise ValueError(f"{more}; lower it, or raise queue")


@dataclass(frozen=True)
class LADMConfig:
    """Distribution matching under logit-adjusted networks, labelled by a logit-adjusted teacher: a method of ours."""

    images: IDMConfig = IDMConfig(logit_adjustment=1.0)
    teacher: TeacherConfig = TeacherConfig(logit_adjustment=1.0)
    views: int = 20  # of a part of an image, under the augmentation of ``images``: its label is the mean over them
    lr: float | None = None  # step size that the set names for students of stored labels; None: the protocol's

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        at_least(self, views=1)
        above_zero(self, "lr")


@dataclass(frozen=True)
class DREAMConfig(MosaicConfig):
    """Representative matching (arXiv 2302.14416); the defaults are those of the released CIFAR-10 command.

    That is ``condense.py --reproduce -d cifar10 -f 2`` of Yanqing0327/DREAM at 9a74674. Its step size, 0.005 for pixels
    in [0, 1] at IPC 10, is 0.08 in units of the pixels' variance.
    """

    initial: Literal["real", "noise", "representative"] = "representative"  # nearest to the centres of k-means
    iterations: int = 2000
    batch: int = 128  # sub-clusters of a class, each of which gives one image; all images where there are no more
    lr_images: float = 0.08
    augment: AugmentConfig = AugmentConfig(kind="dsa", strategy="color_crop_cutout")
    metric: Literal["mse", "cosine"] = "mse"  # of the gradients: squared distance, or ``gradient_distance`` of DC
    classifier: bool = False  # whether the classifier's gradient is matched too
    updates: int = 100  # of the images under one network
    cluster_every: int = 10  # updates until the images of the network's clusters are chosen again
    candidates: int | None = None  # images of a class that are clustered, drawn blindly; None: all
    synthetic_batch: int = 128  # parts of a class's images that are matched at an update, at most
    network_images: int = (
        2000  # real images that the network is trained on after an update; all where there are no more
    )
    network_batch: int = 64
    cutmix: float = 0.5  # probability that a batch of these is mixed
    network_augment: AugmentConfig = AugmentConfig(kind="dsa", strategy="color_crop")  # of these

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        super().__post_init__()
        choice(self, "metric")
        at_least(self, updates=1, cluster_every=1, synthetic_batch=1, network_images=0, network_batch=1, cutmix=0)
        at_least(self, candidates=1)
        if self.cutmix > 1:
            raise ValueError(f"cutmix is {self.cutmix}; it is a probability, at most 1")
