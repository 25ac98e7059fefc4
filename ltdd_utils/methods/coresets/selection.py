"""Coresets: class-balanced sets of unmodified real images, chosen class by class.

Random takes them blindly; K-Center, Herding and Graph-Cut read the features of an expert trained on the long tail.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.core.seeds import generator
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet
from ltdd_utils.methods.coresets.settings import CoresetConfig

UNBALANCED = "-unbalanced"
Chooser = Callable[[Tensor, int, torch.Generator], list[int]]  # (rows, count, rng) -> the chosen rows, in order

__all__ = ["full_set", "graph_cut", "herding", "k_center", "select"]


def k_center(features: Tensor, count: int, first: int) -> list[int]:
    """Farthest-first traversal: each new point is the one farthest from all chosen so far.

    Sener and Savarese (arXiv 1708.00489).

    Args:
        features: one row per image of a class, ``[n, F]``.
        count: how many to choose, at most n.
        first: the row to start from.

    Returns:
        Rows in the order chosen; the greedy choice is within a factor 2 of the best covering radius.
    """
    chosen = [first]
    nearest = (features - features[first]).square().sum(dim=1)  # squared distance to the nearest chosen point
    while len(chosen) < count:
        nearest[chosen] = -1  # a duplicate image has distance 0 too: never choose a row twice
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest.clamp_min(0), (features - features[chosen[-1]]).square().sum(dim=1))
    return chosen


def herding(features: Tensor, count: int) -> list[int]:
    """Greedy matching of the class mean: add the image that brings the mean of the chosen ones closest to it.

    Welling (2009), "Herding dynamical weights to learn".

    Args:
        features: one row per image of a class, ``[n, F]``.
        count: how many to choose, at most n.

    Returns:
        Rows in the order chosen.
    """
    mean, total, chosen = features.mean(dim=0), torch.zeros_like(features[0]), []
    is_chosen = torch.zeros(len(features), dtype=torch.bool)
    for step in range(1, count + 1):
        distance = (mean - (total + features) / step).square().sum(dim=1)
        chosen.append(int(distance.masked_fill(is_chosen, torch.inf).argmin()))
        is_chosen[chosen[-1]] = True
        total = total + features[chosen[-1]]
    return chosen


def graph_cut(similarity: Tensor, count: int) -> list[int]:
    r"""Greedy maximisation of the graph-cut function: similar to the whole class, unlike each other.

    The gain of image i is :math:`\sum_v s(v, i) - 2 \sum_{j \in S} s(j, i)`, with S the images chosen so far
    (Iyer et al., 2021; as in DeepCore, arXiv 2204.08499).

    Args:
        similarity: symmetric, ``[n, n]``.
        count: how many to choose, at most n.

    Returns:
        Rows in the order chosen.
    """
    gain, chosen = similarity.sum(dim=0), []
    is_chosen = torch.zeros(len(similarity), dtype=torch.bool)
    for _ in range(count):
        chosen.append(int(gain.masked_fill(is_chosen, -torch.inf).argmax()))
        is_chosen[chosen[-1]] = True
        gain = gain - 2 * similarity[chosen[-1]]
    return chosen


def gradient_similarity(residuals: Tensor, features: Tensor) -> Tensor:
    r"""Cosine similarity of the images' loss gradients in the last layer, without the gradients themselves.

    The gradient of image i is :math:`a_i \otimes [f_i, 1]` with :math:`a = \mathrm{softmax}(z) - \mathrm{onehot}(y)`,
    so that an inner product is :math:`(a_i \cdot a_j)(f_i \cdot f_j + 1)`, and a cosine the product of two cosines.
    Their two ``[n, n]`` matrices are all that is held at once.

    Args:
        residuals: :math:`a`, ``[n, C]``.
        features: :math:`f`, ``[n, F]``.

    Returns:
        ``[n, n]``, between -1 and 1, float64; 0 for an image without a gradient.
    """
    residuals, features = residuals.double(), features.double()
    scaled = residuals / residuals.abs().amax(dim=1, keepdim=True).clamp_min(1e-300)  # squares of tiny ones would be 0
    factors = F.normalize(scaled), F.normalize(F.pad(features, (0, 1), value=1.0))
    first, second = (factor @ factor.T for factor in factors)
    return first.mul_(second)


@torch.no_grad()
def _activations(expert: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Penultimate features and logits of an expert in eval mode, ``[n, F]`` and ``[n, C]``, on the CPU."""
    parts = [expert.backbone(batch) for batch in images.split(500)]
    features = torch.cat(parts)
    return features.cpu(), expert.classifier(features).cpu()


