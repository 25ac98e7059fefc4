"""Settings that every method shares: data, preprocessing, networks, training, augmentation."""

from dataclasses import dataclass
from typing import Literal

from ltdd_utils.config.base import at_least, check_types, choice, later, share_range

__all__ = [
    "DSA_OPERATIONS",
    "AugmentConfig",
    "DataConfig",
    "DebiasConfig",
    "NetworkConfig",
    "PreprocessConfig",
    "TeacherConfig",
    "TrainConfig",
    "dsa_operations",
]

DSA_OPERATIONS = ("color", "crop", "cutout", "flip", "scale", "rotate")
LARGEST_SEED = 2**32 - 1  # of numpy's RandomState, which draws the index lists


@dataclass(frozen=True)
class DataConfig:
    """Which images the long tail keeps. Fixed for a run: a run's ``seed`` never changes it."""

    name: str = "digits"  # digits, cifar10, cifar100, tiny, imagenet, or folder:PATH
    imbalance_factor: float = 20.0  # IF = n_max / n_min, at least 1
    n_max: int | None = None  # images of the head class; None: what the data set has
    profile: Literal["exponential", "list", "natural"] = "exponential"  # list: ImageNet-LT's file; natural: all images
    index_list: Literal["ltdd", "ldam"] = "ltdd"  # whose rule picks the images: LTDD's release, or LDAM's
    subset_seed: int = 42  # of the index list (LTDD's release: 42; LDAM's: 0)
    class_order: Literal["native", "reversed", "permuted"] = "native"  # which class is the head; labels stay
    class_order_seed: int = 0  # of "permuted"

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        for name in ("profile", "index_list", "class_order"):
            choice(self, name)
        at_least(self, imbalance_factor=1, n_max=1, subset_seed=0, class_order_seed=0)
        for name in ("subset_seed", "class_order_seed"):
            if getattr(self, name) > LARGEST_SEED:
                raise ValueError(f"{name} is {getattr(self, name)}; numpy takes seeds up to {LARGEST_SEED}")


@dataclass(frozen=True)
class PreprocessConfig:
    """The one transform of a run, fitted on the long-tailed training set and applied to everything."""

    kind: Literal["none", "normalise", "zca"] = "zca"
    eps: float = 0.1  # added to the eigenvalues of the pixel covariance (ZCA); LTDD's release uses 0.1

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "kind")
        at_least(self, eps=0)


@dataclass(frozen=True)
class NetworkConfig:
    """An architecture; its input size and number of classes come from the data."""

    name: Literal["convnet", "resnet32", "resnet18", "vgg11", "alexnet", "resnet50", "resnext50"] = "convnet"
    depth: int = 3  # blocks of a ConvNet: 3 for 32x32 pixels, 4 for 64x64
    width: int | None = None  # channels of the first block; None: as published (ConvNet 128, ResNet-32 and -18 64)
    norm: Literal["instance", "batch", "none"] = "instance"
    second_head: bool = False  # a second linear layer that answers instead of the first (uni-level experts)
    projection: int = 0  # features of the projection and prediction layers; 0: none

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "name")
        choice(self, "norm")
        at_least(self, depth=1, width=1, projection=0)


@dataclass(frozen=True)
class TrainConfig:
    """One supervised training run."""

    epochs: int = 1000
    batch_size: int = 256  # images per step
    lr: float = 0.01  # step size at the first epoch
    optimiser: Literal["sgd", "adamw"] = "sgd"
    momentum: float = 0.9  # SGD
    weight_decay: float = 5e-4  # on every parameter, or on weights alone (decay_norms)
    decay_norms: bool = True  # False: biases and norm parameters are not decayed (EDC's evaluator)
    schedule: Literal["constant", "steps", "cosine", "cosine-half", "cosine-half-drop"] = (
        "steps"  # training.py explains
    )
    milestones: tuple[float, ...] = (0.5,)  # of "steps": fractions of the epochs after which lr is multiplied by gamma
    gamma: float = 0.1
    ema: float = 0.0  # decay of the moving average of the weights that is evaluated; 0: the last weights themselves
    precision: Literal["fp32", "bf16"] = "fp32"  # of forward and backward (autocast); weights stay fp32

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        for name in ("optimiser", "schedule", "precision"):
            choice(self, name)
        at_least(self, epochs=0, batch_size=1, lr=0, momentum=0, weight_decay=0, gamma=0, ema=0)
        if self.ema >= 1:
            raise ValueError(f"ema is {self.ema}; it must be below 1, or the average never moves")


