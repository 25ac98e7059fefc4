r"""What the labels of a set say of the classes together."""

import torch
from torch import Tensor

from ltdd_utils.distilled.contents import DistilledSet

__all__ = ["class_mass", "mass_slope", "own_share"]


def class_mass(distilled: DistilledSet) -> Tensor:
    """The share of all label mass that each class has, float64 ``[C]``: the mean label."""
    return distilled.target_probabilities().double().mean(dim=0)


def own_share(distilled: DistilledSet) -> Tensor:
    """The probability that labels give an image's own class, mean over each class's images, float64 ``[C]``.

    NaN for a class without an image.
    """
    given, classes = distilled.target_probabilities().double(), len(distilled.info["class_names"])
    labels = distilled.labels.long().repeat_interleave(len(given) // len(distilled))  # of mosaics, perhaps per part
    own = given.gather(1, labels[:, None])[:, 0]
    sums = torch.zeros(classes, dtype=torch.float64).index_add_(0, labels, own)
    return sums / torch.bincount(labels, minlength=classes)


def mass_slope(mass: Tensor, prior: Tensor) -> float:
    r"""The slope of :math:`\log m_c` on :math:`\log \pi_c` by least squares.

    0: every class has labels of the same mass. 1: the labels repeat the long tail. Below 0: rare classes have more.

    Args:
        mass: of ``class_mass``, ``[C]``.
        prior: class shares of the long tail, ``[C]``, not all equal.
    """
    x, y = (values.double().log() for values in (prior, mass))
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / (x * x).sum())
