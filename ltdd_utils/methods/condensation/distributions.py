"""IDM: condensation by improved distribution matching."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ltdd_utils.augment.siamese import draw, strategy_of
from ltdd_utils.core.progress import Watch
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.mosaics import enlarged
from ltdd_utils.distilled.states import Keep
from ltdd_utils.methods.condensation.common import RealImages, State, condense, new_network, siamese
from ltdd_utils.methods.condensation.features import feature_distance, features_of
from ltdd_utils.methods.condensation.queue import Batch, Queue
from ltdd_utils.methods.condensation.settings import IDMConfig
from ltdd_utils.networks.factory import build
from ltdd_utils.training.losses import logit_adjustment

__all__ = ["class_cross_entropy", "idm"]


def class_cross_entropy(logits: Tensor) -> Tensor:
    """Mean cross-entropy of each class's images, logits ``[C, k, C]`` to ``[C]``: the class-aware regulariser."""
    labels = torch.arange(len(logits), device=logits.device).repeat_interleave(logits.shape[1])
    return F.cross_entropy(logits.flatten(0, 1), labels, reduction="none").view(logits.shape[:2]).mean(dim=1)


def idm(
    cfg: IDMConfig,
    start: DistilledSet,
    images: Tensor,
    real: RealImages,
    seed: int,
    *,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    keep: Keep | None = None,
) -> tuple[DistilledSet, Tensor]:
    r"""IDM: the set after ``cfg.iterations`` steps, each under a network that is drawn from a queue.

    The loss of class :math:`c` is, with the mean features :math:`\mu_c` of the parts of its synthetic images and
    :math:`\nu_c` of a batch of its real ones under the same augmentation, and with the parts' mean cross-entropy,

    .. math:: \|\mu_c - \nu_c\|^2 + \lambda \, w \, CE_c

    where :math:`w` is 1, or the network's train accuracy in percent (``regulariser_of``; released). After the step some
    networks of the queue are trained on batches of the whole long tail (or of the synthetic parts), without
    augmentation. Zhao et al. (arXiv 2307.09742). Arguments, result and errors are those of ``dc``; ``images`` are
    stored ones.

    Note:
        A batch of the long tail has the long tail's shares of classes, and the accuracy is of such batches. A class
        smaller than ``cfg.batch`` gives all its images, every time.

        Differs from the released code, which takes a step of the optimiser after each class, so that momentum moves all
        other classes too: here all classes share a step. Its accuracy is the mean since the last evaluation of the set,
        ours that of a network's last training. Only the abstract of the paper was read: what it says of either is
        unknown to us.
    """
    strategy = strategy_of(cfg.augment)
    queue = _first_queue(cfg, images, real, seed)
    labels = real.labels().to(images.device)

    def iteration(state: State) -> Tensor:
        queue.begin(lambda: new_network(cfg.network, state))
        state.pause()
        losses, gradient = _matched(cfg, queue, state, real, strategy)
        state.update(gradient)
        for row in queue.draw(cfg.trained, state.rng):
            state.pause()
            queue.train(row, _batches(cfg, state, real, labels))
        return losses

    following = {"watch": watch, "checkpoint": checkpoint, "keep": keep}
    return condense(cfg, iteration, start, images, real, seed=seed, more=queue.parts(), **following)


def _first_queue(cfg: IDMConfig, images: Tensor, real: RealImages, seed: int) -> Queue:
    """The queue before the first iteration."""
    channels, size, rng = images.shape[1], images.shape[-1], generator(seed, "condensation", "queue")
    made = [build(cfg.network, len(real.rows), size, channels, rng) for _ in range(cfg.first_networks + 1)]
    queue = Queue(cfg, made[0].to(images.device), images.device, _shift(cfg, real).to(images))
    for network in made[1:]:
        queue.push(network)
    return queue


def _shift(cfg: IDMConfig, real: RealImages) -> Tensor:
    """What the networks' loss adds to their logits ``[C]``: tau times the log of the long tail's prior, or zeros."""
    if not cfg.logit_adjustment or cfg.network_data == "synthetic":  # synthetic images are balanced
        return torch.zeros(len(real.rows))
    counts = torch.tensor([len(rows) for rows in real.rows], dtype=torch.float64)
    return logit_adjustment(counts / counts.sum(), cfg.logit_adjustment)


def _matched(cfg: IDMConfig, queue: Queue, state: State, real: RealImages, strategy: str) -> tuple[Tensor, Tensor]:
    """Losses of each class ``[C]`` under a network of the queue, and their gradient ``[C, ipc, Ch, H, W]``."""
    (row,), chosen, device = queue.draw(1, state.rng), real.choose(cfg.batch, state.rng), state.images.device
    draws = [draw(strategy, 1, state.images.shape[-1], state.rng, device) for _ in chosen]  # for both sides of a class
    with torch.no_grad():
        batches = (siamese(real.images[rows], one) for rows, one in zip(chosen, draws, strict=True))
        real_features = features_of(lambda batch: queue.features(row, batch), batches)
        real_means = torch.stack([of_class.mean(dim=0) for of_class in real_features])
    synthetic = state.images.clone().requires_grad_()
    parts = enlarged(synthetic.flatten(0, 1), cfg.factor).unflatten(0, (len(chosen), -1))
    augmented = torch.cat([siamese(members, one) for members, one in zip(parts, draws, strict=True)])
    features = queue.features(row, augmented)
    losses = feature_distance(features.unflatten(0, parts.shape[:2]).mean(dim=1), real_means)
    if cfg.regulariser:
        logits = queue.logits(row, features).unflatten(0, parts.shape[:2])
        losses = losses + queue.regulariser(row) * class_cross_entropy(logits)
    return losses.detach(), torch.autograd.grad(losses.sum(), synthetic)[0]


def _batches(cfg: IDMConfig, state: State, real: RealImages, labels: Tensor) -> Batch:
    """What the networks are trained on: the long tail as it is, or the parts of the synthetic images."""
    images, targets = real.images, labels
    if cfg.network_data == "synthetic":
        images = enlarged(state.images.flatten(0, 1), cfg.factor)
        targets = torch.arange(len(state.images), device=images.device)
        targets = targets.repeat_interleave(len(images) // len(targets))

    def batch() -> tuple[Tensor, Tensor]:
        rows = torch.randperm(len(images), generator=state.rng)[: cfg.network_batch]
        rows = rows.to(images.device, non_blocking=True)
        return images[rows], targets[rows]

    return batch
