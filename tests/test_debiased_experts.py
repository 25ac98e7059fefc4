"""The debiased expert: its loss in closed form, the partners it draws, and that an interruption changes nothing."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toy_sets import toy_run

from ltdd_utils.augment import AugmentConfig, cutmix, random_crop_flip
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Checkpoint, load_bundle
from ltdd_utils.data import DataConfig, load
from ltdd_utils.networks import NetworkConfig, build
from ltdd_utils.teachers import DebiasConfig, DebiasedObjective, TeacherConfig, train_teacher
from ltdd_utils.teachers import debiased as experts_module
from ltdd_utils.training import TrainConfig, class_weights, label_objective, train

COUNTS = (200, 40, 8)
HEADS = NetworkConfig(depth=1, width=4, second_head=True, projection=5)


def settings(network=HEADS, epochs=4, augment="none", **debias):
    train = TrainConfig(epochs=epochs, batch_size=32, lr=0.05, schedule="cosine")
    return TeacherConfig(network, train, AugmentConfig(augment), "debiased", DebiasConfig(**debias))


def long_tail():
    labels = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))
    return torch.randn(len(labels), 1, 4, 4, generator=generator(0, "images")), labels


def objective(cfg, images=None, seed=0):
    tail, labels = long_tail()
    return DebiasedObjective(tail if images is None else images, labels, COUNTS, cfg, generator(seed, "draws"))


def network(cfg=HEADS):
    return build(cfg, 3, 4, 1, generator(0, "network")).double()


def same_picture():
    """A long tail whose images are all one: no mixture changes it, only the targets are mixed."""
    return long_tail()[0][:1].expand(sum(COUNTS), -1, -1, -1).clone()


@pytest.mark.parametrize("epochs", [1, 5, 60])
def test_the_re_weighted_term_grows_with_the_square_of_the_epoch(epochs):
    loss, seen = objective(settings(epochs=epochs)), []
    for epoch in range(epochs):
        loss.begin(epoch)
        seen.append(loss.alpha)
    assert seen[0] == 0 and seen[-1] == pytest.approx(((epochs - 1) / epochs) ** 2)
    assert seen == sorted(seen) and seen[epochs // 2] == pytest.approx((epochs // 2 / epochs) ** 2)


@pytest.mark.parametrize("epoch", [0, 2, 3])
@pytest.mark.parametrize(
    "debias", [{}, {"consistency": 2.0, "classification": 0.5, "weights": "sum", "sharpness": 1.3}]
)
def test_on_one_picture_of_one_class_the_loss_has_a_closed_form(epoch, debias):
    """Both views are the picture: twice the two cross-entropies, and twice the cosine of p and z."""
    cfg, model = settings(**debias), network()
    loss = DebiasedObjective(same_picture(), torch.zeros(248, dtype=torch.int64), COUNTS, cfg, generator(0, "draws"))
    loss.begin(epoch)
    found = loss(model, torch.arange(7))
    features = model.backbone(same_picture()[:7])
    plain, second = (head(features).log_softmax(dim=1)[0, 0] for head in (model.classifier, model.second_classifier))
    z = model.projection(features)[0]
    p, alpha = model.prediction(z), (epoch / 4) ** 2
    weight = class_weights(COUNTS, cfg.debias.sharpness, cfg.debias.weights)[0]
    wanted = -2 * cfg.debias.classification * ((1 - alpha) * plain + alpha * weight * second)
    wanted = wanted - 2 * cfg.debias.consistency * (p @ z / (p.norm() * z.norm()))
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5)


class Spy(nn.Module):
    """Keeps the views that it gets; its logits are zeros, whose gradient tells the targets."""

    second_classifier = None

    def __init__(self):
        super().__init__()
        self.views, self.logits = [], []

    def backbone(self, images):
        self.views.append(images)
        return images.flatten(1)

    def classifier(self, features):
        self.logits.append(features.new_zeros(len(features), 3).requires_grad_())
        return self.logits[-1]


def seen_by_a_spy(loss, indices):
    """The two views of a batch, and the targets under each of them."""
    spy = Spy()
    gradients = torch.autograd.grad(loss(spy, indices), spy.logits)
    return spy.views, [1 / 3 - len(indices) * part for part in gradients]  # the gradient is (softmax - target) / B


SPIED = settings(network=NetworkConfig(), consistency=0.0)


def test_a_target_is_half_the_image_s_class_and_half_its_partner_s_on_average():
    """Over many batches of class 0, with one lambda from U(0, 1) each."""
    loss, total = objective(SPIED), torch.zeros(3)
    for _ in range(200):
        _, targets = seen_by_a_spy(loss, torch.zeros(50, dtype=torch.int64))
        total += torch.stack(targets).mean(dim=(0, 1)) / 200
    partners = torch.tensor(COUNTS, dtype=torch.float64) ** 0.8
    wanted = 0.5 * torch.tensor([1.0, 0.0, 0.0]) + 0.5 * partners / partners.sum()
    torch.testing.assert_close(total, wanted, rtol=0, atol=0.05)


def colours(side):
    """A long tail in which a picture is its class: channel c is 1 everywhere in class c, the others are 0."""
    return F.one_hot(long_tail()[1], 3).double()[:, :, None, None].expand(-1, -1, side, side).clone()


def test_in_the_mixup_view_every_pixel_is_the_target():
    loss, indices = objective(SPIED, colours(4)), torch.arange(195, 248)  # images of all classes
    for _ in range(10):
        (blended, _), targets = seen_by_a_spy(loss, indices)
        assert bool(((targets[0] > 1e-5) & (targets[0] < 1 - 1e-5)).any())  # not every partner is of the image's class
        torch.testing.assert_close(targets[0], targets[1])
        torch.testing.assert_close(blended.float(), targets[0].float()[:, :, None, None].expand_as(blended))


def test_in_the_cutmix_view_the_square_is_the_partner_s_and_covers_what_the_target_gives_it():
    """Its side is that of 1 - lambda of the area, rounded down; only at the border it may be smaller."""
    loss, inner, side = objective(SPIED, colours(16)), 0, 16
    for _ in range(40):
        (_, cut), (target, _) = seen_by_a_spy(loss, torch.zeros(40, dtype=torch.int64))
        mixed = target[:, 1:].amax(dim=1) > 1e-5  # the partner is of another class
        share, partner = target[mixed, 0].mean().item(), target[mixed, 1:].argmax(dim=1) + 1
        assert bool((cut[~mixed, 0] == 1).all())
        pasted = cut[mixed, 0] == 0
        assert bool((pasted == pasted[0]).all())  # the same square for all
        torch.testing.assert_close(cut[mixed].sum(dim=1), torch.ones(len(partner), side, side))
        assert torch.equal(cut[mixed, partner] == 1, pasted)
        rows, columns = (pasted[0].any(dim=axis).nonzero().flatten() for axis in (1, 0))
        assert len(rows) * len(columns) == int(pasted[0].sum())
        wanted = int(side * (1 - share) ** 0.5)
        for found in (rows, columns):
            inside = len(found) and found[0] > 0 and found[-1] < side - 1
            inner += bool(inside)
            assert len(found) == wanted if inside else len(found) <= wanted
    assert inner > 20


def test_each_view_is_of_augmentations_of_its_own():
    """A replay: partners, lambda, two augmentations of the images, two of their partners, the place of the square."""
    cfg, indices = settings(network=NetworkConfig(), augment="crop-flip", consistency=0.0), torch.arange(30)
    (images, labels), rng = long_tail(), generator(5, "draws")
    found, _ = seen_by_a_spy(objective(cfg, seed=5), indices)
    weights = class_weights(COUNTS, cfg.debias.partner_power)[labels]
    partner = torch.multinomial(weights, 30, replacement=True, generator=rng)
    share = torch.rand((), dtype=torch.float64, generator=rng).item()
    first, second, other, another = (
        random_crop_flip(images[rows], cfg.augment.padding, rng) for rows in (indices, indices, partner, partner)
    )
    torch.testing.assert_close(found[0], share * first + (1 - share) * other)
    assert torch.equal(found[1], cutmix(second, another, share, rng)[0])


@pytest.mark.parametrize("power", [0.0, 0.2, 1.0])
def test_partners_are_drawn_with_a_power_of_their_class_s_size(power, monkeypatch):
    """Chi-square of the drawn images against n_c^-r each: images of a class alike, and classes as n_c^(1 - r)."""
    drawn, real = [], experts_module.mixup

    def spy(first, second, share):
        if first.ndim == 2:  # the targets
            drawn.append(second)
        return real(first, second, share)

    monkeypatch.setattr(experts_module, "mixup", spy)
    loss = objective(settings(network=NetworkConfig(depth=1, width=2), consistency=0.0, partner_power=power))
    model = network(NetworkConfig(depth=1, width=2))
    for _ in range(8):
        loss(model, torch.arange(248).repeat(4))
    found = torch.cat(drawn).double().sum(dim=0)
    wanted = torch.tensor(COUNTS, dtype=torch.float64) ** (1 - power)
    wanted = wanted / wanted.sum() * found.sum()
    assert ((found - wanted).square() / wanted).sum() < 13.8  # 2 degrees of freedom: one seed in a thousand is above


def test_a_network_with_one_head_gets_both_terms_on_it():
    cfg, single = settings(consistency=0.0), network(replace(HEADS, second_head=False))
    double = network()
    double.load_state_dict(single.state_dict(), strict=False)
    double.second_classifier.load_state_dict(single.classifier.state_dict())
    values = []
    for model in (single, double):
        loss = objective(cfg)
        loss.begin(2)
        values.append(loss(model, torch.arange(30)))
    torch.testing.assert_close(*values)
    gradients = torch.autograd.grad(values[0], single.classifier.weight)
    parts = torch.autograd.grad(values[1], (double.classifier.weight, double.second_classifier.weight))
    torch.testing.assert_close(gradients[0], parts[0] + parts[1])


@pytest.mark.parametrize("side", ["projection", "prediction"])
def test_which_layers_the_consistency_loss_reaches(side):
    """As the paper prints it, no gradient ever reaches the prediction layer; the features move either way."""
    model = network()
    loss = objective(settings(classification=0.0, stop_gradient=side))
    loss(model, torch.arange(30)).backward()
    reached = {name for name, p in model.named_parameters() if p.grad is not None and bool((p.grad != 0).any())}
    assert ("prediction.weight" in reached) == (side == "projection")
    assert "projection.weight" in reached and any(name.startswith("backbone") for name in reached)
    assert not any("classifier" in name for name in reached)


def test_without_consistency_no_projection_is_needed_and_the_views_differ_with_the_draws():
    cfg = settings(network=NetworkConfig(depth=1, width=4, second_head=True), consistency=0.0)
    model = network(cfg.network)
    values = [objective(cfg, seed=seed)(model, torch.arange(30)).item() for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


# Whole experts.


@pytest.fixture(scope="module")
def data():
    return load(DataConfig("digits", imbalance_factor=5, n_max=15))


def trained(cfg, data, folder, seed=0):
    return train_teacher(cfg, toy_run(folder, data, "normalise", seed)).state_dict()


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


DEBIASED = settings(network=replace(HEADS, norm="batch"), augment="crop-flip")


@pytest.mark.float32
def test_a_killed_debiased_expert_goes_on_to_the_same_weights(data, tmp_path, monkeypatch):
    whole = trained(DEBIASED, data, tmp_path / "whole")
    real, alphas = Checkpoint.tick, []

    def tick(checkpoint, state):
        checkpoint.every_s = 0  # a checkpoint at every step
        real(checkpoint, state)
        if (state().meta["epoch"], state().meta["step"]) == (2, 1):  # the loss hears of its epoch again
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "tick", tick)
        with pytest.raises(KeyboardInterrupt):
            trained(DEBIASED, data, tmp_path / "killed")
    (left,) = (tmp_path / "killed").rglob("checkpoint.safetensors")
    assert load_bundle(left).meta["step"] == 1
    begin = DebiasedObjective.begin
    monkeypatch.setattr(
        DebiasedObjective, "begin", lambda loss, epoch: (begin(loss, epoch), alphas.append(loss.alpha))[0]
    )
    assert equal(trained(DEBIASED, data, tmp_path / "killed"), whole)
    assert alphas == [(2 / 4) ** 2, (3 / 4) ** 2]


@pytest.mark.float32
def test_the_settings_of_the_loss_and_the_seed_decide_which_expert_it_is(data, tmp_path):
    base = trained(DEBIASED, data, tmp_path)
    assert equal(trained(DEBIASED, data, tmp_path), base)
    other = replace(DEBIASED, debias=replace(DEBIASED.debias, sharpness=0.1))
    assert not equal(trained(other, data, tmp_path), base)
    assert not equal(trained(DEBIASED, data, tmp_path, seed=1), base)


@pytest.mark.float32
def test_without_debiasing_it_is_the_plain_expert_and_the_same_stage(data, tmp_path):
    cfg = replace(DEBIASED, network=replace(HEADS, second_head=False, projection=0), kind="plain", debias=None)
    first, second, fresh = (toy_run(tmp_path / name, data, "normalise") for name in ("a", "a", "b"))
    network, again = train_teacher(cfg, first), train_teacher(cfg, second)
    assert equal(network.state_dict(), again.state_dict()) and not network.training
    assert second.ledger.seconds == first.ledger.seconds  # read, not trained again
    plain, rng = fresh.network(cfg.network, "expert", "weights"), fresh.rng("expert", "batches")
    loss = label_objective(fresh.images(), fresh.labels(), cfg.augment, rng)
    assert equal(network.state_dict(), train(plain, len(fresh.labels()), loss, cfg.train, rng).state_dict())


@pytest.mark.float32
def test_the_re_weighted_head_answers(data, tmp_path):
    run = toy_run(tmp_path, data, "normalise")
    model, images = train_teacher(DEBIASED, run), run.test_images()[:5]
    torch.testing.assert_close(model(images), F.linear(model.backbone(images), *model.second_classifier.parameters()))
    assert not torch.equal(*model.heads(images))
