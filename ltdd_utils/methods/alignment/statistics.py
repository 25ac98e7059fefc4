r"""Class-fair statistics: those of each class at an observer's layers, and those that equal classes would have.

Moments are over images and pixels, biased. A class's variance is that inside its images, averaged, plus that of its
images' means. "Rethinking Long-tailed Dataset Distillation" (arXiv 2511.18858), section 3 (statistics recalibration,
equations 8 and 9).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.methods.alignment.monitor import Monitor
from ltdd_utils.methods.alignment.settings import StatisticsConfig
from ltdd_utils.networks.flat import state_hash
from ltdd_utils.training.parts import Grown
from ltdd_utils.training.resumable import LoopState

__all__ = ["LayerStatistics", "Statistics", "collect"]

PARTS = ("mean", "within", "between")


@dataclass(frozen=True)
class LayerStatistics:
    """One layer: per class, float64 ``[C, D]`` each."""

    mean: Tensor
    within: Tensor  # variance inside an image, averaged over images
    between: Tensor  # variance of the images' means

    @property
    def variance(self) -> Tensor:
        """Variance of each class over all its images and pixels, ``[C, D]``."""
        return self.within + self.between

    def balanced(self, variance: str = "mixture", share: Tensor | None = None) -> tuple[Tensor, Tensor]:
        r"""Mean and variance of all classes together, both ``[D]``.

        .. math:: \mu = \sum_c s_c \mu_c, \quad \sigma^2 = \sum_c s_c \sigma_c^2 \;[+ \sum_c s_c (\mu_c - \mu)^2]

        With :math:`s_c = 1/C` it is the paper's equation 9. The term in brackets is the spread of the class means: the
        exact variance of a mixture has it ("mixture"); averaging "similarly for variance", as the paper says, has not
        ("mean").

        Args:
            variance: "mixture" or "mean".
            share: :math:`s`, ``[C]``; None: all classes alike.
        """
        share = torch.full((len(self.mean),), 1 / len(self.mean), dtype=torch.float64) if share is None else share
        mean, inside = share @ self.mean, share @ self.variance
        return mean, inside + share @ (self.mean - mean).square() if variance == "mixture" else inside


@dataclass(frozen=True)
class Statistics:
    """All layers of one observer on one data set."""

    counts: Tensor  # images of each class, int64 [C]
    names: tuple[str, ...]  # of the layers
    layers: tuple[LayerStatistics, ...]
    observer: str = ""  # state_hash of the network; "" where an earlier version did not keep it

    def to_bundle(self) -> Bundle:
        """As tensors and facts, for the store."""
        tensors = {f"{index}.{part}": getattr(layer, part) for index, layer in enumerate(self.layers) for part in PARTS}
        return Bundle({**tensors, "counts": self.counts}, {"names": list(self.names), "observer": self.observer})

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "Statistics":
        """The statistics in a bundle."""
        names = tuple(bundle.meta["names"])
        layers = [
            LayerStatistics(*(bundle.tensors[f"{index}.{part}"] for part in PARTS)) for index in range(len(names))
        ]
        return cls(bundle.tensors["counts"], names, tuple(layers), bundle.meta.get("observer", ""))


@torch.no_grad()
def collect(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    classes: int,
    cfg: StatisticsConfig,
    *,
    batch_size: int = 500,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> Statistics:
    r"""The statistics of each class at each layer, in one pass over all images.

    The paper's dynamic momentum :math:`a_t = B_t / (N_{t-1} + B_t)` makes a running mean of all images, whatever their
    order and however they are cut into batches; the same recursion on batch variances would lose the spread of the
    batches' means. Here sums are kept in float64 and variances of images are pooled, so neither order nor batch size
    matters. The network stays in eval mode: it goes on normalising with the statistics it was trained with.

    Args:
        network: the observer, in eval mode.
        images: preprocessed, on its device, ``[N, Ch, H, W]``.
        labels: integers, ``[N]``.
        classes: C.
        cfg: which layers.
        batch_size: images per pass; it changes the memory, not the result.
        watch: told ``{"done", "total"}`` images.
        checkpoint: where to keep the sums of an interrupted call.

    Raises:
        ValueError: a network in training mode or without BatchNorm, or a class without images.
        Stopped: the checkpoint's deadline passed.
    """
    if network.training:
        raise ValueError("the observer is in training mode, in which a pass would change it; call .eval() first")
    counts = torch.bincount(labels.cpu(), minlength=classes)
    if int(counts.min()) < 1:
        raise ValueError(f"class {int(counts.argmin())} has no image, so it has no statistics; leave the class out")
    sums, done = Grown(), {"images": 0, "batch_size": batch_size}  # in other batches, sums would round otherwise
    state = LoopState({"sums": sums}, done, checkpoint)
    with Monitor(network, cfg) as monitor:
        names = monitor.names
        for start in range(done["images"], len(images), batch_size):
            part = labels[start : start + batch_size]
            network(images[start : start + batch_size])
            membership = nn.functional.one_hot(part, classes).double().T.to(images.device)  # [C, B]
            for index, moments in enumerate(monitor.take()):
                mean, variance = moments.mean.double(), moments.variance.double()
                for name, values in zip(PARTS, (mean, variance, mean.square()), strict=True):
                    more, place = membership @ values, f"{index}.{name}"
                    sums[place] = sums[place].to(more.device) + more if place in sums else more
            done["images"] = min(start + batch_size, len(images))
            if watch is not None:
                watch({"done": done["images"], "total": len(images)})
            state.keep()
    number = counts[:, None].double()
    layers = []
    for index in range(len(names)):
        first, inside, second = (sums[f"{index}.{name}"].to(counts.device) for name in PARTS)
        mean = first.cpu() / number
        between = (second.cpu() / number - mean.square()).clamp_min(0)  # rounding can make a zero negative
        layers.append(LayerStatistics(mean, inside.cpu() / number, between))
    return Statistics(counts, names, tuple(layers), state_hash(network))
