"""CSDM: characteristic functions in closed form, the kernel's distance by brute force, its two parts, its weights."""

import math

import pytest
import torch
from toy_condensation import CLASSES, condense, noise, start, tail

from ltdd_utils import recipes
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.longtail import class_counts
from ltdd_utils.distilled import content_hash
from ltdd_utils.methods.condensation.settings import SpectralConfig
from ltdd_utils.methods.condensation.spectral import (
    amplitude_weights,
    characteristic,
    kernel_width,
    spectral_distance,
)

# What follows is in float64 (conftest).


def cloud(count=7, features=4, name="cloud"):
    return noise(count, features, name=name)


def frequencies(count=50, features=4, width=1.5, name="t"):
    return noise(count, features, name=name) / width


def both(amplitude=0.5, shift=0.0, second=None, t=None):
    t = frequencies() if t is None else t
    second = cloud(5, name="other") if second is None else second
    return spectral_distance(characteristic(cloud(), t), characteristic(second + shift, t), amplitude)


# --- Characteristic functions -----------------------------------------------------------------------------------------


def test_two_points_have_a_cosine_and_the_origin_has_one():
    """At +a and -a the function is cos(t a), at 0 it is 1, at a it is exp(i t a)."""
    t = torch.tensor([[0.0], [0.7], [-2.0]])
    expected = [[1, 0], [math.cos(0.7 * 3), 0], [math.cos(-2 * 3), 0]]
    torch.testing.assert_close(characteristic(torch.tensor([[3.0], [-3.0]]), t), torch.tensor(expected))
    assert torch.equal(characteristic(torch.zeros(2, 1), t), torch.tensor([[1.0, 0.0]] * 3))
    alone = characteristic(torch.tensor([[3.0]]), t)
    torch.testing.assert_close(alone, torch.tensor([[math.cos(3 * x), math.sin(3 * x)] for x in (0, 0.7, -2)]))


def test_a_gaussian_has_its_closed_form():
    """exp(i m t - s^2 t^2 / 2), met by equally likely quantiles of it."""
    shares = (torch.arange(20_000) + 0.5) / 20_000
    points = 0.4 + 1.3 * math.sqrt(2) * torch.erfinv(2 * shares - 1)
    for t in (0.2, 1.0, -2.0):
        found = characteristic(points[:, None], torch.tensor([[t]]))[0]
        decay = math.exp(-(1.3**2) * t**2 / 2)
        expected = [decay * math.cos(0.4 * t), decay * math.sin(0.4 * t)]
        assert found.tolist() == pytest.approx(expected, abs=2e-4)


def test_it_is_a_mean_over_images_whatever_their_order_and_of_several_sets_at_once():
    points, t = cloud(), frequencies()
    found = characteristic(points, t)
    loop = sum(torch.stack([(t @ x).cos(), (t @ x).sin()], dim=1) for x in points) / len(points)
    torch.testing.assert_close(found, loop)
    torch.testing.assert_close(characteristic(points.flip(0), t), found)
    torch.testing.assert_close(characteristic(torch.cat([points, points]), t), found)
    several = characteristic(torch.stack([points, points + 1]), t)
    torch.testing.assert_close(several, torch.stack([found, characteristic(points + 1, t)]))


# --- The distance -----------------------------------------------------------------------------------------------------


def mmd(first, second, width):
    """Squared maximum mean discrepancy under a Gaussian kernel, pair by pair."""

    def mean(one, two):
        pairs = [math.exp(-float((x - y).square().sum()) / (2 * width**2)) for x in one for y in two]
        return sum(pairs) / len(pairs)

    return mean(first, first) + mean(second, second) - 2 * mean(first, second)


@pytest.mark.parametrize("width", [0.8, 2.5])
def test_its_mean_over_many_frequencies_is_the_kernels_distance(width):
    one, two = cloud(), 0.5 * cloud(5, name="other") + 1
    t = frequencies(400_000, width=width)
    found = spectral_distance(characteristic(one, t), characteristic(two, t), 0.5).item()
    assert found == pytest.approx(mmd(one, two, width), rel=0.01)


