"""Trajectory matching: three gradients against each other and finite differences, invariances, and live memory."""

import weakref
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ltdd_utils.augment import DSA_OPERATIONS as OPERATIONS
from ltdd_utils.augment import apply, draw
from ltdd_utils.core.seeds import generator
from ltdd_utils.methods.trajectory.dam import inner_loss
from ltdd_utils.methods.trajectory.matching import GRADIENTS, Problem, Step, Synthetic, distance, match, student_weights
from ltdd_utils.methods.trajectory.settings import DAMConfig
from ltdd_utils.networks import Layout, NetworkConfig, build, flat_parameters
from ltdd_utils.training import soft_cross_entropy

IMAGES, CLASSES, SIZE = 6, 3, 8
ALL = "_".join(OPERATIONS)
DAM = inner_loss(DAMConfig("mean", 0.5), [6, 3, 1])


def toy(flat, images):
    """A smooth network: one hidden layer of three tanh units on 4x4 pixels."""
    return (images.flatten(1) @ flat[:48].view(16, 3)).tanh() @ flat[48:].view(3, CLASSES)


def smooth(steps=3, images=4):
    """A problem on the toy with mini-batches, DAM, and a compared part that is not all."""
    rng = generator(0, "smooth")
    start = torch.randn(57, generator=rng)
    rows = [torch.randperm(images, generator=rng)[:3] for _ in range(steps)]
    plan = [Step(row, draw("color_scale", 3, 4, rng)) for row in rows]
    target = start + 0.3 * torch.randn(57, generator=rng)
    synthetic = Synthetic(
        torch.randn(images, 1, 4, 4, generator=rng), torch.randn(images, CLASSES, generator=rng), torch.tensor(0.4)
    )
    return synthetic, Problem(toy, start, target, slice(10, 57), plan, DAM)


def convnet(steps, strategy=ALL, batch=4):
    """A problem on a small ConvNet: as in a real run, but in float64."""
    rng = generator(0, "convnet")
    network = build(NetworkConfig(depth=2, width=3), CLASSES, SIZE, 3, rng).requires_grad_(False)
    layout, start = Layout.of(network), flat_parameters(network)
    plan = []
    for index in range(steps):
        rows = None if index == 1 else torch.randperm(IMAGES, generator=rng)[:batch]  # once the whole set
        plan.append(Step(rows, draw(strategy, IMAGES if rows is None else batch, SIZE, rng)))
    target = start + 0.1 * torch.randn(len(start), generator=generator(1, "target"))
    rng = generator(0, "synthetic")
    images = torch.randn(IMAGES, 3, SIZE, SIZE, generator=rng)
    synthetic = Synthetic(images, torch.randn(IMAGES, CLASSES, generator=rng), torch.tensor(0.5))
    return synthetic, Problem(layout.apply(network), start, target, layout.part("backbone"), plan, DAM)


def assert_same(found, expected, names=("loss", "images", "logits", "lr"), **tolerances):
    for name in names:
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), **tolerances)


def value(synthetic, problem):
    """The matching loss of the student on a set, by running it."""
    return float(distance(student_weights(synthetic, problem)[-1], problem))


@pytest.mark.parametrize("name", ["images", "logits", "lr"])
@pytest.mark.parametrize("gradient", ["exact", "unroll"])
def test_every_entry_of_the_gradient_is_the_central_difference(gradient, name):
    synthetic, problem = smooth()
    found = getattr(match(synthetic, problem, gradient), name)
    before, step = getattr(synthetic, name), 1e-5
    expected = torch.empty(before.numel())
    for index in range(before.numel()):
        ends = []
        for sign in (1, -1):
            moved = before.clone().flatten()
            moved[index] += sign * step
            ends.append(value(replace(synthetic, **{name: moved.view(before.shape)}), problem))
        expected[index] = (ends[0] - ends[1]) / (2 * step)
    assert expected.norm() > 1e-3
    torch.testing.assert_close(found.flatten(), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 6])
