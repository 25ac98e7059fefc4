"""Recovery: one step is Adam on the printed loss, nobody else is changed, and a stop changes nothing."""

import copy
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toy_observer import hooks, observer, same_network
from toy_recovery import BN, CFG, LABELS, WIDE, eyes, recovered, start

from ltdd_utils.augment import crop_boxes, draw_boxes
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.methods.alignment.alignment import Smoothed, Targets
from ltdd_utils.methods.alignment.batches import augmented, batches
from ltdd_utils.methods.alignment.monitor import Monitor
from ltdd_utils.methods.alignment.recover import recover
from ltdd_utils.methods.alignment.settings import RecoverConfig, StatisticsConfig
from ltdd_utils.training import Compiler, cpp_compiler

PLAIN = replace(CFG, crop_scale=(1.0, 1.0), flip=False, shift=0)


def same(one, other):
    return torch.equal(one[0], other[0]) and all(torch.equal(one[1][name], other[1][name]) for name in one[1])


def test_without_iterations_the_images_are_the_result():
    images = start()
    found, curves = recovered(replace(CFG, iterations=0), images)
    assert torch.equal(found, images) and found.data_ptr() != images.data_ptr()
    assert {name: len(curve) for name, curve in curves.items()} == {"distance": 0, "cross_entropy": 0}


@pytest.mark.parametrize("steps", [1, 3])
def test_the_steps_are_adams_on_distance_and_cross_entropy_with_a_rate_that_falls_along_a_cosine(steps):
    """Written out, with Adam's correction of its two averages, and one running average of the statistics."""
    images, ((network, statistics),) = start(), eyes()
    cfg = replace(PLAIN, iterations=steps, batch=9, cross_entropy=0.7, ema=0.6, betas=(0.7, 0.8))
    found, curves = recovered(cfg, images)
    targets, smoothed = Targets(network, statistics, BN, cfg, LABELS, dtype=torch.float64), Smoothed(0.6)
    first, second, rows, seen = 0.0, 0.0, images, []
    for step in range(steps):
        rows = rows.detach().requires_grad_()
        with Monitor(network, BN) as monitor:
            logits = network(rows)
            distance = targets.distance(monitor.take(), smoothed)
        fit = F.cross_entropy(logits, LABELS)
        (gradient,) = torch.autograd.grad(0.1 * distance + 0.7 * fit, rows)
        first, second = 0.7 * first + 0.3 * gradient, 0.8 * second + 0.2 * gradient.square()
        size = (second / (1 - 0.8 ** (step + 1))).sqrt() + 1e-8
        rate = cfg.lr * (1 + math.cos(math.pi * step / steps)) / 2
        rows = rows - rate * first / (1 - 0.7 ** (step + 1)) / size
        seen.append([distance.item(), fit.item()])
    torch.testing.assert_close(found, rows.detach())
    torch.testing.assert_close(torch.stack([curves["distance"], curves["cross_entropy"]], dim=1), torch.tensor(seen))


def test_the_curves_are_means_over_batches_of_each_iteration():
    _, curves = recovered(replace(PLAIN, batch=3, iterations=2))
    own = [
        recovered(replace(PLAIN, batch=3, iterations=2), start()[rows], LABELS[rows])[1] for rows in batches(LABELS, 3)
    ]
    for name, curve in curves.items():
        torch.testing.assert_close(curve, torch.stack([one[name] for one in own]).mean(dim=0))


def test_the_distance_falls():
    alone = RecoverConfig(iterations=60, batch=9, lr=0.2, cross_entropy=0.0, crop_scale=(1.0, 1.0), flip=False, ema=0.0)
    _, curves = recovered(alone, start() - 3)
    assert curves["distance"][-1] < 0.3 * curves["distance"][0]


@pytest.mark.parametrize("cfg", [CFG, replace(CFG, iterations=1), replace(CFG, lr=5.0)], ids=["usual", "one", "large"])
def test_images_stay_inside_their_bounds(cfg):
    low, high = torch.tensor([-0.5, -1.0]).view(2, 1, 1), torch.tensor([0.2, 0.7]).view(2, 1, 1)
    found, _ = recovered(cfg, bounds=(low, high))
    assert bool(((found >= low) & (found <= high)).all())
    assert bool((found == low).any()) and bool((found == high).any())  # some want to leave


def test_the_start_and_the_observers_are_not_changed():
    images, observers = start(), eyes("one", "other")
    list(observers[1][0].parameters())[2].requires_grad_(False)  # frozen before: so it stays
    before = [copy.deepcopy(network) for network, _ in observers]
    recovered(images=images, observers=observers)
    assert torch.equal(images, start())
    assert all(same_network(network, old) for (network, _), old in zip(observers, before, strict=True))


