"""What the recipes share: data sets, architectures, protocols, at each scale."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ltdd_utils.config import (
    AugmentConfig,
    DebiasConfig,
    EvaluateConfig,
    NetworkConfig,
    PreprocessConfig,
    TeacherConfig,
    TrainConfig,
)

__all__ = [
    "ARCHITECTURES",
    "DATASETS",
    "PROTOCOLS",
    "SCALES",
    "TEACHERS",
    "Cell",
    "Scale",
    "architecture",
    "debiased",
    "dsa_augmentation",
    "for_size",
    "observer",
    "plain_expert",
    "protocol",
    "small_convnet",
    "teacher",
]

Scale = Literal["tiny", "cpu", "paper"]
SCALES: tuple[Scale, ...] = ("tiny", "cpu", "paper")
PROTOCOLS = ("dsa-stored", "online-teacher", "online-stored")


@dataclass(frozen=True)
class DataSetFacts:
    """What the recipes need to know of a data set."""

    classes: int
    depth: int  # of its ConvNet
    imbalance_factor: float  # default
    scales: tuple[Scale, ...]  # the first one is the default
    flip: bool = True  # whether a mirrored image is still of its class
    zca: bool = True  # LTDD whitens CIFAR and Tiny-ImageNet, not ImageNet


DATASETS: Mapping[str, DataSetFacts] = {
    "digits": DataSetFacts(10, depth=3, imbalance_factor=20, scales=("tiny",), flip=False),
    "cifar10": DataSetFacts(10, depth=3, imbalance_factor=100, scales=("cpu", "paper")),
    "cifar100": DataSetFacts(100, depth=3, imbalance_factor=50, scales=("cpu", "paper")),
    "tiny": DataSetFacts(200, depth=4, imbalance_factor=10, scales=("cpu", "paper")),
    "imagenet": DataSetFacts(1000, depth=4, imbalance_factor=10, scales=("cpu", "paper"), zca=False),
}


@dataclass(frozen=True)
class Cell:
    """One cell of a table at one scale: what a method's settings may depend on."""

    dataset: str
    scale: Scale
    imbalance_factor: float
    ipc: int


@dataclass(frozen=True)
class Architecture:
    """How a student of this architecture is built."""

    norm: Literal["instance", "batch", "none"]
    tiny_width: int | None  # channels of the first block at scale tiny; None: the architecture has one width
    source: str


ARCHITECTURES: Mapping[str, Architecture] = {
    "convnet": Architecture("instance", 32, "both papers' student; width 128"),
    "vgg11": Architecture("instance", 16, "cross-architecture tables of the trajectory family (MTT, DATM, LTDD)"),
    "resnet18": Architecture("instance", 16, "the same; stem of 3x3"),
    "alexnet": Architecture("none", 32, "the same; AlexNet has no norm"),
    "resnet32": Architecture("batch", 16, "GLMC and the uni-level release: base width 64"),
    "resnet50": Architecture("batch", None, "torchvision's; ImageNet-LT"),
    "resnext50": Architecture("batch", None, "torchvision's; the uni-level release on ImageNet-LT"),
}


@dataclass(frozen=True)
class _Online:
    """What differs between data sets in the online evaluator."""

    training: Mapping[str, Any]
    smallest_crop: float  # share of the area
    cross_entropy: float  # weight of the hard-label term


LTDD_BATCH = 128
TEACHERS = ("plain", "debiased")
OBSERVERS = {"cifar10": "resnet32", "cifar100": "resnet32", "tiny": "resnet18", "imagenet": "resnext50"}
_ADAMW: dict[str, Any] = {"optimiser": "adamw", "lr": 1e-3, "weight_decay": 0.01}
_SGD: dict[str, Any] = {"optimiser": "sgd", "lr": 0.1, "momentum": 0.875, "weight_decay": 5e-4, "batch_size": 100}
_STEPS: dict[str, Any] = {"batch_size": 25, "schedule": "steps", "milestones": (0.8, 0.9, 0.95), "gamma": 0.5}
# The uni-level release (arXiv:2511.18858), one script per data set.
ONLINE: Mapping[str, _Online] = {
    "cifar10": _Online(_ADAMW | _STEPS, 0.08, 0.025),
    "cifar100": _Online(_SGD | {"schedule": "cosine-half-drop"}, 0.5, 0.0),
    "tiny": _Online(_SGD | {"schedule": "cosine-half"}, 0.5, 0.025),
    "imagenet": _Online(_ADAMW | {"batch_size": 100, "schedule": "cosine-half-drop"}, 0.5, 0.025),
}


