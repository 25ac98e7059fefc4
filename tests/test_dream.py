"""DREAM: representatives of sub-clusters, distances and gradients, the first mosaics, a loop that can be stopped."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from test_condensation import tail_run, toy
from toy_condensation import CLASSES, IPC, NETWORK, PLAIN, SIZE, noise, slopes, start, tail

from ltdd_utils import recipes
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.distilled import content_hash, pixels
from ltdd_utils.distilled.mosaics import enlarged, mosaic
from ltdd_utils.methods.condensation import matching
from ltdd_utils.methods.condensation.common import RealImages
from ltdd_utils.methods.condensation.gradients import gradient_distance
from ltdd_utils.methods.condensation.matching import dream, matched_weights, squared_distance
from ltdd_utils.methods.condensation.mosaics import start_mosaics
from ltdd_utils.methods.condensation.representatives import representatives, representatives_of_each
from ltdd_utils.methods.condensation.settings import DREAMConfig, IDMConfig
from ltdd_utils.methods.coresets.selection import random_set
from ltdd_utils.networks import build

CFG = DREAMConfig(
    NETWORK,
    iterations=2,
    batch=3,
    lr_images=0.5,
    augment=PLAIN,
    updates=3,
    cluster_every=2,
    network_images=9,
    network_batch=4,
    network_augment=PLAIN,
    lr_network=0.1,
)


def mosaics(images=None):
    made = start(IPC, images)
    return replace(made, info={**made.info, "factor": 2})


def made_by(first=None, real=None, seed=0, options=None, **changes):
    first = first or mosaics()
    return dream(replace(CFG, **changes), first, first.images, real or tail(), seed, **(options or {}))


# Representatives


def clusters(sizes=(30, 12, 5), spread=0.3):
    """A mixture whose groups are far apart; the centre of each is known."""
    centres = torch.tensor([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]])
    groups = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return centres[groups] + spread * noise(len(groups), 2, name="mixture"), groups


def test_each_group_of_a_mixture_gives_the_image_nearest_to_its_mean():
    """However unequal the groups are: at random, the largest would give most."""
    points, groups = clusters()
    chosen = representatives(points, 3, generator(0, "k-means"))
    expected = []
    for group in range(3):
        mine = (groups == group).nonzero().flatten()
        expected.append(int(mine[(points[mine] - points[mine].mean(dim=0)).norm(dim=1).argmin()]))
    assert sorted(chosen.tolist()) == sorted(expected)


def test_representatives_are_different_images_and_follow_the_seed():
    points = noise(60, 5, name="one cloud")
    for count in (1, 7, 59):
        chosen = representatives(points, count, generator(0, "k-means"))
        assert len(chosen.unique()) == len(chosen) == count and set(chosen.tolist()) <= set(range(60))
        assert torch.equal(chosen, representatives(points, count, generator(0, "k-means")))
    seeds = {tuple(representatives(points, 7, generator(seed, "k-means")).tolist()) for seed in range(6)}
    assert len(seeds) > 1


def test_the_one_representative_is_the_image_nearest_to_the_mean():
    points = noise(40, 3, name="cloud")
    nearest = (points - points.mean(dim=0)).norm(dim=1).argmin()
    assert representatives(points, 1, generator(0)).tolist() == [int(nearest)]


@pytest.mark.parametrize("count", [4, 5, 100])
def test_a_class_with_no_more_images_than_clusters_gives_all_of_them_and_draws_nothing(count):
    rng = generator(0, "k-means")
    before = rng.get_state()
    assert representatives(noise(4, 3, name="few"), count, rng).tolist() == [0, 1, 2, 3]
    assert torch.equal(rng.get_state(), before)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_images_that_are_all_alike_give_one():
    same = noise(1, 3, name="one").expand(9, 3)
    assert len(representatives(same, 4, generator(0))) == 1
    twice = torch.cat([same, -same])
    assert len(representatives(twice, 4, generator(0))) == 2


def test_every_class_gives_its_representatives_without_a_graph():
    real, network = tail((8, 4, 2)), build(NETWORK, CLASSES, SIZE, 1, generator(0))
    chosen = representatives_of_each(CFG, network.backbone, real, 3, generator(0))
    assert [len(rows) for rows in chosen] == [3, 3, 2]
    for rows, mine in zip(chosen, real.rows, strict=True):
        assert set(rows.tolist()) <= set(mine.tolist()) and len(rows.unique()) == len(rows)
    seen = []
    network.backbone.register_forward_hook(lambda *given: seen.append(given[2].requires_grad))
    representatives_of_each(CFG, network.backbone, real, 3, generator(0))
    assert seen == [False, False]  # of the two classes with more images than clusters


def test_candidates_bound_how_many_images_of_a_class_are_looked_at():
    real, seen = tail((40, 4, 2)), []
    network = build(NETWORK, CLASSES, SIZE, 1, generator(0))
    network.backbone.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    cfg = replace(CFG, candidates=10)
    representatives_of_each(cfg, network.backbone, real, 3, generator(0))
    assert seen == [10, 4]


# Distances and gradients


def test_the_squared_distance_is_that_of_all_numbers_together():
    own, other = (
        [noise(4, 3, 3, 3, name="a"), noise(5, 6, name="b")],
        [noise(4, 3, 3, 3, name="c"), noise(5, 6, name="d")],
    )
    flat = [torch.cat([part.flatten() for part in parts]) for parts in (own, other)]
    torch.testing.assert_close(squared_distance(own, other), ((flat[0] - flat[1]) ** 2).sum())
    assert squared_distance(own, own).item() == 0


def test_the_backbones_matrices_are_matched_and_the_classifiers_where_asked_for():
    network = build(NETWORK, CLASSES, SIZE, 1, generator(0))
    assert [weight.ndim for weight in matched_weights(network, False)] == [4, 4]
    assert [weight.ndim for weight in matched_weights(network, True)] == [4, 4, 2]


@pytest.mark.parametrize("metric", ["mse", "cosine"])
@pytest.mark.parametrize("classifier", [False, True])
def test_the_first_loss_is_the_distance_of_the_two_gradients(metric, classifier):
    """All images of each class, whole batches: nothing is left to chance but the network."""
    first, real = mosaics(), tail()
    one = {"iterations": 1, "updates": 1, "batch": 100, "metric": metric, "classifier": classifier}
    _, losses = made_by(first, real, **one)
    network = build(NETWORK, CLASSES, SIZE, 1, generator(0, "condensation"))
    weights = [part for name, part in network.named_parameters() if part.ndim > 1]
    weights = weights if classifier else weights[:-1]
    distance = {"mse": lambda a, b: sum(((x - y) ** 2).sum() for x, y in zip(a, b, strict=True))}
    distance["cosine"] = gradient_distance
    for label, rows in enumerate(real.rows):
        found = []
        for images in (enlarged(first.images[IPC * label : IPC * (label + 1)], 2), real.images[rows]):
            loss = F.cross_entropy(network(images), torch.full((len(images),), label))
            found.append(torch.autograd.grad(loss, weights))
        torch.testing.assert_close(losses[0, label], distance[metric](*found))


@pytest.mark.parametrize("changes", [{}, {"metric": "cosine"}, {"synthetic_batch": 5}], ids=["mse", "cosine", "some"])
def test_the_images_follow_the_gradient_of_the_loss(changes):
    one = {"iterations": 1, "updates": 1, "momentum_images": 0.0, **changes}
    first, step = mosaics().images, 1e-5
    gradient = (first - made_by(**one)[0].images) / (CFG.lr_images * tail().deviation ** 2)

    def loss(images):
        return float(made_by(mosaics(images), **one)[1].sum())

    for found, slope in slopes(first, gradient, loss, step):
        assert found == pytest.approx(slope, rel=1e-4)


# The network between two updates


def test_the_network_is_trained_as_by_sgd_of_pytorch():
    real, rng = tail(), generator(0, "train")
    own, other = (build(NETWORK, CLASSES, SIZE, 1, generator(0)) for _ in range(2))
    cfg = replace(CFG, cutmix=0.0)
    velocity = [torch.zeros_like(part) for part in own.parameters()]
    data = (real.images, real.labels())
    for _ in range(2):
        matching._train(cfg, own, velocity, data, rng)
    again = generator(0, "train")
    sgd = torch.optim.SGD(other.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    for _ in range(2):
        for rows in torch.randperm(len(data[0]), generator=again)[:9].split(4):
            torch.rand(2, dtype=torch.float32, generator=again)
            sgd.zero_grad()
            F.cross_entropy(other(data[0][rows]), data[1][rows]).backward()
            sgd.step()
    for one, two in zip(own.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_a_network_that_is_shown_no_images_stays_as_it_was():
    real, network = tail(), build(NETWORK, CLASSES, SIZE, 1, generator(0))
    before = [part.clone() for part in network.parameters()]
    velocity = [torch.ones_like(part) for part in before]
    matching._train(replace(CFG, network_images=0), network, velocity, (real.images, real.labels()), generator(0))
    assert all(torch.equal(one, two) for one, two in zip(network.parameters(), before, strict=True))


def test_a_mixed_batch_has_both_labels_in_proportion_to_the_pixels_they_keep():
    """A linear reading of the pixels: the loss of a mixed image of two flat ones is known."""
    cfg, labels = replace(CFG, cutmix=1.0), torch.tensor([0, 1, 2, 0, 1, 2])
    images = labels.double().view(-1, 1, 1, 1).expand(-1, 1, SIZE, SIZE).clone()
    seen = []

    def network(given):
        seen.append(given)
        return given.flatten(1).mean(dim=1, keepdim=True) * torch.tensor([[-1.0, 0.0, 1.0]])

    rng = generator(3, "mix")
    again = generator(3, "mix")
    torch.rand(2, dtype=torch.float32, generator=again)
    order = torch.randperm(6, generator=again)
    partner = labels[order]
    loss = matching._mixed_loss(cfg, network, images, labels, rng)
    changed = (seen[0][:, 0] != images[:, 0]).double().mean(dim=(1, 2))
    kept = 1 - changed.max()  # an image with a partner of its own class looks unchanged
    logits = network(seen[0])
    expected = kept * F.cross_entropy(logits, labels) + (1 - kept) * F.cross_entropy(logits, partner)
    torch.testing.assert_close(loss, expected)
    assert 0 < kept < 1


# The first mosaics


@pytest.mark.float32
def test_representative_mosaics_show_real_images_of_their_class_made_small():
    """The third class has two images: they repeat in turn."""
    run, count = tail_run(), 4
    real = RealImages.of(run.images(), run.data.train_labels, CLASSES)
    made = start_mosaics(CFG, run, 1, real)
    assert (len(made), made.factor) == (CLASSES, 2)
    small = mosaic(real.images.repeat_interleave(4, dim=0), 2)  # each image four times
    parts = made.images.unflatten(2, (2, -1)).unflatten(4, (2, -1)).permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
    known = small[:, :, : SIZE // 2, : SIZE // 2]
    for number, part in enumerate(parts):
        rows = [row for row, image in enumerate(known) if torch.equal(image, part)]
        assert rows and set(run.data.train_labels[rows].tolist()) == {number // count}
    third = parts[2 * count :]
    assert torch.equal(third[0], third[2]) and torch.equal(third[1], third[3]) and not torch.equal(third[0], third[1])


def test_real_mosaics_hold_the_images_of_random():
    run = tail_run(4)
    real = RealImages.of(run.images(), run.data.train_labels, CLASSES)
    made = start_mosaics(IDMConfig(NETWORK), run, 2, real)
    chosen = pixels(random_set(run, 8), run.data, run.preprocess)
    assert torch.equal(made.images, mosaic(chosen, 2)) and made.labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_noise_has_the_size_of_stored_images():
    run = tail_run(4)
    real = RealImages.of(run.images(), run.data.train_labels, CLASSES)
    made = start_mosaics(replace(CFG, initial="noise"), run, 40, real)
    assert made.images.shape == (120, *toy().train_images.shape[1:])
    assert made.images.std().item() == pytest.approx(real.deviation, rel=0.02)


# The loop


def test_clusters_are_made_anew_for_every_network_and_after_some_updates(monkeypatch):
    asked = []

    def each(cfg, backbone, real, count, rng):
        asked.append(count)
        return representatives_of_each(cfg, backbone, real, count, rng)

    monkeypatch.setattr(matching, "representatives_of_each", each)
    made_by(updates=5)
    assert asked == [CFG.batch] * 2 * 3  # two networks; updates 0, 2 and 4 of each


def test_the_loss_falls_under_networks_that_the_images_never_met():
    made, _ = made_by(iterations=12, lr_images=0.3)
    again = {"seed": 99, "iterations": 3, "updates": 1}
    before, after = (made_by(first, **again)[1].sum() for first in (mosaics(), replace(made, info=mosaics().info)))
    assert after < 0.9 * before


def test_the_same_seed_makes_the_same_set_and_another_another():
    hashes = [content_hash(made_by(seed=seed)[0]) for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("asked", [1, 2, 9, 20, 33, 55])
def test_a_stopped_loop_ends_in_the_same_bits(asked, tmp_path, monkeypatch):
    whole, losses = made_by()
    questions = []

    def over(self):
        questions.append(0)
        return len(questions) >= asked

    monkeypatch.setattr(Checkpoint, "over", over)
    try:
        made, told = made_by(options={"checkpoint": Checkpoint(tmp_path / "state", every_s=1e9)})
    except Stopped:
        monkeypatch.undo()
        made, told = made_by(options={"checkpoint": Checkpoint(tmp_path / "state", every_s=1e9)})
    assert len(questions) >= asked
    assert torch.equal(made.images, whole.images) and torch.equal(told, losses)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DREAMConfig(metric="l2"), "metric is 'l2'; choose one of mse, cosine"),
        (lambda: DREAMConfig(initial="k-means"), "choose one of real, noise, representative"),
        (lambda: DREAMConfig(candidates=0), "candidates is 0"),
        (lambda: DREAMConfig(cutmix=1.5), r"cutmix is 1\.5; it is a probability"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_published_settings_are_those_of_the_released_command():
    made = recipes.recipe("dream_cifar10", scale="paper").method
    assert (made.iterations, made.updates, made.cluster_every, made.batch) == (2000, 100, 10, 128)
    assert (made.synthetic_batch, made.network_images, made.network_batch, made.cutmix) == (128, 2000, 64, 0.5)
    assert (made.initial, made.metric, made.classifier, made.candidates) == ("representative", "mse", False, None)
    # 0.005 for pixels in [0, 1], whose variance in CIFAR-10 is 0.0630 within a channel: 0.005 / 0.063
    assert made.lr_images == pytest.approx(0.005 / 0.0630, rel=0.01) and made.momentum_images == 0.5
    assert recipes.recipe("dream_cifar10", ipc=50, scale="paper").method.lr_images == pytest.approx(0.4)
