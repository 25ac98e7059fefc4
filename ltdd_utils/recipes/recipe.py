"""A recipe: data, method and protocol of one cell of a table, at one scale."""

from dataclasses import dataclass, replace
from typing import Any

from ltdd_utils.core.settings import added_field, config_id
from ltdd_utils.data.facts import DATASETS, SCALES, Scale
from ltdd_utils.data.settings import DataConfig, PreprocessConfig
from ltdd_utils.evaluation.protocols import protocol, with_batch_for
from ltdd_utils.evaluation.settings import ADSAConfig, EvaluateConfig
from ltdd_utils.methods.alignment.settings import UnilevelConfig
from ltdd_utils.methods.condensation.settings import CondensationConfig
from ltdd_utils.methods.coresets.settings import CoresetConfig
from ltdd_utils.methods.full import FullDataConfig
from ltdd_utils.methods.registry import METHODS, MethodConfig, own_protocol, own_teacher
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.presets import Cell, architecture

__all__ = ["Recipe", "names", "protocol_of", "recipe", "whole_set"]

IMAGENET_LT = 256  # imbalance factor of the published list; no recipe has it: ours is an exponential profile


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a result, apart from the seed."""

    name: str  # METHOD_DATASET
    scale: Scale  # tiny and cpu are reduced: their records say so
    data: DataConfig
    ipc: int | None  # images per class; None: the whole training set
    method: MethodConfig
    evaluate: EvaluateConfig
    preprocess: PreprocessConfig | None = added_field(None)  # the set is made under it; None: the protocol's

    def __post_init__(self) -> None:
        """Refuse a scale or a number of images per class that makes no sense."""
        if self.scale not in SCALES:
            raise ValueError(f"unknown scale {self.scale!r}; choose one of {', '.join(SCALES)}")
        if self.ipc is not None and self.ipc < 1:
            raise ValueError(f"ipc is {self.ipc}; a distilled set needs at least 1 image per class")
        if (self.ipc is None) != isinstance(self.method, FullDataConfig):
            raise ValueError(f"ipc is {self.ipc}; the recipes of the whole set have none, all others need a number")

    @property
    def config_id(self) -> str:
        """The hash of all settings."""
        return config_id(self)

    @property
    def space(self) -> PreprocessConfig:
        """The preprocessing that the set is made under; its images are carried over to the protocol's."""
        if isinstance(self.method, UnilevelConfig):
            return self.method.preprocess
        return self.preprocess or self.evaluate.preprocess

    @property
    def one_draw_per_student(self) -> bool:
        """Whether student k trains on its own draw k (a random set has no other state than its draw)."""
        return isinstance(self.method, CoresetConfig) and self.method.method == "random"

    @property
    def target(self) -> dict[str, Any] | None:
        """The keys under which a published number for this recipe stands in ``results/targets.csv``.

        None if a setting was changed, unless it is another architecture as published: then no published number is of
        the same thing. A wider ConvNet on a reduced set is such a change. None also for ImageNet at the imbalance
        factor of ImageNet-LT. A reduced scale has its keys too; its records and tables say the scale.
        """
        if self.data.name == "imagenet" and self.data.imbalance_factor == IMAGENET_LT:
            return None
        network = self.evaluate.network
        usual = recipe(
            self.name,
            imbalance_factor=self.data.imbalance_factor,
            ipc=self.ipc or 10,
            scale=self.scale,
            protocol_name=self.evaluate.protocol,
        )
        own = usual.evaluate.network
        known = own if network.name == own.name else architecture(network.name, usual.data.name, self.scale)
        if network != known or replace(usual, evaluate=replace(usual.evaluate, network=network)) != self:
            return None
        return {
            "dataset": self.data.name,
            "imbalance_factor": self.data.imbalance_factor,
            "ipc": self.ipc,
            "method": self.name.rpartition("_")[0],
            "network": network.label,
            "protocol": self.evaluate.label,
        }


def names() -> list[str]:
    """Every recipe, METHOD_DATASET."""
    return [f"{method}_{dataset}" for dataset in DATASETS for method in METHODS]


