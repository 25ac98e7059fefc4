"""Expert trajectories on disk: what a snapshot is, that a kill changes nothing, and what cannot be confused."""

import hashlib
import itertools
import time
from dataclasses import replace

import pytest
import torch
from toy_sets import toy_run

from ltdd_utils.augment import AugmentConfig
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.hashing import tensor_hash
from ltdd_utils.core.settings import config_id
from ltdd_utils.core.store import Bundle, Checkpoint, Store, load_bundle, save_bundle
from ltdd_utils.data import DataConfig, Preprocess, PreprocessConfig, load
from ltdd_utils.methods.trajectory import experts as experts_module
from ltdd_utils.methods.trajectory.experts import classifier_expert, representation_expert
from ltdd_utils.methods.trajectory.settings import ExpertConfig, GSAMConfig, classifier_settings, expert_settings
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.methods.trajectory.training import expert_files, renew_experts, train_experts
from ltdd_utils.networks import Layout, NetworkConfig
from ltdd_utils.training import TrainConfig

pytestmark = pytest.mark.float32

TRAIN = TrainConfig(epochs=3, batch_size=16, lr=0.05, momentum=0.0, weight_decay=5e-3, schedule="constant")
CFG = ExpertConfig(
    count=2,
    network=NetworkConfig(depth=2, width=4),
    train=TRAIN,
    augment=AugmentConfig(strategy="color_crop_cutout_scale_rotate"),
    classifier_epochs=2,
    classifier_lr=0.05,
    classifier_images=40,
)
EVERY, EVERY_SECOND = (0, 1, 2, 3), (0, 1, 2)


@pytest.fixture(scope="module")
def data():
    return load(DataConfig("digits", imbalance_factor=5, n_max=15))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return toy_run(tmp_path_factory.mktemp("experts"), data, "normalise")


@pytest.fixture(scope="module")
def trained(run):
    """Two experts with all their snapshots."""
    layout = Layout.of(run.template(CFG.network))
    first = [representation_expert(CFG, run, index, EVERY) for index in range(2)]
    second = [classifier_expert(CFG, run, index, EVERY_SECOND) for index in range(2)]
    return Experts(layout, 3, 2, first, second)


def test_the_hash_of_experts_is_of_the_last_snapshots_that_are_read(trained):
    """And of nothing else: a file that holds more leaves finished work valid."""
    rows = [bundle.tensors["snapshots"][-1] for bundle in (*trained.representation, *trained.classifier)]
    of_all = hashlib.sha256("".join(map(tensor_hash, rows)).encode()).hexdigest()
    assert trained.sha256(EVERY, EVERY_SECOND) == trained.sha256([3], [2]) == of_all  # as it was in earlier versions
    kept = [
        Bundle({"snapshots": bundle.tensors["snapshots"][:2]}, {"epochs": bundle.meta["epochs"][:2]})
        for bundle in trained.classifier
    ]
    fewer = replace(trained, classifier=kept)
    assert fewer.sha256([3], [0, 1]) == trained.sha256([0, 3], [1]) != of_all
    other = replace(
        trained, classifier=[kept[0], Bundle({"snapshots": 2 * kept[1].tensors["snapshots"]}, kept[1].meta)]
    )
    assert other.sha256([3], [0, 1]) != fewer.sha256([3], [0, 1])
    assert replace(trained, classifier=[]).sha256([3], []) == replace(trained, classifier=[]).sha256(EVERY, [])
    with pytest.raises(FileNotFoundError, match="classifier expert 0 holds the epochs"):
        fewer.sha256([3], [0, 2])


def fresh(run, folder, seed=0, deadline=None, **changes):
    """Other settings, and the same run in another folder."""
    return replace(CFG, **changes), toy_run(folder, run.data, "normalise", seed, deadline=deadline)


def key(cfg, run, index=0):
    """Of the representation expert."""
    return run.pinned(cfg.seed).key(**expert_settings(cfg, index))


def file(cfg, run, index=0):
    """Of the representation expert."""
    return run.context.store.result("representation", key(cfg, run, index))


