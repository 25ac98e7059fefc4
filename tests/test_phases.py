"""The two phases of an iteration: the snapshots a student is put between, its steps, and what is made of both."""

import pytest
import torch

from ltdd_utils.augment import AugmentConfig
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Bundle
from ltdd_utils.methods.trajectory import phases as phases_module
from ltdd_utils.methods.trajectory.matching import Matched, Synthetic
from ltdd_utils.methods.trajectory.phases import LEARNED, Phases
from ltdd_utils.methods.trajectory.settings import ExpertConfig, MatchConfig, TrajectoryConfig
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.networks import Layout, NetworkConfig, build
from ltdd_utils.training import TrainConfig

pytestmark = pytest.mark.float32

CLASSES, SIZE, EPOCHS, SECOND_EPOCHS = 3, 8, 4, 3
IMAGES, LOGITS = (4, 1, SIZE, SIZE), (4, CLASSES)
CFG = TrajectoryConfig(
    experts=ExpertConfig(
        train=TrainConfig(epochs=EPOCHS), augment=AugmentConfig("none"), classifier_epochs=SECOND_EPOCHS
    ),
    first=MatchConfig(weight=0.8, steps=3, epochs=2),  # no number is that of the second phase
    second=MatchConfig(weight=0.3, steps=2, epochs=1),
    window=(0, 2, 3),
    match="backbone",
)


def draws(*shape, name):
    return torch.randn(*shape, generator=generator(0, name))


def experts(layout):
    """Two whose snapshots are noise: no two of them are alike."""
    sizes = (EPOCHS + 1, layout.size), (SECOND_EPOCHS + 1, layout.size - layout.backbone)
    kinds = [
        [
            Bundle({"snapshots": draws(*size, name=f"{size}{number}")}, {"epochs": [*range(size[0])]})
            for number in (0, 1)
        ]
        for size in sizes
    ]
    return Experts(layout, EPOCHS, SECOND_EPOCHS, *kinds)


def context(weights, read, epochs):
    """(expert, epoch) of the one snapshot that ``weights`` are."""
    (found,) = [(i, e) for i in (0, 1) for e in range(epochs + 1) if torch.equal(read(i, e), weights)]
    return found


@pytest.fixture
def watched(monkeypatch):
    """Both phases with the matching itself replaced by a note of the problem and a made-up answer."""
    network = build(NetworkConfig(depth=1, width=2), CLASSES, SIZE, 1, generator(0, "network"))
    teachers = experts(Layout.of(network))
    problems, answers = {}, {}
    for name in ("match", "match_classifier"):
        loss, lr = draws(2, name=name)
        answers[name] = Matched(loss, draws(*IMAGES, name=f"{name} images"), draws(*LOGITS, name=f"{name} logits"), lr)

        def noted(synthetic, problem, *options, name=name, **_):
            problems.setdefault(name, []).append(problem)
            return answers[name]

        monkeypatch.setattr(phases_module, name, noted)
    return Phases(CFG, [8, 4, 2], teachers, network, torch.device("cpu")), teachers, problems, answers


def synthetic():
    return Synthetic(torch.zeros(IMAGES), torch.zeros(LOGITS), torch.tensor(0.1))


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_each_phase_leads_between_two_snapshots_of_one_expert_its_own_epochs_apart(epoch, watched):
    """And in its own number of steps; which expert, each phase draws for itself."""
    phases, teachers, problems, _ = watched
    rng, drawn = generator(0, "iterations"), []
    for _ in range(40):
        phases.gradients(synthetic(), epoch, rng)
    for first, second in zip(problems["match"], problems["match_classifier"], strict=True):
        index, start = context(first.start, teachers.snapshot, EPOCHS)
        assert start == epoch and context(first.target, teachers.snapshot, EPOCHS) == (index, epoch + 2)
        own, start = context(second.start, teachers.classifier_snapshot, SECOND_EPOCHS)
        assert start == 0 and context(second.target, teachers.classifier_snapshot, SECOND_EPOCHS) == (own, 1)
        assert (len(first.steps), len(second.steps)) == (3, 2)
        drawn.append((index, own))
    assert len(drawn) == 40 and set(drawn) == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_the_gradient_is_the_weighted_sum_and_the_losses_are_without_weights(watched):
    phases, _, _, answers = watched
    losses, gradients = phases.gradients(synthetic(), 0, generator(0, "iterations"))
    first, second = answers["match"], answers["match_classifier"]
    assert losses == (float(first.loss), float(second.loss))
    for name in LEARNED:
        torch.testing.assert_close(gradients[name], 0.8 * getattr(first, name) + 0.3 * getattr(second, name))
