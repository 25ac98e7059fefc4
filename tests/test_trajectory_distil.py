"""The loop of trajectory matching, on experts that are made by hand: a student on a known set is the expert."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from toy_matching import (
    CLASSES,
    COUNTS,
    ETA,
    IMAGES,
    LABELS,
    STEPS,
    experts,
    known,
    network,
    plan,
    run,
    settings,
    start,
)

from ltdd_utils.augment import AugmentConfig
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.distilled import content_hash
from ltdd_utils.methods.trajectory.classifier import match_classifier
from ltdd_utils.methods.trajectory.distil import EXPLODED, HISTORY, last_start_epoch, match_trajectories
from ltdd_utils.methods.trajectory.matching import Problem, Synthetic, match
from ltdd_utils.methods.trajectory.settings import DAMConfig, ExpertConfig, InitialConfig, MatchConfig, TrajectoryConfig
from ltdd_utils.networks import Layout
from ltdd_utils.training import TrainConfig, soft_cross_entropy

pytestmark = pytest.mark.float32


SECOND = {"second": MatchConfig(weight=0.3, steps=STEPS, epochs=1), "match": "backbone"}


def test_the_matching_loss_falls_when_the_expert_can_be_reached():
    made, history, facts = run(settings(iterations=30, lr_images=5.0, momentum_labels=0.5))
    assert history["first"][0] > 0.5 and history["first"][-1] < history["first"][0] / 6
    assert facts == {"skipped": 0, "clamped": 0}
    assert made.lr != ETA and not torch.equal(made.targets, start().targets)
    assert not torch.equal(made.images, start().images)


def test_at_the_known_set_there_is_nothing_to_learn():
    cfg = settings(iterations=1, **SECOND)
    made, history, _ = run(cfg, start(images=known().images, targets=known().logits))
    assert history["first"][0] < 1e-9 and history["second"][0] < 1e-9
    torch.testing.assert_close(made.images, known().images, atol=1e-4, rtol=0)


@pytest.mark.parametrize("gradient", ["exact", "tesla"])
def test_images_labels_and_step_size_follow_the_textbook_recursion(gradient):
    """Momentum on the gradient of both phases' weighted losses; the first phase under DAM, the second without it."""
    cfg = settings(
        **SECOND,
        first=MatchConfig(weight=0.8, steps=STEPS, epochs=1),
        dam=DAMConfig("mean", 0.5),
        gradient=gradient,
        iterations=4,
        lr_images=0.5,
        momentum_images=0.6,
        lr_labels=0.4,
        momentum_labels=0.7,
        lr_lr=1e-3,
        momentum_lr=0.8,
    )
    made, history, _ = run(cfg)
    teachers, layout = experts(), Layout.of(network())
    apply, features = layout.apply(network()), layout.features(network())
    shares = torch.tensor(COUNTS) / sum(COUNTS)

    def dam(logits, targets):
        return -(3 * shares * targets * (logits - 0.5 * shares.log()).log_softmax(dim=1)).sum() / len(logits)

    ends = [teachers.snapshot(0, epoch) for epoch in (0, 1)]
    own = [teachers.classifier_snapshot(0, epoch) for epoch in (0, 1)]
    first = Problem(apply, *ends, layout.part("backbone"), plan(), dam)
    second = Problem(apply, *own, layout.part("classifier"), plan(), soft_cross_entropy)
    values = [start().images.clone(), start().targets.clone(), torch.tensor(ETA)]
    velocities, losses, sizes = [torch.zeros_like(value) for value in values], [], []
    for _ in range(4):
        synthetic = Synthetic(*values)
        one = match(synthetic, first, gradient)
        two = match_classifier(synthetic, second, features, CLASSES, gradient == "exact")
        losses.append((float(one.loss), float(two.loss)))
        for index, (name, step, momentum) in enumerate((("images", 0.5, 0.6), ("logits", 0.4, 0.7), ("lr", 1e-3, 0.8))):
            velocities[index] = momentum * velocities[index] + 0.8 * getattr(one, name) + 0.3 * getattr(two, name)
            values[index] = values[index] - step * velocities[index]
        sizes.append(float(values[2]))
    torch.testing.assert_close(made.images, values[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(made.targets, values[1], rtol=1e-4, atol=1e-5)
    assert made.lr == pytest.approx(float(values[2]), rel=1e-5) and made.lr != ETA
    found = torch.stack([history["first"], history["second"]], dim=1)
    torch.testing.assert_close(found, torch.tensor(losses), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(history["lr"], torch.tensor(sizes), rtol=1e-5, atol=0)


def test_the_history_has_a_row_for_every_iteration():
    made, history, _ = run(settings(**SECOND, window=(0, 1, 2)))
    assert list(history) == list(HISTORY)
    assert {name: list(rows.shape) for name, rows in history.items()} == {
        "first": [3], "second": [3], "lr": [3], "start": [3], "class_gradient": [3, CLASSES],
    }  # fmt: skip
    assert all(rows.isfinite().all() for rows in history.values())
    assert made.lr == pytest.approx(float(history["lr"][-1]))


def test_the_gradient_by_class_is_the_norm_over_its_images():
    momentum = {"momentum_images": 0.0, "iterations": 1, "lr_images": 2.0}
    made, history, _ = run(settings(**momentum))
    gradient = (start().images - made.images) / 2
    expected = gradient.view(CLASSES, -1).norm(dim=1)
    assert (expected > 1e-4).all()
    torch.testing.assert_close(history["class_gradient"][0], expected, rtol=1e-3, atol=1e-6)


def test_no_iterations_give_the_initial_set():
    made, history, _ = run(settings(iterations=0))
    assert torch.equal(made.images, start().images) and torch.equal(made.targets, start().targets)
    assert made.lr == pytest.approx(ETA) and all(len(rows) == 0 for rows in history.values())


@pytest.mark.parametrize("name", ["images", "targets", "lr"])
def test_what_has_the_step_size_zero_stays(name):
    field = {"images": "lr_images", "targets": "lr_labels", "lr": "lr_lr"}[name]
    made, _, _ = run(settings(**{field: 0.0}))
    for other in ("images", "targets", "lr"):
        same = torch.equal(torch.as_tensor(getattr(made, other)), torch.as_tensor(getattr(start(), other)))
        if other == "lr":
            same = made.lr == pytest.approx(ETA, rel=1e-7)
        assert same == (other == name), other


def test_a_second_phase_of_weight_zero_is_no_second_phase():
    without, _, _ = run(settings(match="backbone"))
    zero = {**SECOND, "second": MatchConfig(weight=0.0, steps=STEPS, epochs=1)}
    made, history, _ = run(settings(**zero))
    assert content_hash(made) == content_hash(without)
    assert history["second"].isnan().all() and history["first"].isfinite().all()


def test_a_first_phase_of_weight_zero_is_left_out():
    made, history, _ = run(settings(**SECOND, first=MatchConfig(weight=0.0, steps=STEPS, epochs=1)))
    assert history["first"].isnan().all() and history["second"].isfinite().all()
    assert not torch.equal(made.images, start().images)


def test_an_iteration_with_a_large_loss_is_skipped_and_counted():
    skipped, history, facts = run(settings(largest_loss=1e-6, **SECOND))
    assert facts["skipped"] == 3 and len(history["first"]) == 3 and (history["first"] > 1e-6).all()
    assert torch.equal(skipped.images, start().images) and torch.equal(skipped.targets, start().targets)
    made, _, facts = run(settings(largest_loss=100.0, **SECOND))
    assert facts["skipped"] == 0 and content_hash(made) == content_hash(run(settings(**SECOND))[0])


def test_the_larger_of_both_losses_decides():
    _, history, _ = run(settings(**SECOND, iterations=1))
    low, high = sorted([float(history["first"][0]), float(history["second"][0])])
    assert low < high
    assert run(settings(**SECOND, iterations=1, largest_loss=(low + high) / 2))[2]["skipped"] == 1
    assert run(settings(**SECOND, iterations=1, largest_loss=high * 1.01))[2]["skipped"] == 0


def away():
    """An expert that went the other way: every step of the student leads from it."""
    teachers = experts()
    rows = teachers.representation[0].tensors["snapshots"]
    rows[1] = 2 * rows[0] - rows[1]
    return teachers


def test_a_step_size_below_the_smallest_is_set_back_and_counted():
    cfg = settings(iterations=4, lr_images=0.0, lr_labels=0.0, lr_lr=1e3, smallest_lr=0.01, momentum_lr=0.9)
    made, history, facts = run(cfg, teachers=away())
    assert facts["clamped"] == 4
    torch.testing.assert_close(history["lr"], torch.full((4,), 0.01))
    assert made.lr == pytest.approx(0.01)


def test_a_step_size_that_was_set_back_can_grow_again():
    """Its velocity is forgotten: else it would be pushed down as long as the momentum lasts."""
    cfg = settings(lr_images=0.0, lr_labels=0.0, lr_lr=0.05, momentum_lr=0.99, smallest_lr=0.01, lr=3.0)
    _, history, facts = run(cfg, start(images=known().images, targets=known().logits))
    assert facts["clamped"] == 1 and history["lr"][0] == pytest.approx(0.01)
    assert 0.01 < history["lr"][1] < history["lr"][2] < 3


@pytest.mark.parametrize(
    ("expand", "bounds"), [(0, [20, 20, 20, 20, 20]), (100, [10, 10, 15, 19, 20]), (10, [10, 19, 20, 20, 20])]
)
def test_the_window_grows_from_its_first_bound_to_its_last(expand, bounds):
    cfg = TrajectoryConfig(window=(3, 10, 20), expand=expand)
    assert [last_start_epoch(cfg, iteration) for iteration in (0, 9, 50, 99, 5000)] == bounds


def test_start_epochs_are_drawn_from_the_window():
    cfg = settings(
        experts=ExpertConfig(train=TrainConfig(epochs=5), augment=AugmentConfig(kind="none")),
        window=(1, 2, 5), expand=20, iterations=40, first=MatchConfig(steps=1, epochs=1),
    )  # fmt: skip
    epochs = run(cfg, teachers=experts(epochs=5))[1]["start"].int().tolist()
    assert all(1 <= epoch < last_start_epoch(cfg, i) for i, epoch in enumerate(epochs))
    assert set(epochs[20:]) == {1, 2, 3, 4}


def test_mini_batches_pass_over_the_set_under_fresh_augmentation(monkeypatch):
    """And the expert of every iteration is drawn: the first phase is watched at its one call of ``match``."""
    problems, teachers = [], experts(2)

    def spy(synthetic, problem, gradient, _):
        problems.append(problem)
        return match(synthetic, problem, gradient)

    monkeypatch.setattr("ltdd_utils.methods.trajectory.phases.match", spy)
    cfg = replace(random_run(), first=MatchConfig(steps=4, epochs=1), second=None, window=(0, 1, 1), expand=0)
    run(cfg, teachers=teachers)
    orders = set()
    for problem in problems:
        rows = [step.rows.tolist() for step in problem.steps]
        assert sorted(rows[0] + rows[1]) == sorted(rows[2] + rows[3]) == list(range(IMAGES))
        assert {len(row) for row in rows} == {4, 2}
        assert all(step.augmentation.values.shape[1] == len(step.rows) for step in problem.steps)
        orders |= {tuple(rows[0] + rows[1]), tuple(rows[2] + rows[3])}
    assert len(orders) > len(problems)
    operations = [step.augmentation.operation for problem in problems for step in problem.steps]
    assert set(operations) == {"color", "crop", "scale"}
    drawn = {i for problem in problems for i in (0, 1) if torch.equal(problem.start, teachers.snapshot(i, 0))}
    assert drawn == {0, 1}


def random_run():
    """Everything that draws: two experts, a growing window, mini-batches, augmentation, both phases."""
    augment = AugmentConfig(kind="dsa", strategy="color_crop_scale")
    teachers = ExpertConfig(train=TrainConfig(epochs=2), augment=augment)
    return settings(
        **SECOND,
        experts=teachers,
        dam=DAMConfig("mean"),
        iterations=8,
        batch=4,
        window=(0, 1, 2),
        expand=4,
        lr_images=0.5,
        lr=0.1,
    )


def assert_same_run(mine, theirs):
    assert content_hash(mine[0]) == content_hash(theirs[0])
    for name in HISTORY:
        torch.testing.assert_close(mine[1][name], theirs[1][name], rtol=0, atol=0, equal_nan=True)
    assert mine[2] == theirs[2]


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    first, again, other = (run(random_run(), teachers=experts(2), seed=seed) for seed in (0, 0, 1))
    assert_same_run(first, again)
    assert content_hash(first[0]) != content_hash(other[0])


@pytest.mark.parametrize(
    ("change", "counted"),
    [({}, None), ({"largest_loss": 1.3}, "skipped"), ({"smallest_lr": 0.075}, "clamped")],
    ids=["plain", "skipping", "clamping"],
)
def test_a_killed_run_goes_on_to_the_same_set_and_history(tmp_path, change, counted):
    cfg, teachers, path = replace(random_run(), **change), experts(2), tmp_path / "checkpoint.safetensors"
    whole = run(cfg, teachers=teachers)
    assert counted is None or 0 < whole[2][counted] < cfg.iterations

    def until_killed(facts):
        if facts["iteration"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(cfg, teachers=teachers, watch=until_killed, checkpoint=Checkpoint(path, every_s=0))
    assert Checkpoint(path).load().meta["iteration"] == 4
    resumed = run(cfg, teachers=teachers, seed=99, checkpoint=Checkpoint(path))
    assert_same_run(resumed, whole)


def test_a_loss_that_is_not_finite_stops_with_its_iteration():
    with pytest.raises(FloatingPointError, match=r"at iteration 1: .*; try a smaller method\.lr_images"):
        run(settings(lr=1e30))
    with pytest.raises(FloatingPointError, match="at iteration 2: "):
        run(settings(lr_images=1e35))


def test_a_student_that_goes_astray_stops_the_run_unless_such_iterations_are_left_out():
    lost = settings(lr=100.0)
    with pytest.raises(FloatingPointError, match="gradients finite"):
        run(lost)
    _, history, facts = run(replace(lost, largest_loss=1.0))
    assert facts["skipped"] == lost.iterations and float(history["first"].min()) > EXPLODED


def test_hard_labels_stay_one_hot():
    """They are no soft labels at all: cross-entropy of integers, and none are stored."""
    cfg = settings(initial=InitialConfig(labels="hard"), lr_labels=0.0, iterations=1, momentum_images=0.0)
    first = start(targets=None, info={"class_names": ["a", "b", "c"]})
    made, history, _ = run(cfg, first)
    assert made.targets is None
    assert torch.equal(made.target_probabilities(), F.one_hot(LABELS, CLASSES).float())
    teachers, layout = experts(), Layout.of(network())
    ends = [teachers.snapshot(0, epoch) for epoch in (0, 1)]

    def cross_entropy(logits, targets):
        return F.cross_entropy(logits, LABELS) * targets.sum(dim=1).mean()  # the factor is 1, whatever the targets

    given = Problem(layout.apply(network()), *ends, layout.part("all"), plan(), cross_entropy)
    expected = match(Synthetic(first.images, torch.zeros(IMAGES, CLASSES), torch.tensor(ETA)), given)
    torch.testing.assert_close(history["first"][0], expected.loss)
    torch.testing.assert_close(first.images - made.images, expected.images, rtol=1e-3, atol=1e-5)


def test_what_is_given_stays_as_it_was():
    first, teachers = start(), experts()
    images, rows = first.images.clone(), teachers.representation[0].tensors["snapshots"].clone()
    run(settings(**SECOND), first, teachers)
    assert torch.equal(first.images, images) and torch.equal(first.targets, start().targets)
    assert torch.equal(teachers.representation[0].tensors["snapshots"], rows)


def test_the_weights_of_the_network_are_not_read():
    first, teachers = start(), experts()
    sets = [
        match_trajectories(settings(**SECOND), first, first.images, COUNTS, teachers, network=network(seed), seed=0)[0]
        for seed in (3, 4)
    ]
    assert content_hash(sets[0]) == content_hash(sets[1])


def test_the_watch_is_told_every_iteration():
    told = []
    _, history, _ = run(settings(), watch=told.append)
    assert [(facts["iteration"], facts["iterations"]) for facts in told] == [(1, 3), (2, 3), (3, 3)]
    assert [facts["loss"] for facts in told] == pytest.approx(history["first"].tolist())
    assert [facts["lr"] for facts in told] == pytest.approx(history["lr"].tolist())


def test_a_snapshot_that_is_not_stored_is_refused():
    with pytest.raises(FileNotFoundError, match=r"expert 0 holds the epochs \[0, 1, 2\], and epoch 3 is asked for"):
        longer = ExpertConfig(train=TrainConfig(epochs=3), augment=AugmentConfig(kind="none"))
        run(settings(experts=longer, window=(2, 3, 3)))
