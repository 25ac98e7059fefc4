"""Campaigns on a real SLURM: what one process gives, bit for bit, whatever is killed, stopped or broken on the way."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from toy_cluster import ROOT, SNAKEMAKE, Cluster, until

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
WORKERS = """
scale = "tiny"

[[block]]
title = "two runs for two workers"
methods = ["herding"]
datasets = ["digits"]
ipc = [1, 2]
students = 1
set = [["data.n_max=40", "evaluate.train.epochs=1", "evaluate.network.width=4", "method.expert.train.epochs=1"]]
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


@pytest.fixture(scope="module")
def faulty(slurm, tmp_path_factory):
    """A campaign in which one job has been cancelled, and goes on while other tests run; how it was begun."""
    folder = tmp_path_factory.mktemp("faulty")
    os.environ["SLOW_TRACE"] = str(folder / "trace")
    cluster = Cluster(folder, FAULTS, "--plugin", str(ROOT / "tests" / "cluster" / "slow.py"))
    assert cluster.start("export", folder / "engine").wait() == 0, cluster.log()
    config = folder / "engine" / "config.json"  # limits of a minute
    settings = json.loads(config.read_text()) | {"least_minutes": 1, "minutes": 1}
    config.write_text(json.dumps(settings))
    words = [SNAKEMAKE, "-s", "engine/Snakefile", "-d", "engine", "--workflow-profile", "profile"]  # as export says
    with (folder / "log").open("a") as log:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        running = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, env=environment)
    trace = folder / "trace"
    until(lambda: trace.is_file() and "24 3\n" in trace.read_text(), "the third step")
    subprocess.run(["scancel", _job_of(folder, _set_of(cluster, steps=24))], check=True)
    yield cluster, running
    running.kill()  # where the test that waits for it was not asked for
    running.wait()
    del os.environ["SLOW_TRACE"]


def test_a_killed_controller_and_a_second_campaign_change_nothing(faulty, tmp_path):
    """SIGKILL ends the controller; then the same command and one in another folder share the work and its stages."""
    cluster = Cluster(tmp_path, SHARED)
    first = cluster.engine()
    until((tmp_path / "engine" / "slurm").is_dir, "a job")
    os.kill(int((tmp_path / "engine" / "controller.pid").read_text()), signal.SIGKILL)
    first.kill()
    first.wait()
    assert not cluster.outcomes()
    running = [cluster.engine(), cluster.engine("second", "--only", "datm")]
    whole = Cluster(tmp_path / "whole", SHARED)
    assert whole.start("run").wait() == 0, whole.log()
    assert [one.wait() for one in running] == [0, 0], cluster.log()
    kinds = [one["kind"] for one in cluster.stages()]
    assert sorted(kinds) == sorted(["expert", "classifier", "network", *["set", "student", "record"] * 2])
    assert cluster.flags() == {one["id"] for one in cluster.stages()}
    assert cluster.flags("second") == {one["id"] for one in cluster.stages("second")} < cluster.flags()
    assert cluster.outcomes() == whole.outcomes() and len(whole.outcomes()) == 2


@pytest.mark.usefixtures("faulty")
def test_workers_without_an_engine_share_the_runs(tmp_path):
    """Two of one array, as workflow/worker.sbatch starts them."""
    cluster = Cluster(tmp_path, WORKERS)
    words = cluster.words("campaign", "run")[5:]  # what stands behind the command
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LTDD": f"{sys.executable} -m ltdd_utils"}
    array = ["sbatch", "--wait", "--array=0-1", "--mem=2G", "--cpus-per-task=1", f"--output={tmp_path}/log-%a"]
    subprocess.run([*array, ROOT / "workflow" / "worker.sbatch", *words], check=True, env=environment, cwd=tmp_path)
    whole = Cluster(tmp_path / "whole", WORKERS)
    assert whole.start("run").wait() == 0
    assert cluster.outcomes() == whole.outcomes() and len(whole.outcomes()) == 2


def test_a_time_limit_a_cancelled_job_and_a_broken_stage(faulty, tmp_path, monkeypatch):
    """The first two go on from their state to the same bits; the third is named, tried once, and holds nobody up."""
    cluster, running = faulty
    assert running.wait() != 0, cluster.log()
    broken, log = _set_of(cluster, fails=True), cluster.log()
    assert cluster.flags() == {one["id"] for one in cluster.stages()} - {broken} - _behind(cluster, broken), log
    assert "'TIMEOUT'" in log
    seen = [tuple(map(int, line.split())) for line in (cluster.folder / "trace").read_text().splitlines()]
    for count in (190, 24):  # every step was made once, but for one between the last state and the stop
        made = [step for steps, step in seen if steps == count]
        assert sorted(set(made)) == list(range(1, count + 1)) and len(made) <= count + 2
    assert [step for steps, step in seen if steps == 10] == [1, 2]  # SlowConfig's own number; it was not tried again
    note = cluster.folder / "work" / "campaign" / f"{broken}.failed"
    assert "not finite at step 3" in note.read_text()
    monkeypatch.setenv("SLOW_STEP_S", "0")
    monkeypatch.setenv("SLOW_TRACE", str(tmp_path / "trace"))
    whole = Cluster(tmp_path / "whole", FAULTS, *cluster.options)
    assert whole.start("run").wait() == 1  # the broken one
    assert cluster.outcomes() == whole.outcomes() and len(whole.outcomes()) == 2


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