def rows(bundle):
    return bundle.tensors["snapshots"]


def test_snapshots_are_the_trajectory_whatever_is_kept_of_it(run, trained, tmp_path):
    few = representation_expert(*fresh(run, tmp_path / "few"), 0, [3, 1])
    assert few.meta["epochs"] == [1, 3] and rows(few).shape == (2, trained.layout.size)
    assert torch.equal(rows(few), rows(trained.representation[0])[[1, 3]])
    shorter = fresh(run, tmp_path / "short", train=replace(TRAIN, epochs=2))  # a constant step size: a prefix
    assert torch.equal(rows(representation_expert(*shorter, 0, [2]))[0], trained.snapshot(0, 2))
    second = classifier_expert(*fresh(run, tmp_path / "few"), 0, [1])
    assert second.meta["epochs"] == [1] and torch.equal(rows(second)[0], rows(trained.classifier[0])[1])


def test_a_returned_snapshot_is_no_alias(trained):
    for read, epochs in ((trained.snapshot, EVERY), (trained.classifier_snapshot, EVERY_SECOND)):
        before = [read(0, epoch).clone() for epoch in epochs]
        for one, other in itertools.pairwise(before):
            assert not torch.equal(one, other)
        read(0, 1).zero_()
        assert all(torch.equal(read(0, epoch), row) for epoch, row in zip(epochs, before, strict=True))


def test_the_backbone_of_a_classifier_expert_is_its_representation_experts_last(trained):
    backbone, classifier = (trained.layout.part(name) for name in ("backbone", "classifier"))
    for index in range(2):
        last = trained.snapshot(index, 3)
        assert torch.equal(trained.classifier_snapshot(index, 0), last)
        for epoch in (1, 2):
            later = trained.classifier_snapshot(index, epoch)
            assert torch.equal(later[backbone], last[backbone])
            assert not torch.equal(later[classifier], last[classifier])
    assert rows(trained.classifier[0]).shape[1] == trained.layout.size - trained.layout.backbone  # stored once


PLACES = {"within the first epoch": (0, 1), "between epochs": (1, 0), "within the second epoch": (1, 1)}


@pytest.mark.parametrize(
    ("changes", "place"),
    [({}, "within the first epoch"), ({}, "between epochs"), ({"gsam": GSAMConfig()}, "within the second epoch")],
    ids=str,
)
def test_killed_experts_go_on_to_the_same_snapshots(run, tmp_path, monkeypatch, changes, place):
    whole = fresh(run, tmp_path / "whole", **changes)
    wanted = rows(representation_expert(*whole, 0, EVERY)), rows(classifier_expert(*whole, 0, EVERY_SECOND))
    real = Checkpoint.tick
    killed = fresh(run, tmp_path / "killed", **changes)
    for expert, keep in ((representation_expert, EVERY), (classifier_expert, EVERY_SECOND)):

        def tick(checkpoint, state):
            checkpoint.every_s = 0  # a checkpoint at every step
            real(checkpoint, state)
            meta = state().meta
            if (meta["epoch"], meta["step"]) == PLACES[place]:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "tick", tick)
            with pytest.raises(KeyboardInterrupt):
                expert(*killed, 0, keep)
        (left,) = killed[1].context.store.root.rglob("checkpoint.safetensors")
        assert (load_bundle(left).meta["epoch"], load_bundle(left).meta["step"]) == PLACES[place]
        resumed = expert(*killed, 0, keep)
        assert torch.equal(rows(resumed), wanted[expert is classifier_expert])
        assert resumed.meta["epochs"] == list(keep) and not left.exists()


def test_a_deadline_stops_and_the_next_call_goes_on(run, trained, tmp_path, monkeypatch):
    stopped = fresh(run, tmp_path, deadline=100.0)
    clock = itertools.count(98)
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: float(next(clock)))  # a second passes between two looks
        with pytest.raises(Stopped, match="run the same command again"):
            representation_expert(*stopped, 0, EVERY)
    assert list(tmp_path.rglob("checkpoint.safetensors")) and not list(tmp_path.rglob("result.safetensors"))
    resumed = representation_expert(*fresh(run, tmp_path), 0, EVERY)
    assert torch.equal(rows(resumed), rows(trained.representation[0]))