def test_at_one_half_it_is_the_plain_squared_difference_and_its_parts_add_up():
    t = frequencies()
    real, made = characteristic(cloud(), t), characteristic(cloud(5, name="other"), t)
    first, second = (torch.view_as_complex(part.contiguous()) for part in (real, made))
    whole = (first - second).abs().square().mean()
    amplitude = (first.abs() - second.abs()).square().mean()
    turned = first.angle() - second.angle()
    phase = (2 * first.abs() * second.abs() * (1 - turned.cos())).mean()
    torch.testing.assert_close(spectral_distance(real, made, 0.5), whole)
    torch.testing.assert_close(amplitude + phase, whole)
    for weight in (0.0, 0.3, 1.0):
        expected = 2 * weight * amplitude + 2 * (1 - weight) * phase
        torch.testing.assert_close(spectral_distance(real, made, weight), expected)
    assert min(amplitude, phase) > 1e-4


def test_the_amplitude_does_not_see_a_shift_and_the_phase_does_not_see_a_spread():
    shift = torch.tensor([0.3, -0.2, 0.1, 0.0])
    assert both(1.0, shift, cloud()).item() == pytest.approx(0, abs=1e-15) and both(0.0, shift, cloud()) > 1e-3
    near = torch.cat([cloud(), -cloud()])  # symmetric sets: real functions, positive at these frequencies
    t = frequencies(width=20)
    real, made = characteristic(near, t), characteristic(2 * near, t)
    assert (real[:, 0] > 0).all() and (made[:, 0] > 0).all()
    assert spectral_distance(real, made, 0.0).item() == pytest.approx(0, abs=1e-15)
    assert spectral_distance(real, made, 1.0) > 1e-5


def test_equal_sets_have_none_and_it_is_symmetric():
    t = frequencies()
    real, made = characteristic(cloud(), t), characteristic(cloud(5, name="other"), t)
    for weight in (0.0, 0.4, 1.0):
        assert spectral_distance(real, real, weight) == 0
        torch.testing.assert_close(spectral_distance(real, made, weight), spectral_distance(made, real, weight))


def test_each_class_has_its_own_weight():
    t = frequencies()
    real = characteristic(torch.stack([cloud(), cloud(name="b")]), t)
    made = characteristic(torch.stack([cloud(5, name="c"), cloud(5, name="d")]), t)
    weights = torch.tensor([0.2, 0.9])
    expected = [spectral_distance(real[c], made[c], float(weights[c])) for c in range(2)]
    torch.testing.assert_close(spectral_distance(real, made, weights), torch.stack(expected))


def test_a_wide_kernel_leaves_the_distance_of_the_means():
    """sigma^2 times the distance: DM's loss at equal weights, and the phase alone has all of it."""
    one, two, width = cloud(), cloud(5, name="other"), 1e3
    t = frequencies(200_000, width=width)
    means = (one.mean(0) - two.mean(0)).square().sum().item()
    parts = [
        width**2 * spectral_distance(characteristic(one, t), characteristic(two, t), a).item() for a in (0, 0.5, 1)
    ]
    assert parts == pytest.approx([2 * means, means, 0], rel=0.01, abs=1e-3)


@pytest.mark.parametrize("amplitude", [0.0, 0.35, 1.0])
def test_its_gradient_is_that_of_finite_differences(amplitude):
    points, t, real = cloud(5, name="other").requires_grad_(), frequencies(), characteristic(cloud(), frequencies())

    def distance(features):
        return spectral_distance(real, characteristic(features, t), amplitude)

    assert torch.autograd.gradcheck(distance, points)


def test_where_a_function_is_zero_its_amplitude_has_no_gradient_rather_than_none_at_all():
    points = torch.tensor([[0.0], [math.pi]]).requires_grad_()  # 1 + exp(i pi) = 0
    zero = characteristic(points, torch.ones(1, 1))
    zero = zero - zero.detach()
    (found,) = torch.autograd.grad(spectral_distance(torch.tensor([[0.6, 0.0]]), zero, 0.5), points)
    assert found.isfinite().all()


# --- The kernel's width and the weights -------------------------------------------------------------------------------


def test_the_width_is_the_root_mean_square_distance_of_two_images():
    """Of independent draws, each class with an equal share; it has the unit of the features."""
    sets = [cloud(3, name="a"), cloud(3, name="b") + 4, cloud(3, name="c")]
    points = torch.cat(sets)
    pairs = (points[:, None] - points[None]).square().sum(dim=-1)
    assert kernel_width(sets, 1.0).item() == pytest.approx(math.sqrt(pairs.mean()))
    assert kernel_width([5 * one for one in sets], 2.0).item() == pytest.approx(10 * math.sqrt(pairs.mean()))
    twice = [torch.cat([sets[0]] * 2), *sets[1:]]  # a class's size does not count
    assert kernel_width(twice, 1.0).item() == pytest.approx(math.sqrt(pairs.mean()))


