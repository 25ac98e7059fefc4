"""Representative images: the nearest one to the centre of each sub-cluster of a class's features."""

import torch
from torch import Tensor, nn

from ltdd_utils.methods.condensation.common import RealImages
from ltdd_utils.methods.condensation.settings import DREAMConfig

__all__ = ["representatives", "representatives_of_each"]

TOGETHER = 512  # images whose features are computed at once: bounds the memory, not the result


def representatives(features: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Rows of the images that stand for ``count`` sub-clusters: of each, the member nearest to its centre.

    k-means (Lloyd's algorithm from k-means++, one start, of scikit-learn) on Euclidean distances. Liu et al. (DREAM,
    arXiv 2302.14416), section 3: representative matching.

    Args:
        features: of all images of a class, ``[n, F]``.
        count: sub-clusters, k.
        rng: draws the seed of k-means; nothing is drawn where n is at most k.

    Returns:
        Different rows, at most k of them: all n rows where there are no more, and none of a cluster that is empty,
        as happens where fewer than k images differ.

    Note:
        Differs from the released code, which takes the nearest image of the whole class to each centre: two centres may
        then have one and the same image. It fails for a class smaller than k.
    """
    if len(features) <= count:
        return torch.arange(len(features))
    from sklearn.cluster import KMeans  # slow to import, and needed here alone
    from threadpoolctl import threadpool_limits

    seed = int(torch.randint(2**31, (), generator=rng))
    points = features.float().cpu()
    with threadpool_limits(1):  # sums of several threads would be rounded in the order in which these finish
        found = KMeans(count, n_init=1, random_state=seed).fit(points.numpy())
    clusters, centres = torch.from_numpy(found.labels_).long(), torch.from_numpy(found.cluster_centers_)
    far = (points - centres[clusters]).square().sum(dim=1)
    order = far.argsort(stable=True)
    order = order[clusters[order].argsort(stable=True)]  # cluster by cluster, the nearest first
    first = clusters[order].diff(prepend=torch.tensor([-1])) != 0
    return order[first]


@torch.no_grad()
def representatives_of_each(
    cfg: DREAMConfig, backbone: nn.Module, real: RealImages, count: int, rng: torch.Generator
) -> list[Tensor]:
    """Rows of the representative images of each class, at most ``count``, on the device.

    No gradient is kept, so that the features of a whole class take no more memory than its pixels. Of a class with more
    than ``cfg.candidates`` images, so many are drawn first.
    """
    chosen = []
    for mine in real.rows:
        if cfg.candidates is not None and len(mine) > cfg.candidates:
            mine = mine[torch.randperm(len(mine), generator=rng)[: cfg.candidates]]
        if len(mine) > count:
            rows = mine.to(real.images.device)
            features = torch.cat([backbone(real.images[part]) for part in rows.split(TOGETHER)])
            mine = mine[representatives(features.flatten(1), count, rng)]
        chosen.append(mine)
    together = torch.cat(chosen).to(real.images.device, non_blocking=True)
    return list(together.split([len(mine) for mine in chosen]))
