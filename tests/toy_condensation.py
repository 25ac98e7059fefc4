"""DC, DM and CSDM on a small long tail, a few iterations long."""

from dataclasses import replace

import torch

from ltdd_utils.augment import AugmentConfig
from ltdd_utils.core.seeds import generator
from ltdd_utils.distilled import NOT_REAL, DistilledSet
from ltdd_utils.methods.condensation.common import RealImages
from ltdd_utils.methods.condensation.features import dm
from ltdd_utils.methods.condensation.gradients import dc
from ltdd_utils.methods.condensation.settings import DCConfig, DMConfig, SpectralConfig
from ltdd_utils.methods.condensation.spectral import csdm
from ltdd_utils.networks import NetworkConfig

CLASSES, IPC, SIZE, COUNTS = 3, 3, 8, (8, 4, 2)
NETWORK = NetworkConfig(depth=2, width=3)
PLAIN = AugmentConfig(kind="none")
METHODS = {
    "dc": (dc, DCConfig(NETWORK, iterations=2, batch=5, updates=2, network_steps=3, lr_images=0.5, lr_network=0.1)),
    "dm": (dm, DMConfig(NETWORK, iterations=2, batch=5, augment=PLAIN)),
    "csdm": (csdm, SpectralConfig(NETWORK, iterations=2, batch=5, augment=PLAIN, frequencies=64)),
}


def noise(*shape, name):
    return torch.randn(*shape, generator=generator(0, name))


def tail(counts=COUNTS, deviation=1.0):
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    means = 2 * noise(len(counts), 1, SIZE, SIZE, name="means")  # classes that differ
    images = deviation * (means[labels] + noise(len(labels), 1, SIZE, SIZE, name="real"))
    return RealImages.of(images, labels, len(counts))


def start(ipc=IPC, images=None, classes=CLASSES):
    labels = torch.arange(classes).repeat_interleave(ipc)
    images = noise(len(labels), 1, SIZE, SIZE, name="start") if images is None else images
    names = {"class_names": [str(label) for label in range(classes)]}
    return DistilledSet(labels, torch.full_like(labels, NOT_REAL), images=images, info=names)


def condense(name, first=None, real=None, seed=0, options=None, **changes):
    method, cfg = METHODS[name]
    first = first or start()
    return method(replace(cfg, **changes), first, first.images, real or tail(), seed, **(options or {}))


def slopes(first, gradient, loss, step):
    """Of one image of each class, at its steepest pixel: the gradient, and the loss's central difference."""
    for image in range(0, len(first), IPC):
        pixel = int(gradient[image].flatten().abs().argmax())
        moved = [first.clone(), first.clone()]
        for sign, images in zip((1, -1), moved, strict=True):
            images[image].view(-1)[pixel] += sign * step
        yield float(gradient[image].flatten()[pixel]), (loss(moved[0]) - loss(moved[1])) / (2 * step)
