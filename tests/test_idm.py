"""IDM: the loss in closed form and its gradient by finite differences, the queue's rules, a textbook loop, runs."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from toy_condensation import CLASSES, COUNTS, IPC, NETWORK, PLAIN, SIZE, noise, slopes, start, tail
from toy_recipes import small_condensation
from toy_sets import context, result_of

from ltdd_utils import recipes
from ltdd_utils.augment import AugmentConfig
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.distilled import content_hash
from ltdd_utils.distilled.mosaics import enlarged
from ltdd_utils.methods.condensation.distributions import class_cross_entropy, idm
from ltdd_utils.methods.condensation.queue import Queue
from ltdd_utils.methods.condensation.settings import IDMConfig
from ltdd_utils.networks import build
from ltdd_utils.networks.flat import flat_parameters
from ltdd_utils.records import validate_record
from ltdd_utils.runs import run

CFG = IDMConfig(
    NETWORK,
    iterations=3,
    batch=5,
    lr_images=0.5,
    augment=PLAIN,
    queue=4,
    first_networks=2,
    push_every=2,
    trained=2,
    network_steps=3,
    network_batch=6,
    lr_network=0.1,
)


def mosaics(ipc=IPC, images=None):
    made = start(ipc, images)
    return replace(made, info={**made.info, "factor": 2})


def made_by(first=None, real=None, seed=0, options=None, **changes):
    first = first or mosaics()
    return idm(replace(CFG, **changes), first, first.images, real or tail(), seed, **(options or {}))


def trained_by_sgd(one, batches, loss):
    """Steps of PyTorch's SGD with the settings of ``CFG``, in place, and the share of right answers before each."""
    sgd, right = torch.optim.SGD(one.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4), []
    for images, labels in batches:
        logits = one(images)
        right.append((logits.argmax(dim=1) == labels).double().mean().item())
        sgd.zero_grad()
        loss(logits, labels).backward()
        sgd.step()
    return right


def network(name="network"):
    return build(NETWORK, CLASSES, SIZE, 1, generator(0, name))


# The loss


def test_the_regulariser_is_the_mean_cross_entropy_of_each_class():
    logits = noise(CLASSES, 5, CLASSES, name="logits")
    for label, members in enumerate(logits):
        expected = -members.exp().div(members.exp().sum(dim=1, keepdim=True)).log()[:, label].mean()
        torch.testing.assert_close(class_cross_entropy(logits)[label], expected)
        torch.testing.assert_close(expected, F.cross_entropy(members, torch.full((5,), label)))


@pytest.mark.parametrize(("of", "weight"), [("constant", 0.7), ("accuracy", 0.0)])
def test_the_first_loss_is_the_distance_of_means_and_the_weighted_cross_entropy(of, weight):
    """A network that was never trained has no accuracy yet; its cross-entropy counts for nothing then."""
    first, real = mosaics(), tail()
    _, losses = made_by(first, real, iterations=1, batch=100, first_networks=0, regulariser=0.7, regulariser_of=of)
    rng = generator(0, "condensation")
    only = build(NETWORK, CLASSES, SIZE, 1, rng)  # the one that the first iteration pushes
    for label, rows in enumerate(real.rows):
        parts = enlarged(first.images[IPC * label : IPC * (label + 1)], 2)
        distance = (only.backbone(parts).mean(dim=0) - only.backbone(real.images[rows]).mean(dim=0)).square().sum()
        entropy = F.cross_entropy(only(parts), torch.full((len(parts),), label))
        torch.testing.assert_close(losses[0, label], (distance + weight * entropy).detach())


@pytest.mark.parametrize("augment", [PLAIN, AugmentConfig(kind="dsa")], ids=["plain", "dsa"])
def test_the_images_follow_the_gradient_of_the_loss(augment):
    """Against central differences: the same seed gives the same networks, real images and augmentation."""
    one = {"iterations": 1, "momentum_images": 0.0, "regulariser_of": "constant", "augment": augment}
    first, step = mosaics().images, 1e-5
    gradient = (first - made_by(**one)[0].images) / (CFG.lr_images * tail().deviation ** 2)

    def loss(images):
        return float(made_by(mosaics(images=images), **one)[1].sum())

    assert gradient.flatten(1).norm(dim=1).min() > 1e-3
    for found, slope in slopes(first, gradient, loss, step):
        assert found == pytest.approx(slope, rel=1e-4)