def test_number_and_seed_decide_which_expert_it_is(run, trained, tmp_path):
    assert not torch.equal(trained.snapshot(0, 0), trained.snapshot(1, 0))
    again, other = (representation_expert(*fresh(run, tmp_path, seed), 0, EVERY) for seed in (0, 1))
    assert torch.equal(rows(again), rows(trained.representation[0]))
    assert not torch.equal(rows(other)[0], rows(again)[0])


def test_a_seed_of_their_own_shares_experts_between_runs(run, tmp_path):
    shared, runs = replace(CFG, seed=4), [fresh(run, tmp_path, seed)[1] for seed in (0, 9, 4)]
    asked = [(shared, runs[0]), (shared, runs[1]), (CFG, runs[2])]
    for expert, keep in ((representation_expert, EVERY), (classifier_expert, [0])):
        one, other, usual = (rows(expert(*settings, 0, keep)) for settings in asked)
        assert torch.equal(one, other) and torch.equal(one, usual)
    assert [len(list((tmp_path / "work" / kind).iterdir())) for kind in ("representation", "classifier")] == [1, 1]
    assert key(*asked[0]) == key(*asked[1]) == key(*asked[2]) != key(CFG, runs[0])
    held = [{row["expert"]: row["epochs"] for row in expert_files(*settings)} for settings in asked]
    assert held[0] == held[1] == held[2] and not expert_files(CFG, runs[0])


def test_keys_tell_apart_all_that_an_expert_depends_on(run, tmp_path):
    """An expert of another network, data set, imbalance or preprocessing is another file: none is read by mistake."""
    others = [
        fresh(run, tmp_path, network=NetworkConfig(depth=2, width=5)),
        fresh(run, tmp_path, train=replace(TRAIN, epochs=4)),
        fresh(run, tmp_path, gsam=GSAMConfig()),
        fresh(run, tmp_path, augment=AugmentConfig("none")),
        fresh(run, tmp_path, stored="bf16"),
        fresh(run, tmp_path, seed=1),
        (CFG, replace(run, data=load(DataConfig("digits", imbalance_factor=3, n_max=15)))),
        (CFG, replace(run, data=load(DataConfig("digits", imbalance_factor=5, n_max=15, class_order="reversed")))),
        (CFG, replace(run, preprocess=Preprocess.fit(run.data.train_images, PreprocessConfig("zca")))),
        (CFG, replace(run, preprocess=Preprocess.fit(run.data.train_images, PreprocessConfig("zca", eps=0.2)))),
    ]
    keys = [key(*one) for one in [(CFG, run), *others]] + [key(CFG, run, 1)]
    assert len({config_id(one) for one in keys}) == len(keys)
    for change in ({"count": 7}, {"classifier_lr": 0.1}, {"max_norm": 0.1}):
        other = replace(CFG, **change)
        assert key(other, run) == key(CFG, run)  # of the first stage: the second has a key of its own
        second = [run.key(**classifier_settings(cfg, 0)) for cfg in (CFG, other)]
        assert (second[0] == second[1]) == ("count" in change)


def test_half_precision_halves_the_file_and_rounds_once(run, trained, tmp_path):
    wide = replace(CFG, network=NetworkConfig(depth=2, width=32)).network
    size = {}
    for stored in ("fp32", "bf16"):
        own = fresh(run, tmp_path, network=wide, stored=stored, train=replace(TRAIN, epochs=1))
        made = representation_expert(*own, 0, [0, 1])
        size[stored] = file(*own).stat().st_size
        if stored == "fp32":
            exact = rows(made)
    assert rows(made).dtype == torch.bfloat16 and 0.5 <= size["bf16"] / size["fp32"] < 0.53
    assert torch.equal(rows(made), exact.bfloat16())  # training itself stays in single precision
    experts = Experts(trained.layout, 1, 0, [made], [])
    read = experts.snapshot(0, 1)
    assert read.dtype == torch.float32
    torch.testing.assert_close(read, exact[1], rtol=2**-8, atol=1e-30)


