"""Files are whole or absent; stages are computed once and resumed."""

import errno
import os
import time
from contextlib import nullcontext

import pytest
import torch
from safetensors.torch import save

from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.files import write_atomic
from ltdd_utils.core.store import Bundle, Checkpoint, Store, load_bundle, save_bundle


def bundle(value: float = 1.0) -> Bundle:
    return Bundle({"x": torch.full((3,), value), "n": torch.arange(4)}, {"name": "é", "list": [1, None]})


@pytest.mark.parametrize("fails", [False, True])
def test_convolutions_of_a_stage_do_not_use_tf32(tmp_path, fails):
    """On a GPU PyTorch lets them by default, and not matrix products: "fp32" would be two things in one network."""
    seen = []

    def compute(_):
        seen.append(torch.backends.cudnn.allow_tf32)
        if fails:
            raise KeyboardInterrupt
        return bundle()

    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    try:
        with pytest.raises(KeyboardInterrupt) if fails else nullcontext():
            Store(tmp_path).stage("kind", {}, compute)
        assert seen == [False] and torch.backends.cudnn.allow_tf32 is True
    finally:
        torch.backends.cudnn.allow_tf32 = before


def test_a_bundle_survives_its_file(tmp_path):
    save_bundle(tmp_path / "deep" / "b.safetensors", bundle())
    read = load_bundle(tmp_path / "deep" / "b.safetensors")
    assert read.meta == bundle().meta
    assert all(
        torch.equal(read.tensors[name], tensor) and read.tensors[name].dtype == tensor.dtype
        for name, tensor in bundle().tensors.items()
    )


