"""A campaign on an existing engine: the folder that is exported, and the controller; tests/cluster runs real ones."""

import json
import os
import signal
import stat
import threading
import time
from pathlib import Path

import pytest

from ltdd_utils.cli import engine, main
from ltdd_utils.core.locks import locked

pytestmark = pytest.mark.float32

PLAN = """
scale = "tiny"

[[block]]
title = "two"
methods = ["random", "herding"]
datasets = ["digits"]
ipc = 2
students = 1
set = [["evaluate.train.epochs=1", "evaluate.network.width=4"]]
"""
STUB = """#!/bin/sh
echo "$@" >> {calls}
case "$*" in *--unlock*) exit 0;; esac
exit {status}
"""


@pytest.fixture
def ltdd(tmp_path, monkeypatch, capfd):
    for name in ("work", "results"):
        monkeypatch.setenv(f"LTDD_{name.upper()}", str(tmp_path / name))
    (tmp_path / "two.toml").write_text(PLAN)

    def call(*arguments, status=0):
        got = main(["campaign", *map(str, arguments), "--plan", str(tmp_path / "two.toml"), "--device", "cpu"])
        assert got == status
        return capfd.readouterr()

    return call


@pytest.fixture
def snakemake(tmp_path, monkeypatch):
    """A program that only notes how it is called, and ends with a code."""

    def put(status):
        program, calls = tmp_path / "snakemake", tmp_path / "calls"
        program.write_text(STUB.format(calls=calls, status=status))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(engine, "_program", lambda: str(program))
        return calls

    return put


def test_the_folder_has_all_stages_and_the_files_of_the_engine(ltdd, tmp_path, root):
    folder = tmp_path / "cluster"
    told = ltdd("export", folder).out
    assert f"snakemake -s {folder}/Snakefile -d {folder} --workflow-profile {folder}/profiles/slurm" in told
    content = json.loads((folder / "stages.json").read_text())
    kinds = [one["kind"] for one in content["stages"]]
    assert sorted(kinds) == sorted([*["set", "student", "record"] * 2, "network"]) and len(content["runs"]) == 2
    for name in ("Snakefile", "worker.sbatch", "profiles/local/config.yaml", "profiles/slurm/config.yaml"):
        assert (folder / name).read_bytes() == (root / "workflow" / name).read_bytes()
    command = json.loads((folder / "config.json").read_text())["command"]
    assert command[1:4] == ["-m", "ltdd_utils", "stage"] and str(tmp_path / "work") in command
    assert all(Path(word).is_absolute() for word in command if "/" in word)


def test_a_profile_that_the_site_changed_stays(ltdd, tmp_path):
    ltdd("export", tmp_path / "cluster")
    own = tmp_path / "cluster" / "profiles" / "slurm" / "config.yaml"
    own.write_text("executor: slurm\n")
    (tmp_path / "cluster" / "Snakefile").write_text("old")
    ltdd("export", tmp_path / "cluster")
    assert own.read_text() == "executor: slurm\n" and "rule all" in (tmp_path / "cluster" / "Snakefile").read_text()


def test_runs_with_a_record_are_left_out(ltdd, tmp_path):
    ltdd("run", "--only", "random", "--quiet")
    ltdd("export", tmp_path / "cluster")
    content = json.loads((tmp_path / "cluster" / "stages.json").read_text())
    assert [name.partition("/")[0] for name in content["runs"]] == ["herding_digits"]
    ltdd("run", "--quiet")
    assert "nothing is missing" in ltdd("export", tmp_path / "other").out
    assert not (tmp_path / "other" / "stages.json").exists()


def test_the_engine_is_unlocked_and_called_and_what_is_left_is_named(ltdd, tmp_path, snakemake):
    calls = snakemake(1)
    assert "stages failed; 2 runs have no record; logs:" in ltdd("run", "--engine", "snakemake", status=1).err
    unlock, plain = calls.read_text().splitlines()
    assert unlock.endswith("--unlock") and unlock.startswith(plain)
    folder = tmp_path / "work" / "campaign" / "two"
    assert plain.split()[:4] == ["-s", f"{folder}/Snakefile", "-d", str(folder)]
    first = json.loads((folder / "stages.json").read_text())["stages"][0]["id"]
    (tmp_path / "work" / "campaign" / f"{first}.failed").write_text("the set: it is broken\n")
    snakemake(0)  # Snakemake ends well, and yet there is no record
    told = ltdd("run", "--engine", "snakemake", "--jobs", 3, status=1).err
    assert "1 stages failed for good, the first: the set: it is broken" in told
    assert calls.read_text().splitlines()[-1].endswith("--cores 3")


def test_a_folder_has_one_controller(ltdd, tmp_path, snakemake):
    folder = tmp_path / "cluster"
    calls = snakemake(0)
    with locked(folder / "controller.lock"):
        assert "another controller is at work" in ltdd("run", folder, "--engine", "snakemake", status=2).err
        assert "another controller is at work" in ltdd("export", folder, status=2).err
    # A command that was killed leaves its Snakemake alone: it is seen by its number and its folder.
    (folder / "controller.pid").write_text(str(os.getpid()))
    assert not engine._lives(str(os.getpid()), folder) and not engine._lives("999999999", folder)
    assert not calls.exists()


def test_a_signal_reaches_the_engine_and_stops_the_command(ltdd, tmp_path, monkeypatch):
    program = tmp_path / "snakemake"
    program.write_text(f"#!/bin/sh\ncase $* in *--unlock*) exit 0;; esac\ntouch {tmp_path}/begun\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(engine, "_program", lambda: str(program))

    def ask():
        while not (tmp_path / "begun").exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask)
    asking.start()
    assert "the engine was stopped; the same command goes on" in ltdd("run", "--engine", "snakemake", status=75).err
    asking.join()
    assert not (tmp_path / "work" / "campaign" / "two" / "controller.pid").exists()


def test_what_makes_no_sense_is_refused(ltdd, tmp_path, snakemake):
    snakemake(0)
    for arguments, message in [
        (["--engine", "snakemake"], "--engine is of"),
        (["run", "--dag"], "--dag draws"),
        (["run", tmp_path / "x"], "FOLDER"),
        (["run", "--engine", "snakemake", "--threads", 0], "--threads is 0"),
        (["run", "--engine", "snakemake", "--profile", "moon"], "--profile 'moon'"),
    ]:
        assert message in ltdd(*arguments, status=2).err


def test_the_missing_engine_is_named(ltdd, monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "ENVIRONMENT", "nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "`make cluster` installs it" in ltdd("run", "--engine", "snakemake", status=2).err
