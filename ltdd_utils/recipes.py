"""Recipes: what is run for one cell of a table. Every difference between methods, data sets and scales is data in this file.

A recipe's name is METHOD_DATASET, for example ``kcenter_cifar10``; imbalance factor, images per class, scale and protocol are arguments.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ltdd_utils.config import (
    AugmentConfig,
    CoresetConfig,
    DataConfig,
    EvaluateConfig,
    FullDataConfig,
    NetworkConfig,
    PreprocessConfig,
    TeacherConfig,
    TrainConfig,
    config_id,
    from_dict,
    to_dict,
)

__all__ = ["DATASETS", "METHODS", "SCALES", "Recipe", "names", "protocol", "recipe", "with_overrides"]

SCALES = ("tiny", "cpu", "paper")
Scale = Literal["tiny", "cpu", "paper"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a result, apart from the seed."""

    name: str  # METHOD_DATASET
    scale: Scale  # tiny and cpu are reduced: their records say so
    data: DataConfig
    ipc: int | None  # images per class; None: the whole training set
    method: CoresetConfig | FullDataConfig
    evaluate: EvaluateConfig

    def __post_init__(self) -> None:
        """Refuse a scale or a number of images per class that makes no sense."""
        if self.scale not in SCALES:
            raise ValueError(f"unknown scale {self.scale!r}; choose one of {', '.join(SCALES)}")
        if self.ipc is not None and self.ipc < 1:
            raise ValueError(f"ipc is {self.ipc}; a distilled set needs at least 1 image per class")

    @property
    def config_id(self) -> str:
        """The hash of all settings."""
        return config_id(self)

    @property
    def one_draw_per_student(self) -> bool:
        """Whether student k trains on its own draw k (a random set has no other state than its draw)."""
        return isinstance(self.method, CoresetConfig) and self.method.method == "random"

    @property
    def target(self) -> dict[str, Any] | None:
        """The keys under which a published number for this recipe stands in ``results/targets.csv``.

        None if a setting other than the student's network was changed: then no published number is of the same thing.
        """
        network = self.evaluate.network
        usual = recipe(
            self.name, imbalance_factor=self.data.imbalance_factor, ipc=self.ipc or 10, scale=self.scale,
            protocol_name=self.evaluate.protocol,
        )
        if replace(usual, evaluate=replace(usual.evaluate, network=network)) != self:
            return None
        return {
            "dataset": self.data.name,
            "imbalance_factor": self.data.imbalance_factor,
            "ipc": self.ipc,
            "method": self.name.rsplit("_", 1)[0],
            "network": f"{network.name}-d{network.depth}" if network.name == "convnet" else network.name,
            "protocol": self.evaluate.label,
        }


@dataclass(frozen=True)
class _DataSet:
    """What the recipes need to know of a data set."""

    depth: int  # of its ConvNet
    imbalance_factor: float  # default
    scales: tuple[Scale, ...]  # the first one is the default
    flip: bool = True  # whether a mirrored image is still of its class
    zca: bool = True  # LTDD whitens CIFAR and Tiny-ImageNet, not ImageNet


DATASETS: Mapping[str, _DataSet] = {
    "digits": _DataSet(depth=3, imbalance_factor=20, scales=("tiny",), flip=False),
    "cifar10": _DataSet(depth=3, imbalance_factor=100, scales=("cpu", "paper")),
    "cifar100": _DataSet(depth=3, imbalance_factor=50, scales=("cpu", "paper")),
    "tiny": _DataSet(depth=4, imbalance_factor=10, scales=("cpu", "paper")),
    "imagenet": _DataSet(depth=4, imbalance_factor=10, scales=("cpu", "paper"), zca=False),
}


def _dsa(dataset: str) -> AugmentConfig:
    strategy = AugmentConfig.strategy if DATASETS[dataset].flip else AugmentConfig.strategy.replace("_flip", "")
    return AugmentConfig(kind="dsa", strategy=strategy)


def _preprocess(dataset: str) -> PreprocessConfig:
    return PreprocessConfig("zca" if DATASETS[dataset].zca else "none")


