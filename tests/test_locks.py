"""A file that one process at a time holds; a stage that two processes ask for is computed once."""

import errno
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import filelock
import pytest
import torch

from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.locks import Busy, is_locked, locked
from ltdd_utils.core.store import Bundle, Store

SPAWN = multiprocessing.get_context("spawn")


def hold(path: Path, ready, leave) -> None:
    with locked(path):
        ready.set()
        leave.wait()


@pytest.fixture
def holder(tmp_path):
    """A file that another process holds, and what makes that process leave."""
    path, ready, leave = tmp_path / "folder" / "lock", SPAWN.Event(), SPAWN.Event()
    process = SPAWN.Process(target=hold, args=(path, ready, leave))
    process.start()
    assert ready.wait(60)
    yield path, leave, process
    if process.is_alive():  # else nobody is left whom setting the event could wake, and it would wait for that
        leave.set()
    process.join()


def test_a_held_file_is_busy_until_its_process_leaves(holder):
    path, leave, process = holder
    assert is_locked(path)
    with pytest.raises(Busy, match=r"another process is at work on .*folder"), locked(path, deadline=0.0):
        pass
    leave.set()
    process.join()
    assert not is_locked(path) and path.is_file()


def test_a_killed_process_holds_nothing(holder):
    path, _, process = holder
    process.kill()
    process.join()
    with locked(path, deadline=0.0):
        assert is_locked(path)
    assert not is_locked(path)


def test_a_file_that_is_not_there_is_not_made_by_a_look_at_it(tmp_path):
    assert not is_locked(tmp_path / "lock") and not list(tmp_path.iterdir())


def test_a_file_that_is_not_kept_is_gone_and_still_held_by_one_at_a_time(holder):
    path, leave, process = holder
    threading.Timer(0.1, leave.set).start()
    with locked(path, keep=False):
        assert path.is_file() and is_locked(path)
    assert not path.exists()
    process.join()


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


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.warns(UserWarning, match=r"no file locks in .*: two processes may do the same work"):
        assert Store(tmp_path).stage("kind", {"a": 1}, compute).tensors["x"].item() == 1


def test_a_file_that_cannot_be_made_is_an_error(tmp_path):
    with pytest.raises(IsADirectoryError, match=tmp_path.name), locked(tmp_path):
        pass


def compute(checkpoint) -> Bundle:
    time.sleep(0.2)
    return Bundle({"x": torch.ones(1)})


def ask(folder: Path, computed) -> None:
    def counted(checkpoint):
        with computed.get_lock():
            computed.value += 1
        return compute(checkpoint)

    assert Store(folder).stage("kind", {"a": 1}, counted).tensors["x"].item() == 1


def test_two_processes_compute_a_stage_once(tmp_path):
    computed = SPAWN.Value("i", 0)
    both = [SPAWN.Process(target=ask, args=(tmp_path, computed)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0] and computed.value == 1
    assert not list(tmp_path.rglob("lock"))  # nobody needs it once the result is there


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
