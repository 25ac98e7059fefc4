"""Losses against their closed forms."""

import pytest
import torch
import torch.nn.functional as F

from ltdd_utils.core.seeds import generator
from ltdd_utils.training import (
    class_weights,
    consistency_loss,
    dam_loss,
    debias_loss,
    logit_adjustment,
    logit_matching,
    soft_cross_entropy,
)


@pytest.fixture
def batch():
    rng = generator(0, "losses")
    logits = torch.randn(6, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    return (
        logits,
        torch.randint(4, (6,), generator=rng),
        torch.rand(6, 4, generator=rng, dtype=torch.float64).softmax(dim=1),
    )


def test_soft_cross_entropy_with_one_hot_targets_is_cross_entropy(batch):
    logits, labels, _ = batch
    one_hot = F.one_hot(labels, 4).double()
    torch.testing.assert_close(soft_cross_entropy(logits, one_hot), F.cross_entropy(logits, labels))


def test_the_gradient_of_soft_cross_entropy_is_probability_minus_target(batch):
    logits, _, targets = batch
    (gradient,) = torch.autograd.grad(soft_cross_entropy(logits, targets), logits)
    torch.testing.assert_close(gradient, (logits.softmax(dim=1) - targets) / len(logits))


def adjusted(logits, labels, prior, tau=1.0):
    return F.cross_entropy(logits + logit_adjustment(prior, tau), labels)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_half_precision_logits_lose_no_digit_in_the_loss(half):
    """On the CPU too, where autocast does not see to it."""
    rng = generator(0, "losses")
    logits = (5 * torch.randn(6, 4, generator=rng)).to(half)
    targets = torch.rand(6, 4, generator=rng).softmax(dim=1).float()
    ones, zeros = torch.ones(4, dtype=torch.float32), torch.zeros(4, dtype=half)
    with torch.autocast("cpu", torch.bfloat16):
        found = soft_cross_entropy(logits, targets), dam_loss(logits, targets, ones, zeros)
    for loss in found:
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, F.cross_entropy(logits.float(), targets), rtol=1e-6, atol=1e-6)


def test_logit_adjustment_without_bias_is_cross_entropy(batch):
    logits, labels, _ = batch
    uniform, skewed = torch.full((4,), 0.25), torch.tensor([0.7, 0.1, 0.1, 0.1])
    plain = F.cross_entropy(logits, labels)
    torch.testing.assert_close(adjusted(logits, labels, uniform), plain)
    torch.testing.assert_close(adjusted(logits, labels, skewed, tau=0.0), plain)


def test_logit_adjustment_undoes_the_prior_at_its_minimum():
    """For one image whose label is drawn from q_y pi_y, the best raw logits are log q, whatever pi is."""
    fair, prior = (
        torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64),
        torch.tensor([0.8, 0.15, 0.05], dtype=torch.float64),
    )
    seen = fair * prior / (fair * prior).sum()
    logits = fair.log()[None].requires_grad_()
    loss = sum(seen[y] * adjusted(logits, torch.tensor([y]), prior) for y in range(3))
    (gradient,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-12, rtol=0)


def test_logit_matching_is_zero_at_the_teacher_and_adds_the_weighted_label_term(batch):
    logits, labels, _ = batch
    assert logit_matching(logits, logits.detach(), labels, 0.0) == 0
    torch.testing.assert_close(
        logit_matching(logits, logits.detach(), labels, 0.25), 0.25 * F.cross_entropy(logits, labels)
    )
    torch.testing.assert_close(
        logit_matching(logits, logits.detach() + 2, labels, 0.0), torch.tensor(4.0, dtype=torch.float64)
    )


def test_a_prior_with_a_class_without_images_is_refused():
    with pytest.raises(ValueError, match="4 positive shares"):
        logit_adjustment(torch.tensor([1.0, 0.0, 0.0, 0.0]))


COUNTS = (500, 60, 9, 1)


@pytest.mark.parametrize("sharpness", [0.0, 0.2, 0.8, 1.5])
def test_class_weights_are_powers_of_the_counts_with_mean_or_sum_one(sharpness):
    mean, total = (class_weights(COUNTS, sharpness, kind).double() for kind in ("mean", "sum"))
    assert mean.mean().item() == pytest.approx(1) and total.sum().item() == pytest.approx(1)
    torch.testing.assert_close(mean, 4 * total, rtol=1e-6, atol=0)
    for one, other in ((0, 1), (1, 2), (2, 3)):
        wanted = (COUNTS[other] / COUNTS[one]) ** sharpness
        assert (mean[one] / mean[other]).item() == pytest.approx(wanted, rel=1e-6)
    assert bool((mean[1:] >= mean[:-1]).all()) and (sharpness == 0) == bool((mean == 1).all())