def _convnet(dataset: str, scale: Scale, **changes: Any) -> NetworkConfig:
    return NetworkConfig(depth=DATASETS[dataset].depth, width=32 if scale == "tiny" else 128, **changes)


def _stored(dataset: str, scale: Scale) -> EvaluateConfig:
    """``dsa-stored`` as in MTT, DATM and LTDD (damed.md section 7): batch 256, momentum 0.9, lr x0.1 after half the epochs.

    Scale tiny trains 300 epochs with a step size of 0.03. Differs from the released code: the momentum survives the change of step size.
    """
    training = TrainConfig(epochs=300, lr=0.03) if scale == "tiny" else TrainConfig(epochs=1000, lr=0.01)
    return EvaluateConfig("dsa-stored", _preprocess(dataset), _convnet(dataset, scale), training, _dsa(dataset))


def _online(dataset: str, scale: Scale, name: Literal["online-teacher", "online-stored"]) -> EvaluateConfig:
    """The evaluator of EDC and of the uni-level release: AdamW, batch 25, mixed views, EMA 0.99, logit MSE + 0.025 CE."""
    settings = DATASETS[dataset]
    epochs = {"tiny": 60, "cpu": 300, "paper": 1000}[scale]
    training = TrainConfig(
        epochs=epochs, batch_size=25, lr=1e-3, optimiser="adamw", weight_decay=0.01, decay_norms=False,
        schedule="steps", milestones=(0.8, 0.9, 0.95), gamma=0.5, ema=0.99,
    )
    views = AugmentConfig(kind="mixed-views", crop_scale=(0.5, 1.0) if dataset != "cifar10" else (0.08, 1.0), flip=settings.flip)
    preprocess = PreprocessConfig("normalise")
    return EvaluateConfig(name, preprocess, _convnet(dataset, scale), training, views, _plain_expert(dataset, scale), cross_entropy=0.025)


def _plain_expert(dataset: str, scale: Scale) -> TeacherConfig:
    """Cross-entropy on the long tail; 200 epochs at scale paper, 20 at cpu, 60 at tiny."""
    epochs = {"tiny": 60, "cpu": 20, "paper": 200}[scale]
    augment = AugmentConfig(kind="crop-flip", flip=DATASETS[dataset].flip, padding=2 if dataset == "digits" else 4)
    training = TrainConfig(epochs=epochs, batch_size=64, lr=0.01, weight_decay=5e-3, schedule="cosine")
    return TeacherConfig(_convnet(dataset, scale), training, augment)


def protocol(name: str, dataset: str, scale: Scale) -> EvaluateConfig:
    """The settings of a named protocol on a data set.

    Raises:
        ValueError: an unknown protocol.
    """
    if name == "dsa-stored":
        return _stored(dataset, scale)
    if name in ("online-teacher", "online-stored"):
        return _online(dataset, scale, name)
    raise ValueError(f"unknown protocol {name!r}; choose one of dsa-stored, online-teacher, online-stored")


def random(dataset: str, scale: Scale) -> CoresetConfig:
    """Random: IPC real images of each class, drawn blindly; student k trains on draw k. CIFAR-10-LT, IF 100, IPC 10: 34.4 +- 2.0."""
    return CoresetConfig("random")


def kcenter(dataset: str, scale: Scale) -> CoresetConfig:
    """K-Center greedy: images that cover each class's features. CIFAR-10-LT, IF 100, IPC 10: 16.2 +- 0.5."""
    return CoresetConfig("kcenter", expert=_feature_expert(dataset, scale))


def herding(dataset: str, scale: Scale) -> CoresetConfig:
    """Herding: images whose mean feature is the class's. No published long-tailed number."""
    return CoresetConfig("herding", expert=_feature_expert(dataset, scale))


def graphcut(dataset: str, scale: Scale) -> CoresetConfig:
    """Graph-Cut: images like the class and unlike each other. CIFAR-10-LT, IF 100, IPC 10: 22.9 +- 0.9."""
    return CoresetConfig("graphcut", expert=_feature_expert(dataset, scale))


def _feature_expert(dataset: str, scale: Scale) -> TeacherConfig:
    """The expert whose features a coreset reads: in the space and under the augmentation of ``dsa-stored``."""
    return replace(_plain_expert(dataset, scale), augment=_dsa(dataset))