def test_without_a_queue_regulariser_and_parts_it_is_dm():
    """One network per iteration, never trained, whole images: the loss of DM for the network that is pushed."""
    plain = {"factor": 1, "regulariser": 0.0, "queue": 1, "first_networks": 0, "push_every": 1, "trained": 0}
    first, real = start(), tail()
    _, losses = made_by(first, real, batch=100, iterations=1, **plain)
    only = build(NETWORK, CLASSES, SIZE, 1, generator(0, "condensation"))
    for label, rows in enumerate(real.rows):
        own = only.backbone(first.images[IPC * label : IPC * (label + 1)]).mean(dim=0)
        expected = (own - only.backbone(real.images[rows]).mean(dim=0)).square().sum()
        torch.testing.assert_close(losses[0, label], expected.detach())


# The queue


def test_a_queue_grows_by_one_network_at_a_time_and_loses_its_oldest():
    queue, made = Queue(CFG, network(), torch.device("cpu")), []
    for number in range(6):
        made.append(flat_parameters(network(str(number))))
        queue.push(network(str(number)))
        alive = made[-CFG.queue :]
        assert len(queue) == len(alive) == min(number + 1, 4)
        rows = sorted(row.tolist() for row in queue.weights[: len(queue)])
        assert rows == sorted(weights.tolist() for weights in alive)


@pytest.mark.parametrize(("iterations", "there"), [(1, 3), (2, 3), (3, 4), (4, 4), (5, 4), (9, 4)])
def test_a_network_comes_at_the_first_iteration_and_every_second_one_after_it(iterations, there):
    queue = Queue(CFG, network(), torch.device("cpu"))
    for _ in range(CFG.first_networks):
        queue.push(network())
    for _ in range(iterations):
        queue.begin(network)
    assert len(queue) == there and int(queue.clock[1]) == CFG.first_networks + (iterations + 1) // 2


def test_every_network_is_drawn_as_often_as_the_others_and_no_absent_one():
    queue, rng = Queue(CFG, network(), torch.device("cpu")), generator(0, "draws")
    for _ in range(3):
        queue.push(network())
    drawn = [row for _ in range(600) for row in queue.draw(2, rng)]
    assert sorted(set(drawn)) == [0, 1, 2] and len(drawn) == 1200
    assert all(340 < drawn.count(row) < 460 for row in range(3))
    assert sorted(queue.draw(9, rng)) == [0, 1, 2]


def test_a_network_of_the_queue_is_trained_as_by_sgd_of_pytorch():
    queue, one = Queue(CFG, network(), torch.device("cpu")), network()
    queue.push(network("other"))
    queue.push(one)
    before = queue.weights[0].clone()
    batches = [(noise(6, 1, SIZE, SIZE, name=f"batch {k}"), torch.tensor([0, 1, 2] * 2)) for k in range(6)]
    given = iter(batches)
    right = trained_by_sgd(one, batches, F.cross_entropy)
    for _ in range(2):  # its velocity stays with it between two trainings
        queue.train(1, lambda: next(given))
    torch.testing.assert_close(queue.weights[1], flat_parameters(one))
    assert float(queue.accuracy[1]) == pytest.approx(sum(right[3:]) / 3)
    assert torch.equal(queue.weights[0], before) and float(queue.accuracy[0]) == 0


def test_a_new_network_has_neither_the_velocity_nor_the_accuracy_of_the_one_it_replaces():
    queue = Queue(replace(CFG, queue=1, first_networks=1), network(), torch.device("cpu"))
    queue.push(network())
    queue.train(0, lambda: (noise(6, 1, SIZE, SIZE, name="batch"), torch.tensor([0, 1, 2] * 2)))
    assert queue.velocity.abs().max() > 0
    queue.push(network("next"))
    assert queue.velocity.abs().max() == 0 and float(queue.accuracy) == 0
    assert torch.equal(queue.weights[0], flat_parameters(network("next")))


def test_the_weight_of_the_regulariser_is_the_accuracy_in_percent_or_one():
    for of, expected in (("accuracy", 0.5 * 25), ("constant", 0.5)):
        queue = Queue(replace(CFG, regulariser_of=of), network(), torch.device("cpu"))
        queue.push(network())
        queue.accuracy[0] = 0.25
        assert float(queue.regulariser(0)) == expected


def test_networks_learn_the_long_tail_or_the_synthetic_parts(monkeypatch):
    seen = []

    def train(self, row, batch):
        seen.append(batch())

    monkeypatch.setattr(Queue, "train", train)
    for given in ("real", "synthetic"):
        seen.clear()
        made_by(iterations=1, network_data=given, network_batch=1000)
        assert len(seen) == CFG.trained
        counts = [sorted(labels.tolist()).count(label) for label in range(CLASSES) for _, labels in seen[:1]]
        assert counts == (list(COUNTS) if given == "real" else [4 * IPC] * CLASSES)


