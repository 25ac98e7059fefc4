"""Distribution-agnostic matching (DAM): the inner loss that lets a student on balanced data imitate a biased expert."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ltdd_utils.core.seeds import generator
from ltdd_utils.data.longtail import class_prior
from ltdd_utils.methods.trajectory.initial import answers
from ltdd_utils.methods.trajectory.settings import DAMConfig
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.networks.flat import Apply
from ltdd_utils.training.losses import dam_loss, soft_cross_entropy

__all__ = ["InnerLoss", "estimated_counts", "inner_loss", "prior"]

InnerLoss = Callable[[Tensor, Tensor], Tensor]
"""``loss(logits, targets)`` is the scalar loss of an inner step, both ``[B, C]``."""


def prior(cfg: DAMConfig, counts: Sequence[float]) -> Tensor:
    r"""The class prior :math:`\pi` that DAM assumes, float64 ``[C]``, sums to one.

    "long-tailed" is :math:`n_c / N`, and so is "estimated", for which ``counts`` are those of ``estimated_counts``. The
    others are placebos: "uniform", "inverted" (:math:`\propto 1 / n_c`) and
    "permuted" (the long-tailed shares, each at another class, drawn from ``cfg.prior_seed``).
    """
    true = torch.from_numpy(class_prior(counts))
    if cfg.prior == "uniform":
        return torch.full_like(true, 1 / len(true))
    if cfg.prior == "inverted":
        return (1 / true) / (1 / true).sum()
    if cfg.prior == "permuted":
        return true[_derangement(len(true), generator(cfg.prior_seed, "dam", "permuted"))]
    return true


@torch.no_grad()
def estimated_counts(experts: Experts, network: Apply, images: Tensor) -> list[float]:
    r"""Images per class as the experts' answers tell, ``[C]``: for long tails whose counts are unknown.

    The shares are the mean of :math:`\operatorname{softmax}(z)` over the images and the last snapshots of all
    representation experts. A network trained with cross-entropy answers with the class shares of its training set on
    average: where the gradient for a bias of the classifier is zero, :math:`\sum_i (p_{ic} - y_{ic}) = 0`. No label is
    read. A class with less than one expected image counts as one.

    Args:
        experts: their last epoch is stored.
        network: of the experts, as a function of flat weights.
        images: all training images, preprocessed, ``[N, Ch, H, W]``.
    """
    total = torch.zeros((), dtype=torch.float64, device=images.device)
    for index in range(len(experts)):
        logits = answers(network, experts.snapshot(index, experts.last_epoch).to(images.device), images)
        total = total + logits.double().softmax(dim=1).sum(dim=0) / len(experts)
    return total.clamp_min(1).tolist()


def _derangement(size: int, rng: torch.Generator) -> Tensor:
    """A random permutation that leaves nothing in its place (a permuted prior must not be the true one)."""
    order = torch.randperm(size, generator=rng)
    while size > 1 and bool((order == torch.arange(size)).any()):
        order = torch.randperm(size, generator=rng)
    return order


def inner_loss(cfg: DAMConfig, counts: Sequence[float], device: torch.device | str = "cpu") -> InnerLoss:
    r"""The student's inner loss: soft cross-entropy, or DAM's.

    ===================================== ============ ======================
    form                                  ``weights``  ``offset``
    ===================================== ============ ======================
    plain cross-entropy (MTT, DATM)       none         0
    DAM as released                       sum          0
    DAM as summarised                     sum          :math:`\lambda > 0`
    released, steps as long as CE's       mean         0
    logit offset alone                    none         :math:`\lambda > 0`
    ===================================== ============ ======================

    Weights "sum" are :math:`\pi_c`, which sum to one; "mean" are :math:`C \pi_c`; "none" are 1. "As summarised" is the
    form in a summary of the paper, whose own formula was not read for this book.

    Args:
        cfg: weights, offset, prior.
        counts: images of each class in the long tail, ``[C]``.
        device: of the logits.
    """
    if cfg.weights == "none" and cfg.offset == 0:
        return soft_cross_entropy
    shares = prior(cfg, counts)
    factors = {"none": torch.ones_like(shares), "sum": shares, "mean": len(shares) * shares}[cfg.weights]
    weights, offset = factors.to(device), (cfg.offset * shares.log()).to(device)

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        return dam_loss(logits, targets, weights.to(logits.dtype), offset.to(logits.dtype))

    return loss
