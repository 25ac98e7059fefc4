r"""ADSA: soft labels calibrated after training, by taking the class prior out of the logits.

.. math:: p_\tau(c|x) = \mathrm{softmax}_c(z(x) - \tau \log \pi), \quad
    \mathrm{conf}_c(\tau) = \frac{1}{K} \sum_{x \in S_c} p_\tau(c|x), \quad
    \tau^* = \arg\min_\tau \mathrm{std}_c\, \mathrm{conf}_c(\tau)

Jiang et al., arXiv 2511.17914 (from summaries; the paper's full text and code were not read). The range of the search
is not in them. As tau grows all mass goes to the rarest class, and the criterion falls again for many classes: so the
range is bounded here, and the first local minimum is taken.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ltdd_utils.evaluation.settings import ADSAConfig
from ltdd_utils.teachers.calibrated import Calibrated, calibration

__all__ = ["Calibrated", "calibration", "class_confidence", "find_tau"]


def class_confidence(logits: Tensor, labels: Tensor, prior: Tensor, tau: float) -> Tensor:
    """Mean probability that calibrated logits give an image's own class, per class, float64 ``[C]``.

    Args:
        logits: of the distilled images, ``[M, C]``.
        labels: integers, ``[M]``; every class occurs.
        prior: class shares of the long tail, ``[C]``.
        tau: strength.
    """
    own = (logits.double() + calibration(prior, tau).double().to(logits.device)).softmax(dim=1)
    own = own.gather(1, labels[:, None])[:, 0]
    sums = torch.zeros(logits.shape[1], dtype=torch.float64, device=logits.device).index_add_(0, labels, own)
    return sums / torch.bincount(labels, minlength=logits.shape[1])


def find_tau(logits: Tensor, labels: Tensor, prior: Tensor, cfg: ADSAConfig) -> tuple[float, list[tuple[float, float]]]:
    """The first tau, from 0 up, at which the confidences of the classes stop coming closer together.

    Args:
        logits: of the distilled images, ``[M, C]``.
        labels: integers, ``[M]``.
        prior: class shares of the long tail, ``[C]``.
        cfg: range and step of the search.

    Returns:
        tau, and the whole curve: pairs of tau and the standard deviation (ddof 0) over classes.

    Raises:
        ValueError: a class without a distilled image.
    """
    counts = torch.bincount(labels, minlength=logits.shape[1])
    if int(counts.min()) < 1:
        raise ValueError(f"class {int(counts.argmin())} has no distilled image, so it has no confidence to calibrate")
    grid = [round(step * cfg.step, 10) for step in range(int(cfg.largest / cfg.step + 1e-9) + 1)]
    curve = [(tau, class_confidence(logits, labels, prior, tau).std(correction=0).item()) for tau in grid]
    return curve[_first_minimum([value for _, value in curve])][0], curve


def _first_minimum(values: Sequence[float]) -> int:
    """The first place whose right neighbour is higher; the last place if there is none."""
    return next((at for at in range(len(values) - 1) if values[at + 1] > values[at]), len(values) - 1)
