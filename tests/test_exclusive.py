"""Files in the place of a lock: one holder at a time, dead ones followed by one, live ones by nobody."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from ltdd_utils.core import exclusive
from ltdd_utils.core.exclusive import holder, take
from ltdd_utils.core.locks import is_locked

HOLD = """
import sys, time
from pathlib import Path
from ltdd_utils.core.exclusive import take
assert take(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _unseen(monkeypatch):
    monkeypatch.setattr(exclusive, "_seen", {})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


@pytest.fixture
def elsewhere(path, monkeypatch):
    """A holder that is not of this machine, as far as one can tell, and the clock of whoever watches it."""
    facts = {"host": "node7", "process": os.getpid(), "since": "then", "machine": "another", "begun": "1"}
    path.with_name("lock.3").write_text(json.dumps(facts))
    clock = [1000.0]
    monkeypatch.setattr(exclusive.time, "monotonic", lambda: clock[0])
    return clock


def names(path):
    return sorted(file.name for file in path.parent.iterdir())


def test_one_holds_and_the_next_one_follows_it(path):
    for number in (1, 2, 3):
        free = take(path)
        assert take(path) is None and is_locked(path) and names(path) == [f"lock.{number}"]
        assert holder(path)["process"] == os.getpid()
        free()
        assert holder(path) is None and not is_locked(path)


def test_a_killed_process_of_this_machine_is_followed_at_once(path, root):
    environment = os.environ | {"PYTHONPATH": str(root)}
    with subprocess.Popen([sys.executable, "-c", HOLD, path], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n" and take(path) is None
        os.kill(process.pid, signal.SIGSTOP)
        assert take(path) is None  # it sleeps, and lives
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        free = take(path)  # nobody has collected it yet
    assert free is not None and names(path) == ["lock.2"]
    free()


def test_a_process_number_that_was_given_again_is_another_process(path):
    facts = exclusive._oneself()
    path.with_name("lock.1").write_text(json.dumps(facts | {"begun": "1"}))
    assert not is_locked(path)
    path.with_name("lock.1").write_text(json.dumps(facts))
    assert is_locked(path)


def test_a_holder_elsewhere_is_dead_when_its_file_was_seen_unchanged_for_long(path, elsewhere):
    assert take(path) is None and exclusive.in_words(holder(path)).endswith(" on node7, since then)")
    elsewhere[0] += exclusive.STALE_S - 1
    assert take(path) is None
    os.utime(path.with_name("lock.3"))  # it beats
    assert take(path) is None
    elsewhere[0] += exclusive.STALE_S - 1
    assert take(path) is None
    elsewhere[0] += 1
    free = take(path)
    assert free is not None and names(path) == ["lock.4"]
    free()


def test_a_file_that_says_nothing_yet_is_held(path, elsewhere):
    path.with_name("lock.4").touch()
    assert take(path) is None and holder(path) == {}
    elsewhere[0] += exclusive.STALE_S
    free = take(path)
    assert free is not None
    free()


def test_a_holder_touches_its_file_and_leaves_one_that_is_not_its_own(path, monkeypatch):
    monkeypatch.setattr(exclusive, "BEAT_S", 0.01)
    free, file = take(path), path.with_name("lock.1")
    os.utime(file, (0, 0))
    while file.stat().st_mtime == 0:
        pass
    file.unlink()  # by hand
    free()
    assert names(path) == []


def test_many_that_find_one_dead_holder_are_followed_by_one(path, elsewhere, monkeypatch):
    """All have judged before the first of them acts."""
    elsewhere[0] += exclusive.STALE_S if take(path) is None else 0
    together, real = threading.Barrier(8), exclusive._is_held

    def judged(file):
        held = real(file)
        together.wait()
        return held

    monkeypatch.setattr(exclusive, "_is_held", judged)
    won = []
    threads = [threading.Thread(target=lambda: won.append(take(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 8 and len([free for free in won if free]) == 1 and names(path) == ["lock.4"]
    next(free for free in won if free)()


def test_who_comes_late_with_an_old_number_withdraws(path, elsewhere, monkeypatch):
    """Judged long ago; meanwhile another one followed, let go, and a third one holds."""
    elsewhere[0] += exclusive.STALE_S if take(path) is None else 0
    real, held = exclusive._is_held, []

    def slow(file):
        found = real(file)
        monkeypatch.setattr(exclusive, "_is_held", real)
        take(path)()
        held.append(take(path))
        return found

    monkeypatch.setattr(exclusive, "_is_held", slow)
    assert take(path) is None
    assert names(path) == ["lock.5"] and is_locked(path)
    held[0]()


def test_containers_with_one_process_number_are_told_apart(path, monkeypatch):
    """Each has numbers of its own: that of the other says nothing here."""
    free = take(path)
    monkeypatch.setattr(exclusive, "_machine", lambda: "the same host, another container")
    assert take(path) is None
    monkeypatch.undo()
    monkeypatch.setattr(os, "getpid", lambda: 7)  # as if /proc belonged to another one
    assert take(path) is None and exclusive._begun(7) == ""
    free()
