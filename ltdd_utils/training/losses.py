"""Losses of students and experts. Logits go in, nats per image come out."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "class_weights",
    "consistency_loss",
    "dam_loss",
    "debias_loss",
    "logit_adjustment",
    "logit_matching",
    "single",
    "soft_cross_entropy",
]


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Cross-entropy with probabilities as targets.

    .. math:: \ell = -\frac{1}{B} \sum_{b,c} t_{bc} \log \mathrm{softmax}(z_b)_c

    Args:
        logits: :math:`z`, ``[B, C]``.
        targets: :math:`t`, rows sum to one, ``[B, C]``.

    Returns:
        Scalar, nats per image.
    """
    return -(targets * single(logits).log_softmax(dim=1)).sum(dim=1).mean()


def dam_loss(logits: Tensor, targets: Tensor, weights: Tensor, offset: Tensor) -> Tensor:
    r"""Soft cross-entropy with a weight and a logit offset per class: the inner loss of distribution-agnostic matching.

    .. math:: \ell = -\frac{1}{B} \sum_{b,c} w_c\, t_{bc} \log \mathrm{softmax}(z_b - o)_c

    Its gradient at the logits of image b is :math:`\frac{1}{B} [(\sum_c w_c t_{bc})\, \mathrm{softmax}(z_b - o) -
    w \odot t_b]`. With :math:`o = \lambda \log \pi` a student on balanced data is drawn to logits that carry the
    long tail's bias. "Distilling Long-tailed Datasets" (arXiv 2408.14506), the DAM loss: :math:`w = \pi`, some
    :math:`\lambda` (from a summary; the paper's own formula was not read); ``trajectory.dam`` has the other forms.

    Note:
        The released code has :math:`\lambda = 0` in every configuration: weights alone.

    Args:
        logits: :math:`z`, ``[B, C]``.
        targets: :math:`t`, rows sum to one, ``[B, C]``.
        weights: :math:`w`, ``[C]``.
        offset: :math:`o`, ``[C]``.

    Returns:
        Scalar, nats per image.
    """
    return -(weights * targets * (single(logits) - offset).log_softmax(dim=1)).sum(dim=1).mean()