def test_the_exact_gradient_is_the_full_unrolls(steps):
    synthetic, problem = convnet(steps)
    found, expected = match(synthetic, problem, "exact"), match(synthetic, problem, "unroll")
    assert expected.images.norm() > 1e-4 and expected.logits.norm() > 1e-4 and expected.lr.abs() > 1e-4
    assert_same(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("operation", ["none", *OPERATIONS])
def test_the_exact_gradient_goes_through_every_augmentation(operation):
    synthetic, problem = convnet(3, operation)
    assert all(step.augmentation.operation == operation for step in problem.steps)
    assert_same(match(synthetic, problem, "exact"), match(synthetic, problem, "unroll"), rtol=1e-8, atol=1e-10)


def test_the_gradient_of_a_convnet_is_the_difference_along_a_direction():
    """Its loss has kinks, so a short way along one direction instead of every entry."""
    synthetic, problem = convnet(4)
    found, rng, step = match(synthetic, problem), generator(3, "direction"), 1e-6
    ways = [torch.randn(tensor.shape, generator=rng) for tensor in synthetic.tensors()]
    ends = [
        value(Synthetic(*(t + sign * step * w for t, w in zip(synthetic.tensors(), ways, strict=True))), problem)
        for sign in (1, -1)
    ]
    slope = sum((g * w).sum() for g, w in zip((found.images, found.logits, found.lr), ways, strict=True))
    assert float(slope) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


def test_an_image_that_no_step_uses_gets_no_gradient():
    synthetic, problem = convnet(3)
    plan = [replace(step, rows=torch.tensor([0, 1, 3, 4])) for step in problem.steps if step.rows is not None]
    found = match(synthetic, replace(problem, steps=plan))
    used = found.images.flatten(1).norm(dim=1) > 0
    assert used.tolist() == [True, True, False, True, True, False]
    assert not found.logits[~used].any()


def test_tesla_is_exact_at_one_step():
    synthetic, problem = convnet(1)
    assert_same(match(synthetic, problem, "tesla"), match(synthetic, problem, "exact"))


@pytest.mark.parametrize("steps", [2, 3, 6])
def test_tesla_has_the_same_loss_and_another_gradient_at_more_steps(steps):
    synthetic, problem = convnet(steps)
    tesla, exact = (match(synthetic, problem, name) for name in ("tesla", "exact"))
    assert torch.equal(tesla.loss, exact.loss)
    for name in ("images", "logits", "lr"):
        a, b = getattr(tesla, name), getattr(exact, name)
        assert (a - b).norm() > 1e-4 * b.norm()


def test_tesla_is_the_gradient_with_every_steps_weights_held_fixed():
    synthetic, problem = smooth()
    images, logits, lr = (tensor.clone().requires_grad_() for tensor in synthetic.tensors())
    end = problem.start
    for step, held in zip(problem.steps, student_weights(synthetic, problem), strict=False):
        held = held.detach().requires_grad_()
        batch = Synthetic(images[step.rows], logits[step.rows], lr)
        inner = problem.loss(toy(held, apply(batch.images, step.augmentation)), batch.logits.softmax(dim=1))
        end = end - lr * torch.autograd.grad(inner, held, create_graph=True)[0]
    expected = torch.autograd.grad(distance(end, problem), (images, logits, lr))
    found = match(synthetic, problem, "tesla")
    for mine, theirs in zip((found.images, found.logits, found.lr), expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_student_takes_plain_gradient_steps():
    synthetic, problem = smooth()
    weights = [problem.start]
    for step in problem.steps:
        current = weights[-1].clone().requires_grad_()
        logits = toy(current, apply(synthetic.images[step.rows], step.augmentation))
        loss = DAM(logits, synthetic.logits[step.rows].softmax(dim=1))
        weights.append((current - 0.4 * torch.autograd.grad(loss, current)[0]).detach())
    trail = student_weights(synthetic, problem)
    assert len(trail) == len(problem.steps) + 1
    for mine, theirs in zip(trail, weights, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_a_student_that_does_not_move_has_the_loss_one(gradient):
    synthetic, problem = smooth()
    found = match(replace(synthetic, lr=torch.tensor(0.0)), problem, gradient)
    torch.testing.assert_close(found.loss, torch.tensor(1.0))
    assert not found.images.any() and not found.logits.any() and found.lr.abs() > 1e-3


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_a_student_that_arrives_has_the_loss_zero_and_no_gradient(gradient):
    synthetic, problem = smooth()
    found = match(synthetic, replace(problem, target=student_weights(synthetic, problem)[-1]), gradient)
    for name in ("loss", "images", "logits", "lr"):
        assert getattr(found, name).abs().max() < 1e-14


def test_a_common_shift_or_scale_of_the_weights_does_not_change_the_distance():
    _, problem = smooth()
    rng = generator(4, "weights")
    end, shift = torch.randn(57, generator=rng), 5 * torch.randn(57, generator=rng)
    before = distance(end, problem)
    for moved in (lambda w: w + shift, lambda w: -7.0 * w):
        after = replace(problem, start=moved(problem.start), target=moved(problem.target))
        torch.testing.assert_close(distance(moved(end), after), before)
    assert distance(end + shift, problem) != before


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_a_network_that_reads_its_weights_shifted_or_scaled_is_matched_alike(gradient):
    """Scaled by s, its gradients are s times smaller: the step size is s squared times as large."""
    synthetic, problem = smooth()
    expected = match(synthetic, problem, gradient)
    shift = torch.randn(57, generator=generator(4, "shift"))
    ends = {"start": problem.start + shift, "target": problem.target + shift}
    shifted = replace(problem, network=lambda w, x: toy(w - shift, x), **ends)
    assert_same(match(synthetic, shifted, gradient), expected)
    ends = {"start": 3 * problem.start, "target": 3 * problem.target}
    scaled = replace(problem, network=lambda w, x: toy(w / 3, x), **ends)
    found = match(replace(synthetic, lr=9 * synthetic.lr), scaled, gradient)
    assert_same(found, expected, names=("loss", "images", "logits"))
    torch.testing.assert_close(9 * found.lr, expected.lr)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_only_the_named_part_is_compared(gradient):
    synthetic, problem = smooth()
    expected = match(synthetic, problem, gradient)
    elsewhere = problem.target.clone()
    elsewhere[:10] += 100.0
    assert_same(match(synthetic, replace(problem, target=elsewhere), gradient), expected)
    inside = problem.target.clone()
    inside[10] += 1.0
    assert match(synthetic, replace(problem, target=inside), gradient).loss != expected.loss


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_nothing_that_is_given_is_changed(gradient):
    synthetic, problem = smooth()
    given = (*synthetic.tensors(), problem.start, problem.target)
    before = [tensor.clone() for tensor in given]
    found = match(synthetic, problem, gradient)
    for tensor, copy in zip(given, before, strict=True):
        assert torch.equal(tensor, copy) and not tensor.requires_grad
    assert not any(getattr(found, name).requires_grad for name in ("loss", "images", "logits", "lr"))


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_hard_labels_are_the_limit_of_confident_ones(gradient):
    synthetic, problem = smooth()
    labels = torch.tensor([0, 2, 1, 0])
    confident = replace(synthetic, logits=1e4 * F.one_hot(labels, CLASSES).double())
    hard = replace(problem, loss=lambda z, t: F.cross_entropy(z, t.argmax(dim=1)) * t.sum(dim=1).mean())
    soft = replace(problem, loss=soft_cross_entropy)
    found = match(confident, soft, gradient)
    assert_same(found, match(confident, hard, gradient))
    assert not found.logits.any()


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_a_target_that_is_the_start_is_refused(gradient):
    synthetic, problem = smooth()
    target = problem.start.clone()
    target[:10] += 1.0  # outside the compared part
    with pytest.raises(ValueError, match="start and target snapshot agree on the compared parameters"):
        match(synthetic, replace(problem, target=target), gradient)


def test_an_unknown_gradient_is_refused():
    with pytest.raises(ValueError, match="gradient is 'teslar'; choose one of exact, tesla, unroll"):
        match(*smooth(), "teslar")


def most_alive(gradient, steps):
    """The largest number of values that autograd keeps for a backward pass at one time."""
    synthetic, problem = convnet(6, "color")
    problem = replace(problem, steps=[replace(problem.steps[0]) for _ in range(steps)])
    alive = {"now": 0, "most": 0}

    class Kept:
        def __init__(self, tensor):
            self.tensor, self.values = tensor.detach(), tensor.numel()

    def forget(values):
        alive["now"] -= values

    def pack(tensor):
        kept = Kept(tensor)
        alive["now"] += kept.values
        alive["most"] = max(alive["most"], alive["now"])
        weakref.finalize(kept, forget, kept.values)
        return kept

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept.tensor):
        match(synthetic, problem, gradient)
    return alive["most"]


@pytest.mark.parametrize("gradient", ["exact", "tesla"])
def test_twice_as_many_steps_keep_no_more_activations(gradient):
    most = most_alive(gradient, 3)
    assert most > 1000
    assert most_alive(gradient, 6) == most


def test_the_full_unroll_keeps_the_activations_of_every_step():
    """The counter of the test above sees what it should."""
    assert most_alive("unroll", 6) > 1.9 * most_alive("unroll", 3)
