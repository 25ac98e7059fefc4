"""Sharpness-aware gradients against the formula in float64, and what a step must leave as it was."""

import pytest
import torch
from torch import nn

from ltdd_utils.core.seeds import generator
from ltdd_utils.methods.trajectory.gsam import gsam_backward
from ltdd_utils.methods.trajectory.settings import GSAMConfig
from ltdd_utils.training import TrainConfig, train

X = torch.randn(12, 5, generator=generator(0, "x"), dtype=torch.float64)
Y = torch.randint(3, (12,), generator=generator(0, "y"))


def network():
    made = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    rng = generator(1, "weights")
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng))
    return made


def noisy(made, rng):
    """A loss whose batch is augmented by a draw from ``rng``."""
    return nn.functional.cross_entropy(made(X + 0.3 * torch.randn(X.shape, generator=rng)), Y)


def flat_gradient(made, rng):
    return torch.cat([part.flatten() for part in torch.autograd.grad(noisy(made, rng), list(made.parameters()))])


def flat(made):
    return torch.cat([parameter.detach().flatten() for parameter in made.parameters()])


def gradient_at(weights):
    """The gradient at flat weights, under the first draw of the stream."""
    made = network()
    nn.utils.vector_to_parameters(weights, made.parameters())
    return flat_gradient(made, generator(2, "draws"))


def brute_force(cfg):
    weights = flat(network())
    first = gradient_at(weights)
    if cfg.adaptive:
        ascent = cfg.rho * weights**2 * first / (weights.abs() * first).norm()
    else:
        ascent = cfg.rho * first / first.norm()
    second = gradient_at(weights + ascent)
    across = first - (first @ second) / (second @ second) * second
    return second - cfg.alpha * across


def by_the_package(cfg):
    made, rng = network(), generator(2, "draws")
    gsam_backward(cfg, rng)(lambda: noisy(made, rng), made)
    return torch.cat([parameter.grad.flatten() for parameter in made.parameters()])


@pytest.mark.parametrize("adaptive", [True, False], ids=["adaptive", "plain"])
@pytest.mark.parametrize("alpha", [0.0, 0.3], ids=["sam", "gsam"])
def test_the_gradient_is_the_formulas_on_the_same_augmentation(adaptive, alpha):
    cfg = GSAMConfig(rho=0.4, alpha=alpha, adaptive=adaptive)
    found = by_the_package(cfg)
    torch.testing.assert_close(found, brute_force(cfg), rtol=1e-9, atol=1e-12)
    plain = gradient_at(flat(network()))
    assert (found - plain).norm() > 1e-2 * plain.norm()  # else any formula would pass


def test_without_radius_and_share_it_is_the_plain_gradient():
    assert torch.equal(by_the_package(GSAMConfig(rho=0.0, alpha=0.0)), gradient_at(flat(network())))


def test_what_is_taken_off_lies_across_the_second_gradient():
    sam, gsam = (by_the_package(GSAMConfig(rho=0.4, alpha=alpha)) for alpha in (0.0, 0.3))
    across = sam - gsam
    assert across.norm() > 1e-4
    assert abs(across @ sam) < 1e-9 * across.norm() * sam.norm()


def test_the_weights_stay_bit_for_bit():
    made, rng = network(), generator(2, "draws")
    before = flat(made)
    gsam_backward(GSAMConfig(rho=0.4), rng)(lambda: noisy(made, rng), made)
    assert torch.equal(flat(made), before)


def test_the_weights_stay_when_the_second_pass_fails():
    made, calls = network(), []
    before = flat(made)

    def loss():
        calls.append(flat(made))
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        return noisy(made, generator(2, "draws"))

    with pytest.raises(RuntimeError, match="out of memory"):
        gsam_backward(GSAMConfig(rho=0.4), generator(0))(loss, made)
    assert not torch.equal(calls[1], before) and torch.equal(flat(made), before)


def test_the_generator_ends_where_one_pass_leaves_it():
    made, rng, once = network(), generator(2, "draws"), generator(2, "draws")
    gsam_backward(GSAMConfig(rho=0.4), rng)(lambda: noisy(made, rng), made)
    noisy(made, once)
    assert torch.equal(rng.get_state(), once.get_state())


def test_the_loss_that_is_told_is_that_of_the_weights_themselves():
    made, rng = network(), generator(2, "draws")
    told = gsam_backward(GSAMConfig(rho=0.4), rng)(lambda: noisy(made, rng), made)
    torch.testing.assert_close(told, noisy(made, generator(2, "draws")))


def test_frozen_weights_are_neither_moved_nor_given_a_gradient():
    made, seen = network(), []
    made[0].requires_grad_(False)

    def loss():
        seen.append(made[0].weight.clone())
        return noisy(made, generator(2, "draws"))

    gsam_backward(GSAMConfig(rho=0.4), generator(0))(loss, made)
    assert torch.equal(seen[0], seen[1])
    assert made[0].weight.grad is None and made[2].weight.grad is not None


@pytest.mark.parametrize("adaptive", [True, False], ids=["adaptive", "plain"])
def test_a_zero_gradient_stays_zero(adaptive):
    made = network()
    gsam_backward(GSAMConfig(rho=0.4, adaptive=adaptive), generator(0))(
        lambda: 0 * noisy(made, generator(2, "draws")), made
    )
    assert all(not parameter.grad.any() for parameter in made.parameters())


def test_training_takes_its_steps_along_this_gradient():
    cfg, made, rng = GSAMConfig(rho=0.4), network(), generator(2, "draws")
    settings = TrainConfig(epochs=1, batch_size=12, lr=0.5, momentum=0.0, weight_decay=0.0, schedule="constant")

    def objective(forward, indices):
        return noisy(forward, rng)

    before = flat(made)
    train(made, 12, objective, settings, generator(3), backward=gsam_backward(cfg, rng))
    torch.testing.assert_close(flat(made), before - 0.5 * brute_force(cfg))