def test_class_weights_follow_the_classes_and_not_the_unit_of_the_counts():
    backwards = class_weights(COUNTS[::-1], 0.8)
    assert torch.equal(backwards.flip(0), class_weights(COUNTS, 0.8))
    torch.testing.assert_close(class_weights([7 * n for n in COUNTS], 0.8), class_weights(COUNTS, 0.8))


def test_a_class_without_images_has_no_weight():
    with pytest.raises(ValueError, match=r"^class 2 has 0 images; its weight has no value$"):
        class_weights([5, 3, 0, 1], 0.8)


def test_the_debias_loss_moves_from_one_head_to_the_other(batch):
    plain, _, targets = batch
    second = torch.randn(6, 4, generator=generator(0, "second head"), requires_grad=True)
    weights = class_weights(COUNTS, 0.8).double()
    ends = [debias_loss(plain, second, targets, weights, alpha) for alpha in (0.0, 1.0)]
    torch.testing.assert_close(ends[0], -(targets * plain.log_softmax(dim=1)).sum(dim=1).mean())
    torch.testing.assert_close(ends[1], -(weights * targets * second.log_softmax(dim=1)).sum(dim=1).mean())
    between = debias_loss(plain, second, targets, weights, 0.3)
    torch.testing.assert_close(between, 0.7 * ends[0] + 0.3 * ends[1])
    for end, (learns, rests) in zip(ends, ((plain, second), (second, plain)), strict=True):
        moved, still = torch.autograd.grad(end, (learns, rests))
        assert bool((moved != 0).all()) and bool((still == 0).all())


def test_weights_on_a_mixed_target_are_weights_on_its_two_labels(batch):
    """CE with w (lam e_a + (1 - lam) e_b) is lam w_a CE_a + (1 - lam) w_b CE_b."""
    logits, labels, _ = batch
    other, share, weights = (labels + 1) % 4, 0.3, class_weights(COUNTS, 0.8).double()
    mixed = share * F.one_hot(labels, 4) + (1 - share) * F.one_hot(other, 4)
    first, second = (F.cross_entropy(logits, one, reduction="none") for one in (labels, other))
    wanted = (share * weights[labels] * first + (1 - share) * weights[other] * second).mean()
    torch.testing.assert_close(debias_loss(logits, logits, mixed, weights, 1.0), wanted)


def test_with_equal_weights_and_one_head_the_debias_loss_is_cross_entropy(batch):
    logits, labels, _ = batch
    weights, targets = class_weights((3, 3, 3, 3), 0.8).double(), F.one_hot(labels, 4).double()
    for alpha in (0.0, 0.4, 1.0):
        found = debias_loss(logits, logits, targets, weights, alpha)
        torch.testing.assert_close(found, F.cross_entropy(logits, labels))


def two_views():
    """Projections and predictions of five images in two views."""
    draws = torch.randn(4, 5, 3, generator=generator(0, "views"))
    z1, z2, p1, p2 = (draw.clone().requires_grad_() for draw in draws)
    return (z1, z2), (p1, p2)


def test_consistency_is_minus_the_cosine_of_each_view_with_the_other():
    projections, predictions = two_views()
    wanted = 0.0
    for one, other in ((0, 1), (1, 0)):
        for p, z in zip(predictions[one], projections[other], strict=True):
            wanted = wanted - (p @ z / (p.norm() * z.norm())).item() / 5
    for side in ("projection", "prediction"):
        assert consistency_loss(projections, predictions, side).item() == pytest.approx(wanted)
        swapped = consistency_loss(projections[::-1], predictions[::-1], side)
        assert swapped.item() == pytest.approx(wanted)
        scaled = consistency_loss(tuple(3 * z for z in projections), tuple(0.2 * p for p in predictions), side)
        assert scaled.item() == pytest.approx(wanted)


def test_consistency_lies_between_minus_two_and_two():
    projections, _ = two_views()
    agree, differ = (projections[1], projections[0]), (-projections[1], -projections[0])
    assert consistency_loss(projections, agree).item() == pytest.approx(-2)
    assert consistency_loss(projections, differ).item() == pytest.approx(2)


def test_consistency_moves_one_side_alone():
    for side in ("projection", "prediction"):
        projections, predictions = two_views()
        consistency_loss(projections, predictions, side).backward()
        still, moved = (projections, predictions) if side == "projection" else (predictions, projections)
        assert all(one.grad is None for one in still) and all(bool((one.grad != 0).all()) for one in moved)
