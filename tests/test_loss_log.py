"""A loop's losses: the first that is not finite stops it, with its step; the watch is told; the device rarely waits."""

import math

import pytest
import torch
from pretended_device import DEVICE, PretendedDevice, waits

from ltdd_utils.training import LossLog, require_finite, resumable


def log(told=None, done=0, **options):
    watch = None if told is None else told.append
    return LossLog("iteration {}", "lr", lambda: {"iterations": 9}, watch, done, **options)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("first", range(5))
@pytest.mark.parametrize("done", [0, 7])
def test_the_guard_names_the_first_broken_step(first, done, value):
    """Counted from 1 over calls, whenever it looks, and whatever comes after."""
    losses = [torch.tensor(1.0)] * first + [torch.tensor(value), torch.tensor(math.nan), torch.tensor(1.0)]
    wanted = rf"^the loss is {value} at iteration {done + first + 1}; try a smaller lr$"
    for every in (1, 2, 10):
        one = log(done=done)
        with pytest.raises(FloatingPointError, match=wanted):
            for index, loss in enumerate(losses):
                one.add(loss)
                if index % every == every - 1:
                    one.look()
            one.look()


def test_terms_of_a_loss_are_added_and_each_can_break_it():
    told, one = [], log()
    one = log(told)
    one.add(torch.tensor([1.0, 2.0]))
    assert one.look() and told == [{"iterations": 9, "loss": 3.0}]
    one.add(torch.tensor([1.0, math.inf]))
    with pytest.raises(FloatingPointError, match="the loss is inf at iteration 2"):
        one.look()


def test_the_watch_is_told_the_last_loss_and_nothing_twice():
    told = []
    one = log(told)
    for losses in ([1.0, 5.0, 2.0], [], [4.0]):
        for loss in losses:
            one.add(torch.tensor(loss))
        assert one.look() == bool(losses)
    assert [facts["loss"] for facts in told] == [2.0, 4.0]


def test_a_mean_of_losses_in_half_precision_is_no_coarser():
    told = []
    one = log(told, summary=torch.mean)
    for loss in (1.0, 1.0078125, 1.0):
        one.add(torch.tensor(loss, dtype=torch.bfloat16))
    one.look()
    assert told[0]["loss"] == pytest.approx(1.0026041666, rel=1e-6)


def test_a_look_is_due_a_second_after_the_last_one(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(resumable.time, "monotonic", lambda: now[0])
    one = log()
    for passed, due in ((0.5, False), (0.5, True)):
        now[0] += passed
        assert one.due() == due
    one.add(torch.tensor(1.0))
    one.look()
    assert not one.due()


def test_a_look_waits_for_the_device_once():
    with PretendedDevice():
        one = log([])
        for _ in range(5):
            one.add(torch.ones(2, device=DEVICE))
        assert waits(one.look) == 1 and waits(one.look) == 0


def test_values_that_are_not_finite_are_refused():
    require_finite([torch.ones(2), torch.zeros(0)], "an image is not finite", "lr")
    for value in (math.nan, math.inf):
        with pytest.raises(FloatingPointError, match=r"^an image is not finite; try a smaller lr$"):
            require_finite([torch.ones(2), torch.tensor([1.0, value])], "an image is not finite", "lr")
