"""The recipes of the coresets."""

from dataclasses import replace

from ltdd_utils.methods.base import Method
from ltdd_utils.methods.coresets.family import CORESETS
from ltdd_utils.methods.coresets.settings import CoresetConfig
from ltdd_utils.presets import Cell, dsa_augmentation, plain_expert
from ltdd_utils.teachers.settings import TeacherConfig

__all__ = ["METHODS", "feature_expert", "graphcut", "herding", "kcenter", "random"]


def random(cell: Cell) -> CoresetConfig:
    """Random: IPC real images of each class, drawn blindly; student k trains on draw k.

    Published on CIFAR-10-LT, IF 100, IPC 10: 34.4 +- 2.0.
    """
    return CoresetConfig("random")


def kcenter(cell: Cell) -> CoresetConfig:
    """K-Center greedy: images that cover each class's features.

    Published on CIFAR-10-LT, IF 100, IPC 10: 16.2 +- 0.5.
    """
    return CoresetConfig("kcenter", expert=feature_expert(cell))


def herding(cell: Cell) -> CoresetConfig:
    """Herding: images whose mean feature is the class's.

    No long-tailed number is published.
    """
    return CoresetConfig("herding", expert=feature_expert(cell))


def graphcut(cell: Cell) -> CoresetConfig:
    """Graph-Cut: images like the class and unlike each other.

    Published on CIFAR-10-LT, IF 100, IPC 10: 22.9 +- 0.9.
    """
    return CoresetConfig("graphcut", expert=feature_expert(cell))


def feature_expert(cell: Cell) -> TeacherConfig:
    """The expert whose features a coreset reads: in the space and under the augmentation of ``dsa-stored``."""
    return replace(plain_expert(cell.dataset, cell.scale), augment=dsa_augmentation(cell.dataset))


METHODS = (
    Method("random", random, CORESETS),
    Method("kcenter", kcenter, CORESETS),
    Method("herding", herding, CORESETS),
    Method("graphcut", graphcut, CORESETS),
)
