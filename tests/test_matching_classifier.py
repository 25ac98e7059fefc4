"""The classifier phase in closed form against the general matching of a network whose backbone is held."""

from dataclasses import replace

import pytest
import torch

from ltdd_utils.augment import DSA_OPERATIONS as OPERATIONS
from ltdd_utils.augment import apply, draw
from ltdd_utils.core.seeds import generator
from ltdd_utils.methods.trajectory.classifier import _closed_form, _matrix, match_classifier
from ltdd_utils.methods.trajectory.matching import Problem, Step, Synthetic, match
from ltdd_utils.networks import Layout, NetworkConfig, build, flat_parameters
from ltdd_utils.training import soft_cross_entropy

IMAGES, CLASSES, SIZE, BATCH = 6, 3, 8, 4
ALL = "_".join(OPERATIONS)


def network():
    return build(NetworkConfig(depth=2, width=3), CLASSES, SIZE, 3, generator(0, "network")).requires_grad_(False)


def problem(steps, strategy=ALL):
    made, rng = network(), generator(0, "problem")
    layout, start = Layout.of(made), flat_parameters(made)
    part, plan = layout.part("classifier"), []
    for index in range(steps):
        rows = None if index == 1 else torch.randperm(IMAGES, generator=rng)[:BATCH]  # once the whole set
        plan.append(Step(rows, draw(strategy, IMAGES if rows is None else BATCH, SIZE, rng)))
    rng = generator(1, "problem")
    target = start.clone()
    target[part] += 0.2 * torch.randn(target[part].shape, generator=rng)
    images, logits = torch.randn(IMAGES, 3, SIZE, SIZE, generator=rng), torch.randn(IMAGES, CLASSES, generator=rng)
    given = Problem(layout.apply(made), start, target, part, plan, soft_cross_entropy)
    return Synthetic(images, logits, torch.tensor(0.7)), given, layout.features(made)


def held(given):
    """The same problem of the classifier's weights alone: the backbone is a constant."""
    backbone = given.start[: given.part.start]
    return replace(
        given,
        network=lambda flat, images: given.network(torch.cat([backbone, flat]), images),
        start=given.start[given.part],
        target=given.target[given.part],
        part=slice(None),
    )


def assert_same(found, expected):
    for name in ("loss", "images", "logits", "lr"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("steps", [1, 2, 3, 6])
def test_it_is_the_full_unroll_of_the_classifier(steps):
    synthetic, given, features = problem(steps)
    expected = match(synthetic, held(given), "unroll")
    assert expected.images.norm() > 1e-4 and expected.logits.norm() > 1e-4 and expected.lr.abs() > 1e-3
    assert_same(match_classifier(synthetic, given, features, CLASSES), expected)


@pytest.mark.parametrize("steps", [1, 2, 3, 6])
def test_with_weights_held_fixed_it_is_teslas(steps):
    synthetic, given, features = problem(steps)
    found = match_classifier(synthetic, given, features, CLASSES, through_weights=False)
    assert_same(found, match(synthetic, held(given), "tesla"))
    exact = match_classifier(synthetic, given, features, CLASSES)
    apart = (found.images - exact.images).norm() / exact.images.norm()
    assert apart < 1e-9 if steps == 1 else apart > 1e-4


@pytest.mark.parametrize("operation", ["none", *OPERATIONS])
def test_images_get_their_gradient_through_every_augmentation(operation):
    synthetic, given, features = problem(2, operation)
    assert_same(match_classifier(synthetic, given, features, CLASSES), match(synthetic, held(given), "unroll"))


def test_the_gradient_is_the_difference_along_a_direction():
    """Without any of autograd's own second derivatives on either side."""
    synthetic, given, features = problem(4)
    found, rng, step = match_classifier(synthetic, given, features, CLASSES), generator(3, "direction"), 1e-6
    ways = [torch.randn(tensor.shape, generator=rng) for tensor in synthetic.tensors()]
    ends = []
    for sign in (1, -1):
        moved = Synthetic(*(t + sign * step * w for t, w in zip(synthetic.tensors(), ways, strict=True)))
        ends.append(float(match_classifier(moved, given, features, CLASSES).loss))
    slope = sum((g * w).sum() for g, w in zip((found.images, found.logits, found.lr), ways, strict=True))
    assert float(slope) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


def test_the_closed_form_is_the_gradient_of_soft_cross_entropy():
    synthetic, given, features = problem(1)
    flat = given.start.clone().requires_grad_()
    images = apply(synthetic.images[given.steps[0].rows], given.steps[0].augmentation)
    targets = synthetic.logits[given.steps[0].rows].softmax(dim=1)
    (gradient,) = torch.autograd.grad(soft_cross_entropy(given.network(flat, images), targets), flat)
    rows, weights = features(given.start, images), _matrix(given.start[given.part], CLASSES)
    expected = _matrix(gradient[given.part], CLASSES)
    torch.testing.assert_close(_closed_form(weights, rows, targets), expected)


def test_the_loss_is_one_at_the_start_and_zero_at_the_target():
    synthetic, given, features = problem(3)
    still = match_classifier(replace(synthetic, lr=torch.tensor(0.0)), given, features, CLASSES)
    torch.testing.assert_close(still.loss, torch.tensor(1.0))
    own = held(given).start.clone()
    for step in given.steps:  # plain gradient descent of the classifier
        own.requires_grad_()
        rows = slice(None) if step.rows is None else step.rows
        logits = held(given).network(own, apply(synthetic.images[rows], step.augmentation))
        loss = soft_cross_entropy(logits, synthetic.logits[rows].softmax(dim=1))
        own = (own - 0.7 * torch.autograd.grad(loss, own)[0]).detach()
    target = torch.cat([given.start[: given.part.start], own])
    there = match_classifier(synthetic, replace(given, target=target), features, CLASSES)
    for name in ("loss", "images", "logits", "lr"):
        assert getattr(there, name).abs().max() < 1e-14


@pytest.mark.parametrize("through_weights", [True, False])
def test_nothing_that_is_given_is_changed(through_weights):
    synthetic, given, features = problem(2)
    tensors = (*synthetic.tensors(), given.start, given.target)
    before = [tensor.clone() for tensor in tensors]
    found = match_classifier(synthetic, given, features, CLASSES, through_weights)
    for tensor, copy in zip(tensors, before, strict=True):
        assert torch.equal(tensor, copy) and not tensor.requires_grad
    assert not any(getattr(found, name).requires_grad for name in ("loss", "images", "logits", "lr"))


def test_a_target_with_the_classifier_of_the_start_is_refused():
    synthetic, given, features = problem(2)
    target = given.start.clone()
    target[0] += 1.0  # of the backbone
    with pytest.raises(ValueError, match="start and target snapshot have the same classifier"):
        match_classifier(synthetic, replace(given, target=target), features, CLASSES)