def architecture(name: str, dataset: str, scale: Scale) -> NetworkConfig:
    """A student's network as published: its norm, its width (narrower at scale tiny), a ConvNet's depth.

    Raises:
        ValueError: an unknown architecture.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"unknown network {name!r}; choose one of {', '.join(ARCHITECTURES)}")
    known = ARCHITECTURES[name]
    width = known.tiny_width if scale == "tiny" else None
    if name == "convnet":
        width = width or 128  # written out, so that a record says it
    return NetworkConfig(name, depth=DATASETS[dataset].depth, width=width, norm=known.norm)


def small_convnet(dataset: str, scale: Scale) -> NetworkConfig:
    """The papers' ConvNet, of width 32 at scale cpu: what is trained many times or for long has it."""
    network = architecture("convnet", dataset, scale)
    return replace(network, width=32) if scale == "cpu" else network


def dsa_augmentation(dataset: str) -> AugmentConfig:
    """DSA with all operations that keep an image in its class: digits are not mirrored."""
    strategy = AugmentConfig.strategy if DATASETS[dataset].flip else AugmentConfig.strategy.replace("_flip", "")
    return AugmentConfig(kind="dsa", strategy=strategy)


def protocol(
    name: str, dataset: str, scale: Scale, network: str | None = None, teacher_kind: str = "plain"
) -> EvaluateConfig:
    """The settings of a named protocol on a data set.

    Args:
        name: one of ``PROTOCOLS``.
        dataset: one of ``DATASETS``.
        scale: one that the data set has.
        network: the student's architecture; None: the papers' ConvNet. A teacher stays a ConvNet.
        teacher_kind: of the online protocols, "plain" or "debiased".

    Raises:
        ValueError: an unknown protocol, data set, scale, architecture or teacher.
    """
    if dataset not in DATASETS:
        raise ValueError(f"no protocol is set up for the data set {dataset!r}; choose one of {', '.join(DATASETS)}")
    if scale not in DATASETS[dataset].scales:
        raise ValueError(f"{dataset} has no scale {scale!r}; choose one of {', '.join(DATASETS[dataset].scales)}")
    if name == "dsa-stored":
        cfg = _stored(dataset, scale)
    elif name in PROTOCOLS:
        cfg = _online(dataset, scale, name, teacher_kind)
    else:
        raise ValueError(f"unknown protocol {name!r}; choose one of {', '.join(PROTOCOLS)}")
    return cfg if network is None else replace(cfg, network=architecture(network, dataset, scale))


def for_size(cfg: EvaluateConfig, images: int) -> EvaluateConfig:
    """``dsa-stored`` for a set of so many images: DC and MTT train in batches of 256, DATM and LTDD of 128.

    For up to 128 images the two are one and the same batch. Larger sets take LTDD's, whose tables this book stands
    beside. The other protocols stay as they are.
    """
    if cfg.protocol != "dsa-stored" or images <= LTDD_BATCH:
        return cfg
    return replace(cfg, train=replace(cfg.train, batch_size=LTDD_BATCH))


def _stored(dataset: str, scale: Scale) -> EvaluateConfig:
    """``dsa-stored`` as in MTT, DATM and LTDD: momentum 0.9, step size x0.1 after half the epochs; ``for_size``: batch.

    Scale tiny trains 300 epochs with a step size of 0.03.

    Note:
        Differs from the released code, which trains 1001 epochs and makes a new optimiser at the change of the step
        size, after 501: here they are 1000 and 500, and the momentum survives.
    """
    training = TrainConfig(epochs=300, lr=0.03) if scale == "tiny" else TrainConfig(epochs=1000, lr=0.01)
    preprocess = PreprocessConfig("zca" if DATASETS[dataset].zca else "none")
    network = architecture("convnet", dataset, scale)
    return EvaluateConfig("dsa-stored", preprocess, network, training, dsa_augmentation(dataset))


