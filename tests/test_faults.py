"""Faults of machines: three processes of one number share a campaign, locks fail or lie, one process is killed.

What holds in all of them: one record for each run, none torn, none missing, and no work done twice.
"""

import errno
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import toy_records
from toy_recipes import small_trajectory
from toy_sets import CPU

from ltdd_utils import campaign, recipes
from ltdd_utils.campaign.tasks import tasks_of
from ltdd_utils.cli.outcomes import CODES
from ltdd_utils.core import exclusive, locks, mounts
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.settings import to_dict
from ltdd_utils.core.store import Bundle, Checkpoint, Store
from ltdd_utils.jobs import in_turn, schedule
from ltdd_utils.jobs.sources import SOURCES
from ltdd_utils.recipes.units import RECORD
from ltdd_utils.records import Record, load_record, save_record
from ltdd_utils.runs import run
from ltdd_utils.training import LoopState

pytestmark = [pytest.mark.float32, pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")]

PLAN = """
scale = "tiny"
[[block]]
title = "two"
methods = ["random"]
datasets = ["digits"]
ipc = 1
seeds = [0, 1]
students = 1
"""


def failing(number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    return flock


FLOCKS = {"hold": None, "ENOLCK": failing(errno.ENOLCK), "ENOSYS": failing(errno.ENOSYS), "lie": lambda *_: None}


def short_run(recipe, seed, students, context):
    """A run of two stages, the first of which all runs share, that leaves a record."""

    def compute(checkpoint):
        images, done = torch.zeros(3), {"iteration": 0}
        state = LoopState({"images": images}, done, checkpoint)
        while done["iteration"] < 5:
            images += 1
            done["iteration"] += 1
            state.keep()
            time.sleep(0.01)
        return Bundle({"images": images})

    for kind, key in (("expert", {}), ("student", {"seed": seed})):
        assert context.store.stage(kind, key, compute).tensors["images"].tolist() == [5, 5, 5]
    about = {"scale": recipe.scale, "seed": seed, "ipc": recipe.ipc, "imbalance_factor": recipe.data.imbalance_factor}
    content = toy_records.record(
        [(1, 1)], dataset="digits", protocol=recipe.evaluate.label, config_id=recipe.config_id, **about
    )
    content |= {"recipe": recipe.name, "config": to_dict(recipe), "target": None}
    save_record(context.results, content)
    return Record(content)


def short_source(facts, context):
    """What makes the record of a short run."""
    recipe = recipes.Recipe.from_dict(facts["config"])
    return SimpleNamespace(make=lambda *_: short_run(recipe, facts["seed"], facts["students"], context))


def work(folder: Path, killed: bool) -> None:
    """One process's share of the campaign; ``killed``: within its first stage."""
    computed, tick = Store._computed, Checkpoint.tick

    def noted(store, result, compute):
        computed(store, result, compute)
        with (folder / "computed").open("a") as file:
            file.write(f"{result.parent}\n")

    def fatal(checkpoint, state):
        checkpoint.every_s = 0.0
        tick(checkpoint, state)
        os.kill(int(Path("/proc/self").readlink().name), signal.SIGKILL)

    Store._computed = noted
    if killed:
        Checkpoint.tick = fatal
    else:
        while not list((folder / "work").rglob("checkpoint*")):  # until the other one has begun
            time.sleep(0.01)
    context = RunContext(Store(folder / "work", wait=False), CPU, results=folder / "results")
    runs = campaign.read_plan(str(folder / "plan.toml"))
    tasks = [task for task in tasks_of(runs, lambda _: ()) if task.unit.kind == RECORD]  # which makes all of a run here
    assert campaign.run_campaign(runs, context, lambda line: None, tasks=tasks) == []


def forked(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return child


@pytest.mark.parametrize("kind", FLOCKS)
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc")
def test_three_processes_of_one_number_make_one_record_of_each_run(kind, tmp_path, monkeypatch):
    """And one of them is killed in the middle of a stage."""
    (tmp_path / "plan.toml").write_text(PLAN)
    monkeypatch.setitem(SOURCES, "run", short_source)
    monkeypatch.setattr(os, "getpid", lambda: 4242)
    monkeypatch.setattr(mounts, "_known", {})
    monkeypatch.setattr(exclusive, "_seen", {})
    for module, name, seconds in (
        (locks, "EVERY_S", 0.02),
        (schedule, "RETRY_S", 0.05),
        (in_turn, "LOOK_S", 0.05),
        (exclusive, "BEAT_S", 0.05),
        (exclusive, "STALE_S", 2.0),
    ):
        monkeypatch.setattr(module, name, seconds)
    if FLOCKS[kind] is not None:
        monkeypatch.setattr("fcntl.flock", FLOCKS[kind])
    children = [forked(lambda number=number: work(tmp_path, killed=number == 0)) for number in range(3)]
    ends = [os.waitpid(child, 0)[1] for child in children]
    assert os.WTERMSIG(ends[0]) == signal.SIGKILL and ends[1:] == [0, 0]
    records = sorted((tmp_path / "results").rglob("*"))
    records = [path for path in records if path.is_file()]
    assert len(records) == 2 and {load_record(path)["seed"] for path in records} == {0, 1}
    stages = (tmp_path / "computed").read_text().splitlines()
    assert sorted(Path(stage).parent.name for stage in stages) == ["expert", "student", "student"]
    assert not list((tmp_path / "work").rglob("*.part")) and not list((tmp_path / "work").rglob("checkpoint*"))


def share(folder: Path, recipe: recipes.Recipe) -> None:
    """One process's share of a run; each stage takes a little longer than it does."""
    computed = Store._computed

    def noted(store, result, compute):
        time.sleep(0.3)
        computed(store, result, compute)
        with (folder / "computed").open("a") as file:
            file.write(f"{os.getpid()} {result.parent}\n")

    Store._computed = noted
    context = RunContext(Store(folder / "work", wait=False), CPU, results=folder / "results")
    assert campaign.run_campaign([campaign.PlannedRun("", recipe, 0, 2, "")], context, lambda line: None) == []


def test_two_processes_share_the_stages_of_one_run(tmp_path, monkeypatch):
    monkeypatch.setattr(schedule, "RETRY_S", 0.1)
    recipe = small_trajectory(**{"method.experts.count": "4"})
    children = [forked(lambda: share(tmp_path / "both", recipe)) for _ in range(2)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    lines = [line.split() for line in (tmp_path / "both" / "computed").read_text().splitlines()]
    stages = [Path(place).parent.name for _, place in lines]
    assert len({place for _, place in lines}) == len(lines)  # none was made twice
    assert stages.count("representation") == stages.count("classifier") == 4 and stages.count("student") == 2
    for kind in ("representation", "student"):
        assert len({process for process, place in lines if Path(place).parent.name == kind}) == 2, kind
    context = RunContext(Store(tmp_path / "alone" / "work"), CPU, results=tmp_path / "alone" / "results")
    alone = run(recipe, 0, 2, context)
    (path,) = (tmp_path / "both" / "results").rglob("*.json")
    shared = load_record(path)
    assert (shared.metrics, shared.provenance.distilled_sha256) == (alone.metrics, alone.provenance.distilled_sha256)


def test_every_fault_of_the_page_has_its_test(root):
    page = (root / "book" / "faults.md").read_text(encoding="utf-8")
    rows = re.findall(r"`(tests/\w+\.py)::(\w+)`", page)
    assert len(rows) > 20
    missing = [(file, name) for file, name in rows if f"\ndef {name}(" not in (root / file).read_text(encoding="utf-8")]
    assert not missing


def test_the_page_and_the_help_have_the_same_exit_codes(root):
    page = (root / "book" / "faults.md").read_text(encoding="utf-8")
    of_page = re.findall(r"^\| (\d+) \| ", page, flags=re.M)
    assert of_page == re.findall(r"^  (\d+) ", CODES, flags=re.M) == ["0", "1", "2", "75", "130"]
