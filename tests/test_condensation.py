"""DC, DM and CSDM: distances in closed form, gradients by finite differences, a textbook loop, small classes, runs."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from toy_condensation import CLASSES, COUNTS, IPC, METHODS, NETWORK, SIZE, condense, noise, slopes, start, tail
from toy_sets import context, result_of, toy_run

from ltdd_utils import recipes
from ltdd_utils.augment import AugmentConfig, apply, draw
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.data import DataConfig, LongTailedData
from ltdd_utils.distilled import composition, content_hash
from ltdd_utils.methods.condensation import common, features, gradients
from ltdd_utils.methods.condensation.common import RealImages, start_images
from ltdd_utils.methods.condensation.features import feature_distance
from ltdd_utils.methods.condensation.gradients import gradient_distance
from ltdd_utils.methods.condensation.settings import DCConfig, DMConfig
from ltdd_utils.methods.coresets.selection import select
from ltdd_utils.methods.coresets.settings import CoresetConfig
from ltdd_utils.networks import NetworkConfig, build
from ltdd_utils.records import validate_record
from ltdd_utils.runs import run

DSA = AugmentConfig(kind="dsa")
both = pytest.mark.parametrize("name", METHODS)


# The distances


def layers():
    return [noise(4, 3, 3, 3, name="conv"), noise(4, name="bias"), noise(5, 6, name="linear")]


ROWS = 4 + 5  # of the two layers with matrices


def test_gradients_that_agree_have_the_distance_0_and_opposite_ones_2_for_each_row():
    own = layers()
    assert gradient_distance(own, own).item() == pytest.approx(0, abs=1e-12)
    assert gradient_distance(own, [-part for part in own]).item() == pytest.approx(2 * ROWS)


def test_only_the_direction_of_each_row_counts():
    own, other = layers(), [part.roll(1, 0) for part in layers()]
    factors = [torch.rand(len(part), generator=generator(0, "factors")) * 1e-6 + 1e-9 for part in own]
    scaled = [part * factor.view(-1, *[1] * (part.ndim - 1)) for part, factor in zip(own, factors, strict=True)]
    expected = gradient_distance(own, other)
    assert expected > 1
    torch.testing.assert_close(gradient_distance(scaled, other), expected)
    torch.testing.assert_close(gradient_distance(other, scaled), expected)


def test_the_distance_is_one_minus_the_cosine_of_every_output():
    own, other = layers(), [part.roll(1, 0) for part in layers()]
    total = 0.0
    for one, two in zip(own, other, strict=True):
        for row, partner in zip(one, two, strict=True):
            if row.ndim:
                total += 1 - float(F.cosine_similarity(row.flatten(), partner.flatten(), dim=0))
    assert gradient_distance(own, other).item() == pytest.approx(total)


def test_a_row_of_one_number_has_no_gradient_so_that_biases_can_be_left_out():
    own = noise(6, 1, name="own").requires_grad_()
    distance = gradient_distance([own], [noise(6, 1, name="other")])
    assert 0 < distance < 12
    assert torch.autograd.grad(distance, own)[0].abs().max() < 1e-12


@pytest.mark.parametrize("zero", ["own", "other"])
def test_a_row_of_zeros_has_the_distance_1_and_no_gradient(zero):
    own, other = noise(2, 5, name="own"), noise(2, 5, name="other")
    {"own": own, "other": other}[zero][0] = 0
    own.requires_grad_()
    distance = gradient_distance([own], [other])
    assert distance.item() == pytest.approx(2 - F.cosine_similarity(own[1], other[1], dim=0).item())
    found = torch.autograd.grad(distance, own)[0]
    assert torch.equal(found[0], torch.zeros(5)) and found[1].abs().min() > 0


def test_the_distance_of_features_is_squared_and_by_class():
    first, second = noise(CLASSES, 7, name="a"), noise(CLASSES, 7, name="b")
    expected = [sum((first[c, f] - second[c, f]) ** 2 for f in range(7)) for c in range(CLASSES)]
    torch.testing.assert_close(feature_distance(first, second), torch.stack(expected))


# One update of the images


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("dc", {}),
        ("dc", {"augment": AugmentConfig(strategy="scale_rotate")}),
        ("dm", {}),
        ("dm", {"augment": DSA}),
        ("csdm", {}),
        ("csdm", {"augment": DSA}),
    ],
    ids=["dc", "dc dsa", "dm", "dm dsa", "csdm", "csdm dsa"],
)
def test_the_images_follow_the_gradient_of_the_loss(name, changes):
    """Against central differences: the same seed gives the same network, real images and augmentation."""
    one = {"iterations": 1, "momentum_images": 0.0, **changes} | ({"updates": 1} if name == "dc" else {})
    first, step = start().images, 1e-5
    cfg = METHODS[name][1]
    gradient = (first - condense(name, **one)[0].images) / (cfg.lr_images * tail().deviation ** 2)

    def loss(images):
        return float(condense(name, start(images=images), **one)[1].sum())

    assert gradient.flatten(1).norm(dim=1).min() > 1e-3  # of every image
    for found, slope in slopes(first, gradient, loss, step):
        assert found == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("strategy", ["none", "scale_rotate"])
def test_dc_is_the_textbook_loop(strategy):
    """New networks, class by class, PyTorch's optimisers for images and network; small classes give all they have.

    A class's real and synthetic images share one augmentation; every image that trains the network has its own.
    """
    real, first = tail(), start()
    made, losses = condense("dc", first, real, batch=100, momentum_images=0.5, augment=AugmentConfig(strategy=strategy))
    images, rng = first.images.clone().requires_grad_(), generator(0, "condensation")
    followed = torch.optim.SGD([images], lr=0.5 * float(real.images.var()), momentum=0.5)
    expected = torch.zeros(2, CLASSES)
    for iteration in range(2):
        network = build(NETWORK, CLASSES, SIZE, 1, rng)
        trained = torch.optim.SGD(network.parameters(), lr=0.1)
        for update in range(2):
            images.grad = torch.zeros_like(images)
            for rows in real.rows:
                torch.randperm(len(rows), generator=rng)  # all of them are used, in whatever order
            for label, rows in enumerate(real.rows):
                gradients, both = [], draw(strategy, 1, SIZE, rng)
                for batch in (real.images[rows], images[IPC * label : IPC * (label + 1)]):
                    logits = network(torch.cat([apply(image[None], both) for image in batch]))
                    loss = -logits.log_softmax(dim=1)[:, label].mean()
                    found = torch.autograd.grad(loss, list(network.parameters()), create_graph=True)
                    gradients.append([part.flatten(1) for part in found if part.ndim > 1])
                distance = sum((1 - F.cosine_similarity(a, b)).sum() for a, b in zip(*gradients, strict=True))
                images.grad += torch.autograd.grad(distance, images)[0]
                expected[iteration, label] += distance.detach() / 2
            followed.step()
            for _ in range(3 if update == 0 else 0):  # nobody would see what is learned after the last update
                trained.zero_grad()
                views = apply(images.detach(), draw(strategy, len(images), SIZE, rng))
                F.cross_entropy(network(views), first.labels).backward()
                trained.step()
    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close(made.images, images.detach())
    assert (made.images - first.images).flatten(1).norm(dim=1).min() > 1e-3


@pytest.mark.parametrize("name", ["dm", "csdm"])
def test_matching_has_nothing_to_learn_from_its_own_images(name):
    """Whatever the network and the augmentation: both sides see the same ones, in another order."""
    real = tail((4, 4, 4))
    first = start(ipc=4, images=torch.cat([real.images[rows] for rows in real.rows]))
    made, losses = condense(name, first, real, augment=DSA, iterations=6)
    assert losses.max() < 1e-20
    torch.testing.assert_close(made.images, first.images, atol=1e-10, rtol=0)
    _, others = condense(name, start(ipc=4), real, augment=DSA, iterations=6)
    assert others.min() > 1e-6


@both
def test_the_scale_of_the_pixels_does_not_matter(name):
    """Networks with norms do not see it, up to the norm's epsilon; the step size follows it."""
    made, losses = condense(name)
    larger, same = condense(name, start(images=30 * start().images), tail(deviation=30.0))
    torch.testing.assert_close(same, losses, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(larger.images / 30, made.images, rtol=1e-3, atol=1e-3)


@both
def test_the_loss_falls_under_networks_that_the_images_never_met(name):
    steps = {"dc": (12, 1.0), "dm": (40, 3.0), "csdm": (150, 3.0)}[name]
    steps = dict(zip(("iterations", "lr_images"), steps, strict=True))
    made, _ = condense(name, **steps)
    before, after = (condense(name, first, seed=99, iterations=3)[1].mean(dim=0) for first in (start(), made))
    assert (after < 0.8 * before).all()


def test_batches_of_features_do_not_change_the_means(monkeypatch):
    network, batches = build(NETWORK, CLASSES, SIZE, 1, generator(0)), [tail().images[rows] for rows in tail().rows]
    found = []
    for together in (1, 9, 1000):
        monkeypatch.setattr(features, "TOGETHER", together)
        found.append(features._mean_features(network.backbone, batches))
    expected = torch.stack([network.backbone(batch).mean(dim=0) for batch in batches])
    for means in found:
        torch.testing.assert_close(means, expected)


@pytest.mark.parametrize("operation", DSA.strategy.split("_"))
def test_both_sides_get_one_augmentation(operation):
    one = draw(operation, 1, SIZE, generator(0, operation))
    image = noise(1, 1, SIZE, SIZE, name="image")
    first, second = (common.siamese(image.expand(count, -1, -1, -1), one) for count in (2, 5))
    for found in (*first, *second):
        torch.testing.assert_close(found, first[0])


def test_the_network_is_trained_on_passes_over_the_synthetic_set():
    seen, cfg = [], DCConfig(NETWORK, network_steps=5, network_batch=4)
    images = torch.arange(float(CLASSES * IPC)).view(CLASSES, IPC, 1, 1, 1).expand(-1, -1, 1, SIZE, SIZE)
    network = build(NETWORK, CLASSES, SIZE, 1, generator(0))
    network.register_forward_pre_hook(lambda _, args: seen.append(args[0][:, 0, 0, 0].int().tolist()))
    gradients._train(cfg, network, images, "none", generator(1))
    assert [len(rows) for rows in seen[:3]] in ([1, 4, 4], [4, 4, 1], [4, 1, 4])
    assert sorted(row for rows in seen[:3] for row in rows) == list(range(CLASSES * IPC)) and len(seen) == 5
    seen.clear()
    gradients._train(replace(cfg, network_batch=9), network, images, "none", generator(1))
    assert seen == [list(range(9))] * 5


# Small classes, initial sets


def test_a_class_gives_as_many_different_images_as_it_has():
    real, rng = tail(), generator(0, "choose")
    for size in (1, 3, 100):
        chosen = real.choose(size, rng)
        assert [len(rows) for rows in chosen] == [min(size, count) for count in COUNTS]
        for rows, mine in zip(chosen, real.rows, strict=True):
            assert len(rows.unique()) == len(rows) and set(rows.tolist()) <= set(mine.tolist())
    drawn = torch.cat([real.choose(3, rng)[0] for _ in range(40)])
    assert len(drawn.unique()) == COUNTS[0]


def toy(counts=COUNTS):
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    images = torch.randint(256, (len(labels), 1, SIZE, SIZE), generator=generator(0, "toy"), dtype=torch.uint8)
    names = tuple(map(str, range(len(counts))))
    indices = 100 + torch.arange(len(labels))
    return LongTailedData(DataConfig(), images, labels, indices, images, labels, names, tuple(counts))


def tail_run(seed=0, counts=COUNTS):
    return toy_run(data=toy(counts), kind="none", seed=seed)


@both
def test_classes_smaller_than_the_batch_and_than_ipc_are_condensed_all_the_same(name):
    first = start_images(DMConfig(), tail_run(), IPC, 1.0)
    assert composition(first) == {"real": [3, 3, 2], "duplicated": [0, 0, 1], "synthetic": [0, 0, 0]}
    method, cfg = METHODS[name]
    preprocessed = toy().train_images / 255
    images = preprocessed[first.indices - 100]
    assert torch.equal(images[6], images[8])  # the third class repeats its first image
    made, losses = method(cfg, first, images, RealImages.of(preprocessed, toy().train_labels, CLASSES), 0)
    assert losses.shape == (2, CLASSES) and losses.isfinite().all() and len(made) == CLASSES * IPC
    assert composition(made)["synthetic"] == [IPC] * CLASSES
    assert made.targets is None and torch.equal(made.labels, start().labels)


def test_real_initial_images_are_those_of_random():
    random = select(CoresetConfig("random"), tail_run(4), IPC)
    assert content_hash(start_images(DMConfig(), tail_run(4), IPC, 0.3)) == content_hash(random)


def test_initial_noise_has_the_deviation_of_the_pixels():
    made = start_images(DCConfig(), tail_run(4), 40, 0.3)
    assert composition(made)["synthetic"] == [40] * CLASSES
    assert abs(made.images.mean()) < 0.01 and made.images.std().item() == pytest.approx(0.3, rel=0.05)
    assert not torch.equal(made.images, start_images(DCConfig(), tail_run(5), 40, 0.3).images)


# Runs


@pytest.fixture
def _told_at_once(monkeypatch):
    monkeypatch.setattr("ltdd_utils.training.resumable.LOOK_EVERY_S", 0)


@both
@pytest.mark.usefixtures("_told_at_once")
def test_a_killed_run_goes_on_to_the_same_set_and_losses(name, tmp_path):
    path, long = tmp_path / "checkpoint.safetensors", {"iterations": 5, "augment": DSA, "batch": 3}
    whole, losses = condense(name, **long)

    def until_killed(facts):
        if facts["iteration"] == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        condense(name, **long, options={"watch": until_killed, "checkpoint": Checkpoint(path, every_s=0)})
    assert Checkpoint(path).load().meta["iteration"] == 3
    made, same = condense(name, **long, seed=99, options={"checkpoint": Checkpoint(path)})
    assert content_hash(made) == content_hash(whole) and torch.equal(same, losses)
    assert content_hash(condense(name, **long)[0]) == content_hash(whole)
    assert content_hash(condense(name, **long, seed=1)[0]) != content_hash(whole)


@both
@pytest.mark.usefixtures("_told_at_once")
def test_the_watch_is_told_the_sum_over_classes(name):
    told = []
    _, losses = condense(name, options={"watch": told.append})
    assert [(facts["iteration"], facts["iterations"]) for facts in told] == [(1, 2), (2, 2)]
    assert [facts["loss"] for facts in told] == pytest.approx(losses.sum(dim=1).tolist())


@both
def test_the_last_loss_is_told_even_by_a_short_run(name):
    told = []
    condense(name, options={"watch": told.append})
    assert told[-1]["iteration"] == 2


@both
def test_no_iterations_and_a_step_size_of_zero_leave_the_images(name):
    for changes in ({"iterations": 0}, {"lr_images": 0.0}):
        made, losses = condense(name, **changes)
        assert torch.equal(made.images, start().images) and len(losses) == changes.get("iterations", 2)


def test_what_is_not_finite_stops_the_run_with_its_iteration():
    """Counted from 1, as the watch counts."""
    linear = {"network": replace(NETWORK, norm="none"), "lr_images": 1e200}
    with pytest.raises(FloatingPointError, match=r"the loss is inf at iteration 2; try a smaller method\.lr_images"):
        condense("dm", **linear, iterations=4)
    with pytest.raises(FloatingPointError, match="an image is not finite at iteration 1; try a smaller"):
        large = start(images=1e120 * start().images)
        condense("dm", large, **linear | {"lr_images": 1e250}, iterations=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: start_images(DCConfig(), tail_run(), 0, 1.0), "ipc is 0; a distilled set needs at least 1 image"),
        (lambda: start_images(DMConfig(), tail_run(counts=(3, 0, 2)), 1, 1.0), r"class 1 \(1\) has no image"),
        (lambda: tail((3, 0, 2)), "class 1 has no image to condense; leave it out or lower the imbalance factor"),
        (lambda: DCConfig(initial="zeros"), "initial is 'zeros'; choose one of real, noise"),
        (lambda: DMConfig(augment=AugmentConfig(kind="crop-flip")), "kind is 'crop-flip'; .* use 'dsa' or 'none'"),
        (lambda: DCConfig(updates=0), "updates is 0"),
        (lambda: condense("dc", network=replace(NETWORK, norm="batch")), "set its norm to 'instance' or 'none'"),
        (lambda: condense("dm", start(classes=2)), "has 6 images; give equally many of each of 3 classes"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Recipes and records


@pytest.mark.parametrize(
    ("ipc", "loops"),
    [(1, (1, 1)), (5, (10, 50)), (10, (10, 50)), (20, (20, 25)), (40, (40, 15)), (50, (50, 10)), (100, (50, 10))],
)
def test_dc_has_the_released_loops(ipc, loops):
    method = recipes.recipe("dc_cifar10", ipc=ipc, scale="paper").method
    assert (method.updates, method.network_steps) == loops and method.iterations == 1000


def test_published_settings_are_those_of_scale_paper():
    made = recipes.recipe("dc_cifar10", scale="paper").method
    assert made == DCConfig(NetworkConfig(width=128))
    made = recipes.recipe("dm_cifar10", scale="paper").method
    assert (made.iterations, made.lr_images, made.momentum_images, made.batch) == (20_000, 1.0, 0.5, 256)
    assert "flip" in made.augment.strategy and "flip" not in recipes.recipe("dm_digits").method.augment.strategy


def small(name, **changes):
    settings = {"method.iterations": "2", "method.batch": "4", "method.network.width": "4"}
    settings |= {"evaluate.train.epochs": "2", "evaluate.network.width": "4", "data.n_max": "40"}
    settings |= {"method.updates": "2"} if name == "dc" else {}
    return recipes.with_overrides(recipes.recipe(f"{name}_digits", ipc=2), settings | changes)


@pytest.mark.float32
@both
def test_a_run_writes_a_valid_record_and_the_same_numbers_again(name, tmp_path):
    record, again = (run(small(name), 0, 1, context(tmp_path / str(number))) for number in (0, 1))
    validate_record(json.loads(json.dumps(dict(record))))
    told = record["distillation"]
    assert told["iterations"] == 2 and len(told["curves"]["loss"]) == 2 and len(told["class_loss"]["mean"]) == 10
    assert sum(told["class_loss"]["mean"]) == pytest.approx(sum(told["curves"]["loss"]) / 2)
    assert (again["distillation"], again["metrics"]) == (told, record["metrics"])
    assert set(record["cost"]["seconds"]) == {"preprocess", "condensation", "students"}
    made = result_of(small(name), context(tmp_path / "0")).set
    assert [content_hash(made)] == record["provenance"]["distilled_sha256"]
    assert made.info["initial_sha256"] == told["initial_sha256"] and made.info["composition"]["synthetic"] == [2] * 10
    first = result_of(small(name, **{"method.iterations": "0"}), context(tmp_path / "0"))
    assert content_hash(first.set) == told["initial_sha256"] and first.history is None
