"""Strict, frozen settings: one dataclass per stage, a unit and a source for each field, and a hash that names a run.

Nothing here imports torch. A function takes the settings of its own stage and nothing else; where a run happens
(device, folders, number of students) is never part of a configuration, so it never changes ``config_id``.
"""

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

__all__ = [
    "AugmentConfig",
    "CoresetConfig",
    "DataConfig",
    "EvaluateConfig",
    "FullDataConfig",
    "NetworkConfig",
    "PreprocessConfig",
    "TeacherConfig",
    "TrainConfig",
    "canonical_json",
    "config_id",
    "from_dict",
    "to_dict",
]

T = TypeVar("T")
LARGEST_SEED = 2**32 - 1  # of numpy's RandomState, which draws the index lists


def to_dict(config: object) -> Any:  # noqa: ANN401 (anything that fits into JSON)
    """A configuration as plain dictionaries, lists and scalars, ready for JSON."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {field.name: to_dict(getattr(config, field.name)) for field in dataclasses.fields(config)}
    if isinstance(config, Mapping):
        return {str(key): to_dict(value) for key, value in config.items()}
    if isinstance(config, tuple | list):
        return [to_dict(value) for value in config]
    return config


def canonical_json(config: object) -> str:
    """JSON text that is equal for equal settings: sorted keys, and 100 and 100.0 written alike."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    return json.dumps(plain(to_dict(config)), sort_keys=True, separators=(",", ":"), allow_nan=False)


def config_id(config: object) -> str:
    """Twelve hexadecimal digits that name a configuration: equal for equal values, in whatever order they came."""
    return hashlib.sha256(canonical_json(config).encode()).hexdigest()[:12]


def from_dict(cls: type[T], values: Mapping[str, Any]) -> T:
    """The configuration of type ``cls`` that a dictionary describes.

    Raises:
        ValueError: a key that ``cls`` does not have, or a value that one of its fields refuses.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r} for {cls.__name__}; known keys: {', '.join(sorted(fields))}")
    hints = typing.get_type_hints(cls)
    return cls(**{key: _read(hints[key], value) for key, value in values.items()})


def _read(hint: Any, value: object) -> object:  # noqa: ANN401 (a type hint)
    """A JSON value in the form that its field's type asks for (nested configurations, tuples)."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    for option in options:
        if dataclasses.is_dataclass(option) and isinstance(value, Mapping):
            return from_dict(option, value)
        if typing.get_origin(option) is tuple and isinstance(value, list | tuple):
            return tuple(value)
    return value


def _choice(config: object, name: str) -> None:
    """Raise unless the field ``name`` holds one of the values its ``Literal`` names."""
    allowed, value = typing.get_args(typing.get_type_hints(type(config))[name]), getattr(config, name)
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(str, allowed))}")


def _at_least(config: object, **bounds: float) -> None:
    """Raise unless every named field is a finite number at or above its bound."""
    for name, bound in bounds.items():
        value = getattr(config, name)
        if value is not None and not (_number(value) and bound <= value < float("inf")):
            raise ValueError(f"{name} is {value}; it must be a finite number, at least {bound}")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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
        for name in ("profile", "index_list", "class_order"):
            _choice(self, name)
        _at_least(self, imbalance_factor=1, n_max=1, subset_seed=0, class_order_seed=0)
        for name in ("subset_seed", "class_order_seed"):
            if getattr(self, name) > LARGEST_SEED:
                raise ValueError(f"{name} is {getattr(self, name)}; numpy takes seeds up to {LARGEST_SEED}")
        if not isinstance(self.name, str):
            raise ValueError(f"the data set's name is {self.name!r}; it must be a word, for example digits")


