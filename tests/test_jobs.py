"""Processes side by side: toy units for the laws, small recipes for the bits, commands for signals."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from argparse import Namespace
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_recipes import small_trajectory, small_unilevel
from toy_sets import context, quick, result_of

from ltdd_utils.campaign.forecast import Expected
from ltdd_utils.campaign.planned import PlannedRun
from ltdd_utils.campaign.tasks import tasks_of
from ltdd_utils.cli.ahead import Ahead, set_tasks, timed
from ltdd_utils.cli.following import Following
from ltdd_utils.cli.progress import Bars
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.failures import Failed
from ltdd_utils.core.settings import to_dict
from ltdd_utils.core.store import Store
from ltdd_utils.distilled import save_set
from ltdd_utils.jobs import Place, Share, Task, processes, side_by_side
from ltdd_utils.jobs.in_turn import in_turn
from ltdd_utils.recipes.units import RECORD, Unit
from ltdd_utils.runs import evaluate_set, run
from ltdd_utils.runs.expert_units import UnitsOfExperts
from ltdd_utils.runs.set_units import UnitsOfSet

pytestmark = pytest.mark.float32

ROOT = Path(__file__).resolve().parent.parent


class View:
    """Remembers what it is told."""

    def __init__(self):
        self.said, self.warned, self.ticks = [], [], 0

    def begin(self, number, task):
        self.said.append(("begin", number, task.id))

    def tell(self, number, task, message):
        self.said.append(("tell", number, task.id, message))

    def end(self, number, task, event, seconds):
        self.said.append((event, number, task.id))

    def fail(self, failure):
        self.said.append(("gone", 0, failure.task.id))

    def warn(self, line):
        self.warned.append(line)

    def tick(self):
        self.ticks += 1

    def names(self, event):
        return [name for what, _, name, *_ in self.said if what == event]


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Make toy units, given as name -> (needs, what happens); trace of what happened, and the view."""
    monkeypatch.setattr(processes, "MODULE", "toy_worker")
    trace = tmp_path / "trace"

    def make(units, jobs=2, **how):
        view, deadline = View(), how.pop("deadline", None)
        tasks = [
            Task(Unit(name, "unit", 0, ("unit",), f"the {name}", needs), {"trace": str(trace), **facts})
            for name, (needs, facts) in units.items()
        ]
        place = Place(tmp_path, threads=1)
        make.view = view
        failures = side_by_side(tasks, Share(jobs, jobs), place, view, threads={"unit": 1}, deadline=deadline, **how)
        return failures, view

    def events():
        return [line.split() for line in trace.read_text().splitlines()] if trace.exists() else []

    make.events, make.trace = events, trace
    return make


def alive(pid):
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def until(condition, patience=120.0):
    end = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)
    return found


def test_units_are_made_behind_their_needs_by_as_many_processes_as_asked_for(toy):
    units = {name: ((), {"seconds": 0.2}) for name in "abcd"} | {"last": (("a", "b", "c", "d"), {})}
    failures, view = toy(units)
    events = toy.events()
    assert not failures and view.names("end")[-1] == "last" and sorted(view.names("end")) == sorted(units)
    assert events[-1][:2] == ["end", "last"] and len({pid for _, _, pid, _ in events}) == 2
    assert view.names("begin")[:2] == ["a", "b"] and {what for what, *_ in view.said} == {"begin", "tell", "end"}


def test_nothing_to_do_starts_no_process(toy, monkeypatch):
    monkeypatch.setattr(processes, "MODULE", "no_such_module")
    assert toy({}) == ([], toy.view)


def test_a_failing_unit_stops_the_others_and_is_named(toy):
    units = {"long": ((), {"seconds": 60.0}), "broken": ((), {"seconds": 0.1, "raises": "FloatingPointError"})}
    with pytest.raises(Failed, match=r"^the broken: it is broken$") as caught:
        toy(units)
    assert "FloatingPointError: it is broken" in str(caught.value.__cause__)
    assert [event[:2] for event in toy.events()][-1] == ["stop", "long"] and toy.view.names("stop") == ["long"]
    assert not any(alive(pid) for _, _, pid, _ in toy.events())


def test_a_refused_unit_is_refused_by_the_command(toy):
    with pytest.raises(ValueError, match=r"^the a: it is broken$"):
        toy({"a": ((), {"raises": "ValueError"})})


