"""The whole long-tailed training set: no distillation."""

from dataclasses import dataclass

from ltdd_utils.presets import Cell

__all__ = ["FullDataConfig", "full", "full_logit_adjusted"]


@dataclass(frozen=True)
class FullDataConfig:
    """No distillation: the set is the whole long-tailed training set."""


def full(cell: Cell) -> FullDataConfig:
    """Full data: a student on the whole long-tailed set, the number that "lossless" refers to.

    The papers do not say how it was trained; ``whole_set`` has our settings.
    Published on CIFAR-10-LT, IF 100: 66.2 +- 0.4.
    """
    return FullDataConfig()


def full_logit_adjusted(cell: Cell) -> FullDataConfig:
    """Full data with a logit-adjusted loss: what the whole set gives once the bias of its prior is taken out.

    Menon et al. (arXiv 2007.07314). No number is published in the two papers.
    """
    return FullDataConfig()
