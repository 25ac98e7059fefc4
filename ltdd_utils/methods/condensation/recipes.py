"""The recipes of dataset condensation, with the settings of each scale as data.

All work in the space of ``dsa-stored``, which is ZCA on CIFAR where the papers normalise each channel; step sizes are
in units of the pixels' variance, so that the papers' values mean the same there.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ltdd_utils.data.facts import Scale, stand_in
from ltdd_utils.methods.base import Method
from ltdd_utils.methods.condensation.family import (
    DISTRIBUTION_MATCHING,
    GRADIENT_MATCHING,
    IMPROVED_DISTRIBUTION_MATCHING,
    LOGIT_ADJUSTED_MATCHING,
    REPRESENTATIVE_MATCHING,
    SPECTRAL_MATCHING,
)
from ltdd_utils.methods.condensation.settings import (
    DCConfig,
    DMConfig,
    DREAMConfig,
    IDMConfig,
    LADMConfig,
    SpectralConfig,
)
from ltdd_utils.presets import Cell, dsa_augmentation, small_convnet, teacher

__all__ = ["METHODS", "csdm", "csdm_one_weight", "dc", "dm", "dream", "idm", "ladm"]

# IPC -> updates of the images under one network, and steps of that network between two of them (DC as released).
LOOPS = {1: (1, 1), 10: (10, 50), 20: (20, 25), 30: (30, 20), 40: (40, 15), 50: (50, 10)}
# What a scale changes; scale paper is the papers' own.
DC_SCALES: Mapping[Scale, Mapping[str, Any]] = {
    "tiny": {"initial": "real", "iterations": 10, "updates": 5, "network_steps": 5, "batch": 32},
    "cpu": {"initial": "real", "iterations": 150, "updates": 5, "network_steps": 10, "batch": 64},
    "paper": {},
}
DM_SCALES: Mapping[Scale, Mapping[str, Any]] = {
    "tiny": {"iterations": 200, "batch": 32, "lr_images": 10.0},
    "cpu": {"iterations": 4000, "batch": 64, "lr_images": 5.0},
    "paper": {},
}
FREQUENCIES: Mapping[Scale, int] = {"tiny": 512, "cpu": 1024, "paper": 4096}  # of CSDM
IDM_SCALES: Mapping[Scale, Mapping[str, Any]] = {
    "tiny": {
        "iterations": 150,
        "batch": 32,
        "lr_images": 5.0,
        "queue": 10,
        "push_every": 10,
        "trained": 1,
        "network_steps": 5,
        "network_batch": 64,
        "regulariser": 0.03,
    },
    "cpu": {
        "iterations": 800,
        "batch": 64,
        "lr_images": 5.0,
        "queue": 15,
        "push_every": 20,
        "trained": 1,
        "network_steps": 5,
        "network_batch": 64,
        "regulariser": 0.125,
    },
    "paper": {},
}
DREAM_SCALES: Mapping[Scale, Mapping[str, Any]] = {
    "tiny": {
        "iterations": 8,
        "updates": 10,
        "cluster_every": 5,
        "batch": 16,
        "lr_images": 5.0,
        "synthetic_batch": 16,
        "network_images": 128,
    },
    "cpu": {
        "iterations": 25,
        "updates": 16,
        "cluster_every": 8,
        "batch": 32,
        "lr_images": 5.0,
        "candidates": 1000,
        "synthetic_batch": 20,
        "network_images": 128,
    },
    "paper": {},
}
# Where the released IDM commands have other values than for CIFAR-10, IPC 10: by data set and IPC.
IDM_COMMANDS: Mapping[tuple[str, int], Mapping[str, Any]] = {
    ("cifar10", 1): {"batch": 5000, "push_every": 5},
    ("cifar10", 50): {"regulariser": 0.1},
    ("cifar100", 1): {"batch": 5000, "push_every": 5},
    ("cifar100", 10): {"regulariser": 0.1, "network_steps": 50},
    ("cifar100", 50): {"regulariser": 0.1},
    ("tiny", 50): {"regulariser": 0.8, "network_steps": 50},
}


def dc(cell: Cell) -> DCConfig:
    """DC: the loss gradient of a class's synthetic images points where that of its real ones does.

    Zhao et al. (arXiv 2006.05929). Scale cpu takes about ten minutes for CIFAR-10 on one core: a ConvNet of width 32,
    150 networks with 5 updates of the images each, from real images instead of noise.

    Note:
        The two loop counts are those of the released code (``LOOPS``); an IPC that it does not name has the counts of
        the nearest one above 1 that it does. Its steps of the network have momentum 0.5; the paper's algorithm, and
        ours, have none.

    Published on CIFAR-10-LT, IF 100, IPC 10: 36.7 +- 0.8.
    """
    named = [1] if cell.ipc == 1 else [ipc for ipc in LOOPS if ipc > 1]
    loops = LOOPS[min(named, key=lambda ipc: abs(ipc - cell.ipc))]
    cfg = DCConfig(small_convnet(cell.dataset, cell.scale), updates=loops[0], network_steps=loops[1])
    own = dict(DC_SCALES[cell.scale])
    for name, value in zip(("updates", "network_steps"), loops, strict=True):
        own[name] = min(value, own.get(name, value))
    return replace(cfg, **own)


def dm(cell: Cell) -> DMConfig:
    """DM: the mean feature of a class's synthetic images is that of its real ones, in random networks.

    Zhao and Bilen (arXiv 2110.04181). Scale cpu takes about ten minutes for CIFAR-10 on one core: a ConvNet of width
    32, 4000 networks, and five times the step size for a fifth of the steps.

    No long-tailed number is known to us.
    """
    network, augment = small_convnet(cell.dataset, cell.scale), dsa_augmentation(cell.dataset)
    return replace(DMConfig(network, augment=augment), **DM_SCALES[cell.scale])


def idm(cell: Cell) -> IDMConfig:
    """IDM: DM with four small images in each stored one, under networks from a queue that are trained meanwhile.

    Zhao et al. (arXiv 2307.09742). A set of IPC 10 stores 10 images of a class and shows students 40. Scale paper is
    the released commands (``IDM_COMMANDS``). Scale cpu takes about four minutes for CIFAR-10 on one core: a ConvNet of
    width 32, 800 iterations instead of 20,000 with 25 times the step size, a queue of 15 networks instead of 100, fewer
    steps on smaller batches. The distance is a sum over features, so the regulariser goes with their number: a quarter
    of the published weight at scale cpu, a sixteenth at tiny.

    Note:
        An IPC that the commands do not name has the settings of CIFAR-10, IPC 10.

    Published on CIFAR-10-LT, IF 100, IPC 10: 49.8 +- 0.6.
    """
    cfg = IDMConfig(small_convnet(cell.dataset, cell.scale), augment=dsa_augmentation(cell.dataset))
    known: Mapping[str, Any] = {}
    if cell.scale == "paper":
        named = {"imagenet", *(dataset for dataset, _ in IDM_COMMANDS)}  # no command is of ImageNet
        known = IDM_COMMANDS.get((stand_in(cell.dataset, named, "IDM"), cell.ipc), {})
    return replace(cfg, **{**known, **IDM_SCALES[cell.scale]})


def ladm(cell: Cell) -> LADMConfig:
    """LADM: IDM under logit-adjusted networks, each part of an image with a soft label of a logit-adjusted teacher.

    A method of ours, in no paper: chapter 18 has its way. The images have IDM's settings, the teacher those of the
    online protocols' plain one, both with tau = 1. At scale cpu the weight of the images' cross-entropy is about a
    quarter of IDM's, chosen on CIFAR-10's unused train images (IF 100, IPC 10), and the set names the step size for
    students that DAM + ED learned there. Other scales keep IDM's weight and the protocol's step size.
    """
    images, labelling = replace(idm(cell), logit_adjustment=1.0), teacher(cell.dataset, cell.scale)
    cfg = LADMConfig(images, replace(labelling, logit_adjustment=1.0))
    return replace(cfg, images=replace(images, regulariser=0.03), lr=0.03) if cell.scale == "cpu" else cfg


def dream(cell: Cell) -> DREAMConfig:
    """DREAM: gradient matching of images in four parts with real ones near the centres of sub-clusters.

    Liu et al. (arXiv 2302.14416). A set of IPC 10 stores 10 images of a class and shows students 40. The step size goes
    with IPC, as released. Scale cpu takes about four minutes for CIFAR-10 on one core: a ConvNet of width 32, 25
    networks with 16 updates instead of 2000 with 100, larger steps, 32 sub-clusters of at most 1000 images of a class,
    20 parts at an update.

    Published on CIFAR-10-LT, IF 100, IPC 10: 30.8 +- 1.7.
    """
    cfg = replace(DREAMConfig(small_convnet(cell.dataset, cell.scale)), **DREAM_SCALES[cell.scale])
    return replace(cfg, lr_images=cfg.lr_images * cell.ipc / 10)


def csdm(cell: Cell) -> SpectralConfig:
    """CSDM: the characteristic function of a class's features is matched, its phase more in the tail than in the head.

    Wu et al. (arXiv 2603.01698) **as reconstructed** from the abstract and the public reviews; no code is known.
    Networks, images, batches, step sizes and iterations are DM's at every scale. Ours are the Gaussian kernel and its
    width, the weights of the amplitude, 0.75 for the largest class to 0.25 for the smallest, and the number of
    frequencies (scale paper: NCFM's 4096).

    Note:
        The two public abstracts disagree on which end of the tail gets more of the phase ("realism"): arXiv's of
        March 2026 says the tail, as here; that of the submission (OpenReview OWHKdYwYiF) says the head.

    Published is a difference alone, 14.0 above "the best" on CIFAR-10-LT at IPC 10; its table is not known to us.
    """
    base = dm(cell)
    kept = {field.name: getattr(base, field.name) for field in fields(base)}
    return SpectralConfig(**kept, frequencies=FREQUENCIES[cell.scale])


def csdm_one_weight(cell: Cell) -> SpectralConfig:
    """CSDM with one weight, 1/2, for all classes: the plain squared distance of characteristic functions.

    The control that the reviews of CSDM ask for: all that makes it a method for long tails is the weight by class.
    """
    return replace(csdm(cell), amplitude_head=0.5, amplitude_tail=0.5)


METHODS = (
    Method("dc", dc, GRADIENT_MATCHING),
    Method("dm", dm, DISTRIBUTION_MATCHING),
    Method("idm", idm, IMPROVED_DISTRIBUTION_MATCHING),
    Method("ladm", ladm, LOGIT_ADJUSTED_MATCHING),
    Method("dream", dream, REPRESENTATIVE_MATCHING),
    Method("csdm", csdm, SPECTRAL_MATCHING),
    Method("csdm_one_weight", csdm_one_weight, SPECTRAL_MATCHING),
)
