"""States of the images that a run keeps on their way: the right ones, through a stop too, and the set is the same."""

import pytest
import torch
from test_stops import Clock
from toy_recipes import small_condensation, small_trajectory, small_unilevel
from toy_recovery import CFG, LABELS, recovered
from toy_sets import context

from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.store import Checkpoint, load_bundle
from ltdd_utils.distilled import content_hash, expanded, kept_states, uint8_pixels
from ltdd_utils.distilled.states import States, evenly, read_states
from ltdd_utils.recipes import with_overrides
from ltdd_utils.runs import distil, start

pytestmark = pytest.mark.float32

FIVE = {"method.iterations": "5"}
RECIPES = {
    "matching": lambda: small_trajectory(**FIVE),
    "recovery": lambda: small_unilevel("unilevel", **{"method.recover.iterations": 5}),  # in two batches
    "condensation": lambda: small_condensation("dm", **FIVE),
    "mosaics": lambda: small_condensation("idm", **FIVE),
    "labelled mosaics": lambda: small_condensation("ladm", **{"method.images.iterations": 5}),  # labels come later
}
STEPS = {"recovery": "method.recover.iterations", "labelled mosaics": "method.images.iterations"}
# At which question of the stage:
STOP = {"matching": 12, "recovery": 7, "condensation": 14, "mosaics": 14, "labelled mosaics": 14}
KINDS = {"mosaics": "condensation", "labelled mosaics": "condensation"}  # of the stage, where it is called otherwise


def made(recipe, folder, **options):
    """The distilled set, the run, and the key of the stage's folder."""
    run = start(recipe, 0, context(folder, **options))
    return distil(recipe, run).set, run


@pytest.mark.parametrize("stage", RECIPES)
def test_the_first_and_last_state_are_the_sets_before_and_after_and_the_set_is_the_same(stage, tmp_path):
    recipe = RECIPES[stage]()
    before, _ = made(with_overrides(recipe, {STEPS.get(stage, "method.iterations"): 0}), tmp_path)
    plain, silent = made(recipe, tmp_path / "plain")
    kept, run = made(recipe, tmp_path / "kept", keep_images=3)
    folder, states = kept_states(run)
    assert list(states) == [0, 2, 5] and kept_states(silent)[1] == {}
    began = uint8_pixels(expanded(before), run.data, run.preprocess)[
        0
    ]  # crops: a value halfway may be rounded either way
    assert (states[0].int() - began.int()).abs().max() <= 1
    assert torch.equal(states[5], uint8_pixels(expanded(kept), run.data, run.preprocess)[0])
    assert not torch.equal(states[2], states[0]) and not torch.equal(states[2], states[5])
    assert content_hash(kept) == content_hash(plain)
    assert folder.parent.name == kept_states(silent)[0].parent.name, "the key of the stage is another one"
    tensors, others = (load_bundle(one.ledger.results[-1]).tensors for one in (run, silent))
    assert tensors.keys() == others.keys() and all(torch.equal(tensors[name], others[name]) for name in tensors)


@pytest.mark.parametrize("stage", RECIPES)
def test_a_stop_leaves_no_gap_and_other_pixels_nowhere(stage, tmp_path, monkeypatch):
    recipe = RECIPES[stage]()
    _, whole = made(recipe, tmp_path / "whole", keep_images=6)
    clock = Clock({KINDS.get(stage, stage): STOP[stage]})
    monkeypatch.setattr(Checkpoint, "over", lambda checkpoint: clock.over(checkpoint))
    with pytest.raises(Stopped):
        made(recipe, tmp_path / "stopped", keep_images=6)
    (left,) = [read_states(path) for path in (tmp_path / "stopped").rglob("states")]
    assert 0 < len(left) < 6 or stage == "recovery", "it was to stop in the middle"
    clock.now = None
    _, again = made(recipe, tmp_path / "stopped", keep_images=6)
    one, other = kept_states(whole)[1], kept_states(again)[1]
    assert clock.stopped == [KINDS.get(stage, stage)] and list(one) == list(other) == [0, 1, 2, 3, 4, 5]
    assert all(torch.equal(one[at], other[at]) for at in one)


def test_recovery_tells_every_batch_with_its_rows():
    told = []
    images, _ = recovered(keep=lambda at, batch, rows: told.append((at, batch.detach().clone(), rows)))
    rows = [part for at, _, part in told if at == CFG.iterations]
    assert sorted(torch.cat(rows).tolist()) == list(range(len(LABELS))) and len(rows) > 1
    assert all(torch.equal(batch, images[part]) for at, batch, part in told if at == CFG.iterations)
    assert len(told) == len(rows) * (CFG.iterations + 1)


@pytest.mark.parametrize(("iterations", "count", "at"), [(60, 4, [0, 20, 40, 60]), (2, 16, [0, 1, 2]), (0, 3, [0])])
def test_states_are_evenly_spaced_and_hold_both_ends(iterations, count, at):
    assert evenly(iterations, count) == at


def test_one_state_is_no_way():
    with pytest.raises(ValueError, match="1 states of the images: keep 2 or more"):
        evenly(60, 1)


def test_a_state_that_lacks_a_batch_is_left_out_and_one_that_is_no_longer_asked_for_is_removed(tmp_path):
    def keeper(*at):
        return States(tmp_path, at, 4, lambda: None)

    class Same:
        inverse = staticmethod(lambda images: images)

    states, half = States(tmp_path, (0, 3), 4, Same()), torch.full((2, 1, 2, 2), 0.5)
    states(0, half, torch.tensor([2, 0]))
    states(3, half, torch.tensor([0, 1]))
    states(1, half, torch.tensor([0, 1]))
    states(0, 2 * half, torch.tensor([1, 3]))
    assert [len(list(tmp_path.glob(f"{at:06d}-*"))) for at in (0, 1, 3)] == [2, 0, 1]
    (whole,) = read_states(tmp_path).values()
    assert whole[:, 0, 0, 0].tolist() == [128, 255, 128, 255]
    keeper(0, 2)
    assert list(read_states(tmp_path)) == [0] and len(list(tmp_path.iterdir())) == 2


def small(name):
    pairs = {"unilevel_digits": {"recover.iterations": 3, "observer.train.epochs": 1, "teacher.train.epochs": 1}}
    values = {f"method.{key}": value for key, value in pairs.get(name, {}).items()}
    values |= {"evaluate.train.epochs": 1} | ({"evaluate.teacher.train.epochs": 1} if values else {})
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def test_the_command_keeps_them_and_says_where(ltdd, tmp_path):
    call = ["run", "unilevel_digits", "--ipc", "2", "--students", "1", *small("unilevel_digits"), "--quiet"]
    said = ltdd(*call, "--keep-images", "2").out.splitlines()
    (line,) = [line for line in said if line.startswith("states: ")]
    folder, _, count = line.removeprefix("states: ").partition(" (")
    assert count == "2 kept)" and len(list((tmp_path / "work").rglob("states"))) == 1
    assert [len(pixels) for pixels in read_states(tmp_path / folder).values()] == [20] * 2
    more = ltdd(*call, "--keep-images", "4").out
    assert "warning: 4 were asked for, but these images were made before" in more


def test_a_recipe_that_changes_no_image_is_refused(ltdd):
    assert (
        "rded_digits changes no image; leave the option out"
        in ltdd("run", "rded_digits", "--keep-images", "4", status=2).err
    )
    assert "changes no image" in ltdd("run", "random_digits", "--keep-images", "4", status=2).err
