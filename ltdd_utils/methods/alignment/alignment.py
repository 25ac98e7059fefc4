r"""The distance of a synthetic batch's statistics from those of the real data.

.. math:: L = \sum_l w_l \Big[ g\,(\lVert \mu_l - \hat\mu_l \rVert + \lVert \sigma^2_l - \hat\sigma^2_l \rVert)
    + \frac{k}{C} \sum_c (\lVert \mu_{lc} - \hat\mu_{lc} \rVert + \lVert \sigma^2_{lc} - \hat\sigma^2_{lc} \rVert) \Big]

The norms are not squared; a hat marks the batch. "Rethinking Long-tailed Dataset Distillation" (arXiv 2511.18858), the
recovery loss, and its class-wise version. The released code has :math:`g = k = 1/2` and compares the class term with
the average over the batch's labels ("batch"): on a batch in which all classes are equally often, the means are
equation 9 once more, and the variances too with ``class_variance="pooled"`` and ``variance="mean"``.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ltdd_utils.methods.alignment.monitor import Moments, Monitor
from ltdd_utils.methods.alignment.settings import RecoverConfig, StatisticsConfig
from ltdd_utils.methods.alignment.statistics import LayerStatistics, Statistics
from ltdd_utils.networks.flat import state_hash

__all__ = ["Smoothed", "Targets", "class_variance"]


def class_variance(layer: LayerStatistics, counts: Tensor, kind: str, images: int) -> Tensor:
    r"""The variance that a batch's images of a class are drawn to, ``[C, D]``.

    "pooled" is that of all real images of the class, "within-image" that inside an image. "expected" is what n images
    drawn from the class have on average,

    .. math:: \sigma_{in}^2 + (1 - \tfrac{1}{n})\, \tfrac{n_c}{n_c - 1}\, \sigma_{between}^2,

    which is "within-image" at n = 1 and "pooled" at :math:`n = n_c`.

    Args:
        layer: of the real data.
        counts: :math:`n_c`, images behind it, ``[C]``.
        kind: one of the three.
        images: n, images of a class in the batch.
    """
    if kind == "within-image":
        return layer.within
    if kind == "pooled":
        return layer.variance
    number = counts[:, None].double()
    return layer.within + (1 - 1 / images) * number / (number - 1).clamp_min(1) * layer.between


class Targets:
    """Target statistics of every layer of an observer for a batch with these labels, on the images' device.

    Args:
        network: the observer; its running statistics are the targets with ``source="running"``.
        statistics: of the real data under this observer.
        cfg: which of its figures count.
        recover: the weights of the terms.
        labels: of the batch, ``[B]``, on the images' device.
        dtype: of the images.

    Raises:
        ValueError: an observer without BatchNorm, or statistics of other layers or other weights.
    """

    def __init__(
        self,
        network: nn.Module,
        statistics: Statistics,
        cfg: StatisticsConfig,
        recover: RecoverConfig,
        labels: Tensor,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        norms = {name: module for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
        sizes = {name: layer.mean.shape[1] for name, layer in zip(statistics.names, statistics.layers, strict=True)}
        same = Monitor(network, cfg).names == statistics.names
        if not same or any(sizes[name] != norm.num_features for name, norm in norms.items()):
            raise ValueError("the statistics are of an observer with other layers; collect them with this one")
        if statistics.observer and statistics.observer != state_hash(network):
            raise ValueError("the statistics are of an observer with other weights; collect them with this one")
        self.recover, present = recover, labels.unique()
        member = (labels == present[:, None]).to(dtype)
        self.share = member / member.sum(dim=1, keepdim=True)  # [G, B]: which images are of a class
        images = max(int(member.sum(dim=1).min()), 1)
        mine, all_images = present.cpu(), statistics.counts.double() / statistics.counts.sum()
        fraction = member.sum(dim=1).cpu().double() / len(labels)
        here = torch.zeros(len(statistics.counts), dtype=torch.float64)
        here[mine] = 1 / len(mine)  # the classes of this batch alike: all, where there is room for them
        self.whole: list[tuple[Tensor, Tensor]] = []
        self.classes: list[tuple[Tensor, Tensor]] = []
        for name, layer in zip(statistics.names, statistics.layers, strict=True):
            if cfg.source == "classes":
                goal = layer.balanced(cfg.variance, here)
            elif cfg.source == "running" and name in norms:
                goal = (norms[name].running_mean, norms[name].running_var)
            else:
                goal = layer.balanced("mixture", all_images)
            own = layer.mean[mine], class_variance(layer, statistics.counts, recover.class_variance, images)[mine]
            if recover.class_wise == "batch":
                own = (fraction @ own[0], fraction @ own[1])
            self.whole.append(tuple(part.to(labels.device, dtype) for part in goal))
            self.classes.append(tuple(part.to(labels.device, dtype) for part in own))

    def distance(self, seen: Sequence[Moments], smoothed: "Smoothed") -> Tensor:
        """The distance of a batch whose layers saw ``seen``, after its statistics went into a running average."""
        cfg, total = self.recover, torch.zeros((), dtype=seen[0].mean.dtype, device=seen[0].mean.device)
        for index, moments in enumerate(seen):
            terms = []
            if cfg.global_share:
                terms.append((cfg.global_share, moments.of_batch(), self.whole[index]))
            if cfg.class_share:
                per_class = cfg.class_wise == "per-class"
                found = moments.of_groups(self.share) if per_class else moments.of_batch()
                terms.append((cfg.class_share, found, self.classes[index]))
            weight = cfg.first_layer if index == 0 else 1.0
            for number, (share, found, goal) in enumerate(terms):
                for part in range(2):
                    apart = smoothed((index, number, part), found[part]) - goal[part]
                    total = total + weight * share * torch.linalg.vector_norm(apart, dim=-1).mean()
        return total


class Smoothed:
    r"""Running averages of statistics, :math:`s \leftarrow d\, s + (1 - d)\, x`, whose gradient is that of x alone.

    A value begins at the first x that is seen (the released code begins at 0, and goes on from batch to batch).
    """

    def __init__(self, decay: float) -> None:
        """Start empty; ``decay`` d in [0, 1), 0 gives every x back as it is."""
        self.decay, self.values = decay, {}

    def __call__(self, key: tuple[int, ...], value: Tensor) -> Tensor:
        """The running average under ``key`` after ``value``, as a tensor whose gradient is that of ``value``."""
        if not self.decay:
            return value
        now = value.detach()
        old = self.values.get(key, now).to(now.device)  # elsewhere only after a checkpoint
        self.values[key] = self.decay * old + (1 - self.decay) * now
        return self.values[key] + value - now

    def state_dict(self) -> dict[str, Tensor]:
        """The values by name, for a checkpoint."""
        return {".".join(map(str, key)): value for key, value in self.values.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put the values of ``state_dict()`` back; each goes to the device of the next value under its key."""
        self.values = {tuple(map(int, name.split("."))): value for name, value in state.items()}
