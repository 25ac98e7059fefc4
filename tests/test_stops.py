"""A stage of every kind stops within its work and goes on to the same bits; so does one that is stopped in mid-step."""

from collections import Counter

import pytest
import torch
import toy_recipes
from toy_recipes import small_coreset, small_trajectory, small_unilevel
from toy_sets import CPU, context

from ltdd_utils import recipes
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.store import Checkpoint, Store
from ltdd_utils.recipes import with_overrides
from ltdd_utils.runs import run
from ltdd_utils.training import LoopState

pytestmark = pytest.mark.float32


def small_condensation():
    few = {"data.n_max": "20", "evaluate.train.epochs": "2", "evaluate.network.width": "4"}
    few |= {"method.iterations": "2", "method.network.width": "4", "method.updates": "2", "method.batch": "8"}
    return with_overrides(recipes.recipe("dc_digits", ipc=2), few)


# A recipe, and at which question each kind of stage is stopped; a question comes after every step and pass.
KINDS = {
    "trajectory": (small_trajectory, {"representation": 3, "classifier": 3, "initial": 4, "matching": 5, "student": 2}),
    "alignment": (
        lambda: small_unilevel("unilevel", **{"method.observer.seed": 1}),
        {"expert": 1, "crops": 4, "recovery": 2, "student": 1, "statistics": 1},
    ),
    "coresets": (lambda: small_coreset("kcenter"), {"coreset": 5}),
    "condensation": (small_condensation, {"condensation": 60}),
    "labels of parts": (lambda: toy_recipes.small_condensation("ladm"), {"condensation": 3, "expert": 1, "labels": 2}),
}


def outcome(record):
    return record["metrics"], record["provenance"]["distilled_sha256"]


class Clock:
    """Says once for each kind of stage, at one of its questions, that it is time to stop."""

    def __init__(self, stops):
        self.stops, self.asked, self.stopped, self.now = stops, Counter(), [], None

    def over(self, checkpoint):
        kind = checkpoint.path.parent.parent.name
        self.asked[kind] += 1
        if kind not in self.stopped and self.asked[kind] == self.stops.get(kind):
            self.stopped.append(kind)
            self.now = kind
        return kind == self.now


def until_done(recipe, folder, clock, monkeypatch):
    """The same run again and again until no stage stops; its record."""
    monkeypatch.setattr(Checkpoint, "over", lambda checkpoint: clock.over(checkpoint))
    for _ in range(len(clock.stops) + 1):
        try:
            return run(recipe, 0, 1, context(folder))
        except Stopped as stop:
            assert "run the same command again to go on" in str(stop)
            clock.now = None
    raise AssertionError("it stopped more often than asked")


@pytest.mark.parametrize("family", KINDS)
def test_a_stage_stops_within_its_work_and_goes_on_to_the_same_bits(family, tmp_path, monkeypatch):
    make, stops = KINDS[family]
    whole, clock = run(make(), 0, 1, context(tmp_path / "whole")), Clock(stops)
    found = until_done(make(), tmp_path / "stopped", clock, monkeypatch)
    assert sorted(clock.stopped) == sorted(stops)
    assert outcome(found) == outcome(whole)


def test_a_pass_over_the_test_images_keeps_the_trained_student(tmp_path, monkeypatch):
    """The state of a stop after the last step is that step's."""
    recipe, left = small_coreset("random"), []
    clock = Clock({"student": recipe.evaluate.train.epochs + 1})
    real = Checkpoint.load
    monkeypatch.setattr(Checkpoint, "load", lambda checkpoint: left.append(real(checkpoint)) or left[-1])
    until_done(recipe, tmp_path, clock, monkeypatch)
    assert clock.stopped == ["student"]
    assert [state.meta["epoch"] for state in left if state] == [recipe.evaluate.train.epochs]


def test_a_step_that_is_stopped_in_its_middle_is_undone(tmp_path):
    images, rng, done = torch.zeros(3), torch.Generator().manual_seed(0), {"iteration": 1}
    checkpoint = Checkpoint(tmp_path / "state", deadline=0.0)
    state = LoopState({"images": images, "generator": rng}, done, checkpoint)
    state.begin("images", "generator")
    images += torch.rand(3, generator=rng)
    with pytest.raises(Stopped):
        state.pause()
    kept, fresh = Checkpoint(tmp_path / "state").load(), torch.Generator().manual_seed(0)
    assert torch.equal(kept.tensors["images"], torch.zeros(3)) and kept.meta["iteration"] == 1
    assert torch.equal(kept.tensors["generator"], fresh.get_state())


def test_work_beside_the_stages_stops_too(tmp_path):
    store = Store(tmp_path)
    store.pause()
    store.stop()
    with pytest.raises(Stopped, match="run the same command again"):
        store.pause()
    told = []
    reading = RunContext(store, CPU, watch=lambda stage: told.append).reading()
    reading({"stage": "read images", "note": "ten images"})  # nothing is left to do
    with pytest.raises(Stopped):
        reading({"stage": "read images", "done": 5, "total": 10})
    assert len(told) == 1
