"""The set that IDM and DREAM start from: real images of a class, made small, several in each stored image."""

import torch
from torch import Tensor

from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet
from ltdd_utils.distilled.fill import fill
from ltdd_utils.distilled.mosaics import mosaic
from ltdd_utils.distilled.spaces import pixels
from ltdd_utils.methods.condensation.common import RealImages, start_images
from ltdd_utils.methods.condensation.representatives import representatives_of_each
from ltdd_utils.methods.condensation.settings import MosaicConfig
from ltdd_utils.methods.coresets.selection import random_set

__all__ = ["start_mosaics"]


def start_mosaics(cfg: MosaicConfig, run: Run, ipc: int, real: RealImages) -> DistilledSet:
    """The first stored images, class by class: ``cfg.factor``^2 real ones in each; or noise.

    "real" takes the random coreset of the seed with ``ipc * factor^2`` images of each class, "representative" as many
    centres of k-means under a random network. A class with fewer images repeats them in turn.

    Raises:
        ValueError: ``ipc`` below 1, a class without images, or a side that the factor does not divide.
    """
    if cfg.initial == "noise":
        start = start_images(cfg, run, ipc, real.deviation)
        return _of(cfg, run, start.images, ipc)
    count = ipc * cfg.factor**2
    if cfg.initial == "real":
        images = pixels(random_set(run, count), run.data, run.preprocess)
    else:
        backbone = run.network(cfg.network, "condensation", "representative").to(run.device).backbone
        rng = run.rng("condensation", "representative", "clusters")
        chosen = representatives_of_each(cfg, backbone, real, count, rng)
        rows = torch.cat([fill(mine, count, "duplicate") for mine in chosen])
        images = real.images[rows].cpu()
    return _of(cfg, run, mosaic(images, cfg.factor), ipc)


def _of(cfg: MosaicConfig, run: Run, images: Tensor, ipc: int) -> DistilledSet:
    labels = torch.arange(run.data.classes).repeat_interleave(ipc)
    info = {"class_names": list(run.data.class_names)}
    info |= {"factor": cfg.factor} if cfg.factor > 1 else {}
    return DistilledSet(labels, torch.full_like(labels, NOT_REAL), images=images, info=info)
