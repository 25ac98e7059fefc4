"""A file that one process at a time holds; tests/test_faults.py has a stage that several processes ask for."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import filelock
import pytest
import torch

from ltdd_utils.core import mounts
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.locks import Busy, is_locked, locked
from ltdd_utils.core.store import Bundle, Store


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch):
    """Whether locks hold is not known yet."""
    monkeypatch.setattr(mounts, "_known", {})


HOLD = """
import sys
from pathlib import Path
from ltdd_utils.core.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path, root):
    """A file that another process holds, what makes that process leave, and the process."""
    path, environment = tmp_path / "folder" / "lock", os.environ | {"PYTHONPATH": str(root)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": environment}
    with subprocess.Popen([sys.executable, "-c", HOLD, path], **pipes) as process:
        assert process.stdout.readline() == b"held\n"
        yield path, process.stdin.close, process
        process.kill()


def test_a_held_file_is_busy_until_its_process_leaves(holder):
    path, leave, process = holder
    assert is_locked(path)
    with pytest.raises(Busy, match=r"another process is at work on .*folder"), locked(path, deadline=0.0):
        pass
    leave()
    process.wait()
    assert not is_locked(path) and path.is_file()


def test_a_killed_process_holds_nothing(holder):
    path, _, process = holder
    process.kill()
    process.wait()
    with locked(path, deadline=0.0):
        assert is_locked(path)
    assert not is_locked(path)


def test_a_file_that_is_not_there_is_not_made_by_a_look_at_it(tmp_path):
    assert not is_locked(tmp_path / "lock") and not list(tmp_path.iterdir())


def test_a_file_that_is_not_kept_is_gone_and_still_held_by_one_at_a_time(holder):
    path, leave, _ = holder
    threading.Timer(0.1, leave).start()
    with locked(path, keep=False):
        assert path.is_file() and is_locked(path)
    assert not path.exists()


def test_a_lock_that_removes_its_file_leaves_it_to_whoever_reads_it(tmp_path, monkeypatch):
    """As on Windows: a campaign reads a file that is left behind as "begun"."""
    path, release = tmp_path / "lock", filelock.FileLock.release

    def removing(lock, *args, **kwargs):
        held = lock.is_locked
        release(lock, *args, **kwargs)
        if held:
            path.unlink(missing_ok=True)

    monkeypatch.setattr(filelock.FileLock, "release", removing)
    with locked(path):
        pass
    assert path.is_file() and not is_locked(path)


def refusing(number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    return refuse


FLOCKS = {
    "ENOLCK": refusing(errno.ENOLCK),
    "ENOSYS": refusing(errno.ENOSYS),
    "EOPNOTSUPP": refusing(errno.EOPNOTSUPP),
    "grants to everybody": lambda *_: None,
}


@pytest.mark.parametrize("kind", FLOCKS)
def test_where_locks_do_not_hold_it_is_said_once_and_files_take_their_place(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("fcntl.flock", FLOCKS[kind])
    calls = []

    def ask_again(checkpoint):
        calls.append(checkpoint)
        with pytest.raises(Busy, match=r"another process is at work on .* \(process \d+ on .*, since 20.* UTC\)"):
            Store(tmp_path, wait=False).stage("kind", {"a": len(calls)}, ask_again)
        return Bundle({"x": torch.ones(1)})

    with pytest.warns(UserWarning, match=r"^file locks do not hold in .* \(.*\): files with host, process") as said:
        assert Store(tmp_path).stage("kind", {"a": 1}, ask_again).tensors["x"].item() == 1
        Store(tmp_path).stage("kind", {"a": 2}, ask_again)
    assert len(said) == 1 and len(calls) == 2
    assert json.loads((tmp_path / "locks.json").read_text())["hold"] is False
    mounts._known.clear()
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("measured again"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Store(tmp_path).stage("kind", {"a": 3}, ask_again)


def test_that_locks_hold_is_remembered_for_the_same_file_system_alone(tmp_path, monkeypatch):
    assert mounts.locks_hold(tmp_path, tmp_path) and json.loads((tmp_path / "locks.json").read_text())["hold"] is True
    asked = []
    monkeypatch.setattr(mounts, "_second_has", lambda probe: asked.append(probe))
    for kind, times in ((mounts._mount(tmp_path)[0], 0), ("nfs4 server:/home", 1)):
        mounts._known.clear()
        monkeypatch.setattr(mounts, "_mount", lambda folder, kind=kind: (kind, set()))
        assert mounts.locks_hold(tmp_path, tmp_path) and len(asked) == times
    assert [path.name for path in tmp_path.iterdir()] == ["locks.json"]


@pytest.mark.parametrize("option", sorted(mounts.LOCAL))
def test_a_mount_whose_locks_stay_on_one_machine_needs_no_measuring(tmp_path, monkeypatch, option):
    monkeypatch.setattr(mounts, "_mount", lambda folder: ("nfs server:/home", {"rw", option}))
    with pytest.warns(UserWarning, match=f"mounted with {option}, which keeps a lock within one machine"):
        assert not mounts.locks_hold(tmp_path)


def test_the_mount_of_a_folder_is_the_innermost_one(monkeypatch, tmp_path):
    lines = ["/dev/a / ext4 rw 0 0", f"s:/b {tmp_path} nfs4 rw 0 0", f"s:/c {tmp_path}x nfs4 nolock 0 0"]
    real = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, **_: "\n".join(lines) if "mounts" in str(path) else real(path))
    assert mounts._mount(tmp_path) == ("nfs4 s:/b", {"rw"}) and mounts._mount(Path("/"))[0] == "ext4 /dev/a"


def test_a_file_that_cannot_be_made_is_an_error(tmp_path):
    with pytest.raises(IsADirectoryError, match=tmp_path.name), locked(tmp_path):
        pass


def compute(checkpoint) -> Bundle:
    time.sleep(0.2)
    return Bundle({"x": torch.ones(1)})


def test_a_store_waits_until_its_deadline_or_not_at_all(tmp_path):
    """While a stage is computed, it is busy for whoever else asks; also inside one process."""
    key = {"a": 1}

    def ask_again(checkpoint):
        with pytest.raises(Busy):
            Store(tmp_path, wait=False).stage("kind", key, compute)
        with pytest.raises(Stopped, match="while another process makes the stage 'kind'"):
            Store(tmp_path, time.monotonic() + 0.1).stage("kind", key, compute)
        return compute(checkpoint)

    Store(tmp_path).stage("kind", key, ask_again)
    assert Store(tmp_path, wait=False).stage("kind", key, compute).tensors["x"].item() == 1


def test_stop_is_heard_by_whoever_waits_for_another_process(tmp_path):
    def ask_again(checkpoint):
        waiting = Store(tmp_path)
        threading.Timer(0.1, waiting.stop).start()
        with pytest.raises(Stopped, match="while another process makes the stage 'kind'"):
            waiting.stage("kind", {"a": 1}, compute)
        return compute(checkpoint)

    Store(tmp_path).stage("kind", {"a": 1}, ask_again)


WITHOUT = """
import sys
import ltdd_utils
import torch
sys.modules["fcntl"] = sys.modules["resource"] = None  # as on Windows: importing them fails
from pathlib import Path
from ltdd_utils import runs
from ltdd_utils.core import provenance
from ltdd_utils.core.store import Bundle, Store

print(Store(Path(sys.argv[1])).stage("kind", {"a": 1}, lambda _: Bundle({"x": torch.ones(1)})).tensors["x"].item())
Path.read_text = lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError())  # nor is there /proc
print(provenance.peak_ram_gib())
"""


def test_the_package_works_where_these_modules_are_missing(tmp_path, root):
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, "-c", WITHOUT, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.split() == ["1.0", "0.0"], done.stderr
