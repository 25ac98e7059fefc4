"""DC: condensation by gradient matching."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.augment.siamese import apply, draw, strategy_of
from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.states import Keep
from ltdd_utils.methods.condensation.common import RealImages, State, condense, new_network, siamese
from ltdd_utils.methods.condensation.settings import DCConfig
from ltdd_utils.networks.network import Network

__all__ = ["dc", "gradient_distance", "weight_gradients"]


def gradient_distance(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    r"""Distance of two gradients: one minus the cosine of each output's incoming weights, summed over all layers.

    .. math:: D(A, B) = \sum_l \sum_i \left( 1 - \frac{A_{li} \cdot B_{li}}{\|A_{li}\| \, \|B_{li}\|} \right)

    Row :math:`i` of a layer's gradient is that of one output channel of a convolution (``[in * h * w]``) or one output
    of a linear layer (``[in]``). Zhao et al. (arXiv 2006.05929), section 2.3. A row that is zero on either side has the
    distance 1 and no gradient.

    Biases, and the scales and shifts of norms, are left out. Nothing is lost: a row of theirs is one number, whose
    cosine is 1 or -1, so that its gradient is zero.

    Args:
        first: gradients of each parameter, ``[out, ...]``.
        second: the same of another loss.

    Note:
        Differs from the released code, which adds 1e-6 to the product of the norms and so weakens small gradients.
    """
    total = first[0].new_zeros(())
    for one, other in zip(first, second, strict=True):
        if one.ndim > 1:
            one, other = one.flatten(1), other.flatten(1)
            lengths = one.norm(dim=1) * other.norm(dim=1)
            cosines = (one * other).sum(dim=1) / torch.where(lengths > 0, lengths, torch.inf)
            total = total + (1 - cosines).sum()
    return total


def dc(
    cfg: DCConfig,
    start: DistilledSet,
    images: Tensor,
    real: RealImages,
    seed: int,
    *,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    keep: Keep | None = None,
) -> tuple[DistilledSet, Tensor]:
    """DC: the set after ``cfg.iterations`` new networks, on each of which the images take ``cfg.updates`` steps.

    At each step the images of a class follow the gradient of ``gradient_distance`` between their own cross-entropy
    gradient and that of a batch of the class; between two steps the network is trained on the synthetic set. Zhao et
    al. (arXiv 2006.05929), algorithm 1.

    A class costs one pass forward and back for its real images, and one forward and twice back for its synthetic ones:
    each gradient is of one class alone, so no two classes can share a pass back.

    Args:
        cfg: all settings of the method.
        start: the initial set, class by class and with equally many images of each; its labels are kept.
        images: its images, preprocessed, on the device of the work, ``[M, Ch, H, W]``.
        real: the long tail, on the same device.
        seed: of the run.
        watch: told ``{"iteration", "iterations", "loss"}`` about once a second; the loss is the sum over classes, and
            the mean over the updates of the iteration.
        checkpoint: where to keep the state of an interrupted run.
        keep: told the images at the begin and after every iteration.

    Returns:
        The set, and the loss of each class in every iteration, ``[cfg.iterations, C]``.

    Note:
        Differs from the released code for sets that are larger than ``cfg.network_batch``, where a step of the network
        is one batch of a reshuffled pass, as printed; there it is a whole pass. After the last update the network is
        not trained, since nothing uses it.

    Raises:
        ValueError: a network with batch norm or further heads, or images that do not fit ``real``.
        FloatingPointError: a loss or an image is no longer finite.
        Stopped: the checkpoint's deadline passed; the same call goes on from there.
    """
    strategy = strategy_of(cfg.augment)

    def iteration(state: State) -> Tensor:
        network = new_network(cfg.network, state)
        losses = []
        for step in range(cfg.updates):
            distances, gradient = _gradient_matching(cfg, network, state.images, real, state.rng)
            state.update(gradient)
            losses.append(distances)
            if step + 1 < cfg.updates:
                _train(cfg, network, state.images, strategy, state.rng)
        return torch.stack(losses).mean(dim=0)

    return condense(cfg, iteration, start, images, real, seed=seed, watch=watch, checkpoint=checkpoint, keep=keep)


def _gradient_matching(
    cfg: DCConfig, network: Network, images: Tensor, real: RealImages, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Distances of each class ``[C]`` under a network, and their gradient ``[C, ipc, Ch, H, W]``."""
    chosen, strategy = real.choose(cfg.batch, rng), strategy_of(cfg.augment)
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]  # that the distance looks at
    losses, gradients = [], []
    for label, (rows, members) in enumerate(zip(chosen, images, strict=True)):
        augmentation = draw(strategy, 1, images.shape[-1], rng, images.device)
        leaf = members.clone().requires_grad_()
        real_gradients = weight_gradients(network, weights, siamese(real.images[rows], augmentation), label)
        seen = siamese(leaf, augmentation)
        synthetic_gradients = weight_gradients(network, weights, seen, label, differentiable=True)
        loss = gradient_distance(synthetic_gradients, real_gradients)
        gradients.append(torch.autograd.grad(loss, leaf)[0])
        losses.append(loss.detach())
    return torch.stack(losses), torch.stack(gradients)


def weight_gradients(
    network: nn.Module, weights: Sequence[Tensor], images: Tensor, label: int, *, differentiable: bool = False
) -> tuple[Tensor, ...]:
    """Gradients of the mean cross-entropy of images of one class, for some of the network's weights.

    Args:
        network: that answers with logits.
        weights: whose gradients are asked for.
        images: all of the class ``label``, ``[n, Ch, H, W]``.
        label: the class.
        differentiable: whether the gradients can be differentiated once more.
    """
    labels = torch.full((len(images),), label, device=images.device)
    return torch.autograd.grad(F.cross_entropy(network(images), labels), weights, create_graph=differentiable)


def _train(cfg: DCConfig, network: Network, images: Tensor, strategy: str, rng: torch.Generator) -> None:
    """``cfg.network_steps`` steps of SGD on the synthetic set ``[C, ipc, ...]``, in place."""
    classes, ipc = images.shape[:2]
    labels = torch.arange(classes, device=images.device).repeat_interleave(ipc)
    flat, order = images.flatten(0, 1), []
    parameters = list(network.parameters())
    for _ in range(cfg.network_steps):
        batch, targets = flat, labels
        if len(flat) > cfg.network_batch:
            order = order or list(torch.randperm(len(flat), generator=rng).split(cfg.network_batch))
            rows = order.pop().to(images.device, non_blocking=True)
            batch, targets = flat[rows], labels[rows]
        augmented = apply(batch, draw(strategy, len(batch), batch.shape[-1], rng, images.device))
        gradients = torch.autograd.grad(F.cross_entropy(network(augmented), targets), parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-cfg.lr_network)
