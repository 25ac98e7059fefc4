"""The rules of the coresets: which images of a class are taken.

Random takes them blindly; K-Center, Herding and Graph-Cut read what a network trained on the long tail sees of them.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "Seen",
    "at_random",
    "by_graph_cut",
    "by_herding",
    "by_k_center",
    "gradient_similarity",
    "graph_cut",
    "herding",
    "k_center",
]


@dataclass(frozen=True)
class Seen:
    """The candidates of a choice, as the network sees them in eval mode; all on the CPU."""

    count: int  # n
    labels: Tensor  # [n]
    features: Tensor | None = None  # penultimate, [n, F]; None for a rule that reads none
    logits: Tensor | None = None  # [n, C]


def at_random(seen: Seen, count: int, rng: torch.Generator) -> list[int]:
    """``count`` candidates, drawn blindly without replacement."""
    return torch.randperm(seen.count, generator=rng)[:count].tolist()


def by_k_center(seen: Seen, count: int, rng: torch.Generator) -> list[int]:
    """``k_center`` from a random first candidate."""
    return k_center(seen.features, count, int(torch.randint(seen.count, (1,), generator=rng)))


def by_herding(seen: Seen, count: int, rng: torch.Generator) -> list[int]:
    """``herding``, in which nothing is random."""
    return herding(seen.features, count)


def by_graph_cut(seen: Seen, count: int, rng: torch.Generator) -> list[int]:
    """``graph_cut`` on the similarity of the candidates' loss gradients; nothing is random."""
    residuals, classes = seen.logits.double().softmax(dim=1), seen.labels[:, None]
    residuals.scatter_(1, classes, 0)
    # softmax - 1 is all rounding in a sure expert
    residuals.scatter_(1, classes, -residuals.sum(dim=1, keepdim=True))
    return graph_cut(gradient_similarity(residuals, seen.features), count)


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
