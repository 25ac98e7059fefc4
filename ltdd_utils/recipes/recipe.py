"""A recipe: data, method and protocol of one cell of a table, at one scale."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ltdd_utils.core.hints import beginning, choose, did_you_mean, question
from ltdd_utils.core.settings import UnknownName, added_field, config_id, from_dict, whole_number
from ltdd_utils.data.facts import DATASETS, SCALES, Scale, dataset_name, scale_name
from ltdd_utils.data.settings import DataConfig, PreprocessConfig
from ltdd_utils.evaluation.protocols import protocol, with_batch_for
from ltdd_utils.evaluation.settings import ADSAConfig, EvaluateConfig
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.methods.base import Family, Method
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.presets import Cell, architecture
from ltdd_utils.recipes.plugins import load_entry_points

__all__ = ["Recipe", "canonical", "halves", "names", "parts", "protocol_of", "recipe", "whole_set"]

IMAGENET_LT = 256  # imbalance factor of the published list, which is imagenet-224; imagenet's profile is exponential


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a result, apart from the seed."""

    name: str  # METHOD_DATASET
    scale: Scale  # tiny and cpu are reduced: their records say so
    data: DataConfig
    ipc: int | None  # images per class; None: the whole training set
    method: Any  # the settings of the method's family
    evaluate: EvaluateConfig
    preprocess: PreprocessConfig | None = added_field(None)  # the set is made under it; None: the protocol's

    def __post_init__(self) -> None:
        """Refuse a scale or a number of images per class that makes no sense, and settings of another family."""
        if self.scale not in SCALES:
            raise ValueError(f"unknown scale {self.scale!r}; choose one of {', '.join(SCALES)}")
        if self.ipc is not None:
            object.__setattr__(self, "ipc", whole_number(self.ipc, "ipc"))  # before anybody has seen the recipe
        if self.ipc is not None and self.ipc < 1:
            raise ValueError(f"ipc is {self.ipc}; a distilled set needs at least 1 image per class")
        _require_settings(self.name, self.family, self.method)
        if (self.ipc is None) != self.family.whole_set:
            raise ValueError(f"ipc is {self.ipc}; the recipes of the whole set have none, all others need a number")

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> "Recipe":
        """The recipe that a record's ``config`` describes, as ``to_dict`` wrote it.

        Raises:
            ValueError: a method that is not registered, or settings that it does not have.
        """
        method, _ = parts(config.get("name", ""))
        return from_dict(cls, {**config, "method": method.read(config.get("method", {}))})

    @property
    def entry(self) -> Method:
        """The method's entry in the table of methods."""
        return parts(self.name)[0]

    @property
    def family(self) -> Family:
        """The family of the method."""
        return self.entry.family

    @property
    def cell(self) -> Cell:
        """The cell of a table that the recipe is of."""
        return Cell(self.data.name, self.scale, self.data.imbalance_factor, self.ipc or 0)

    @property
    def config_id(self) -> str:
        """The hash of all settings."""
        return config_id(self)

    @property
    def space(self) -> PreprocessConfig:
        """The preprocessing that the set is made under; its images are carried over to the protocol's."""
        return self.family.space(self.method) or self.preprocess or self.evaluate.preprocess

    @property
    def target(self) -> dict[str, Any] | None:
        """The keys under which a published number for this recipe stands in ``results/targets.csv``.

        None if a setting was changed, unless it is another architecture as published: then no published number is of
        the same thing. A wider ConvNet on a reduced set is such a change. None also for ImageNet at the imbalance
        factor of ImageNet-LT. A reduced scale has its keys too; its records and tables say the scale.
        """
        if self.data.name == "imagenet" and self.data.imbalance_factor == IMAGENET_LT:
            return None
        facts = DATASETS[parts(self.name)[1]]
        if facts.profile == "list" and self.data.imbalance_factor != facts.imbalance_factor:
            return None
        network = self.evaluate.network
        usual = recipe(
            self.name,
            imbalance_factor=self.data.imbalance_factor,
            ipc=self.ipc or 10,
            scale=self.scale,
            protocol_name=self.evaluate.protocol,
        )
        students = usual.evaluate.network
        known = students if network.name == students.name else architecture(network.name, usual.data.name, self.scale)
        if network != known or replace(usual, evaluate=replace(usual.evaluate, network=network)) != self:
            return None
        return {
            "dataset": self.data.name,
            "imbalance_factor": self.data.imbalance_factor,
            "ipc": self.ipc,
            "method": self.entry.name,
            "network": network.label,
            "protocol": self.evaluate.label,
        }


def names() -> list[str]:
    """Every recipe, METHOD_DATASET."""
    load_entry_points()
    return [f"{method}_{dataset}" for dataset in DATASETS for method in METHODS]


def halves(name: str) -> tuple[str, str]:
    """The names of method and data set that a recipe's name is made of, whether anybody knows them or not."""
    method, _, dataset = name.rpartition("_")  # a data set's name has no "_"
    return method, dataset


def parts(name: str) -> tuple[Method, str]:
    """The method and the data set of a recipe's name.

    Raises:
        UnknownName: no method or no data set is called so.
    """
    load_entry_points()
    method, dataset = halves(name)
    dataset = dataset_name(dataset)
    if method not in METHODS or dataset not in DATASETS:
        known = f"`ltdd list` names all {len(names())}, for example random_cifar10"
        begun = [f"{whole}_{dataset}" for whole in beginning(method, METHODS) if dataset in DATASETS]
        raise UnknownName(f"unknown recipe {name!r}{question(begun) or did_you_mean(name, names())}; {known}")
    return METHODS[method], dataset