def _chooser(method: str, run: Run, expert: nn.Module | None) -> Chooser:
    """``choose(rows, count, rng)``: which of the given rows ``method`` takes, in its order."""

    def choose(rows: Tensor, count: int, rng: torch.Generator) -> list[int]:
        if method == "random":
            return torch.randperm(len(rows), generator=rng)[:count].tolist()
        features, logits = _activations(expert, run.images(rows))
        if method == "kcenter":
            return k_center(features, count, int(torch.randint(len(rows), (1,), generator=rng)))
        if method == "herding":
            return herding(features, count)
        if method != "graphcut":
            raise ValueError(f"no rule for the coreset method {method!r}: give it one in methods/coresets/selection.py")
        residuals, classes = logits.double().softmax(dim=1), run.data.train_labels[rows, None]
        residuals.scatter_(1, classes, 0)
        # softmax - 1 is all rounding in a sure expert
        residuals.scatter_(1, classes, -residuals.sum(dim=1, keepdim=True))
        return graph_cut(gradient_similarity(residuals, features), count)

    return choose


def select(cfg: CoresetConfig, run: Run, ipc: int, expert: nn.Module | None = None, draw: int = 0) -> DistilledSet:
    """A coreset with ``ipc`` images of each class, or of the whole set at once with "-unbalanced".

    A class with n < ipc images follows ``cfg.policy``: "duplicate" repeats its images in turn, "noise" adds standard
    normal images (in the preprocessed space), "inherent" refuses.

    Args:
        cfg: the method and the policy.
        run: the long tail, its preprocessing, the seed.
        ipc: images per class, at least 1.
        expert: the network whose features are read, in eval mode; None for "random".
        draw: which of several independent draws this is.

    Returns:
        Positions of the images, class by class.

    Note:
        "kcenter-unbalanced" and "graphcut-unbalanced" are controls: they choose ``ipc * C`` images of whatever class,
        as the library that the published names come from does unless told otherwise (DeepCore's ``balance``).
        "graphcut-unbalanced" holds an N x N matrix.

    Raises:
        ValueError: ``ipc`` below 1, a class without images, a class smaller than ``ipc`` under "inherent", or a set
            smaller than ``ipc * C`` under "-unbalanced".
    """
    if ipc < 1:
        raise ValueError(f"ipc is {ipc}; a distilled set needs at least 1 image per class")
    data, seed = run.data, run.seed
    choose = _chooser(cfg.method.removesuffix(UNBALANCED), run, expert)
    if cfg.method.endswith(UNBALANCED):
        return _of_any_class(choose, data, ipc, generator(seed, "coreset", cfg.method, draw))
    labels, indices = [], []
    for label in range(data.classes):
        rows = (data.train_labels == label).nonzero().flatten()
        if len(rows) == 0:
            raise ValueError(
                f"class {label} ({data.class_names[label]}) has no image; leave it out or lower the imbalance factor"
            )
        if len(rows) < ipc and cfg.policy == "inherent":
            raise ValueError(
                f"ipc is {ipc}, but class {label} ({data.class_names[label]}) has {len(rows)} images; "
                f"use the policy 'duplicate' or 'noise', or ipc up to {min(data.counts)}"
            )
        chosen = choose(rows, min(ipc, len(rows)), generator(seed, "coreset", cfg.method, draw, label))
        positions = data.indices[rows[chosen]].tolist()
        if cfg.policy == "duplicate":
            positions = [positions[i % len(positions)] for i in range(ipc)]
        indices += positions + [NOT_REAL] * (ipc - len(positions))
        labels += [label] * ipc
    where = torch.tensor(indices)
    missing, noise = int((where == NOT_REAL).sum()), None
    if missing:
        rng = generator(seed, "coreset-noise", draw)
        noise = torch.randn(missing, *data.train_images.shape[1:], dtype=torch.float32, generator=rng)
    return DistilledSet(torch.tensor(labels), where, images=noise, info=_names(data))


def _of_any_class(choose: Chooser, data: LongTailedData, ipc: int, rng: torch.Generator) -> DistilledSet:
    """``ipc * C`` images that are chosen without looking at the labels."""
    rows, count = torch.arange(len(data.train_labels)), ipc * data.classes
    if count > len(rows):
        raise ValueError(
            f"ipc is {ipc}, but the whole set has {len(rows)} images; use ipc up to {len(rows) // data.classes}"
        )
    chosen = torch.tensor(choose(rows, count, rng)).sort().values  # the training set lies class by class
    return DistilledSet(data.train_labels[chosen], data.indices[chosen], info=_names(data))


def _names(data: LongTailedData) -> dict[str, list[str]]:
    return {"class_names": list(data.class_names)}


def full_set(data: LongTailedData) -> DistilledSet:
    """The whole long-tailed training set: what a student would learn without distillation."""
    return DistilledSet(data.train_labels.clone(), data.indices.clone(), info=_names(data))