def recipe(
    name: str,
    *,
    imbalance_factor: float | None = None,
    ipc: int = 10,
    scale: str | None = None,
    protocol_name: str | None = None,
    network: str | None = None,
    teacher: str | None = None,
) -> Recipe:
    """The recipe for one cell.

    Args:
        name: METHOD_DATASET.
        imbalance_factor: None takes the data set's usual one.
        ipc: images per class; not used by the recipes of the whole set.
        scale: tiny, cpu or paper; None takes the smallest that the data set has.
        protocol_name: how the students are trained and which labels they see; None takes the method's own family's.
        network: the students' architecture; None takes the papers' ConvNet.
        teacher: that labels in the online protocols, "plain" or "debiased"; None takes the method's own.

    Raises:
        ValueError: an unknown recipe, scale, protocol, network or teacher, or a value outside its range.
    """
    method, _, dataset = name.rpartition("_")
    if method not in METHODS or dataset not in DATASETS:
        raise ValueError(f"unknown recipe {name!r}; `ltdd list` names all {len(names())}, for example random_cifar10")
    settings = DATASETS[dataset]
    scale = scale or settings.scales[0]
    if scale not in SCALES:
        raise ValueError(f"unknown scale {scale!r}; choose one of {', '.join(settings.scales)}")
    if scale not in settings.scales:
        raise ValueError(f"{name} has no scale {scale!r}; choose one of {', '.join(settings.scales)}")
    data = DataConfig(dataset, settings.imbalance_factor if imbalance_factor is None else imbalance_factor)
    chosen = METHODS[method](Cell(dataset, scale, data.imbalance_factor, ipc))
    evaluate = protocol_of(method, dataset, scale, protocol_name, network, teacher, _made_for(chosen))
    if isinstance(chosen, FullDataConfig):
        return Recipe(name, scale, data, None, chosen, whole_set(method, evaluate, scale))
    usual = protocol(own_protocol(method), dataset, scale).preprocess
    elsewhere = usual if _depends_on_space(chosen) and usual != evaluate.preprocess else None
    return Recipe(name, scale, data, ipc, chosen, with_batch_for(evaluate, ipc * settings.classes), elsewhere)


def protocol_of(
    method: str,
    dataset: str,
    scale: Scale,
    name: str | None = None,
    network: str | None = None,
    teacher: str | None = None,
    made_for: NetworkConfig | None = None,
) -> EvaluateConfig:
    """The settings under which a method's sets are scored; what is None is as the method is published.

    Args:
        method: one of ``METHODS``; "_adsa" calibrates the soft labels.
        dataset: one of ``DATASETS``.
        scale: one that the data set has.
        name: the protocol.
        network: the students' architecture.
        teacher: "plain" or "debiased", of the online protocols.
        made_for: the student that the set was matched for; under ``dsa-stored`` it is trained unless ``network`` names
            another.

    Raises:
        ValueError: an unknown protocol, data set, scale, network or teacher, or a teacher where nobody labels.
    """
    name = name or own_protocol(method)
    if teacher is not None and name == "dsa-stored":
        raise ValueError(f"teacher is {teacher!r}, but nobody labels under dsa-stored; use the protocol online-teacher")
    evaluate = protocol(name, dataset, scale, network, teacher or own_teacher(method))
    if made_for is not None and network is None and name == "dsa-stored":
        evaluate = replace(evaluate, network=made_for)
    return replace(evaluate, adsa=ADSAConfig()) if method.endswith("_adsa") else evaluate


def _depends_on_space(method: MethodConfig) -> bool:
    """Whether another preprocessing makes another set. A set is the same under all protocols, so it needs its own."""
    if isinstance(method, CoresetConfig):
        return method.expert is not None
    return isinstance(method, TrajectoryConfig | CondensationConfig)


def _made_for(method: MethodConfig) -> NetworkConfig | None:
    """The student that a set was matched or condensed for; None where the method has none in view."""
    if isinstance(method, TrajectoryConfig):
        return method.experts.network
    return method.network if isinstance(method, CondensationConfig) else None


def whole_set(method: str, evaluate: EvaluateConfig, scale: Scale) -> EvaluateConfig:
    """A protocol for the whole set: the method's own loss, and fewer epochs than a hundred images take.

    Scale cpu has 30 epochs, batches of at most 64 images, so that they still make thousands of steps, and a ConvNet of
    width 32. The papers do not say how their "full dataset" rows were trained.

    Args:
        method: one of the whole set's; "full_logit_adjusted" has tau = 1 (``EvaluateConfig.logit_adjustment``).
        evaluate: the protocol as it is for distilled sets.
        scale: of the recipe.

    Raises:
        ValueError: the logit-adjusted loss under a protocol without stored labels.
    """
    adjusted = method == "full_logit_adjusted"
    if adjusted and evaluate.protocol != "dsa-stored":
        raise ValueError(f"{method} is a loss on stored labels; use the protocol dsa-stored, not {evaluate.protocol}")
    network, train = evaluate.network, replace(evaluate.train, epochs={"tiny": 150, "cpu": 30, "paper": 200}[scale])
    if scale == "cpu":
        train = replace(train, batch_size=min(train.batch_size, 64))
        network = replace(network, width=32) if network.name == "convnet" else network
    return replace(evaluate, network=network, train=train, logit_adjustment=1.0 if adjusted else 0.0)