def test_the_others_go_on_where_that_is_asked_for(toy):
    units = {"broken": ((), {"raises": "ValueError"}), "behind": (("broken",), {}), "other": ((), {"seconds": 0.2})}
    (failure,), view = toy(units, keep_going=True)
    assert failure.task.id == "broken" and failure.gone == {"broken", "behind"}
    assert view.names("end") == ["other"] and view.names("fail") == ["broken"]


def test_a_process_that_is_killed_fails_its_unit_and_another_takes_its_place(toy):
    units = {"dies": ((), {"dies": True}), "a": ((), {"seconds": 0.3}), "b": (("a",), {"seconds": 0.1})}
    (failure,), view = toy(units, keep_going=True)
    assert "the dies: its process ended by signal 9; where memory is short" in str(failure.error)
    assert view.names("end") == ["a", "b"]


def test_a_process_that_cannot_begin_is_an_error(toy, monkeypatch, capfd):
    monkeypatch.setattr(processes, "MODULE", "no_such_module")
    with pytest.raises(Failed, match="had nothing to do yet ended with exit status 1"):
        toy({"a": ((), {})})
    assert "no_such_module" in capfd.readouterr().err


def test_what_another_process_makes_is_waited_for_while_others_are_made(toy, tmp_path, monkeypatch):
    monkeypatch.setattr("ltdd_utils.jobs.schedule.RETRY_S", 0.1)
    held = tmp_path / "held"
    held.touch()

    def deadline():
        if len(toy.view.names("busy")) > 1:
            held.unlink(missing_ok=True)

    units = {"taken": ((), {"busy": str(held)}), "other": ((), {}), "behind": (("taken",), {})}
    failures, view = toy(units, jobs=1, deadline=deadline)
    assert not failures and view.names("end") == ["other", "taken", "behind"] and len(view.names("busy")) > 1


def test_all_stop_at_the_deadline(toy):
    def deadline():
        return time.monotonic() if len(toy.events()) >= 2 else None

    begun = time.monotonic()
    with pytest.raises(Stopped, match="run the same command again to go on"):
        toy({name: ((), {"seconds": 60.0}) for name in "abc"}, deadline=deadline)
    assert sorted(toy.view.names("stop")) == ["a", "b"] and time.monotonic() - begun < 60
    assert not any(alive(pid) for _, _, pid, _ in toy.events())


def test_a_second_wish_ends_them_at_once(toy):
    def deadline():
        if sum(what == "begin" for what, *_ in toy.events()) == 2:
            raise KeyboardInterrupt
        return None

    with pytest.raises(KeyboardInterrupt):
        toy({name: ((), {"seconds": 60.0, "deaf": True}) for name in "ab"}, deadline=deadline)
    assert not any(alive(pid) for _, _, pid, _ in toy.events())


