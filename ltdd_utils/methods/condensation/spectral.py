r"""CSDM: condensation by spectral distribution matching, with a weight for each class.

The method of Wu et al. (arXiv 2603.01698) **as reconstructed**: known to us are its abstract and its public reviews
(OpenReview OWHKdYwYiF), and no code. From them: per class, the squared difference of two characteristic functions at
random frequencies of a kernel's spectrum, split into amplitude and phase, mixed by a weight that is set class by class.
The formula of the split is that of NCFM (Wang et al., CVPR 2025, arXiv 2502.20653). Ours, because they are not known:
the kernel (Gaussian) and its width, the number of frequencies, the networks (DM's), and the weights.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ltdd_utils.augment.siamese import draw, strategy_of
from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.states import Keep
from ltdd_utils.methods.condensation.common import RealImages, State, condense, new_network, siamese
from ltdd_utils.methods.condensation.features import features_of
from ltdd_utils.methods.condensation.settings import SpectralConfig

__all__ = ["amplitude_weights", "characteristic", "csdm", "kernel_width", "spectral_distance"]


def characteristic(features: Tensor, frequencies: Tensor) -> Tensor:
    r"""Empirical characteristic function :math:`\varphi(t) = \frac1n \sum_i e^{i \langle t, x_i \rangle}`.

    Args:
        features: :math:`x_i`, of one set ``[n, F]`` or of several, ``[..., n, F]``.
        frequencies: :math:`t`, one over the unit of the features, ``[K, F]``.

    Returns:
        Real and imaginary part, ``[..., K, 2]``.
    """
    angles = features @ frequencies.T
    return torch.stack([angles.cos().mean(dim=-2), angles.sin().mean(dim=-2)], dim=-1)


def spectral_distance(first: Tensor, second: Tensor, amplitude: Tensor | float) -> Tensor:
    r"""Distance of two characteristic functions, in its two parts, as a mean over the frequencies.

    .. math::
        2\alpha\,(|\varphi| - |\psi|)^2 + 2(1 - \alpha) \cdot 2|\varphi||\psi|(1 - \cos(\theta_\varphi - \theta_\psi))

    The first part is blind to a shift of all features: it compares how they are spread. The second compares where they
    lie. At :math:`\alpha = 1/2` the sum is :math:`|\varphi - \psi|^2`, whose expectation over
    :math:`t \sim N(0, I/\sigma^2)` is the squared MMD under the kernel :math:`e^{-\|x - y\|^2 / 2\sigma^2}` (Bochner).

    Args:
        first: :math:`\varphi`, as ``characteristic`` gives it, ``[..., K, 2]``.
        second: :math:`\psi`, the same.
        amplitude: :math:`\alpha`, from 0 to 1, one or ``[...]``.

    Returns:
        ``[...]``, without a unit.

    Note:
        NCFM takes the square root at each frequency and has no factor 2.
    """
    tiny = torch.finfo(first.dtype).tiny  # a root has no gradient at zero
    lengths = [part.square().sum(dim=-1).clamp_min(tiny).sqrt() for part in (first, second)]
    whole = (first - second).square().sum(dim=-1).mean(dim=-1)
    amplitudes = (lengths[0] - lengths[1]).square().mean(dim=-1)
    return 2 * amplitude * amplitudes + 2 * (1 - amplitude) * (whole - amplitudes)


def kernel_width(features: Sequence[Tensor], bandwidth: float) -> Tensor:
    r"""Width :math:`\sigma` of the kernel, in the unit of the features: one for all classes of a network.

    ``bandwidth`` times the root mean square distance of two real images drawn class by class with equal shares:
    :math:`\sigma^2 = b^2 \cdot 2 (E\|x\|^2 - \|E x\|^2)`.

    Args:
        features: of each class's real images, ``[n_c, F]``.
        bandwidth: :math:`b`; the wider the kernel, the more the distance is that of the means alone (DM's).
    """
    means = torch.stack([own.mean(dim=0) for own in features])
    squares = torch.stack([own.square().sum(dim=1).mean() for own in features])
    variance = squares.mean() - means.mean(dim=0).square().sum()
    return bandwidth * (2 * variance).sqrt()


def amplitude_weights(counts: Sequence[int], head: float, tail: float) -> Tensor:
    r"""Weight :math:`\alpha(c)` of the amplitude for each class, ``[C]``, float64.

    :math:`\alpha(c) = \alpha_{tail} + (\alpha_{head} - \alpha_{tail}) \frac{\log n_c - \log n_{min}}{\log n_{max} -
    \log n_{min}}`: even steps from class to class on an exponential long tail. Classes of equal size have the mean of
    both. The paper sets the weights by hand; its rule is not known to us.

    Args:
        counts: real images of each class, :math:`n_c`.
        head: of the largest class, from 0 to 1.
        tail: of the smallest.
    """
    logs = torch.tensor(list(counts), dtype=torch.float64).log()
    span = logs.max() - logs.min()
    share = (logs - logs.min()) / span if span > 0 else torch.full_like(logs, 0.5)
    return tail + (head - tail) * share


def csdm(
    cfg: SpectralConfig,
    start: DistilledSet,
    images: Tensor,
    real: RealImages,
    seed: int,
    *,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    keep: Keep | None = None,
) -> tuple[DistilledSet, Tensor]:
    r"""CSDM: the set after ``cfg.iterations`` new networks, on each of which the images take one step.

    The loss is the sum over classes of :math:`\sigma^2` times ``spectral_distance`` between the backbone features of
    the class's synthetic images and of a batch of its real ones, both under the same augmentation, with frequencies
    that are drawn anew for each network and serve all classes. The factor gives the loss the unit of DM's, which is its
    limit for a wide kernel at equal weights, so that DM's step sizes carry over.

    Wu et al. (arXiv 2603.01698) as reconstructed, see above. Arguments, result and errors are those of ``dc``; the real
    features of all classes are in memory at once, ``4 * C * cfg.batch * F`` bytes.
    """
    strategy, size = strategy_of(cfg.augment), images.shape[-1]
    weights = amplitude_weights([len(rows) for rows in real.rows], cfg.amplitude_head, cfg.amplitude_tail).to(images)

    def iteration(state: State) -> Tensor:
        backbone = new_network(cfg.network, state).requires_grad_(False).backbone
        chosen = real.choose(cfg.batch, state.rng)
        draws = [draw(strategy, 1, size, state.rng, images.device) for _ in chosen]  # one per class, for both sides
        with torch.no_grad():
            batches = (siamese(real.images[rows], one) for rows, one in zip(chosen, draws, strict=True))
            targets = list(features_of(backbone, batches))
            width = kernel_width(targets, cfg.bandwidth)
            normal = torch.randn(cfg.frequencies, targets[0].shape[1], generator=state.rng, dtype=images.dtype)
            frequencies = normal.to(images.device, non_blocking=True) / width
            wanted = torch.stack([characteristic(own, frequencies) for own in targets])
        synthetic = state.images.clone().requires_grad_()
        augmented = [siamese(members, one) for members, one in zip(synthetic, draws, strict=True)]
        features = backbone(torch.cat(augmented)).unflatten(0, synthetic.shape[:2])
        losses = width**2 * spectral_distance(wanted, characteristic(features, frequencies), weights)
        (gradient,) = torch.autograd.grad(losses.sum(), synthetic)
        state.update(gradient)
        return losses.detach()

    return condense(cfg, iteration, start, images, real, seed=seed, watch=watch, checkpoint=checkpoint, keep=keep)
