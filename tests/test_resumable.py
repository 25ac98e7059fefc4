"""The state of a loop comes back whole, or not at all: then the loop starts from the beginning."""

import math
from functools import partial

import pytest
import torch
import toy_condensation as condensation
import toy_matching as trajectories
import toy_recovery as recovery
import toy_training as training
from torch import nn

from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Bundle, Checkpoint, save_bundle
from ltdd_utils.methods.alignment.alignment import Smoothed
from ltdd_utils.methods.trajectory.snapshots import Snapshots
from ltdd_utils.training import Average, LoopState, LossLog, Rows, TrainConfig, train

OPTIMISERS = {
    "sgd": partial(torch.optim.SGD, lr=0.1),
    "momentum": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
    "adam": partial(torch.optim.Adam, lr=0.1),
    "adamw": partial(torch.optim.AdamW, lr=0.1),
}


class Everything:
    """A loop that changes every kind of part; its steps depend on all of them."""

    def __init__(self, optimiser="adam"):
        self.network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        with torch.no_grad():
            for parameter in self.network.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator(0, "weights")))
        self.average, self.optimiser = Average(self.network, 0.9), OPTIMISERS[optimiser](self.network.parameters())
        self.rng, self.images = generator(0, "loop"), torch.ones(5, 3)
        self.velocity = {"images": torch.zeros(5, 3), "lr": torch.tensor(1.0)}
        self.curves, self.smoothed = {"loss": Rows(), "norm": Rows()}, Smoothed(0.8)
        self.done = {"iteration": 0, "skipped": 0}

    def parts(self):
        learned = {"images": self.images, "network": self.network, "average": self.average, "nothing": None}
        return {
            **learned, "velocity": self.velocity, "curves": self.curves, "smoothed": {"0": self.smoothed},
            "optimiser": self.optimiser, "generator": self.rng,
        }  # fmt: skip

    def step(self):
        self.optimiser.zero_grad()
        drawn = torch.randn(5, 3, generator=self.rng)
        loss = (self.network(self.images + drawn) - 1).square().mean()
        loss = self.smoothed((0, 1), loss) * self.velocity["lr"]
        loss.backward()
        self.optimiser.step()
        self.average.update(self.network)
        self.velocity["images"].mul_(0.5).add_(drawn)
        self.velocity["lr"].mul_(0.9)
        self.images.sub_(self.velocity["images"], alpha=0.1)
        self.curves["loss"].append(loss.detach())
        self.curves["norm"].append(self.images.norm(dim=1))
        self.done["iteration"] += 1
        self.done["skipped"] += int(drawn[0, 0] > 0)
        return loss.detach()

    def run(self, iterations, checkpoint=None):
        state = LoopState(self.parts(), self.done, checkpoint)
        while self.done["iteration"] < iterations:
            self.step()
            state.keep()
        return state


def same(one, other):
    """Two bundles, to the last bit."""
    kept, found = one.tensors, other.tensors
    alike = all(torch.equal(tensor, found[name]) and tensor.dtype == found[name].dtype for name, tensor in kept.items())
    return kept.keys() == found.keys() and alike and one.meta == other.meta


def killed(loop, path, iterations, optimiser="adam"):
    """Its checkpoint after so many iterations."""
    loop(optimiser).run(iterations, Checkpoint(path, every_s=0))
    return Checkpoint(path)


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_every_kind_of_part_comes_back(tmp_path, optimiser, steps):
    first, second = Everything(optimiser), Everything(optimiser)
    kept = first.run(steps).bundle()
    save_bundle(tmp_path / "state", Bundle(kept.tensors, kept.meta | {"seconds": 1.0}))
    second.rng.manual_seed(99)
    found = LoopState(second.parts(), second.done, Checkpoint(tmp_path / "state")).bundle()
    assert same(kept, found) and second.done == first.done and first.done["iteration"] == steps
    names = {"images", "velocity.lr", "generator", "network.1.running_var", "average.n_averaged"}
    grown = {"curves.norm", "smoothed.0.0.1"} | ({"optimiser.0.exp_avg"} if "adam" in optimiser else set())
    assert names | (grown if steps else set()) <= found.tensors.keys()


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_loop_that_is_stopped_at_every_step_ends_in_the_same_bits(tmp_path, optimiser):
    whole, calls = Everything(optimiser).run(6).bundle(), 0
    while calls < 20:
        calls += 1
        try:
            again = Everything(optimiser).run(6, Checkpoint(tmp_path / "state", deadline=0.0))
            break
        except Stopped:
            continue
    assert calls == 7 and same(again.bundle(), whole)