def full(dataset: str, scale: Scale) -> FullDataConfig:
    """Full data: a student on the whole long-tailed set, the number that "lossless" refers to. CIFAR-10-LT, IF 100: 66.2 +- 0.4."""
    return FullDataConfig()


def full_logit_adjusted(dataset: str, scale: Scale) -> FullDataConfig:
    """Full data with a logit-adjusted loss (arXiv:2007.07314): what the whole set gives once the bias is taken out."""
    return FullDataConfig()


METHODS: Mapping[str, Callable[[str, Scale], CoresetConfig | FullDataConfig]] = {
    "random": random,
    "kcenter": kcenter,
    "herding": herding,
    "graphcut": graphcut,
    "full": full,
    "full_logit_adjusted": full_logit_adjusted,
}


def _whole_set(evaluate: EvaluateConfig, scale: Scale, tau: float) -> EvaluateConfig:
    """Training on thousands of images: fewer epochs than on a hundred, and at scale cpu a network of width 32."""
    epochs = {"tiny": 150, "cpu": 30, "paper": 200}[scale]
    network = replace(evaluate.network, width=32) if scale == "cpu" else evaluate.network
    return replace(evaluate, network=network, train=replace(evaluate.train, epochs=epochs), logit_adjustment=tau)


def names() -> list[str]:
    """Every recipe, METHOD_DATASET."""
    return [f"{method}_{dataset}" for dataset in DATASETS for method in METHODS]


def recipe(
    name: str, *, imbalance_factor: float | None = None, ipc: int = 10, scale: str | None = None, protocol_name: str = "dsa-stored"
) -> Recipe:
    """The recipe for one cell.

    Args:
        name: METHOD_DATASET.
        imbalance_factor: None takes the data set's usual one.
        ipc: images per class; not used by the recipes of the whole set.
        scale: tiny, cpu or paper; None takes the smallest that the data set has.
        protocol_name: how the students are trained and which labels they see.

    Raises:
        ValueError: an unknown recipe, scale or protocol, or a value outside its range.
    """
    method, _, dataset = name.rpartition("_")
    if method not in METHODS or dataset not in DATASETS:
        raise ValueError(f"unknown recipe {name!r}; `ltdd list` names all {len(names())} of them, for example random_cifar10")
    settings = DATASETS[dataset]
    scale = scale or settings.scales[0]
    if scale not in settings.scales:
        known = "unknown scale" if scale not in SCALES else "no such scale for this data set:"
        raise ValueError(f"{known} {scale!r}; {name} has {' and '.join(settings.scales)}")
    data = DataConfig(dataset, imbalance_factor=settings.imbalance_factor if imbalance_factor is None else imbalance_factor)
    evaluate = protocol(protocol_name, dataset, scale)
    chosen = METHODS[method](dataset, scale)
    if isinstance(chosen, FullDataConfig):
        evaluate = _whole_set(evaluate, scale, tau=1.0 if method == "full_logit_adjusted" else 0.0)
        return Recipe(name, scale, data, None, chosen, evaluate)
    return Recipe(name, scale, data, ipc, chosen, evaluate)


def with_overrides(base: Recipe, overrides: Mapping[str, str]) -> Recipe:
    """A recipe with single settings changed, for example ``{"evaluate.train.epochs": "10"}``; values are JSON, or plain words.

    Raises:
        ValueError: a setting that does not exist, or a value it refuses.
    """
    for path, text in overrides.items():
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        base = _replace_at(base, path.split("."), value, path)
    return base


def _replace_at(config: Any, path: list[str], value: Any, full_path: str) -> Any:
    if not dataclasses.is_dataclass(config) or path[0] not in {field.name for field in dataclasses.fields(config)}:
        raise ValueError(f"unknown key {full_path!r}; `ltdd show` prints every setting of a recipe")
    if len(path) > 1:
        return replace(config, **{path[0]: _replace_at(getattr(config, path[0]), path[1:], value, full_path)})
    return from_dict(type(config), {**to_dict(config), path[0]: value})
