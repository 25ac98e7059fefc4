"""One documented function per method: what is distilled, and the published number of its first table cell."""

from collections.abc import Callable, Mapping

from ltdd_utils.methods.alignment.recipes import ALIGNMENT
from ltdd_utils.methods.alignment.settings import UnilevelConfig
from ltdd_utils.methods.condensation.recipes import dc, dm
from ltdd_utils.methods.condensation.settings import DCConfig, DMConfig
from ltdd_utils.methods.coresets.recipes import graphcut, herding, kcenter, random
from ltdd_utils.methods.coresets.settings import CoresetConfig
from ltdd_utils.methods.full import FullDataConfig, full, full_logit_adjusted
from ltdd_utils.methods.trajectory.recipes import dam_only, damed, datm, ed_only, mtt
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig
from ltdd_utils.presets import Cell

__all__ = ["METHODS", "MethodConfig", "own_protocol", "own_teacher"]

MethodConfig = CoresetConfig | FullDataConfig | TrajectoryConfig | DCConfig | DMConfig | UnilevelConfig


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
