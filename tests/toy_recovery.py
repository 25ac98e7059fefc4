"""Recovery of nine images under small observers."""

import torch
from toy_observer import long_tail, observer

from ltdd_utils.core.seeds import generator
from ltdd_utils.methods.alignment.recover import recover
from ltdd_utils.methods.alignment.settings import RecoverConfig, StatisticsConfig
from ltdd_utils.methods.alignment.statistics import collect

BN = StatisticsConfig()
CFG = RecoverConfig(iterations=4, batch=4, alignment=0.1, crop_scale=(0.5, 1.0), shift=1)
WIDE = torch.full((2, 1, 1), -50.0), torch.full((2, 1, 1), 50.0)
LABELS = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2])


def start():
    return torch.randn(9, 2, 4, 4, dtype=torch.float64, generator=generator(0, "start"))


def eyes(*names):
    """Observers with the statistics of one long tail."""
    real = long_tail(6, 4, 2)
    return [(network, collect(network, *real, 3, BN)) for network in map(observer, names or ("observer",))]


def recovered(cfg=CFG, images=None, labels=LABELS, observers=None, bounds=WIDE, seed=3, **options):
    images = start() if images is None else images
    return recover(cfg, BN, images, labels, observers or eyes(), bounds=bounds, seed=seed, **options)