def test_sharpness_aware_training_is_another_trajectory(run, trained, tmp_path):
    made = rows(representation_expert(*fresh(run, tmp_path, gsam=GSAMConfig()), 0, EVERY))
    assert made.isfinite().all()
    assert torch.equal(made[0], trained.snapshot(0, 0)) and not torch.equal(made[1], trained.snapshot(0, 1))


def test_the_bound_holds_for_every_row_of_the_classifier(run, trained, tmp_path):
    free = rows(trained.classifier[0])[:, :-10].view(3, 10, -1).norm(dim=2)
    bound = free[1:].median().item()
    assert (free[1:] > bound).any()  # else the bound would do nothing
    made = rows(classifier_expert(*fresh(run, tmp_path, max_norm=bound), 0, EVERY_SECOND))
    norms = made[:, :-10].view(3, 10, -1).norm(dim=2)
    assert (norms[1:] <= bound * (1 + 1e-6)).all() and torch.equal(norms[0], free[0])  # the start stays as it is


@pytest.mark.parametrize(("images", "length", "samples"), [(None, 15 * 10, 4), (40, 40, 3)])
def test_an_epoch_of_the_second_stage_has_the_released_length(run, tmp_path, monkeypatch, images, length, samples):
    asked, real = [], experts_module.class_aware_order

    def order(labels, samples_per_class, count):
        asked.append((samples_per_class, count))
        return real(labels, samples_per_class, count)

    monkeypatch.setattr(experts_module, "class_aware_order", order)
    short = {"train": replace(TRAIN, epochs=1), "classifier_epochs": 1, "classifier_images": images}
    classifier_expert(*fresh(run, tmp_path, **short, samples_per_class=samples), 0, [1])
    assert asked == [(samples, length)]  # n_max * C, in draws of 4


def test_an_epoch_that_was_not_kept_is_named_with_the_command(run, tmp_path):
    own = fresh(run, tmp_path, train=replace(TRAIN, epochs=2))
    made = representation_expert(*own, 1, [0])
    with pytest.raises(
        FileNotFoundError, match=r"representation expert 1 holds the epochs \[0\], and epoch 2 is asked"
    ):
        representation_expert(*own, 1, [0, 2])
    with pytest.raises(FileNotFoundError, match="`ltdd experts RECIPE --renew`"):
        classifier_expert(*own, 1, [0])  # it starts from the last epoch, which is not there
    layout = Layout.of(run.template(own[0].network))
    with pytest.raises(FileNotFoundError, match="epoch 1 is asked for"):
        Experts(layout, 2, 2, [made], []).snapshot(0, 1)


@pytest.mark.parametrize("epoch", [-1, 4])
def test_an_epoch_that_is_never_trained_is_refused_before_the_work(run, tmp_path, epoch):
    own = fresh(run, tmp_path)
    with pytest.raises(ValueError, match=f"epoch {epoch} of a representation expert is asked for, but it trains 3"):
        representation_expert(*own, 0, [epoch])
    with pytest.raises(ValueError, match=f"epoch {epoch} of a classifier expert is asked for, but it trains 2"):
        classifier_expert(*own, 0, [epoch])
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_cut_short_is_named(run, tmp_path):
    own = fresh(run, tmp_path, train=replace(TRAIN, epochs=1))
    representation_expert(*own, 0, [0])
    path = file(*own)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"result\.safetensors is damaged or cut short .*delete it") as caught:
        representation_expert(*own, 0, [0])
    assert "\n" not in str(caught.value)


def on_disk(cfg, run):
    return {(row["stage"], row["expert"]): row["epochs"] for row in expert_files(cfg, run)}