def canonical(name: str) -> str:
    """A recipe's name as records have it, whichever word names its data set; a text that names none as it is."""
    try:
        method, dataset = parts(name)
    except UnknownName:
        return name
    return f"{method.name}_{dataset}"


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
        imbalance_factor: None takes the data set's usual one, which is the only one of a standard list.
        ipc: images per class; not used by the recipes of the whole set.
        scale: tiny (or demo), cpu or paper; None takes the smallest that the data set has.
        protocol_name: how the students are trained and which labels they see; None takes the method's default.
        network: the students' architecture; None takes the papers' ConvNet.
        teacher: that labels in the online protocols, "plain" or "debiased"; None takes the method's default.

    Raises:
        ValueError: an unknown recipe, scale, protocol, network or teacher, a value outside its range, or an imbalance
            factor that a standard list does not have.
    """
    (method, dataset), name = parts(name), canonical(name)
    facts = DATASETS[dataset]
    scale = scale_name(scale or facts.scales[0])
    if scale not in SCALES:
        hint = did_you_mean(scale, SCALES)
        raise ValueError(f"unknown scale {scale!r}{hint}; {choose(facts.scales)}")
    if scale not in facts.scales:
        raise ValueError(f"{name} has no scale {scale!r}; {choose(facts.scales)}")
    factor = facts.imbalance_factor if imbalance_factor is None else imbalance_factor
    if facts.profile == "list" and factor != facts.imbalance_factor:
        what = f"{dataset} is a list of images with imbalance factor {facts.imbalance_factor:g}, not {factor:g}"
        raise ValueError(f"{what}: leave the factor out, or cut a long tail with data.profile=exponential")
    data = DataConfig(dataset, factor, profile=facts.profile)
    settings, family = _settings(name, method, Cell(dataset, scale, data.imbalance_factor, ipc)), method.family
    students = family.student_network(settings)
    evaluate = protocol_of(method, dataset, scale, protocol_name, network=network, teacher=teacher, students=students)
    if family.whole_set:
        return Recipe(name, scale, data, None, settings, whole_set(method, evaluate, scale))
    usual = protocol(method.protocol, dataset, scale).preprocess
    elsewhere = usual if family.depends_on_space(settings) and usual != evaluate.preprocess else None
    evaluate = with_batch_for(evaluate, ipc * facts.classes * family.factor(settings) ** 2)
    return Recipe(name, scale, data, ipc, settings, evaluate, elsewhere)


def _require_settings(name: str, family: Family, settings: object) -> None:
    """Raise unless the settings of a recipe, by name, are its family's."""
    if not isinstance(settings, family.settings):
        raise ValueError(f"method is {settings!r:.80}; the settings of {name} are a {family.settings.__name__}")


def _settings(name: str, method: Method, cell: Cell) -> Any:  # noqa: ANN401 (the family's settings)
    try:
        settings = method.settings(cell)
    except ValueError:
        raise
    except Exception as error:  # whatever somebody's function raises
        raise ValueError(f"the settings of {method.name} fail in {cell}: {type(error).__name__}: {error}") from error
    _require_settings(name, method.family, settings)  # before the family reads them
    return settings


def protocol_of(
    method: Method,
    dataset: str,
    scale: Scale,
    name: str | None = None,
    *,
    network: str | None = None,
    teacher: str | None = None,
    students: NetworkConfig | None = None,
) -> EvaluateConfig:
    """The settings under which a method's sets are scored; what is None is as the method is published.

    Args:
        method: whose sets they are; a calibrated one has its soft labels calibrated.
        dataset: one of ``DATASETS``.
        scale: one that the data set has.
        name: the protocol.
        network: the students' architecture.
        teacher: "plain" or "debiased", of the online protocols.
        students: the network that the set was made for; trained where the protocol has it so (``set_student``), unless
            ``network`` names another.

    Raises:
        ValueError: an unknown protocol, data set, scale, network or teacher, or a teacher where none labels.
    """
    name = name or method.protocol
    rules = PROTOCOLS.find(name)
    if teacher is not None and not rules.has_teacher:
        raise ValueError(f"teacher is {teacher!r}, but {name} uses no teacher; use the protocol online-teacher")
    evaluate = protocol(name, dataset, scale, network, teacher or method.teacher)
    if students is not None and network is None and rules.set_student:
        evaluate = replace(evaluate, network=students)
    return replace(evaluate, adsa=ADSAConfig()) if method.calibrated else evaluate


def whole_set(method: Method, evaluate: EvaluateConfig, scale: Scale) -> EvaluateConfig:
    """A protocol for the whole set: the method's own loss, and fewer epochs than a hundred images take.

    Scale cpu has 30 epochs, batches of at most 64 images, so that they still make thousands of steps, and a ConvNet of
    width 32. The papers do not say how their "full dataset" rows were trained.

    Args:
        method: one of the whole set's; its ``logit_adjustment`` is tau of the students' loss.
        evaluate: the protocol as it is for distilled sets.
        scale: of the recipe.

    Raises:
        ValueError: the logit-adjusted loss under a protocol without stored labels.
    """
    if method.logit_adjustment and "logit_adjustment" not in PROTOCOLS[evaluate.protocol].terms:
        raise ValueError(
            f"{method.name} is a loss on stored labels; use the protocol dsa-stored, not {evaluate.protocol}"
        )
    network, train = evaluate.network, replace(evaluate.train, epochs={"tiny": 150, "cpu": 30, "paper": 200}[scale])
    if scale == "cpu":
        train = replace(train, batch_size=min(train.batch_size, 64))
        network = replace(network, width=32) if network.name == "convnet" else network
    return replace(evaluate, network=network, train=train, logit_adjustment=method.logit_adjustment)
