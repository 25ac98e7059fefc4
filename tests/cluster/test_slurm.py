"""Campaigns on a real SLURM: what one process gives, bit for bit, whatever is killed, stopped or broken on the way."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from toy_cluster import ROOT, SNAKEMAKE, Cluster, jobs, until

SHARED = """
scale = "tiny"

[[block]]
title = "two recipes that share experts and a teacher"
methods = ["damed", "datm"]
datasets = ["digits"]
protocols = ["online-teacher"]
ipc = 2
students = 1
set = [["data.n_max=40", "evaluate.train.epochs=2", "evaluate.network.width=4", "evaluate.teacher.train.epochs=1",
        "evaluate.teacher.network.width=4", "method.experts.count=1", "method.experts.train.epochs=3",
        "method.experts.network.width=4", "method.window=[0,1,2]", "method.first.epochs=1", "method.iterations=2"]]
"""
FAULTS = """
scale = "tiny"

[[block]]
title = "a stage that meets its limit, one that is cancelled, one that fails for good"
methods = ["slow"]
datasets = ["digits"]
ipc = 2
students = 1
set = [["evaluate.train.epochs=1", "method.steps=190"], ["evaluate.train.epochs=1", "method.steps=24"],
       ["evaluate.train.epochs=1", "method.fails=true"]]
"""


@pytest.mark.usefixtures("slurm")
def test_a_killed_controller_and_a_second_campaign_change_nothing(tmp_path):
    """SIGKILL ends the controller; then the same command and a second folder share the work and its stages."""
    cluster = Cluster(tmp_path, SHARED)
    first = cluster.engine()
    until(lambda: jobs() and (tmp_path / "engine" / "controller.pid").is_file(), "a job")
    os.kill(int((tmp_path / "engine" / "controller.pid").read_text()), signal.SIGKILL)
    first.kill()
    first.wait()
    assert not cluster.outcomes()
    running = [cluster.engine(), cluster.engine("second")]
    assert [one.wait() for one in running] == [0, 0], cluster.log()
    kinds = [one["kind"] for one in cluster.stages()]
    assert sorted(kinds) == sorted(["expert", "classifier", "network", *["set", "student", "record"] * 2])
    assert cluster.flags() == cluster.flags("second") == {one["id"] for one in cluster.stages()}
    whole = Cluster(tmp_path / "whole", SHARED)
    assert whole.start("run").wait() == 0, whole.log()
    assert cluster.outcomes() == whole.outcomes() and len(whole.outcomes()) == 2


@pytest.mark.usefixtures("slurm")
def test_a_time_limit_a_cancelled_job_and_a_broken_stage(tmp_path, monkeypatch):
    """The first two go on from their state to the same bits; the third is named, tried once, and holds nobody up."""
    trace = tmp_path / "trace"
    monkeypatch.setenv("SLOW_TRACE", str(trace))
    cluster = Cluster(tmp_path, FAULTS, "--plugin", str(ROOT / "tests" / "cluster" / "slow.py"))
    assert cluster.start("export", tmp_path / "engine").wait() == 0, cluster.log()
    config = tmp_path / "engine" / "config.json"
    config.write_text(config.read_text().replace('"least_minutes": 15', '"least_minutes": 1'))
    assert '"minutes": 1440' in config.read_text()
    config.write_text(config.read_text().replace('"minutes": 1440', '"minutes": 1'))
    words = [SNAKEMAKE, "-s", "engine/Snakefile", "-d", "engine", "--workflow-profile", "profile"]
    with (tmp_path / "log").open("a") as log:
        running = subprocess.Popen(words, cwd=tmp_path, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": ROOT})
    until(lambda: trace.is_file() and "24 3\n" in trace.read_text(), "the third step")
    subprocess.run(["scancel", _job_of(tmp_path, _set_of(cluster, steps=24))], check=True)
    assert running.wait() != 0, cluster.log()
    broken = _set_of(cluster, fails=True)
    assert cluster.flags() == {one["id"] for one in cluster.stages()} - {broken} - _behind(cluster, broken)
    seen = [tuple(map(int, line.split())) for line in trace.read_text().splitlines()]
    for count in (190, 24):  # every step was made once, but for those between the last state and the stop
        made = [step for steps, step in seen if steps == count]
        assert sorted(set(made)) == list(range(1, count + 1)) and len(made) <= count + 2
    assert [step for steps, step in seen if steps == 10] == [1, 2]  # SlowConfig's own number; it was not tried again
    assert "not finite at step 3" in (tmp_path / "work" / "campaign" / f"{broken}.failed").read_text()
    again = cluster.engine()
    assert again.wait() == 1 and "failed for good, the first: slow_digits" in cluster.log()
    monkeypatch.setenv("SLOW_STEP_S", "0")
    whole = Cluster(tmp_path / "whole", FAULTS, *cluster.options)
    assert whole.start("run").wait() == 1  # the broken one
    assert cluster.outcomes() == whole.outcomes()


def _set_of(cluster: Cluster, **settings: object) -> str:
    """The id of the set whose run has these settings."""
    content = json.loads((cluster.folder / "engine" / "stages.json").read_text())
    for one in content["stages"]:
        method = content["runs"][one["run"]]["config"]["method"]
        if one["kind"] == "set" and all(method[key] == value for key, value in settings.items()):
            return one["id"]
    raise AssertionError(settings)


def _behind(cluster: Cluster, name: str) -> set[str]:
    """The stages that need another one, directly or not."""
    behind = {name}
    for one in cluster.stages():
        if behind & set(one["needs"]):
            behind.add(one["id"])
    return behind - {name}


def _job_of(folder: Path, name: str) -> str:
    """The number of the job that makes a stage: its log is called so."""
    (log,) = (folder / "engine" / "slurm").rglob(f"{name}/*.log")
    return log.stem