def _online(dataset: str, scale: Scale, name: str, teacher_kind: str) -> EvaluateConfig:
    """The evaluator of EDC and of the uni-level release, with each data set's own optimiser (``ONLINE``).

    Scale cpu trains a ConvNet of width 32 for 300 epochs instead of 1000.
    """
    own = ONLINE["cifar10" if dataset == "digits" else dataset]
    epochs = {"tiny": 60, "cpu": 300, "paper": 1000}[scale]
    training = TrainConfig(epochs=epochs, decay_norms=False, ema=0.99, **own.training)
    views = AugmentConfig(kind="mixed-views", crop_scale=(own.smallest_crop, 1.0), flip=DATASETS[dataset].flip)
    labels: dict[str, Any] = {"teacher": teacher(dataset, scale, teacher_kind), "cross_entropy": own.cross_entropy}
    return EvaluateConfig(name, PreprocessConfig("normalise"), small_convnet(dataset, scale), training, views, **labels)


def plain_expert(dataset: str, scale: Scale) -> TeacherConfig:
    """Cross-entropy on the long tail; 200 epochs at scale paper, 20 at cpu, 60 at tiny."""
    epochs = {"tiny": 60, "cpu": 20, "paper": 200}[scale]
    augment = AugmentConfig(kind="crop-flip", flip=DATASETS[dataset].flip, padding=2 if dataset == "digits" else 4)
    training = TrainConfig(epochs=epochs, batch_size=64, lr=0.01, weight_decay=5e-3, schedule="cosine")
    return TeacherConfig(architecture("convnet", dataset, scale), training, augment)


def teacher(dataset: str, scale: Scale, kind: str = "plain") -> TeacherConfig:
    """The teacher of the online protocols: the student's network, trained as ``kind`` says.

    Scale cpu trains a ConvNet of width 32 for 40 epochs, scale tiny 40 epochs with larger and more steps.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in TEACHERS:
        raise ValueError(f"unknown teacher {kind!r}; choose one of {', '.join(TEACHERS)}")
    base = replace(plain_expert(dataset, scale), network=small_convnet(dataset, scale))
    if scale == "cpu":
        base = replace(base, train=replace(base.train, epochs=40))
    if scale == "tiny":
        base = replace(base, train=_short(base.train))
    return debiased(base) if kind == "debiased" else base


def observer(dataset: str, scale: Scale, kind: str = "plain") -> TeacherConfig:
    """The network under which images are recovered; it has BatchNorm. As in the uni-level release (``OBSERVERS``).

    Scale cpu trains a ResNet-32 of base width 16 for 20 epochs in bf16, scale tiny a ConvNet with BatchNorm.
    """
    base = plain_expert(dataset, scale)
    if scale == "tiny":
        network = NetworkConfig("convnet", depth=DATASETS[dataset].depth, width=32, norm="batch")
        train = _short(base.train)
    elif scale == "cpu":
        network = NetworkConfig("resnet32", width=16, norm="batch")
        train = replace(base.train, epochs=20, precision="bf16")
    else:
        network, train = NetworkConfig(OBSERVERS[dataset], norm="batch"), base.train
    base = replace(base, network=network, train=train)
    return debiased(base) if kind == "debiased" else base


def _short(train: TrainConfig) -> TrainConfig:
    """A few hundred images: the re-weighted head needs more and larger steps than the release's to learn the tail."""
    return replace(train, epochs=40, batch_size=32, lr=0.03)


def debiased(plain: TeacherConfig) -> TeacherConfig:
    """The same network and schedule with two heads, a projection of 128 features, and the debiased losses."""
    network = replace(plain.network, second_head=True, projection=128)
    return replace(plain, network=network, kind="debiased", debias=DebiasConfig())
