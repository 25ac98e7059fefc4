"""The steps of an expert by hand: its loss on augmented images, its sharpness-aware gradient, and its own stream."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from toy_sets import toy_run

from ltdd_utils.augment import AugmentConfig, augmenter, dsa, random_crop_flip
from ltdd_utils.core.seeds import generator
from ltdd_utils.data import DataConfig, load
from ltdd_utils.methods.trajectory import experts as experts_module
from ltdd_utils.methods.trajectory.experts import classifier_expert, representation_expert
from ltdd_utils.methods.trajectory.settings import ExpertConfig, GSAMConfig
from ltdd_utils.networks import Layout, NetworkConfig
from ltdd_utils.training import TrainConfig, label_objective

pytestmark = pytest.mark.float32

# What each setting of the augmentation stands for: one operation of DSA, for which no other can be mistaken.
AUGMENTATIONS = [
    (AugmentConfig("dsa", "crop"), lambda images, rng: dsa(images, "crop", rng)),
    (AugmentConfig("dsa", "rotate"), lambda images, rng: dsa(images, "rotate", rng)),
    (AugmentConfig("crop-flip", padding=1), lambda images, rng: random_crop_flip(images, 1, rng, flip=True)),
    (
        AugmentConfig("crop-flip", padding=3, flip=False),
        lambda images, rng: random_crop_flip(images, 3, rng, flip=False),
    ),
]


def some_images():
    return torch.randn(9, 2, 8, 8, generator=generator(0, "images")), torch.tensor([0, 1, 2, 2, 1, 0, 1, 2, 0])


@pytest.mark.parametrize(("cfg", "wanted"), AUGMENTATIONS, ids=["crop", "rotate", "padding-1", "padding-3"])
def test_images_are_augmented_as_the_settings_say(cfg, wanted):
    images, _ = some_images()
    rngs = [generator(0, "draws") for _ in range(2)]
    found = augmenter(cfg)(images, rngs[0])
    assert torch.equal(found, wanted(images, rngs[1])) and not torch.equal(found, images)
    assert torch.equal(rngs[0].get_state(), rngs[1].get_state())


@pytest.mark.parametrize("shift", [None, torch.tensor([0.5, -1.0, 2.0])], ids=["plain", "shifted"])
@pytest.mark.parametrize(("cfg", "wanted"), AUGMENTATIONS, ids=["crop", "rotate", "padding-1", "padding-3"])
def test_the_loss_is_cross_entropy_on_augmented_images(cfg, wanted, shift):
    """Of the batch alone: the augmentation is drawn for its images, and for no others."""
    images, labels = some_images()
    weights = torch.randn(128, 3, generator=generator(0, "weights"))
    batch, rngs = torch.tensor([7, 0, 4, 1]), [generator(0, "draws") for _ in range(2)]

    def forward(rows):
        return rows.flatten(1) @ weights

    def by_hand(rows):
        logits = forward(rows) + (0 if shift is None else shift)
        return (logits.exp().sum(dim=1).log() - logits[range(4), labels[batch]]).mean()

    loss = label_objective(images, labels, cfg, rngs[0], shift)(forward, batch)
    torch.testing.assert_close(loss, by_hand(wanted(images[batch], rngs[1])))
    assert abs(loss - by_hand(images[batch])) > 1e-3
    assert torch.equal(rngs[0].get_state(), rngs[1].get_state())


# Trajectories on a long tail of 4, 3, 2, ... 1 digits, in full batches


SEEN = 12  # by an epoch of the second stage, of each class: a whole number of times each of 4, 3, 2 or 1 images
CFG = ExpertConfig(
    network=NetworkConfig(depth=2, width=4),
    train=TrainConfig(epochs=2, batch_size=10 * SEEN, lr=0.05, momentum=0.0, weight_decay=0.0, schedule="constant"),
    augment=AugmentConfig("none"),
    classifier_epochs=3,
    classifier_lr=0.2,
    classifier_images=10 * SEEN,
    samples_per_class=SEEN,
)
SHARP = GSAMConfig(rho=0.5, alpha=0.4)


@pytest.fixture
def run(tmp_path):
    return toy_run(tmp_path, load(DataConfig("digits", imbalance_factor=4, n_max=4)), "normalise")


def descent(loss, start, lr, steps, gsam):
    """Plain or sharpness-aware gradient steps (the formula of ``gsam_backward``): ``[steps + 1, P]``, float64."""

    def slope(weights):
        weights = weights.clone().requires_grad_()
        return torch.autograd.grad(loss(weights), weights)[0]

    trail = [start]
    for _ in range(steps):
        weights = trail[-1]
        step = slope(weights)
        if gsam is not None:
            second = slope(weights + gsam.rho * weights**2 * step / (weights.abs() * step).norm())
            step = second - gsam.alpha * (step - (step @ second) / (second @ second) * second)
        trail.append(weights - lr * step)
    return torch.stack(trail)


def long_tail(run):
    return run.images().double(), run.labels(), Layout.of(run.template(CFG.network))


def assert_trail(made, expected):
    torch.testing.assert_close(made.double(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("gsam", [None, SHARP], ids=["sgd", "gsam"])
@pytest.mark.parametrize("tau", [0.0, 0.5, 2.0])
def test_a_representation_expert_descends_the_logit_adjusted_loss(run, tau, gsam):
    own = replace(CFG, logit_adjustment=tau, gsam=gsam)
    made = representation_expert(own, run, 0, [0, 1, 2]).tensors["snapshots"]
    images, labels, layout = long_tail(run)
    network = layout.apply(run.template(CFG.network))
    shift = tau * (torch.tensor(run.data.counts) / len(labels)).double().log()

    def loss(weights):
        return F.cross_entropy(network(weights, images) + shift, labels)

    assert_trail(made, descent(loss, made[0].double(), CFG.train.lr, 2, gsam))


@pytest.mark.parametrize("gsam", [None, SHARP], ids=["sgd", "gsam"])
def test_a_classifier_expert_descends_balanced_cross_entropy_by_its_own_settings(run, gsam):
    """Every class weighs the same; neither optimiser nor logit adjustment of the first stage has a say."""
    first = replace(CFG.train, optimiser="adamw", lr=0.01, momentum=0.9, weight_decay=0.1, schedule="cosine")
    own = replace(CFG, train=first, logit_adjustment=1.0, gsam=gsam)
    made = classifier_expert(own, run, 0, [0, 1, 2, 3]).tensors["snapshots"]
    last = representation_expert(own, run, 0, [2]).tensors["snapshots"][0].double()
    images, labels, layout = long_tail(run)
    network = layout.features(run.template(CFG.network))
    features = network(last, images)
    weights_of = (1 / torch.tensor(run.data.counts))[labels] / 10

    def loss(weights):
        logits = features @ weights[:-10].view(10, -1).T + weights[-10:]
        return weights_of.double() @ F.cross_entropy(logits, labels, reduction="none")

    assert_trail(made, descent(loss, last[layout.part("classifier")], CFG.classifier_lr, 3, gsam))


@pytest.mark.parametrize("strategy", ["rotate", "crop_scale"])
def test_sharpness_without_radius_and_share_is_plain_descent_under_the_same_draws(run, strategy):
    """Both gradients of a step see one augmentation, and the next step goes on where the loss left the stream."""
    trails = []
    for gsam in (None, GSAMConfig(rho=0.0, alpha=0.0)):
        own = replace(CFG, augment=AugmentConfig("dsa", strategy), gsam=gsam)
        first, second = representation_expert(own, run, 0, [0, 1, 2]), classifier_expert(own, run, 0, [0, 1, 2, 3])
        trails.append((first.tensors["snapshots"], second.tensors["snapshots"]))
    for plain, sharp in zip(*trails, strict=True):
        assert torch.equal(plain, sharp)


def test_every_expert_stage_and_seed_has_a_stream_of_its_own(run, monkeypatch):
    """Else experts would share the order of their images and every augmentation."""
    states, real = [], experts_module.train

    def spy(network, count, objective, cfg, rng, **options):
        states.append(tuple(rng.get_state().tolist()))
        return real(network, count, objective, cfg, rng, **options)

    monkeypatch.setattr(experts_module, "train", spy)
    own = replace(CFG, train=replace(CFG.train, epochs=0), classifier_epochs=0)  # the first state is all that is read
    for seed in (0, 1):
        for index in (0, 1):
            classifier_expert(own, run.pinned(seed), index, [0])  # and its representation expert
    assert len(states) == len(set(states)) == 8