def test_weights_go_in_even_steps_from_head_to_tail():
    assert amplitude_weights([1000, 100, 10], 0.75, 0.25).tolist() == pytest.approx([0.75, 0.5, 0.25])
    assert amplitude_weights([10, 1000, 100], 0.9, 0.1).tolist() == pytest.approx([0.1, 0.9, 0.5])
    weights = amplitude_weights(class_counts(5000, 100, 10), 0.75, 0.25)
    torch.testing.assert_close(weights, torch.linspace(0.75, 0.25, 10), atol=1e-3, rtol=0)


def test_equal_classes_or_equal_ends_have_one_weight():
    assert amplitude_weights([7, 7, 7], 0.75, 0.25).tolist() == [0.5, 0.5, 0.5]
    assert amplitude_weights([100, 10, 1], 0.3, 0.3).tolist() == pytest.approx([0.3, 0.3, 0.3])
    scaled = [amplitude_weights([scale * n for n in (90, 30, 10)], 0.8, 0.1) for scale in (1, 17)]
    torch.testing.assert_close(*scaled)


# --- The loop ---------------------------------------------------------------------------------------------------------


def test_only_the_classes_whose_weight_changes_move_otherwise():
    """Counts 8, 4, 2: with weights 0.5 at the head, the head's images are those of one weight for all."""
    one = condense("csdm", amplitude_head=0.5, amplitude_tail=0.5)[0].images.unflatten(0, (CLASSES, -1))
    other = condense("csdm", amplitude_head=0.5, amplitude_tail=0.1)[0].images.unflatten(0, (CLASSES, -1))
    assert torch.equal(one[0], other[0])
    assert all((one[c] - other[c]).abs().max() > 1e-6 for c in (1, 2))


def test_a_wide_kernel_with_one_weight_takes_the_steps_of_dm():
    """Up to the chance of the frequencies, which 20,000 of them leave small; only the first network is shared."""
    same = {"iterations": 1, "lr_images": 1.0}
    wide = condense("csdm", **same, bandwidth=1e3, frequencies=20_000, amplitude_head=0.5, amplitude_tail=0.5)[0]
    moved, expected = (made.images - start().images for made in (wide, condense("dm", **same)[0]))
    assert (moved - expected).norm() < 0.1 * expected.norm()


def test_the_order_of_real_images_does_not_matter():
    real, turned = tail(), tail()
    turned.images.copy_(torch.cat([real.images[rows].flip(0) for rows in real.rows]))
    every = {"batch": 100, "iterations": 1}  # all images of a class
    first, second = (condense("csdm", real=one, **every)[0].images for one in (real, turned))
    torch.testing.assert_close(first, second)


def test_the_same_seed_gives_the_same_set_and_frequencies_count():
    first, again, fewer = (condense("csdm", frequencies=count)[0] for count in (64, 64, 32))
    assert content_hash(first) == content_hash(again) != content_hash(fewer)


# --- Settings and recipes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frequencies": 0}, "frequencies is 0"),
        ({"bandwidth": 0.0}, "bandwidth is 0.0; it must be a finite number above 0"),
        ({"bandwidth": math.inf}, "bandwidth is inf"),
        ({"amplitude_head": 1.5}, "amplitude_head is 1.5; it is a share, from 0 to 1"),
        ({"amplitude_tail": -0.1}, "amplitude_tail is -0.1"),
    ],
)
def test_settings_outside_their_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        SpectralConfig(**changes)


@pytest.mark.parametrize(("dataset", "scale"), [("digits", "tiny"), ("cifar10", "cpu"), ("cifar10", "paper")])
def test_its_recipes_are_dms_but_for_what_is_its_own(dataset, scale):
    dm, csdm, control = (
        to_dict(recipes.recipe(f"{name}_{dataset}", scale=scale).method) for name in ("dm", "csdm", "csdm_one_weight")
    )
    assert {key: csdm[key] for key in dm} == dm
    assert {key for key in csdm if csdm[key] != control[key]} == {"amplitude_head", "amplitude_tail"}
    assert csdm["amplitude_tail"] < csdm["amplitude_head"] and control["amplitude_head"] == 0.5
    assert csdm["frequencies"] == {"tiny": 512, "cpu": 1024, "paper": 4096}[scale]