def dsa_operations(strategy: str) -> list[str]:
    """The operations of a DSA strategy, names joined by "_"; none of "none" or "".

    Raises:
        ValueError: an unknown operation.
    """
    names = [] if strategy in ("", "none") else strategy.split("_")
    unknown = [name for name in names if name not in DSA_OPERATIONS]
    if unknown:
        raise ValueError(
            f"augmentation {unknown[0]!r} in {strategy!r} is unknown; join any of {', '.join(DSA_OPERATIONS)} by '_'"
        )
    return names


@dataclass(frozen=True)
class AugmentConfig:
    """What happens to a training batch before the network sees it."""

    kind: Literal["none", "dsa", "crop-flip", "mixed-views"] = "dsa"
    strategy: str = "color_crop_cutout_flip_scale_rotate"  # of "dsa": one operation of these per batch
    padding: int = 4  # pixels, of "crop-flip"
    crop_scale: tuple[float, ...] = (0.08, 1.0)  # of "mixed-views": share of the area a random resized crop keeps
    flip: bool = True  # of "crop-flip" and "mixed-views"; digits are never mirrored
    randaugment: bool = True  # of "mixed-views"
    cutmix: bool = True  # of "mixed-views"

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "kind")
        at_least(self, padding=0)
        share_range(self, "crop_scale")
        dsa_operations(self.strategy)


@dataclass(frozen=True)
class DebiasConfig:
    """Two mixed views, a consistency loss and a re-weighted head (uni-level equations 5-7; GLMC, CVPR 2023)."""

    sharpness: float = 0.8  # q: class weights n_c^-q; 0: every class alike
    consistency: float = 1.0  # gamma_1, of the consistency loss; 0 leaves it out
    classification: float = 1.0  # gamma_2, of the two classification losses
    weights: Literal["mean", "sum"] = "mean"  # class weights of mean 1 (as released), or of sum 1 (as printed)
    stop_gradient: Literal["projection", "prediction"] = "projection"  # which side stands still: released, or printed
    partner_power: float = 0.2  # an image is mixed with one of class c with weight n_c^-partner_power; 0: uniform

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "weights")
        choice(self, "stop_gradient")
        at_least(self, sharpness=0, consistency=0, classification=0, partner_power=0)


@dataclass(frozen=True)
class TeacherConfig:
    """A network trained on the long tail: observer, teacher of the online protocols, the eyes of a coreset."""

    network: NetworkConfig = NetworkConfig()
    train: TrainConfig = TrainConfig(epochs=200, batch_size=64, weight_decay=5e-3, schedule="cosine")
    augment: AugmentConfig = AugmentConfig(kind="crop-flip")
    kind: Literal["plain", "debiased"] = "plain"  # part of the protocol's name: online-teacher/plain
    debias: DebiasConfig | None = later(None)  # of kind "debiased"
    seed: int | None = later(None)  # of this network; None: the run's, so that every seed has a network of its own

    def __post_init__(self) -> None:
        """Refuse values outside their range, and settings of the other kind."""
        check_types(self)
        choice(self, "kind")
        at_least(self, seed=0)
        if self.augment.kind == "mixed-views":
            raise ValueError(
                "augment.kind is 'mixed-views', which only students of the online protocols see; a network that is "
                "trained on the long tail takes 'dsa', 'crop-flip' or 'none'"
            )
        if (self.kind == "debiased") != (self.debias is not None):
            raise ValueError(
                f"kind is {self.kind!r}, but debias is {'set' if self.debias else None}; "
                + ("leave debias out" if self.debias else "give its settings")
            )
        if self.debias is not None and self.debias.consistency and not self.network.projection:
            raise ValueError("the consistency loss reads a projection: set network.projection, or debias.consistency=0")
