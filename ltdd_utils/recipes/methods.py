"""One documented function per method: what is distilled, and the published number of its first table cell."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from ltdd_utils.config import (
    CoresetConfig,
    DCConfig,
    DMConfig,
    FullDataConfig,
    TeacherConfig,
    TrajectoryConfig,
    UnilevelConfig,
)
from ltdd_utils.recipes.condensation import dc, dm
from ltdd_utils.recipes.settings import Cell, dsa_augmentation, plain_expert
from ltdd_utils.recipes.trajectory import dam_only, damed, datm, ed_only, mtt
from ltdd_utils.recipes.unilevel import ALIGNMENT

__all__ = ["METHODS", "MethodConfig", "own_protocol", "own_teacher"]

MethodConfig = CoresetConfig | FullDataConfig | TrajectoryConfig | DCConfig | DMConfig | UnilevelConfig


def random(cell: Cell) -> CoresetConfig:
    """Random: IPC real images of each class, drawn blindly; student k trains on draw k.

    Published on CIFAR-10-LT, IF 100, IPC 10: 34.4 +- 2.0.
    """
    return CoresetConfig("random")


def kcenter(cell: Cell) -> CoresetConfig:
    """K-Center greedy: images that cover each class's features.

    Published on CIFAR-10-LT, IF 100, IPC 10: 16.2 +- 0.5.
    """
    return CoresetConfig("kcenter", expert=_feature_expert(cell))


def herding(cell: Cell) -> CoresetConfig:
    """Herding: images whose mean feature is the class's.

    No long-tailed number is published.
    """
    return CoresetConfig("herding", expert=_feature_expert(cell))


def graphcut(cell: Cell) -> CoresetConfig:
    """Graph-Cut: images like the class and unlike each other.

    Published on CIFAR-10-LT, IF 100, IPC 10: 22.9 +- 0.9.
    """
    return CoresetConfig("graphcut", expert=_feature_expert(cell))


def _feature_expert(cell: Cell) -> TeacherConfig:
    """The expert whose features a coreset reads: in the space and under the augmentation of ``dsa-stored``."""
    return replace(plain_expert(cell.dataset, cell.scale), augment=dsa_augmentation(cell.dataset))


def full(cell: Cell) -> FullDataConfig:
    """Full data: a student on the whole long-tailed set, the number that "lossless" refers to.

    The papers do not say how it was trained; ``whole_set`` has our settings.
    Published on CIFAR-10-LT, IF 100: 66.2 +- 0.4.
    """
    return FullDataConfig()


def full_logit_adjusted(cell: Cell) -> FullDataConfig:
    """Full data with a logit-adjusted loss: what the whole set gives once the bias of its prior is taken out.

    Menon et al. (arXiv:2007.07314). No number is published in the two papers.
    """
    return FullDataConfig()


METHODS: Mapping[str, Callable[[Cell], MethodConfig]] = {
    "random": random,
    "kcenter": kcenter,
    "herding": herding,
    "graphcut": graphcut,
    "dc": dc,
    "dm": dm,
    "mtt": mtt,
    "datm": datm,
    "dam_only": dam_only,
    "ed_only": ed_only,
    "damed": damed,
    **ALIGNMENT,
    "full": full,
    "full_logit_adjusted": full_logit_adjusted,
}


def own_protocol(method: str) -> str:
    """The protocol under which a method is published: stored labels for paper 1's family, a teacher for paper 2's."""
    return "online-teacher" if method in ALIGNMENT else "dsa-stored"


def own_teacher(method: str) -> str:
    """The teacher that labels for a method in its own table: debiased for the uni-level framework, else plain."""
    return "debiased" if method.startswith("unilevel") and method != "unilevel_no_debiasing" else "plain"