def test_the_observers_are_not_changed_by_a_call_that_fails():
    observers, calls = eyes(), []
    before = copy.deepcopy(observers[0][0])
    with pytest.raises(FloatingPointError, match=r"^the loss is nan at iteration 1 of batch 1; try a smaller"):
        recovered(images=start() * float("nan"), observers=observers)
    assert same_network(observers[0][0], before)

    def interrupt(module, inputs):
        calls.append([p.requires_grad for p in module.parameters()])
        if len(calls) == 6:
            raise KeyboardInterrupt

    handle = observers[0][0].register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        recovered(observers=observers)
    handle.remove()
    assert not any(calls[0]) and same_network(observers[0][0], before) and not hooks(before)


def test_several_observers_take_turns_within_a_batch():
    observers, calls = eyes("one", "other"), []
    for index, (network, _) in enumerate(observers):
        network.register_forward_pre_hook(lambda module, inputs, index=index: calls.append((index, len(inputs[0]))))
    recovered(replace(CFG, iterations=5), observers=observers)
    assert calls == [(turn % 2, size) for size in (4, 4, 1) for turn in range(5)]


def test_a_batch_knows_nothing_of_the_others():
    """Its running averages and its optimiser begin anew: only its own images and its number decide."""
    first, second, _ = batches(LABELS, 4)
    images, other = start(), start()
    other[first] += 1.0
    mine, theirs = recovered(images=images)[0], recovered(images=other)[0]
    assert torch.equal(mine[second], theirs[second]) and not torch.equal(mine[first], theirs[first])


def test_the_seed_draws_the_views():
    assert same(recovered(), recovered())
    assert not torch.equal(recovered()[0], recovered(seed=4)[0])
    assert torch.equal(recovered(PLAIN)[0], recovered(PLAIN, seed=4)[0])  # nothing else is drawn


@pytest.mark.parametrize("changes", [{"flip": True}, {"shift": 2}, {"crop_scale": (0.3, 0.9)}], ids=str)
def test_all_images_of_a_batch_get_the_same_view(changes):
    """Two equal images of a class stay equal, and unlike those that a step without views makes."""
    images = start()
    images[1] = images[0]
    found = recovered(replace(PLAIN, batch=9, **changes), images)[0]
    assert torch.equal(found[0], found[1]) and not torch.equal(found, recovered(replace(PLAIN, batch=9), images)[0])


def test_every_batch_has_views_of_its_own():
    """Two batches with the same images and labels: alike where nothing is drawn, else not."""
    images, labels = start()[:3].repeat(2, 1, 1, 1), torch.tensor([0, 1, 2, 0, 1, 2])
    for cfg, alike in ((PLAIN, True), (CFG, False)):
        one, other = recovered(replace(cfg, batch=3), images, labels)[0].chunk(2)
        assert torch.equal(one, other) == alike


def drawn(times=200, side=4, **changes):
    """Two images in which no two values are alike, their views, and the settings."""
    cfg, rng = replace(PLAIN, **changes), generator(0, "views")
    images = torch.arange(4.0 * side**2).view(2, 2, side, side)
    return images, [augmented(images, cfg, rng) for _ in range(times)], cfg


def places(view, wanted):
    """Which of the wanted views it is."""
    return [place for place, one in enumerate(wanted) if torch.equal(view, one)]


def test_half_of_the_views_are_mirrored_left_to_right():
    images, seen, _ = drawn(flip=True)
    found = [places(view, (images, images.flip(3))) for view in seen]
    assert all(len(one) == 1 for one in found)
    assert abs(sum(one == [1] for one in found) - 100) < 24  # binomial: one seed in a thousand is outside


@pytest.mark.parametrize("shift", [1, 2])
def test_the_shifts_are_all_rolls_by_up_to_so_many_pixels_both_ways(shift):
    images, seen, _ = drawn(times=400, side=6, shift=shift)
    steps = range(-shift, shift + 1)
    rolls = [images.roll((down, across), dims=(2, 3)) for down in steps for across in steps]
    found = [places(view, rolls) for view in seen]
    assert all(len(one) == 1 for one in found)
    assert {place for (place,) in found} == set(range((2 * shift + 1) ** 2))


def test_a_crop_is_one_square_box_of_the_given_shares_for_all_images():
    """A replay of the boxes; and of their areas, up to sides in whole pixels."""
    images, seen, cfg = drawn(times=100, side=20, crop_scale=(0.3, 0.5))
    rng = generator(0, "views")
    boxes = torch.cat([draw_boxes(1, 20, 20, cfg.crop_scale, (1.0, 1.0), generator=rng) for _ in seen])
    wanted = [crop_boxes(images, box.repeat(2, 1), 20) for box in boxes]
    torch.testing.assert_close(torch.stack(seen), torch.stack(wanted))
    assert set(boxes[:, 2:].flatten().tolist()) == {11, 12, 13, 14}  # 20 times the roots of 0.3 and 0.5, rounded


@pytest.mark.parametrize("number", [1, 2])
def test_a_call_that_is_stopped_again_and_again_gives_the_same(tmp_path, number):
    """Three batches, running averages on: every call does one iteration and is stopped by its deadline."""
    names = ("one", "other")[:number]
    whole, calls = recovered(observers=eyes(*names)), 0
    while calls < 20:
        calls += 1
        try:
            again = recovered(observers=eyes(*names), checkpoint=Checkpoint(tmp_path / "state", deadline=0.0))
            break
        except Stopped:
            continue
    assert calls == 3 * CFG.iterations + 1 and same(again, whole)