@dataclass(frozen=True)
class PreprocessConfig:
    """The one transform of a run, fitted on the long-tailed training set and applied to everything."""

    kind: Literal["none", "normalise", "zca"] = "zca"
    eps: float = 0.1  # added to the eigenvalues of the pixel covariance (ZCA); LTDD's release uses 0.1

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        _choice(self, "kind")
        _at_least(self, eps=0)


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
        _choice(self, "name")
        _choice(self, "norm")
        _at_least(self, depth=1, width=1, projection=0)


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
        for name in ("optimiser", "schedule", "precision"):
            _choice(self, name)
        _at_least(self, epochs=0, batch_size=1, lr=0, momentum=0, weight_decay=0, gamma=0, ema=0)
        if self.ema >= 1:
            raise ValueError(f"ema is {self.ema}; it must be below 1, or the average never moves")


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
        _choice(self, "kind")
        _at_least(self, padding=0)
        scale = self.crop_scale
        if len(scale) != 2 or not all(map(_number, scale)) or not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(f"crop_scale is {list(scale)}; give two shares of the area, above 0, rising, at most 1")


@dataclass(frozen=True)
class TeacherConfig:
    """The network that labels in the online protocols, or whose features a coreset reads."""

    network: NetworkConfig = NetworkConfig()
    train: TrainConfig = TrainConfig(epochs=200, batch_size=64, weight_decay=5e-3, schedule="cosine")
    augment: AugmentConfig = AugmentConfig(kind="crop-flip")
    kind: Literal["plain"] = "plain"  # part of the protocol's name: online-teacher/plain

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        _choice(self, "kind")


@dataclass(frozen=True)
class CoresetConfig:
    """A set of unmodified real images. ``baselines.coresets`` has the definitions."""

    method: Literal["random", "kcenter", "herding", "graphcut", "kcenter-unbalanced", "graphcut-unbalanced"] = "random"
    policy: Literal["duplicate", "noise", "inherent"] = "duplicate"  # for classes with fewer images than IPC
    expert: TeacherConfig | None = None  # whose features are read; None for "random"

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        _choice(self, "method")
        _choice(self, "policy")
        if (self.method == "random") != (self.expert is None):
            raise ValueError(
                f"expert is {self.expert}; method {self.method!r} "
                + ("reads no features: leave it out" if self.method == "random" else "reads an expert's features")
            )
        if self.method.endswith("-unbalanced") and self.policy != "duplicate":
            raise ValueError(f"policy is {self.policy!r}, but {self.method!r} fills no class: leave the policy out")


@dataclass(frozen=True)
class FullDataConfig:
    """No distillation: the set is the whole long-tailed training set."""


@dataclass(frozen=True)
class EvaluateConfig:
    """A protocol: how a student is trained on a distilled set, and which labels it may see."""

    protocol: Literal["dsa-stored", "online-teacher", "online-stored"] = "dsa-stored"
    preprocess: PreprocessConfig = PreprocessConfig()
    network: NetworkConfig = NetworkConfig()
    train: TrainConfig = TrainConfig()
    augment: AugmentConfig = AugmentConfig()
    teacher: TeacherConfig | None = None  # of the online protocols
    logit_adjustment: float = 0.0  # tau of the logit-adjusted loss on the set's own class counts; 0: cross-entropy
    cross_entropy: float = 0.0  # weight of the hard labels beside the logit MSE (online; EDC and RLDD: 0.025)

    def __post_init__(self) -> None:
        """Refuse values outside their range, and a teacher, views or a loss that do not fit the protocol."""
        _choice(self, "protocol")
        _at_least(self, cross_entropy=0, logit_adjustment=0)
        online = self.protocol.startswith("online")
        if online != (self.teacher is not None):
            raise ValueError(
                f"protocol {self.protocol!r} "
                + ("has no teacher: leave `teacher` out" if self.teacher else "needs a teacher")
            )
        if online != (self.augment.kind == "mixed-views"):
            wanted = "'mixed-views'" if online else "'dsa', 'crop-flip' or 'none'"
            raise ValueError(f"augment.kind is {self.augment.kind!r}; protocol {self.protocol!r} takes {wanted}")
        unused = "logit_adjustment" if online else "cross_entropy"
        if getattr(self, unused):
            raise ValueError(f"{unused} is {getattr(self, unused)}; protocol {self.protocol!r} has no such term: use 0")

    @property
    def label(self) -> str:
        """The protocol's full name; an online protocol names its teacher (``online-teacher/plain``)."""
        return f"{self.protocol}/{self.teacher.kind}" if self.teacher else self.protocol
