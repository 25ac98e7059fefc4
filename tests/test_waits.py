"""Loops that run for hours do not wait for the device at every step: on a GPU each wait leaves it idle.

Counted on a pretended device, for a few steps and for more: both wait as often, at the beginning and at the end.
"""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
import toy_matching as trajectories
from pretended_device import DEVICE, PretendedDevice, waits
from toy_observer import long_tail, observer

from ltdd_utils.core.seeds import generator
from ltdd_utils.data import Preprocess
from ltdd_utils.evaluation import protocols, stored_objective, view_objective
from ltdd_utils.methods.alignment import recover as recovery
from ltdd_utils.methods.alignment.settings import RecoverConfig, StatisticsConfig
from ltdd_utils.methods.alignment.statistics import collect
from ltdd_utils.methods.trajectory.gsam import gsam_backward
from ltdd_utils.methods.trajectory.matching import GRADIENTS, Synthetic
from ltdd_utils.methods.trajectory.phases import Phases
from ltdd_utils.methods.trajectory.settings import DAMConfig, GSAMConfig
from ltdd_utils.networks import NetworkConfig, build
from ltdd_utils.training import loop, resumable

pytestmark = pytest.mark.float32

PIXELS = (255 * torch.rand(24, 3, 8, 8, generator=generator(0, "pixels"))).to(torch.uint8)
LABELS = torch.arange(24) % 3


@pytest.fixture(autouse=True)
def _never_looked(monkeypatch):
    """A look at the losses, once a second, waits by design."""
    monkeypatch.setattr(resumable, "LOOK_EVERY_S", math.inf)


def train(steps, protocol="online-teacher", sharpness=False):
    """A student with BatchNorm under the real protocol's views, loss and moving average."""
    evaluate = protocols.protocol(protocol, "cifar10", "paper")
    assert evaluate.augment.randaugment or protocol == "dsa-stored"
    assert evaluate.train.ema or protocol == "dsa-stored"
    network, teacher = (
        build(NetworkConfig(depth=1, width=4, norm="batch"), 3, 8, 3, generator(seed)).to(DEVICE) for seed in (0, 1)
    )
    cfg, rng = replace(evaluate.train, epochs=steps, batch_size=24), generator(0, "batches")
    preprocess = Preprocess.fit(PIXELS, evaluate.preprocess).to(DEVICE)
    pixels, labels = PIXELS.to(DEVICE), LABELS.to(DEVICE)
    if protocol == "dsa-stored":
        objective = stored_objective(preprocess(pixels), F.one_hot(labels, 3).float(), evaluate, rng)
    else:
        objective = view_objective(pixels, labels, preprocess, teacher.eval(), evaluate, rng=rng)
    backward = gsam_backward(GSAMConfig(), rng) if sharpness else None
    loop.train(network, 24, objective, cfg, rng, backward=backward)


def match(steps, gradient):
    """A student of so many steps in mini-batches with DSA, and the gradient with respect to its set."""
    first, experts = trajectories.MatchConfig(steps=steps, epochs=1), trajectories.ExpertConfig()
    cfg = trajectories.settings(first=first, gradient=gradient, batch=4, experts=experts, dam=DAMConfig("mean", 0.5))
    phases = Phases(cfg, trajectories.COUNTS, trajectories.experts(), trajectories.network(7).to(DEVICE), DEVICE)
    synthetic = Synthetic(*(tensor.to(DEVICE) for tensor in trajectories.known().tensors()))
    phases.gradients(synthetic, 0, generator(0, "matching"))


def recover(iterations):
    """Images under an observer, with all terms of the loss, crops, flips and shifts."""
    cfg = RecoverConfig(iterations=iterations, batch=9, crop_scale=(0.5, 1.0), shift=1)
    network, (images, labels) = observer(), long_tail(4, 3, 2)
    known = collect(network, images, labels, 3, StatisticsConfig())
    bounds = tuple(torch.full((2, 1, 1), bound, dtype=torch.float64, device=DEVICE) for bound in (-50.0, 50.0))
    recovery.recover(
        cfg, StatisticsConfig(), images.to(DEVICE), labels, [(network.to(DEVICE), known)], bounds=bounds, seed=0
    )


LOOPS = {
    "online student": train,
    "student with stored labels": partial(train, protocol="dsa-stored"),
    "sharpness-aware expert": partial(train, protocol="dsa-stored", sharpness=True),
    "recovery": recover,
    **{f"matching, {gradient}": partial(match, gradient=gradient) for gradient in GRADIENTS},
}


@pytest.mark.filterwarnings("ignore:for .*copying from a non-meta parameter")  # the pretended device can copy
@pytest.mark.parametrize("name", LOOPS)
def test_more_steps_wait_no_more_often(name):
    with PretendedDevice():
        LOOPS[name](1)  # what is made once per device
        few, more = (waits(lambda steps=steps: LOOPS[name](steps)) for steps in (3, 9))
    assert few == more


def test_the_counter_sees_what_a_gpu_waits_for():
    """Else equal counts would prove nothing."""
    with PretendedDevice():
        here, there = torch.ones(3), torch.ones(3, device=DEVICE)
        for call in (
            lambda: there.sum().item(),
            lambda: bool(there.any()),
            lambda: there.tolist(),
            lambda: there.cpu(),
            lambda: here.to(DEVICE),
            lambda: there.copy_(here),
            lambda: torch.tensor([1.0, 2.0], device=DEVICE),
            lambda: there[torch.tensor([0, 2])],
            lambda: there[there > 0],
            lambda: there.nonzero(),
        ):
            assert waits(call) == 1
        for call in (
            lambda: here.to(DEVICE, non_blocking=True),
            lambda: there.copy_(here, non_blocking=True),
            lambda: there[torch.tensor([0, 2]).to(DEVICE, non_blocking=True)] * 2.0,
            lambda: torch.zeros(3, device=DEVICE),
            lambda: here.sum().item(),
        ):
            assert waits(call) == 0