@pytest.mark.parametrize("keep", [0, 5, 60, -1])
def test_a_file_cut_short_is_refused(tmp_path, keep):
    path = tmp_path / "b.safetensors"
    save_bundle(path, bundle())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"b\.safetensors is damaged or cut short"):
        load_bundle(path)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    write_atomic(path, "old")

    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(OSError, match=r"cannot write .*record\.json: No space left on device"):
        write_atomic(path, "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["record.json"]
    assert path.read_text() == "old"


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_a_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch, error):
    """Stopped while it is being written (by the disk, or by Ctrl-C), a file leaves no trace."""
    path, synced = tmp_path / "record.json", []
    write_atomic(path, "old")

    def stopped(_: int) -> None:
        synced.append(next(tmp_path.glob("*.part")).read_text())
        raise error

    monkeypatch.setattr(os, "fsync", stopped)
    with pytest.raises(type(error)):
        write_atomic(path, "new")
    assert synced == ["new"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["record.json"] and path.read_text() == "old"


@pytest.mark.parametrize(("meta", "message"), [("{", "is damaged"), ("[1]", r"describes itself by \[1\]")])
def test_a_description_that_is_no_object_is_refused(tmp_path, meta, message):
    path = tmp_path / "b.safetensors"
    path.write_bytes(save({"x": torch.zeros(1)}, metadata={"ltdd": meta}))
    with pytest.raises(ValueError, match=rf"b\.safetensors {message}.* make it again"):
        load_bundle(path)


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write"):
        write_atomic(tmp_path / "file" / "record.json", "new")


def test_a_stage_is_computed_once_per_key(tmp_path):
    store, calls = Store(tmp_path), []

    def compute(_: Checkpoint) -> Bundle:
        calls.append(1)
        return bundle(len(calls))

    first, again, other = (store.stage("kind", {"seed": seed}, compute) for seed in (0, 0, 1))
    assert len(calls) == 2
    assert torch.equal(first.tensors["x"], again.tensors["x"]) and not torch.equal(
        first.tensors["x"], other.tensors["x"]
    )
    assert first.meta["seconds"] >= 0


def counting(steps: int):
    """A stage that counts to ``steps``, one tick a step, and says where it began."""

    def compute(checkpoint: Checkpoint) -> Bundle:
        saved = checkpoint.load()
        first = done = int(saved.tensors["done"]) if saved else 0
        while done < steps:
            done += 1
            checkpoint.tick(lambda: Bundle({"done": torch.tensor(done)}))  # noqa: B023 (called at once)
        return Bundle({"done": torch.tensor(done), "first": torch.tensor(first)})

    return compute


def test_a_stage_gives_the_same_when_it_is_made_and_when_it_is_read(tmp_path):
    """Tuples become lists, and tensors come from the file, the first time too: they do not fill the memory."""
    store = Store(tmp_path)
    made = store.stage("kind", {}, lambda _: Bundle({"a": torch.arange(3.0)}, {"pair": (1, 2)}))
    read = store.stage("kind", {}, lambda _: pytest.fail("it is there"))
    assert made.meta == read.meta and made.meta["pair"] == [1, 2] and torch.equal(made.tensors["a"], read.tensors["a"])
    assert made.meta["origin"] == read.meta["origin"]


def test_a_store_that_is_only_read_makes_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no such stage 'kind'; run its recipe there first"):
        Store(tmp_path, make=False).stage("kind", {}, lambda _: pytest.fail("it must not be made"))
    assert not list(tmp_path.iterdir())
    Store(tmp_path).stage("kind", {}, lambda _: bundle())
    assert Store(tmp_path, make=False).stage("kind", {}, lambda _: pytest.fail("it is there")).tensors


def test_a_stopped_stage_goes_on_from_its_checkpoint(tmp_path):
    with pytest.raises(Stopped, match="run the same command again"):
        Store(tmp_path, deadline=time.monotonic()).stage("kind", {}, counting(3))
    now = time.monotonic()
    store = Store(tmp_path, deadline=now + 0.05)
    with pytest.raises(Stopped):
        store.stage("kind", {}, lambda checkpoint: (time.sleep(0.1), counting(3)(checkpoint))[1])
    result = Store(tmp_path).stage("kind", {}, counting(3))
    assert (int(result.tensors["first"]), int(result.tensors["done"])) == (1, 3)
    assert result.meta["seconds"] >= 0.1  # the interrupted call's work counts
    assert not list(tmp_path.rglob("checkpoint*"))


def test_a_later_call_does_not_wash_an_earlier_one_clean(tmp_path, monkeypatch):
    """A stage keeps the commit and the dirty flag of the code that computed it, whoever reads it."""
    for commit, dirty in (("a", True), ("b", False)):
        monkeypatch.setattr("ltdd_utils.core.store.code", lambda c=commit, d=dirty: {"commit": c, "dirty": d})
        origin = Store(tmp_path).stage("kind", {}, lambda _: bundle()).meta["origin"]
        assert (origin["commit"], origin["dirty"]) == ("a", True)


def test_stop_reaches_a_stage_that_asked_for_another_one(tmp_path):
    store = Store(tmp_path)

    def outer(checkpoint):
        store.stage("inner", {}, lambda _: Bundle({}))
        store.stop()
        checkpoint.tick(lambda: Bundle({}))
        raise AssertionError("the stage went on")

    with pytest.raises(Stopped):
        store.stage("outer", {}, outer)


def test_views_of_one_tensor_are_written_and_read_back(tmp_path):
    """All the work of a stage would be lost if its result could not be written."""
    whole = torch.arange(6.0).reshape(3, 2)
    bundle = Store(tmp_path).stage("kind", {"a": 1}, lambda _: Bundle({"x": whole, "first": whole[:2], "same": whole}))
    assert torch.equal(bundle.tensors["first"], whole[:2]) and torch.equal(bundle.tensors["same"], whole)


def test_a_set_whose_images_and_labels_share_their_memory_is_written(tmp_path):
    labels = torch.tensor([0, 1])
    save_bundle(tmp_path / "x.safetensors", Bundle({"labels": labels, "indices": labels}))
    read = load_bundle(tmp_path / "x.safetensors").tensors
    assert torch.equal(read["labels"], read["indices"])


def test_two_writers_with_one_process_number_do_not_meet(tmp_path, monkeypatch):
    """As in two containers on one folder: each writes a file of its own beside the target."""
    seen, real = [], os.replace
    monkeypatch.setattr("ltdd_utils.core.files.os.replace", lambda part, to: seen.append(part) or real(part, to))
    for _ in range(20):
        write_atomic(tmp_path / "x.json", "{}")
    assert len(set(seen)) == 20
