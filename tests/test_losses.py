"""Losses against their closed forms."""

import pytest
import torch
import torch.nn.functional as F

from ltdd_utils.losses import logit_adjusted_cross_entropy, logit_adjustment, logit_matching, soft_cross_entropy
from ltdd_utils.seeds import generator


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


def test_logit_adjustment_without_bias_is_cross_entropy(batch):
    logits, labels, _ = batch
    uniform, skewed = torch.full((4,), 0.25), torch.tensor([0.7, 0.1, 0.1, 0.1])
    plain = F.cross_entropy(logits, labels)
    torch.testing.assert_close(logit_adjusted_cross_entropy(logits, labels, uniform), plain)
    torch.testing.assert_close(logit_adjusted_cross_entropy(logits, labels, skewed, tau=0.0), plain)


def test_logit_adjustment_undoes_the_prior_at_its_minimum():
    """For one image whose label is drawn from q_y pi_y, the best raw logits are log q, whatever pi is."""
    fair, prior = (
        torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64),
        torch.tensor([0.8, 0.15, 0.05], dtype=torch.float64),
    )
    seen = fair * prior / (fair * prior).sum()
    logits = fair.log()[None].requires_grad_()
    loss = sum(seen[y] * logit_adjusted_cross_entropy(logits, torch.tensor([y]), prior) for y in range(3))
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


@pytest.mark.parametrize("prior", [[1.0, 0.0, 0.0, 0.0], [0.5, 0.5]])
def test_a_class_without_images_and_a_prior_of_another_length_are_refused(batch, prior):
    logits, labels, _ = batch
    with pytest.raises(ValueError, match="4 positive shares"):
        logit_adjusted_cross_entropy(logits, labels, torch.tensor(prior))


def test_the_adjustment_is_what_is_added_to_the_logits(batch):
    logits, labels, _ = batch
    prior = torch.tensor([0.7, 0.1, 0.1, 0.1])
    added = F.cross_entropy(logits + logit_adjustment(prior, 0.5), labels)
    torch.testing.assert_close(logit_adjusted_cross_entropy(logits, labels, prior, 0.5), added)