LONELY = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from ltdd_utils.jobs import Place, Share, Task, processes, side_by_side
from ltdd_utils.jobs.side_by_side import Views
from ltdd_utils.recipes.units import Unit
processes.MODULE = "toy_worker"
tasks = [Task(Unit(n, "unit", 0, ("unit",), n), {{"trace": {trace!r}, "seconds": 60.0}}) for n in "ab"]
side_by_side(tasks, Share(2, 2), Place(Path("."), 1), Views(), threads={{"unit": 1}})
"""


def test_no_process_outlives_one_that_is_killed(toy):
    code = LONELY.format(tests=str(ROOT / "tests"), trace=str(toy.trace))
    parent = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)})
    until(lambda: len(toy.events()) == 2)
    parent.kill()
    parent.wait()
    until(lambda: not any(alive(pid) for _, _, pid, _ in toy.events()))
    assert sorted(event[:2] for event in toy.events())[2:] == [["stop", "a"], ["stop", "b"]]  # their state is kept


# --- The same bits ----------------------------------------------------------------------------------------------------


def outcome(record):
    return record["metrics"], record["provenance"]["distilled_sha256"], record.get("teacher")


def files(work):
    """Every result of a store by its place, without the times."""
    from ltdd_utils.core.store import load_bundle

    return {path.relative_to(work): load_bundle(path).tensors for path in sorted(work.rglob("result.safetensors"))}


def test_two_runs_side_by_side_give_the_bits_and_the_records_of_one_process(tmp_path):
    recipes = [small_trajectory(), small_unilevel("unilevel")]
    alone = [run(recipe, 0, 2, context(tmp_path / "alone")) for recipe in recipes]
    where = context(tmp_path / "beside")
    runs = [PlannedRun("", recipe, 0, 2, "") for recipe in recipes]
    tasks = [task for task in tasks_of(runs, lambda _: ()) if task.unit.kind != RECORD]
    place = Place(where.store.root, threads=1, results=where.results)
    side_by_side(tasks, Share(2, 2), place, View(), threads=dict.fromkeys({task.unit.kind for task in tasks}, 1))
    mine, other = files(where.store.root), files(tmp_path / "alone" / "work")
    assert mine.keys() == other.keys()
    for path, tensors in mine.items():
        assert all(tensors[name].equal(other[path][name]) for name in other[path]), path
    for recipe, before in zip(recipes, alone, strict=True):
        record = run(recipe, 0, 2, where)
        assert outcome(record) == outcome(before)
        assert record["cost"]["seconds"].keys() == before["cost"]["seconds"].keys()
        assert record["provenance"]["stages"].keys() == before["provenance"]["stages"].keys()
    assert files(where.store.root).keys() == mine.keys()  # nothing was left for this process


def test_students_that_were_stopped_go_on_to_the_same_bits(tmp_path):
    recipe = quick(epochs=1600)
    alone = run(recipe, 0, 2, context(tmp_path / "alone"))
    where, view = context(tmp_path / "beside"), View()
    tasks = [task for task in tasks_of([PlannedRun("", recipe, 0, 2, "")], lambda _: ()) if task.unit.kind != RECORD]

    def deadline():
        at_work = {name for what, _, name, *said in view.said if what == "tell" and "progress" in said[0]}
        return time.monotonic() if {task.id for task in tasks[-2:]} <= at_work else None

    how = {"threads": dict.fromkeys({task.unit.kind for task in tasks}, 1)}
    place = Place(where.store.root, threads=1)
    with pytest.raises(Stopped):
        side_by_side(tasks, Share(2, 2), place, view, deadline=deadline, **how)
    kept = sorted((where.store.root / "student").rglob("*.safetensors"))
    assert "checkpoint.safetensors" in {path.name for path in kept}  # one may end before the other begins
    side_by_side(tasks, Share(2, 2), place, View(), **how)
    assert files(where.store.root).keys() == files(tmp_path / "alone" / "work").keys()
    assert outcome(run(recipe, 0, 2, where)) == outcome(alone)


def made_by(tasks, where, monkeypatch):
    """Make tasks as a process would, from their descriptions in JSON; kinds of what was computed."""
    computed, compute = [], Store._computed
    with monkeypatch.context() as patch:
        patch.setattr(
            Store, "_computed", lambda store, result, *how: computed.append(result) or compute(store, result, *how)
        )
        tasks = [replace(task, source=json.loads(json.dumps(task.source))) for task in tasks]
        assert in_turn(tasks, replace(where, store=Store(where.store.root, wait=False)), View(), None) == []
    return sorted(path.parent.parent.name for path in computed)


@pytest.mark.parametrize("protocol", ["dsa-stored", "online-teacher"])
def test_the_units_of_an_evaluation_are_all_that_it_makes(protocol, tmp_path, monkeypatch):
    file, where = tmp_path / "set.safetensors", context(tmp_path)
    distilled = result_of(quick(), context(tmp_path / "made")).set
    save_set(file, distilled)
    judge = quick(protocol=protocol).evaluate
    plan = [Expected("preprocess", 1.0, ""), Expected("teacher", 2.0, ""), Expected("students", 6.0, "")]
    options = Namespace(seed=1, students=2)
    tasks = set_tasks(file, distilled, judge, options, plan)
    assert [task.seconds for task in tasks] == [1.0, *([] if protocol == "dsa-stored" else [2.0]), 3.0, 3.0]
    there = UnitsOfSet(file, judge, 1, 2, where).is_there
    assert not any(there(task.id) for task in tasks)
    teachers = [] if protocol == "dsa-stored" else ["expert"]
    assert made_by(tasks, where, monkeypatch) == [*teachers, "preprocess", "student", "student"]
    assert all(UnitsOfSet(file, judge, 1, 2, where).is_there(task.id) for task in tasks)
    made = files(where.store.root).keys()
    scores = evaluate_set(distilled, None, judge, where, seed=1, students=2)
    alone = evaluate_set(distilled, None, judge, context(tmp_path / "alone"), seed=1, students=2)
    assert files(where.store.root).keys() == made and scores["metrics"] == alone["metrics"]


@pytest.mark.parametrize("renew", [False, True])
def test_the_units_of_experts_are_all_that_the_command_makes(renew, tmp_path, monkeypatch):
    recipe, where = small_trajectory(), context(tmp_path)
    asked = {"seed": 0, "keep": (0, 1, 2, 3), "keep_classifier": (0, 2), "only": (0, 1), "renew": renew}
    work = UnitsOfExperts(recipe, asked, where)
    source = {"of": "experts", "config": to_dict(recipe), "asked": work.asked}
    tasks = timed([*work.units.values()], source, "", [])
    expected = ["classifier", "classifier", "preprocess", "representation", "representation"]
    if renew:  # those that an earlier call made lack an epoch
        fewer = {**asked, "keep": (0, 3), "renew": False}
        UnitsOfExperts(recipe, fewer, where).train((0, 1))
        expected = ["representation", "representation"]
    assert not any(work.is_there(task.id) for task in tasks[1:])
    assert made_by(tasks, where, monkeypatch) == expected
    assert all(work.is_there(task.id) for task in tasks)
    kept = files(where.store.root).keys()
    UnitsOfExperts(recipe, asked, where).train((0, 1), again=False)
    assert files(where.store.root).keys() == kept


# --- Commands ---------------------------------------------------------------------------------------------------------

LONG = ["run", "random_digits", "--ipc", "2", "--students", "2", "--set", "evaluate.network.width=4"]
LONG += ["--set", "evaluate.train.epochs=100000", "--device", "cpu", "--jobs", "2"]


@pytest.fixture
def command(tmp_path):
    """Start a command in folders of its own; its log of events. It and its processes end with the test."""
    log, started = tmp_path / "events", []

    def hears():  # Ctrl-C, which tests in the background of a terminal ignore
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def start(*words):
        folders = {f"LTDD_{name.upper()}": str(tmp_path / name) for name in ("work", "results", "data")}
        environment = {**os.environ, **folders, "PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-m", "ltdd_utils", *words, "--log", str(log)]
        options = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True, "preexec_fn": hears}
        started.append(subprocess.Popen(words, env=environment, **options))
        return started[-1]

    def facts():
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    start.facts = facts
    yield start
    for process in started:  # a test that failed has left them at work
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def students_at_work(facts):
    return len({fact["part"] for fact in facts if fact["event"] == "progress" and fact["stage"] == "students"})


@pytest.mark.skipif(sys.platform == "win32", reason="no signals between processes")
def test_a_signal_to_all_processes_keeps_the_state_of_each_and_a_second_one_changes_nothing(command, tmp_path):
    """Ctrl-C of a terminal and a batch system's SIGTERM go to the whole group."""
    process = command(*LONG)
    until(lambda: students_at_work(command.facts()) == 2)
    for number in (signal.SIGTERM, signal.SIGTERM):
        os.killpg(process.pid, number)
        time.sleep(0.1)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 75 and "Traceback" not in said
    assert len(list((tmp_path / "work" / "student").rglob("checkpoint.safetensors"))) == 2
    stopped = [fact["unit"] for fact in command.facts() if fact["event"] == "stop" and "unit" in fact]
    assert sorted(stopped) == ["random_digits s0 student 1/2", "random_digits s0 student 2/2"]
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals between processes")
def test_a_signal_to_all_processes_while_they_import_stops_them_too(command):
    process = command(*LONG)
    begun = until(lambda: re.search(r"4 stages, 2 at a time", process.stderr.readline()))
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=120)[1]
    assert begun and process.returncode == 75 and "Traceback" not in said
    assert not [fact for fact in command.facts() if fact["event"] == "end"]
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_the_command_makes_one_record_and_says_what_it_did(ltdd, tmp_path):
    words = ["run", "random_digits", "--ipc", "2", "--students", "2", "--set", "evaluate.train.epochs=3"]
    alone = json.loads(ltdd(*words, "--json", "--results", tmp_path / "one", "--work", tmp_path / "one").out)
    log = tmp_path / "events"
    told = ltdd(*words, "--json", "--jobs", "2", "--threads", "1", "--log", log)
    assert outcome(json.loads(told.out)) == outcome(alone)
    assert "4 stages, 2 at a time, threads of each: 1" in told.err and "random_digits s0 student 2/2" in told.err
    facts = [json.loads(line) for line in log.read_text().splitlines()]
    assert (facts[0]["event"], facts[-1]["event"]) == ("begin", "end") and facts[-1]["overall"] > 0
    ends = [fact["unit"] for fact in facts if fact["event"] == "end" and "unit" in fact]
    assert len(ends) == 4 and all("unit" in fact or "stage" not in fact or "part" in fact for fact in facts)
    assert "at a time" not in ltdd(*words, "--json", "--jobs", "2").err  # all of it is there