@pytest.mark.parametrize("last", [1, 6, 8, 11])
def test_a_killed_call_goes_on_in_the_middle_of_a_batch(tmp_path, last):
    whole, ticks = recovered(observers=eyes("one", "other")), []

    class Killed(Checkpoint):
        def tick(self, state):
            super().tick(state)
            ticks.append(1)
            if len(ticks) == last:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recovered(observers=eyes("one", "other"), checkpoint=Killed(tmp_path / "state", every_s=0))
    resumed = recovered(observers=eyes("one", "other"), checkpoint=Checkpoint(tmp_path / "state"))
    assert same(resumed, whole)


def test_the_views_do_not_depend_on_the_default_type():
    images, cfg, seen = start(), replace(CFG, shift=0), []
    for kind in (torch.float64, torch.float32):
        torch.set_default_dtype(kind)
        rng = generator(0, "views")
        seen.append(torch.stack([augmented(images, cfg, rng) for _ in range(20)]))
    assert torch.equal(*seen)


@pytest.mark.parametrize(
    ("labels", "size", "wanted"),
    [
        ([0, 0, 0, 1, 1, 1, 2, 2, 2], 3, [[0, 3, 6], [1, 4, 7], [2, 5, 8]]),
        ([0, 0, 0, 1, 1, 1, 2, 2, 2], 4, [[0, 3, 6, 1], [4, 7, 2, 5], [8]]),
        ([2, 0, 1, 0, 2], 4, [[1, 2, 0, 3], [4]]),
        ([5, 5], 100, [[0, 1]]),
        ([3], 1, [[0]]),
    ],
)
def test_batches_take_the_classes_in_turn(labels, size, wanted):
    assert [rows.tolist() for rows in batches(torch.tensor(labels), size)] == wanted


@pytest.mark.parametrize("size", [1, 4, 7, 50])
def test_batches_hold_every_image_once_and_all_classes_as_equally_often_as_they_can(size):
    labels = torch.randperm(60, generator=generator(0, "labels")) % 5  # twelve of each, in no order
    parts = batches(labels, size)
    assert sorted(torch.cat(parts).tolist()) == list(range(60)) and {len(part) for part in parts[:-1]} <= {size}
    turns = [int((labels[:row] == labels[row]).sum()) for row in range(60)]  # how many of its class stand before it
    assert torch.cat(parts).tolist() == sorted(range(60), key=lambda row: (turns[row], int(labels[row])))
    for part in parts:
        counts = torch.bincount(labels[part], minlength=5)
        assert int(counts.max() - counts.min()) <= 1


def test_progress_counts_the_iterations_of_all_batches():
    told = []
    recovered(watch=told.append)
    assert [(one["iteration"], one["iterations"]) for one in told] == [(4, 12), (8, 12), (12, 12)]
    assert all(one["loss"] > 0 for one in told)


def test_what_cannot_be_recovered_is_refused():
    with pytest.raises(ValueError, match=r"^recovery needs at least one observer, got none$"):
        recover(CFG, BN, start(), LABELS, [], bounds=WIDE, seed=0)
    ((network, statistics),) = eyes()
    plain = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Flatten(), nn.Linear(48, 3)).double().eval()
    with pytest.raises(ValueError, match=r"^the observer has no BatchNorm layer, .* use a network with norm 'batch'"):
        recovered(observers=[(plain, statistics)])
    before = copy.deepcopy(network)
    with pytest.raises(ValueError, match=r"^an observer is in training mode, .* call \.eval\(\) first$"):
        recovered(observers=[(network.train(), statistics)])
    assert same_network(network.eval(), before)
    wide = observer("wide", width=4)
    for changes in ({"observers": [(wide, statistics)]}, {"observers": eyes()}):
        cfg = BN if changes["observers"][0][0] is wide else StatisticsConfig(layers="bn+conv")
        with pytest.raises(ValueError, match=r"^the statistics are of an observer with other layers; collect"):
            recover(CFG, cfg, start(), LABELS, changes["observers"], bounds=WIDE, seed=0)


@pytest.mark.float32
@pytest.mark.skipif(cpp_compiler() is None, reason="no C++ compiler")
def test_compiled_passes_recover_the_same_images_to_rounding():
    """Two batches of four images under one observer, and a last one of one image, which is not compiled."""
    known = [(network.float(), replace(statistics, observer="")) for network, statistics in eyes()]
    images, bounds = start().float(), tuple(edge.float() for edge in WIDE)
    compiler, cfg = Compiler("on", "cpu"), replace(CFG, iterations=2)
    (plain, first), (quick, second) = (
        recovered(cfg, images, observers=known, bounds=bounds, compiler=one) for one in (None, compiler)
    )
    assert compiler.facts == {"compiled": True}
    torch.testing.assert_close(quick, plain, rtol=1e-3, atol=1e-3)
    for name, curve in first.items():
        torch.testing.assert_close(second[name], curve, rtol=1e-4, atol=1e-6)