def single(logits: Tensor) -> Tensor:
    """Half precision as float32: CUDA's autocast computes the logarithm in it, the CPU's does not."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def logit_adjustment(class_prior: Tensor, tau: float = 1.0) -> Tensor:
    r"""The shift of the logits inside the loss that makes the raw logits those of balanced data, ``[C]``.

    .. math:: \ell = -\frac{1}{B} \sum_b \log \mathrm{softmax}(z_b + \tau \log \pi)_{y_b}

    for logits :math:`z` and labels :math:`y`. Its minimiser on long-tailed data has :math:`\mathrm{softmax}(z)`
    proportional to :math:`p(y|x) / \pi_y^\tau`. Menon et al. (arXiv 2007.07314), equation 10. A training loop takes the
    shift :math:`\tau \log \pi` once: the check of the shares waits for the device.

    Args:
        class_prior: :math:`\pi_c = n_c / N` of the training set, ``[C]``.
        tau: strength; 0 is plain cross-entropy.

    Raises:
        ValueError: a class without images.
    """
    if not bool((class_prior > 0).all()):
        raise ValueError(f"class_prior must hold {len(class_prior)} positive shares, got {class_prior.tolist()}")
    return tau * class_prior.log()


def logit_matching(logits: Tensor, teacher_logits: Tensor, labels: Tensor, cross_entropy: float) -> Tensor:
    r"""Squared distance to the teacher's logits, and a weighted hard-label term.

    .. math:: \ell = \frac{1}{BC} \sum_{b,c} (z_{bc} - \tilde z_{bc})^2 + \kappa\, \mathrm{CE}(z, y)

    The uni-level framework (arXiv 2511.18858), equation 10.

    Note:
        Differs from the paper: its equation sums over the classes; the released code averages over batch and classes,
        as here.

    Args:
        logits: the student's :math:`z`, ``[B, C]``.
        teacher_logits: :math:`\tilde z`, ``[B, C]``.
        labels: integers :math:`y` of the un-mixed images, ``[B]``.
        cross_entropy: :math:`\kappa`, 0.025 in EDC and in the uni-level release.

    Returns:
        Scalar.
    """
    logits = single(logits)
    loss = F.mse_loss(logits, single(teacher_logits))
    return loss + cross_entropy * F.cross_entropy(logits, labels) if cross_entropy else loss


def class_weights(counts: Sequence[int], sharpness: float, kind: str = "mean") -> Tensor:
    r"""Weights that fall with a class's size, :math:`w_k = C\, n_k^{-r} / \sum_j n_j^{-r}`, float32 ``[C]``.

    The uni-level framework (arXiv 2511.18858), equation 6, after GLMC (Du et al., CVPR 2023).

    Note:
        Differs from the paper, whose equation lacks the factor C (``kind="sum"``); the released code has it.

    Args:
        counts: :math:`n`, images of each class, above 0.
        sharpness: :math:`r`; 0 weighs all classes alike.
        kind: "mean" has mean 1, "sum" sums to 1.

    Raises:
        ValueError: a class without images.
    """
    if min(counts) < 1:
        raise ValueError(f"class {list(counts).index(min(counts))} has {min(counts)} images; its weight has no value")
    powers = torch.tensor(counts, dtype=torch.float64) ** -sharpness
    share = powers / powers.sum()
    return (share * len(counts) if kind == "mean" else share).float()


def debias_loss(plain: Tensor, reweighted: Tensor, targets: Tensor, weights: Tensor, alpha: float) -> Tensor:
    r"""Cross-entropy that moves from all images alike to all classes alike.

    .. math:: \ell = (1 - \alpha)\, \mathrm{CE}(z, t) + \alpha\, \mathrm{CE}(z', w \odot t), \quad
        \mathrm{CE}(z, t) = -\frac{1}{B} \sum_{b,c} t_{bc} \log \mathrm{softmax}(z_b)_c

    The uni-level framework (arXiv 2511.18858), equation 6, with :math:`\alpha = (t/T)^2`; in the released code the two
    terms have a head each.

    Args:
        plain: :math:`z`, logits of the head that learns the long tail, ``[B, C]``.
        reweighted: :math:`z'`, logits of the head used at inference, ``[B, C]``.
        targets: :math:`t`, probabilities of the mixed images, ``[B, C]``.
        weights: :math:`w`, of ``class_weights``, ``[C]``.
        alpha: 0 at the first epoch, towards 1 at the last.

    Returns:
        Scalar, nats per image.
    """
    first, second = soft_cross_entropy(plain, targets), soft_cross_entropy(reweighted, weights * targets)
    return (1 - alpha) * first + alpha * second


def consistency_loss(
    projections: tuple[Tensor, Tensor], predictions: tuple[Tensor, Tensor], stop_gradient: str = "projection"
) -> Tensor:
    r"""Minus two cosines, each between the prediction from one view and the projection of the other.

    .. math:: \ell = -\frac{1}{B} \sum_b [\cos(p_{1b}, z_{2b}) + \cos(p_{2b}, z_{1b})]

    One side of each cosine is held still. The uni-level framework (arXiv 2511.18858), equation 5; SimSiam (Chen and He,
    arXiv 2011.10566).

    Note:
        Differs from the paper, whose equation holds the predictions still ("prediction"): then no gradient ever reaches
        the prediction layer. The released code holds the projections still, as here by default.

    Args:
        projections: :math:`z` of the two views, each ``[B, P]``.
        predictions: :math:`p` of the two views, each ``[B, P]``.
        stop_gradient: the side that is held still, "projection" or "prediction".

    Returns:
        Scalar between -2 and 2.
    """
    if stop_gradient == "projection":
        projections = (projections[0].detach(), projections[1].detach())
    else:
        predictions = (predictions[0].detach(), predictions[1].detach())
    pairs = zip(predictions, reversed(projections), strict=True)
    return -sum(F.cosine_similarity(p, z, dim=1).mean() for p, z in pairs)
