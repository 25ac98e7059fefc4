"""DM: condensation by distribution matching."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from ltdd_utils.augment.siamese import draw, strategy_of
from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.states import Keep
from ltdd_utils.methods.condensation.common import RealImages, State, condense, new_network, siamese
from ltdd_utils.methods.condensation.settings import DMConfig

__all__ = ["dm", "feature_distance", "features_of"]

TOGETHER = 512  # images whose features are computed at once, at least: bounds the memory, not the result


def feature_distance(first: Tensor, second: Tensor) -> Tensor:
    r"""Squared distance :math:`\|\mu_c - \nu_c\|^2` of two means for each class, ``[C, F]`` and ``[C, F]`` to ``[C]``.

    Zhao and Bilen (arXiv 2110.04181), section 3: one summand of the loss for each class.
    """
    return (first - second).square().sum(dim=1)


def dm(
    cfg: DMConfig,
    start: DistilledSet,
    images: Tensor,
    real: RealImages,
    seed: int,
    *,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    keep: Keep | None = None,
) -> tuple[DistilledSet, Tensor]:
    """DM: the set after ``cfg.iterations`` new networks, on each of which the images take one step.

    The loss is the sum over classes of ``feature_distance`` between the mean backbone features of the class's
    synthetic images and of a batch of its real ones, both under the same augmentation. Zhao and Bilen (arXiv
    2110.04181), algorithm 1. All synthetic images share one pass; arguments, result and errors are those of ``dc``.
    """
    strategy, size = strategy_of(cfg.augment), images.shape[-1]

    def iteration(state: State) -> Tensor:
        network = new_network(cfg.network, state).requires_grad_(False)
        chosen = real.choose(cfg.batch, state.rng)
        draws = [draw(strategy, 1, size, state.rng, images.device) for _ in chosen]  # one per class, for both sides
        with torch.no_grad():
            batches = (siamese(real.images[rows], one) for rows, one in zip(chosen, draws, strict=True))
            real_means = _mean_features(network.backbone, batches)
        synthetic = state.images.clone().requires_grad_()
        augmented = [siamese(members, one) for members, one in zip(synthetic, draws, strict=True)]
        features = network.backbone(torch.cat(augmented)).unflatten(0, synthetic.shape[:2])
        losses = feature_distance(features.mean(dim=1), real_means)
        (gradient,) = torch.autograd.grad(losses.sum(), synthetic)
        state.update(gradient)
        return losses.detach()

    return condense(cfg, iteration, start, images, real, seed=seed, watch=watch, checkpoint=checkpoint, keep=keep)


def features_of(backbone: Callable[[Tensor], Tensor], batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """The features of each batch of images, ``[n, Ch, H, W]`` to ``[n, F]``; small ones share a pass."""
    waiting: list[Tensor] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= TOGETHER:
            yield from backbone(torch.cat(waiting)).split([len(one) for one in waiting])
            waiting.clear()
    if waiting:
        yield from backbone(torch.cat(waiting)).split([len(one) for one in waiting])


def _mean_features(backbone: nn.Module, batches: Iterable[Tensor]) -> Tensor:
    """The mean feature of each batch, ``[C, F]``."""
    return torch.stack([features.mean(dim=0) for features in features_of(backbone, batches)])