# The loop


def test_the_loss_falls_under_networks_that_the_images_never_met():
    made, _ = made_by(
        iterations=60, lr_images=3.0, regulariser_of="constant", trained=0, first_networks=0, push_every=1
    )
    again = {"seed": 99, "iterations": 3, "trained": 0, "regulariser_of": "constant", "push_every": 1}
    before, after = (made_by(first, **again)[1].sum() for first in (mosaics(), replace(made, info=mosaics().info)))
    assert after < 0.8 * before


def test_the_same_seed_makes_the_same_set_and_another_another():
    hashes = [content_hash(made_by(seed=seed)[0]) for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("asked", range(1, 14))
def test_a_stopped_loop_ends_in_the_same_bits(asked, tmp_path, monkeypatch):
    """Stopped at any question, within an iteration or after it: queue, velocity, accuracies and stream go on."""
    whole, losses = made_by(iterations=4)
    questions = []

    def over(self):
        questions.append(0)
        return len(questions) >= asked

    monkeypatch.setattr(Checkpoint, "over", over)
    checkpoint = Checkpoint(tmp_path / "state", every_s=1e9)
    try:
        made, told = made_by(iterations=4, options={"checkpoint": checkpoint})
    except Stopped:
        monkeypatch.undo()
        made, told = made_by(iterations=4, options={"checkpoint": Checkpoint(tmp_path / "state", every_s=1e9)})
    assert torch.equal(made.images, whole.images) and torch.equal(told, losses)


def test_a_class_smaller_than_the_batch_gives_all_it_has():
    """The loss does not depend on how much larger than a class a batch is."""
    small = {"iterations": 1, "trained": 0}
    for size in (8, 100):
        torch.testing.assert_close(made_by(batch=size, **small)[1], made_by(batch=8, **small)[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: IDMConfig(queue=2), "first_networks is 3, more than the queue's 2 networks; lower it"),
        (lambda: IDMConfig(network_data="test"), "network_data is 'test'; choose one of real, synthetic"),
        (lambda: IDMConfig(regulariser_of="loss"), "choose one of accuracy, constant"),
        (lambda: IDMConfig(factor=0), "factor is 0"),
        (lambda: made_by(network=replace(NETWORK, norm="batch")), "set its norm to 'instance' or 'none'"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Recipes and records


def test_published_settings_are_those_of_the_released_commands():
    made = recipes.recipe("idm_cifar10", scale="paper").method
    assert (made.iterations, made.lr_images, made.batch, made.regulariser, made.factor) == (20_000, 0.2, 256, 0.5, 2)
    assert (made.queue, made.first_networks, made.push_every, made.trained, made.network_steps) == (100, 3, 30, 2, 10)
    assert (made.lr_network, made.momentum_network, made.decay_network) == (0.01, 0.9, 5e-4)
    assert made.network.width == 128 and "flip" in made.augment.strategy
    weights = {ipc: recipes.recipe("idm_cifar10", ipc=ipc, scale="paper").method.regulariser for ipc in (1, 20, 50)}
    assert weights == {1: 0.5, 20: 0.5, 50: 0.1}
    assert recipes.recipe("idm_cifar100", scale="paper").method.network_steps == 50


@pytest.mark.float32
@pytest.mark.parametrize("name", ["idm", "dream"])
def test_a_run_writes_a_valid_record_and_the_same_numbers_again(name, tmp_path):
    recipe = small_condensation(name)
    record, again = (run(recipe, 0, 1, context(tmp_path / str(number))) for number in (0, 1))
    validate_record(json.loads(json.dumps(dict(record))))
    told = record["distillation"]
    assert told["iterations"] == 2 and len(told["class_loss"]["mean"]) == 10
    assert (again["distillation"], again["metrics"]) == (told, record["metrics"])
    made = result_of(recipe, context(tmp_path / "0")).set
    assert [content_hash(made)] == record["provenance"]["distilled_sha256"]
    assert (len(made), made.factor) == (20, 2) and made.info["composition"]["synthetic"] == [2] * 10
    first = result_of(recipes.with_overrides(recipe, {"method.iterations": "0"}), context(tmp_path / "0"))
    assert content_hash(first.set) == told["initial_sha256"] and first.set.factor == 2
