"""The whole long-tailed training set: no distillation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltdd_utils.methods.base import Family, Job, Method, Stage
from ltdd_utils.presets import Cell

if TYPE_CHECKING:
    from ltdd_utils.distilled.result import DistillationResult

__all__ = ["WHOLE_SET", "FullDataConfig", "full", "full_logit_adjusted"]


@dataclass(frozen=True)
class FullDataConfig:
    """No distillation: the set is the whole long-tailed training set."""


class WholeSet(Family):
    """Students on the whole training set, without distillation."""

    name, settings, whole_set = "whole set", FullDataConfig, True

    def stages(self, cfg: FullDataConfig, ipc: int | None) -> list[Stage]:
        """None: there is nothing to do."""
        return []

    def distil(self, job: Job) -> "DistillationResult":
        """Every image of the long tail."""
        from ltdd_utils.distilled.result import DistillationResult
        from ltdd_utils.methods.coresets.selection import full_set

        return DistillationResult(full_set(job.run.data))

    def depends_on_space(self, cfg: FullDataConfig) -> bool:
        """It holds positions of images, in no space."""
        return False


WHOLE_SET = WholeSet()


def full(cell: Cell) -> FullDataConfig:
    """Full data: a student on the whole long-tailed set, the number that "lossless" refers to.

    The papers do not say how it was trained; ``recipes.whole_set`` has our settings.
    Published on CIFAR-10-LT, IF 100: 66.2 +- 0.4.
    """
    return FullDataConfig()


def full_logit_adjusted(cell: Cell) -> FullDataConfig:
    """Full data with a logit-adjusted loss: what the whole set gives once the bias of its prior is taken out.

    Menon et al. (arXiv 2007.07314). No number is published in the two papers.
    """
    return FullDataConfig()


METHODS = (
    Method("full", full, WHOLE_SET),
    Method("full_logit_adjusted", full_logit_adjusted, WHOLE_SET, logit_adjustment=1.0),
)
