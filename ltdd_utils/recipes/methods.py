"""One documented function per method: what is distilled, and the published number of its first table cell."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from ltdd_utils.config import CoresetConfig, FullDataConfig, TeacherConfig
from ltdd_utils.recipes.settings import Scale, dsa_augmentation, plain_expert

__all__ = ["METHODS", "MethodConfig"]

MethodConfig = CoresetConfig | FullDataConfig


def random(dataset: str, scale: Scale) -> CoresetConfig:
    """Random: IPC real images of each class, drawn blindly; student k trains on draw k.

    Published on CIFAR-10-LT, IF 100, IPC 10: 34.4 +- 2.0.
    """
    return CoresetConfig("random")


def kcenter(dataset: str, scale: Scale) -> CoresetConfig:
    """K-Center greedy: images that cover each class's features.

    Published on CIFAR-10-LT, IF 100, IPC 10: 16.2 +- 0.5.
    """
    return CoresetConfig("kcenter", expert=_feature_expert(dataset, scale))


def herding(dataset: str, scale: Scale) -> CoresetConfig:
    """Herding: images whose mean feature is the class's.

    No long-tailed number is published.
    """
    return CoresetConfig("herding", expert=_feature_expert(dataset, scale))


def graphcut(dataset: str, scale: Scale) -> CoresetConfig:
    """Graph-Cut: images like the class and unlike each other.

    Published on CIFAR-10-LT, IF 100, IPC 10: 22.9 +- 0.9.
    """
    return CoresetConfig("graphcut", expert=_feature_expert(dataset, scale))


def _feature_expert(dataset: str, scale: Scale) -> TeacherConfig:
    """The expert whose features a coreset reads: in the space and under the augmentation of ``dsa-stored``."""
    return replace(plain_expert(dataset, scale), augment=dsa_augmentation(dataset))


def full(dataset: str, scale: Scale) -> FullDataConfig:
    """Full data: a student on the whole long-tailed set, the number that "lossless" refers to.

    The papers do not say how it was trained; ``whole_set`` has our settings.
    Published on CIFAR-10-LT, IF 100: 66.2 +- 0.4.
    """
    return FullDataConfig()


def full_logit_adjusted(dataset: str, scale: Scale) -> FullDataConfig:
    """Full data with a logit-adjusted loss: what the whole set gives once the bias of its prior is taken out.

    Menon et al. (arXiv:2007.07314). No number is published in the two papers.
    """
    return FullDataConfig()


METHODS: Mapping[str, Callable[[str, Scale], MethodConfig]] = {
    "random": random,
    "kcenter": kcenter,
    "herding": herding,
    "graphcut": graphcut,
    "full": full,
    "full_logit_adjusted": full_logit_adjusted,
}
