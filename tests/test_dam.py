"""Distribution-agnostic matching: the closed-form gradient, what minimises each form, and the placebo priors."""

import pytest
import torch
import torch.nn.functional as F

from ltdd_utils.core.seeds import generator
from ltdd_utils.methods.trajectory.dam import estimated_counts, inner_loss, prior
from ltdd_utils.methods.trajectory.settings import DAMConfig
from ltdd_utils.training import dam_loss, soft_cross_entropy

COUNTS = [40, 12, 5, 3]
LONG_TAIL = torch.tensor([40, 12, 5, 3], dtype=torch.float64) / 60


def batch(rows=6, classes=4):
    rng = generator(0, "dam")
    logits = 2 * torch.randn(rows, classes, generator=rng)
    return logits.requires_grad_(), torch.randn(rows, classes, generator=rng).softmax(dim=1)


def gradient(loss, logits, targets):
    return torch.autograd.grad(loss(logits, targets), logits)[0]


def normalised(shares):
    return shares / shares.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("weights", ["none", "sum", "mean"])
@pytest.mark.parametrize("offset", [0.0, 0.7])
def test_the_gradient_is_the_closed_form(weights, offset):
    logits, targets = batch()
    factors = {"none": torch.ones(4), "sum": LONG_TAIL, "mean": 4 * LONG_TAIL}[weights]
    found = gradient(inner_loss(DAMConfig(weights, offset), COUNTS), logits, targets)
    answers = (logits - offset * LONG_TAIL.log()).softmax(dim=1)
    expected = ((factors * targets).sum(dim=1, keepdim=True) * answers - factors * targets) / 6
    torch.testing.assert_close(found, expected)


def test_the_loss_is_the_sum_over_images_and_classes():
    logits, targets = batch(rows=2, classes=3)
    weights, offset = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, -0.4, 2.0])
    total = 0.0
    for row, target in zip(logits - offset, targets, strict=True):
        normaliser = row.exp().sum().log()
        total -= sum(weights[c] * target[c] * (row[c] - normaliser) for c in range(3))
    torch.testing.assert_close(dam_loss(logits, targets, weights, offset), total / 2)


def test_without_weights_and_offset_it_is_soft_cross_entropy_itself():
    assert inner_loss(DAMConfig(weights="none", offset=0.0), COUNTS) is soft_cross_entropy
    assert inner_loss(DAMConfig(weights="none", offset=0.5), COUNTS) is not soft_cross_entropy


@pytest.mark.parametrize("offset", [0.0, 1.0])
@pytest.mark.parametrize(("weights", "factor"), [("none", 1.0), ("sum", 0.25), ("mean", 1.0)])
def test_a_uniform_prior_gives_cross_entropy_or_its_share(weights, factor, offset):
    logits, targets = batch()
    loss = inner_loss(DAMConfig(weights, offset, prior="uniform"), COUNTS)
    torch.testing.assert_close(loss(logits, targets), factor * soft_cross_entropy(logits, targets))


@pytest.mark.parametrize("offset", [0.0, 0.7])
def test_weights_of_mean_one_are_c_times_those_that_sum_to_one(offset):
    logits, targets = batch()
    mean, total = (inner_loss(DAMConfig(weights, offset), COUNTS) for weights in ("mean", "sum"))
    torch.testing.assert_close(mean(logits, targets), 4 * total(logits, targets))