PLAN = """
scale = "tiny"
[[block]]
title = "two"
methods = ["random"]
datasets = ["digits"]
ipc = 2
seeds = [0, 1]
students = 1
set = [["evaluate.train.epochs=1"], ["evaluate.train.lr=1e38"]]
"""


def test_a_campaign_side_by_side_makes_the_records_of_one_process_and_names_what_fails(ltdd, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    words, made = ["campaign", "run", "--plan", tmp_path / "plan.toml", "--threads", "1"], {}
    for jobs in (1, 2):
        folder, log = tmp_path / str(jobs), tmp_path / f"{jobs}.jsonl"
        where = ["--jobs", jobs, "--work", folder / "work", "--results", folder / "results", "--log", log]
        said = ltdd(*words, *where, status=1).err
        assert said.count("runs: ltdd run") == 4 and said.count("done: ltdd run") == 2
        assert "2 of 4 runs failed; the first: ltdd run random_digits" in said and "student 1/1: the loss is" in said
        records = {path.name: json.loads(path.read_text()) for path in (folder / "results").rglob("*.json")}
        made[jobs] = {name: outcome(record) for name, record in records.items()}
        facts = [json.loads(line) for line in log.read_text().splitlines()]
        ends = sorted(fact["event"] for fact in facts if "stage" not in fact and fact["event"] != "begin")
        assert ends == ["end", "end", "fail", "fail"]
    assert len(made[1]) == 2 and made[1] == made[2]


def test_short_work_stays_in_one_process_with_the_threads_it_would_have(ltdd, monkeypatch):
    monkeypatch.delenv("LTDD_JOBS")
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setattr("ltdd_utils.cli.ahead.cores", lambda: 4)
    seen, set_threads = [], torch.set_num_threads
    monkeypatch.setattr(torch, "set_num_threads", lambda count: seen.append(count) or set_threads(count))
    monkeypatch.setattr("ltdd_utils.cli.ahead.side_by_side", lambda *_, **__: pytest.fail("processes"))
    before = torch.get_num_threads()
    ltdd("run", "random_digits", "--ipc", "2", "--students", "2", "--set", "evaluate.train.epochs=3")
    assert seen == [4, before] * 3 + [2, before]  # fit, a draw for each student, students
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("seconds", "jobs", "beside"),
    [
        ([20.0] * 2, None, True),
        ([9.0] * 2, None, False),  # half of it is less than processes cost
        ([100.0], None, False),  # nothing could be made at the same time
        ([1.0, None], None, True),  # nobody knows how long it takes
        ([1.0] * 2, 2, True),
        ([100.0] * 2, 1, False),
    ],
)
def test_processes_are_started_where_they_pay_or_are_asked_for(seconds, jobs, beside, tmp_path, monkeypatch):
    monkeypatch.setattr("ltdd_utils.cli.ahead.cores", lambda: 2)
    started = []
    monkeypatch.setattr("ltdd_utils.cli.ahead.side_by_side", lambda tasks, *_, **__: started.append(len(tasks)))
    units = [Unit(str(number), "student", number, ("students",), "") for number in range(len(seconds))]
    tasks = [Task(unit, seconds=value) for unit, value in zip(units, seconds, strict=True)]
    options = Namespace(jobs=jobs, threads=None, device="cpu", plugin=[])
    ahead = Ahead(options, Following(Bars(quiet=True)), context(tmp_path), tasks)
    ahead.make(lambda name: False)
    assert bool(started) == ahead.made == beside
    started.clear()
    ahead.make(lambda name: True)  # all of it is there
    assert not started


@pytest.mark.parametrize(("option", "words"), [("--jobs", "--jobs is 0"), ("--threads", "--threads is 0")])
def test_less_than_one_is_refused_by_the_command(ltdd, option, words):
    assert words in ltdd("run", "random_digits", option, "0", status=2).err
