"""Experts of trajectory matching that are made by hand: a student on a known set is the expert."""

from dataclasses import replace

import torch

from ltdd_utils.augment import AugmentConfig, DSAParameters
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Bundle
from ltdd_utils.distilled import NOT_REAL, DistilledSet
from ltdd_utils.methods.trajectory.distil import match_trajectories
from ltdd_utils.methods.trajectory.matching import Problem, Step, Synthetic, student_weights
from ltdd_utils.methods.trajectory.settings import ExpertConfig, MatchConfig, TrajectoryConfig
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.networks import Layout, NetworkConfig, build, flat_parameters
from ltdd_utils.training import TrainConfig, soft_cross_entropy

CLASSES, IPC, SIZE, COUNTS = 3, 2, 8, [8, 4, 2]
IMAGES = CLASSES * IPC
STEPS, ETA = 3, 0.3
LABELS = torch.arange(CLASSES).repeat_interleave(IPC)


def draws(*shape, name):
    return torch.randn(*shape, generator=generator(0, name))


def network(seed=0):
    return build(NetworkConfig(depth=2, width=3), CLASSES, SIZE, 1, generator(seed, "network"))


def known():
    """The set whose students the experts are."""
    return Synthetic(
        draws(IMAGES, 1, SIZE, SIZE, name="known"), draws(IMAGES, CLASSES, name="labels"), torch.tensor(ETA)
    )


def plan(steps=STEPS):
    return [Step(None, DSAParameters("none", torch.zeros(0, IMAGES)))] * steps


def experts(count=1, epochs=2):
    """Expert i is a student on the known set from its own start: STEPS steps are an epoch, of either kind."""
    layout = Layout.of(network())
    apply, part = layout.apply(network()), layout.part("classifier")
    representation, classifier = [], []
    for index in range(count):
        rows = [flat_parameters(network(index))]
        for _ in range(epochs):
            problem = Problem(apply, rows[-1], rows[-1], slice(None), plan(), soft_cross_entropy)
            rows.append(student_weights(known(), problem)[-1])
        own = [rows[-1][part]]
        backbone = rows[-1][: part.start]
        for _ in range(2):
            held = replace(problem, network=lambda w, x, b=backbone: apply(torch.cat([b, w]), x), start=own[-1])
            own.append(student_weights(known(), held)[-1])
        representation.append(Bundle({"snapshots": torch.stack(rows)}, {"epochs": list(range(epochs + 1))}))
        classifier.append(Bundle({"snapshots": torch.stack(own)}, {"epochs": [0, 1, 2]}))
    return Experts(layout, epochs, 2, representation, classifier)


def settings(**changes):
    plain = TrajectoryConfig(
        experts=ExpertConfig(train=TrainConfig(epochs=2), augment=AugmentConfig(kind="none")),
        first=MatchConfig(steps=STEPS, epochs=1),
        iterations=3,
        batch=IMAGES,
        window=(0, 1, 1),
        lr_images=1.0,
        lr_labels=1.0,
        lr_lr=1e-3,
        lr=ETA,
    )
    return replace(plain, **changes)


def start(**changes):
    names = {"class_names": ["a", "b", "c"], "targets": "logits"}
    images = known().images + 0.5 * draws(IMAGES, 1, SIZE, SIZE, name="moved")
    targets = known().logits + 0.5 * draws(IMAGES, CLASSES, name="doubted")
    made = DistilledSet(LABELS, torch.full((IMAGES,), NOT_REAL), images, targets=targets, lr=ETA, info=names)
    return replace(made, **changes)


def run(cfg, first=None, teachers=None, seed=0, **options):
    first = first or start()
    return match_trajectories(
        cfg, first, first.images, COUNTS, teachers or experts(), network=network(7), seed=seed, **options
    )