@pytest.mark.parametrize(
    ("weights", "offset", "power"),
    [
        ("none", 0.0, 0.0),
        ("none", 0.5, 0.5),
        ("none", 1.0, 1.0),
        ("sum", 0.0, 1.0),
        ("sum", 0.5, 1.5),
        ("sum", 1.0, 2.0),
    ],
)
def test_what_minimises_a_form_holds_the_prior_so_many_times(weights, offset, power):
    """On balanced data with the posterior q, the raw logits are those of q times a power of the prior."""
    loss = inner_loss(DAMConfig(weights, offset), COUNTS)
    posterior = torch.randn(3, 4, generator=generator(1, "posterior")).softmax(dim=1)
    logits = torch.zeros(3, 4, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [logits], max_iter=500, tolerance_grad=1e-13, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        value = loss(logits, posterior)
        value.backward()
        return value

    optimiser.step(closure)
    expected = normalised(LONG_TAIL**power * posterior)
    torch.testing.assert_close(logits.detach().softmax(dim=1), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("weights", "share"), [("sum", 0.25), ("mean", 1.0)])
def test_weights_on_balanced_data_give_the_long_tails_gradient_everywhere(weights, share, seed):
    """The same class-conditional images: equally often for DAM, n_c times each for cross-entropy."""
    rng = generator(seed, "risk")
    images, labels = torch.randn(8, 5, generator=rng), torch.arange(4).repeat_interleave(2)
    flat = torch.randn(5 * 6 + 6 * 4, generator=rng).requires_grad_()

    def network(rows):
        return (rows @ flat[:30].view(5, 6)).tanh() @ flat[30:].view(6, 4)

    balanced = inner_loss(DAMConfig(weights=weights), COUNTS)(network(images), F.one_hot(labels, 4).double())
    times = torch.tensor(COUNTS)[labels]
    long_tail = F.cross_entropy(network(images.repeat_interleave(times, dim=0)), labels.repeat_interleave(times))
    (by_dam,) = torch.autograd.grad(balanced, flat)
    (by_risk,) = torch.autograd.grad(long_tail, flat)
    torch.testing.assert_close(by_dam, share * by_risk)


@pytest.mark.parametrize("name", ["long-tailed", "uniform", "permuted", "inverted"])
def test_a_prior_sums_to_one(name):
    shares = prior(DAMConfig(prior=name), COUNTS)
    assert shares.dtype == torch.float64 and (shares > 0).all()
    torch.testing.assert_close(shares.sum(), torch.tensor(1.0))


def test_the_long_tailed_prior_is_the_share_of_each_class():
    torch.testing.assert_close(prior(DAMConfig(), COUNTS), LONG_TAIL)


def test_the_inverted_prior_is_inverse_to_the_counts():
    inverted = prior(DAMConfig(prior="inverted"), COUNTS)
    torch.testing.assert_close(inverted * LONG_TAIL, (inverted * LONG_TAIL)[0].expand(4))
    assert inverted.argsort().tolist() == LONG_TAIL.argsort(descending=True).tolist()


@pytest.mark.parametrize("seed", range(31))
def test_the_permuted_prior_has_the_same_shares_at_other_classes(seed):
    """No class keeps its own: a random permutation alone leaves one in its place in two of three draws."""
    counts = [100, 60, 36, 22, 13, 8, 5, 3, 2, 1]
    true, permuted = prior(DAMConfig(), counts), prior(DAMConfig(prior="permuted", prior_seed=seed), counts)
    assert torch.equal(permuted.sort().values, true.sort().values) and (permuted != true).all()
    assert torch.equal(permuted, prior(DAMConfig(prior="permuted", prior_seed=seed), counts))
    assert not torch.equal(permuted, prior(DAMConfig(prior="permuted", prior_seed=seed + 3), counts))


def test_the_loss_of_a_placebo_is_that_of_its_prior():
    logits, targets = batch()
    cfg = DAMConfig("sum", 0.7, prior="inverted")
    shares = prior(cfg, COUNTS)
    expected = dam_loss(logits, targets, shares, 0.7 * shares.log())
    torch.testing.assert_close(inner_loss(cfg, COUNTS)(logits, targets), expected)


def test_the_type_of_the_logits_is_kept():
    logits, targets = batch()
    assert inner_loss(DAMConfig("sum", 0.7), COUNTS)(logits.float(), targets.float()).dtype == torch.float32


def test_an_empty_class_is_refused():
    with pytest.raises(ValueError, match="every class needs at least one image"):
        prior(DAMConfig(), [3, 0, 1])


class Biased:
    """Experts that are softmax regressions, trained to their optimum on a long tail with overlapping classes."""

    last_epoch = 5

    def __init__(self, features, labels, count):
        self.rows = []
        for index in range(count):  # one reads all features, the other fewer
            weights = torch.zeros(features.shape[1] - index, 4, requires_grad=True)
            bias = torch.zeros(4, requires_grad=True)
            step = torch.optim.LBFGS([weights, bias], max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

            def closure(step=step, weights=weights, bias=bias):
                step.zero_grad()
                loss = F.cross_entropy(features[:, : len(weights)] @ weights + bias, labels) + 1e-3 * (weights**2).sum()
                loss.backward()
                return loss

            step.step(closure)
            whole = torch.cat([weights.detach(), torch.zeros(index, 4)])
            self.rows.append(torch.cat([whole.flatten(), bias.detach()]))

    def __len__(self):
        return len(self.rows)

    def snapshot(self, index, epoch):
        assert epoch == self.last_epoch
        return self.rows[index]


def test_experts_trained_to_the_end_answer_with_the_class_shares_of_their_training_set():
    labels = torch.arange(4).repeat_interleave(torch.tensor(COUNTS))
    draw = torch.randn(60, 3, generator=generator(0, "features"))
    features = draw + torch.eye(4)[labels][:, :3]  # as good as overlapping: many answers are wrong

    def network(flat, images):
        return images @ flat[:12].reshape(3, 4) + flat[12:]

    experts = Biased(features, labels, 2)
    wrong = network(experts.snapshot(0, 5), features).argmax(dim=1) != labels
    assert wrong.double().mean() > 0.1
    found = estimated_counts(experts, network, features)
    torch.testing.assert_close(torch.tensor(found), torch.tensor(COUNTS, dtype=torch.float64), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(prior(DAMConfig(prior="estimated"), found), LONG_TAIL, rtol=1e-5, atol=1e-5)


def test_a_class_that_no_expert_expects_counts_as_one_image():
    class Certain(Biased):
        def __init__(self):
            self.rows = [torch.zeros(1)]

    def network(flat, images):
        return torch.tensor([0.0, -1e3, 0.0]).expand(len(images), 3)

    assert estimated_counts(Certain(), network, torch.zeros(8, 2)) == [4.0, 1.0, 4.0]
