"""DREAM: condensation by gradient matching with representative images."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.augment.mixing import cutmix
from ltdd_utils.augment.siamese import apply, draw, strategy_of
from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.mosaics import enlarged
from ltdd_utils.distilled.states import Keep
from ltdd_utils.methods.condensation.common import RealImages, State, condense, new_network, siamese
from ltdd_utils.methods.condensation.gradients import gradient_distance, weight_gradients
from ltdd_utils.methods.condensation.representatives import representatives_of_each
from ltdd_utils.methods.condensation.settings import DREAMConfig
from ltdd_utils.networks.network import Network

__all__ = ["dream", "matched_weights", "squared_distance"]


def squared_distance(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    r"""Squared distance of two gradients, summed over all layers: :math:`\sum_l \|A_l - B_l\|^2`.

    Kim et al. (IDC, arXiv 2205.14959), section 4.2: unlike the cosine it sees the gradients' lengths.
    """
    return torch.stack([(one - other).square().sum() for one, other in zip(first, second, strict=True)]).sum()


METRICS = {"mse": squared_distance, "cosine": gradient_distance}


def dream(
    cfg: DREAMConfig,
    start: DistilledSet,
    images: Tensor,
    real: RealImages,
    seed: int,
    *,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    keep: Keep | None = None,
) -> tuple[DistilledSet, Tensor]:
    """DREAM: the set after ``cfg.iterations`` new networks, on each of which the images take ``cfg.updates`` steps.

    A step follows the distance of two gradients of the cross-entropy (``cfg.metric``): that of the parts of a class's
    images, and that of its representative real ones, chosen anew every ``cfg.cluster_every`` steps by k-means of the
    network's features. After a step the network is trained on ``cfg.network_images`` of the long tail, some batches of
    them mixed by CutMix. Liu et al. (arXiv 2302.14416) on IDC (arXiv 2205.14959). Arguments, result and errors are
    those of ``dc``; ``images`` are stored ones.

    Note:
        A class with at most ``cfg.batch`` images gives all of them: there is nothing to choose. Batches of the long
        tail have its shares of classes.

        Differs from the released code, which takes a step of the optimiser after each class, so that momentum moves all
        other classes too: here all classes share a step. It clamps the images to pixels before every network; here they
        are in a preprocessed space, and are clamped nowhere. After the last update the network is not trained.
    """

    def iteration(state: State) -> Tensor:
        network, losses, chosen = new_network(cfg.network, state), [], []
        velocity = [torch.zeros_like(parameter) for parameter in network.parameters()]
        labels = real.labels().to(images.device)
        for step in range(cfg.updates):
            if step % cfg.cluster_every == 0:
                chosen = representatives_of_each(cfg, network.backbone, real, cfg.batch, state.rng)
            distances, gradient = _gradient_matching(cfg, network, state, real, chosen)
            state.update(gradient)
            losses.append(distances)
            if step + 1 < cfg.updates:
                _train(cfg, network, velocity, (real.images, labels), state.rng)
        return torch.stack(losses).mean(dim=0)

    return condense(cfg, iteration, start, images, real, seed=seed, watch=watch, checkpoint=checkpoint, keep=keep)


def _gradient_matching(
    cfg: DREAMConfig, network: Network, state: State, real: RealImages, chosen: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Distances of each class ``[C]`` under a network, and their gradient ``[C, ipc, Ch, H, W]``."""
    strategy, size, device = strategy_of(cfg.augment), state.images.shape[-1], state.images.device
    weights, losses, gradients = matched_weights(network, cfg.classifier), [], []
    for label, (rows, members) in enumerate(zip(chosen, state.images, strict=True)):
        one, leaf = draw(strategy, 1, size, state.rng, device), members.clone().requires_grad_()
        parts = enlarged(leaf, cfg.factor)
        if len(parts) > cfg.synthetic_batch:
            some = torch.randperm(len(parts), generator=state.rng)[: cfg.synthetic_batch]
            parts = parts[some.to(device, non_blocking=True)]
        fixed = weight_gradients(network, weights, siamese(real.images[rows], one), label)
        moving = weight_gradients(network, weights, siamese(parts, one), label, differentiable=True)
        loss = METRICS[cfg.metric](moving, fixed)
        gradients.append(torch.autograd.grad(loss, leaf)[0])
        losses.append(loss.detach())
    return torch.stack(losses), torch.stack(gradients)


def matched_weights(network: Network, classifier: bool) -> list[nn.Parameter]:
    """The weights whose gradients are matched: of the backbone's layers, and the classifier's where asked for."""
    modules = [network.backbone, network.classifier] if classifier else [network.backbone]
    return [parameter for module in modules for parameter in module.parameters() if parameter.ndim > 1]


def _train(
    cfg: DREAMConfig, network: Network, velocity: list[Tensor], data: tuple[Tensor, Tensor], rng: torch.Generator
) -> None:
    """One pass of SGD over ``cfg.network_images`` of the long tail's images and labels, in place; of none: no step."""
    images, labels = data
    strategy, parameters = strategy_of(cfg.network_augment), list(network.parameters())
    order = torch.randperm(len(images), generator=rng)[: cfg.network_images]
    for rows in order.split(cfg.network_batch) if len(order) else ():
        rows = rows.to(images.device, non_blocking=True)
        batch = apply(images[rows], draw(strategy, len(rows), images.shape[-1], rng, images.device))
        gradients = torch.autograd.grad(_mixed_loss(cfg, network, batch, labels[rows], rng), parameters)
        with torch.no_grad():
            torch._foreach_mul_(velocity, cfg.momentum_network)
            torch._foreach_add_(velocity, gradients)
            torch._foreach_add_(velocity, parameters, alpha=cfg.decay_network)
            torch._foreach_add_(parameters, velocity, alpha=-cfg.lr_network)


def _mixed_loss(cfg: DREAMConfig, network: Network, images: Tensor, labels: Tensor, rng: torch.Generator) -> Tensor:
    """Cross-entropy of a batch, which CutMix mixes within itself with probability ``cfg.cutmix``."""
    chance, share = torch.rand(2, dtype=torch.float32, generator=rng).tolist()  # Beta(1, 1) is uniform
    if chance >= cfg.cutmix:
        return F.cross_entropy(network(images), labels)
    order = torch.randperm(len(images), generator=rng).to(images.device)
    mixed, kept = cutmix(images, images[order], share, rng)
    logits = network(mixed)
    return kept * F.cross_entropy(logits, labels) + (1 - kept) * F.cross_entropy(logits, labels[order])