def test_renewed_experts_hold_the_old_epochs_and_the_new(run, trained, tmp_path):
    own = fresh(run, tmp_path)
    first, second = [0, 2, 3], [0]
    train_experts(*own, first, second)
    with pytest.raises(FileNotFoundError, match="epoch 1 is asked for"):
        train_experts(*own, [1])
    renew_experts(*own, [1, 0], [2], only=[1])
    assert on_disk(*own) == {
        ("representation", 0): first,
        ("classifier", 0): second,
        ("representation", 1): [0, 1, 2, 3],
        ("classifier", 1): [0, 2],
    }
    experts = train_experts(*own, first, second)
    assert torch.equal(experts.classifier_snapshot(1, 2), trained.classifier_snapshot(1, 2))
    assert all(torch.equal(experts.snapshot(1, epoch), trained.snapshot(1, epoch)) for epoch in first)


def test_experts_that_hold_all_that_is_wanted_are_not_renewed(run, tmp_path):
    own = fresh(run, tmp_path, count=1)
    train_experts(*own, [0, 3], [0, 2])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("result.safetensors")}
    renew_experts(*own, [3], [2])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("result.safetensors")} == before


def test_a_stopped_renewal_leaves_the_old_expert(run, trained, tmp_path):
    own = fresh(run, tmp_path, count=1)
    train_experts(*own, [0, 3])
    late = fresh(run, tmp_path, deadline=0.0, count=1)
    with pytest.raises(Stopped):
        renew_experts(*late, [1])
    assert on_disk(*own) == {("representation", 0): [0, 3]}
    renew_experts(*own, [1])
    assert on_disk(*own) == {("representation", 0): [0, 1, 3]}


def test_a_renewal_that_ends_elsewhere_forgets_the_classifier_on_the_old_backbone(run, tmp_path):
    """A GPU, or another machine, does not repeat a training bit by bit."""
    own = fresh(run, tmp_path, count=1)
    train_experts(*own, [3], [0, 2])
    path = file(*own)
    held = load_bundle(path)
    save_bundle(path, Bundle({"snapshots": rows(held) + 1e-6}, held.meta))
    renew_experts(*own, [1, 3])
    assert on_disk(*own) == {("representation", 0): [1, 3]}
    experts = train_experts(*own, [3], [0])
    assert torch.equal(experts.classifier_snapshot(0, 0), experts.snapshot(0, 3))


def test_a_number_of_an_expert_that_there_is_not(run, tmp_path):
    with pytest.raises(ValueError, match="expert 2 is asked for; there are 2, from 0 to 1"):
        train_experts(*fresh(run, tmp_path), [0], only=[1, 2])


def test_a_stage_can_be_forgotten(tmp_path):
    store, key = Store(tmp_path), {"a": 1}
    values = iter((1.0, 2.0, 3.0))

    def stage():
        return store.stage("kind", key, lambda _: Bundle({"x": torch.tensor(next(values))})).tensors["x"].item()

    assert (stage(), stage()) == (1.0, 1.0)
    store.forget("kind", key)
    assert not store.result("kind", key).exists() and stage() == 2.0
    store.renew("kind", key)
    assert load_bundle(store.result("kind", key)).tensors["x"].item() == 2.0  # until the new one is whole
    assert (stage(), stage()) == (3.0, 3.0)
    store.forget("other", key)  # what is not there


def test_a_resumed_expert_has_the_epochs_that_the_second_call_wants(run, trained, tmp_path, monkeypatch):
    """The interrupted call did not keep epoch 1, which it had passed: that one can be had from the start alone."""
    cut, real = fresh(run, tmp_path), Checkpoint.tick

    def tick(checkpoint, state):
        checkpoint.every_s = 0
        real(checkpoint, state)
        if state().meta["epoch"] == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "tick", tick)
        with pytest.raises(KeyboardInterrupt):
            representation_expert(*cut, 0, [3])
    assert list(tmp_path.rglob("checkpoint.safetensors"))
    resumed = representation_expert(*cut, 0, [0, 1, 3])
    assert torch.equal(rows(resumed), rows(trained.representation[0])[[0, 1, 3]])