def test_what_is_restored_shares_nothing_with_the_checkpoint(tmp_path):
    """Else going on would change what another call reads."""
    saved = killed(Everything, tmp_path / "state", 3)
    before = {name: tensor.clone() for name, tensor in saved.load().tensors.items()}
    Everything().run(6, saved)
    assert all(torch.equal(tensor, before[name]) for name, tensor in saved.load().tensors.items())


def without(name):
    return lambda saved: saved.tensors.pop(name)


def other(name, change):
    return lambda saved: saved.tensors.update({name: change(saved.tensors[name])})


def kind(name, value):
    return lambda saved: saved.meta["layout"].update({name: value})


FOREIGN = {
    "an older version's, without a layout": lambda saved: saved.meta.pop("layout"),
    "another description": lambda saved: saved.meta.update(layout="2"),
    "a part is absent": lambda saved: saved.meta["layout"].pop("velocity.lr"),
    "another optimiser": kind("optimiser", "SGD"),
    "another network": kind("network", "ConvNet"),
    "a tensor is absent": without("images"),
    "a weight is absent": without("network.0.bias"),
    "one weight more": lambda saved: saved.tensors.update({"network.2.weight": torch.ones(3)}),
    "another shape": other("velocity.images", lambda tensor: tensor[:2]),
    "another type": other("average.module.0.weight", torch.Tensor.float),
    "a count is absent": lambda saved: saved.meta.pop("skipped"),
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_checkpoint_starts_from_the_beginning(tmp_path, change):
    checkpoint = killed(Everything, tmp_path / "state", 3)
    change(checkpoint.load())
    loop, fresh = Everything(), Everything()
    found = LoopState(loop.parts(), loop.done, checkpoint).bundle()
    assert same(found, fresh.run(0).bundle()) and loop.done == fresh.done


def test_more_in_the_checkpoint_than_the_loop_asks_for_is_left_alone(tmp_path):
    """As snapshots of experts are."""
    checkpoint = killed(Everything, tmp_path / "state", 3)
    checkpoint.load().tensors["snapshot.2"] = torch.ones(4)
    assert Everything().run(3, checkpoint).counts["iteration"] == 3


def train_all(checkpoint=None):
    trained = train(
        training.linear(), 40, training.cross_entropy, TrainConfig(epochs=4), generator(0), checkpoint=checkpoint
    )
    return list(trained.parameters())


def match_all(checkpoint=None):
    torch.set_default_dtype(torch.float32)
    made, history, _ = trajectories.run(trajectories.settings(iterations=4), checkpoint=checkpoint)
    return [made.images, history["first"]]


def condense_all(checkpoint=None):
    made, losses = condensation.condense("dm", iterations=4, options={"checkpoint": checkpoint})
    return [made.images, losses]


LOOPS = {
    "training": train_all,
    "matching": match_all,
    "condensation": condense_all,
    "recovery": lambda checkpoint=None: [recovery.recovered(checkpoint=checkpoint)[0]],
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_no_loop_reads_the_checkpoint_of_an_older_version(tmp_path, loop):
    """Stopped after a step, it goes on; but not from a checkpoint that does not say what it holds."""
    whole, path = loop(), tmp_path / "state"
    first = Checkpoint(path, every_s=0)
    write = first.tick

    def stop(state):
        write(state)
        raise Stopped

    first.tick = stop
    with pytest.raises(Stopped):
        loop(first)
    for older in (False, True):
        checkpoint, taken = Checkpoint(path), []
        if older:
            checkpoint.load().meta.pop("layout")
            for tensor in checkpoint.load().tensors.values():
                tensor.zero_()  # what is read would be seen
        checkpoint.tick = lambda state, taken=taken: taken.append(state().meta)
        found = loop(checkpoint)
        assert all(torch.equal(one, other) for one, other in zip(found, whole, strict=True))
        count = "epoch" if "epoch" in taken[0] else "iteration"
        assert taken[0][count] == (1 if older else 2)


def test_parts_within_the_loop_come_back_once(tmp_path):
    """Those that the interrupted call was at; the next ones begin as they are."""
    whole, done = torch.zeros(2), {"batch": 0}
    state = LoopState({"whole": whole}, done, Checkpoint(tmp_path / "state", deadline=0.0))
    state.add({"current": torch.ones(3)})
    done["batch"] = 4
    with pytest.raises(Stopped):
        state.keep()
    done = {"batch": 0}
    state = LoopState({"whole": whole}, done, Checkpoint(tmp_path / "state"))
    first, second = torch.zeros(3), torch.zeros(3)
    state.add({"current": first})
    state.add({"current": second})
    assert done == {"batch": 4} and torch.equal(first, torch.ones(3)) and torch.equal(second, torch.zeros(3))
    assert state.bundle().tensors["current"] is second
    state = LoopState({"whole": whole}, done, Checkpoint(tmp_path / "state"))
    with pytest.raises(ValueError, match=r"^the checkpoint does not fit current; delete it to begin from the start"):
        state.add({"current": torch.zeros(4)})


def test_rows_are_stacked_and_come_back_on_their_device():
    rows, again = Rows(), Rows()
    assert rows.stacked().shape == (0,) and rows.state_dict() == {}
    rows.extend(torch.arange(6.0).view(3, 2))
    again.load_state_dict(rows.state_dict())
    assert torch.equal(again.stacked(), torch.arange(6.0).view(3, 2)) and len(again) == 3


def test_a_state_that_broke_is_not_kept(tmp_path):
    one, done = LossLog("iteration {}", "lr", dict, None), {"iteration": 1}
    state = LoopState({"images": torch.ones(2)}, done, Checkpoint(tmp_path / "state", every_s=0))
    one.add(torch.tensor(math.nan))
    with pytest.raises(FloatingPointError, match="at iteration 1"):
        state.keep(one.look)
    assert not (tmp_path / "state").exists()


def test_nothing_is_kept_and_nobody_looks_before_it_is_due(tmp_path):
    for checkpoint in (None, Checkpoint(tmp_path / "state", every_s=1e9)):
        LoopState({}, {}, checkpoint).keep(lambda: pytest.fail("looked"))


def test_snapshots_of_a_training_that_starts_from_the_beginning_are_all_its_own(tmp_path):
    """What an older version's checkpoint holds does not stay among them."""
    network = training.linear()

    def kept(path):
        return Snapshots(Checkpoint(path), lambda: network.weight.detach().flatten().clone(), [0, 2], torch.float32)

    taken = {f"snapshot.{epoch}": torch.zeros(12) for epoch in (0, 1)}
    save_bundle(tmp_path / "old", Bundle(taken, {"epoch": 1, "seconds": 1}))
    snapshots = kept(tmp_path / "old")
    options = {"each_epoch": snapshots.take, "checkpoint": snapshots}
    train(network, 40, training.cross_entropy, TrainConfig(epochs=2), generator(0), **options)
    found = snapshots.bundle()
    assert found.meta["epochs"] == [0, 2]
    assert torch.equal(found.tensors["snapshots"][0], training.linear().weight.detach().float().flatten())
