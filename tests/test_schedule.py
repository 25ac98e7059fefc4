"""Which unit is next, how many threads it gets, how long all take: laws on graphs of units that nobody makes."""

import os
import random

import pytest

from ltdd_utils import campaign
from ltdd_utils.campaign.listing import Listed
from ltdd_utils.jobs import Schedule, Share, Task, cores, share
from ltdd_utils.jobs.clock import Clock
from ltdd_utils.jobs.paths import makespan, tails
from ltdd_utils.jobs.schedule import RETRY_S, lengths, width
from ltdd_utils.recipes.units import Unit


def unit(name, *needs, kind="unit"):
    return Unit(name, kind, 0, (kind,), name, needs)


def graph(rng, count=25):
    """A random graph: each unit needs some of those before it."""
    names = [f"u{number}" for number in range(count)]
    found = []
    for number, name in enumerate(names):
        needs = rng.sample(names[:number], min(number, rng.randint(0, 3)))
        kind = rng.choice(["student", "expert", "set"])
        found.append(Task(unit(name, *needs, kind=kind), seconds=rng.uniform(0.5, 5)))
    return found


def played(tasks, threads, jobs, capacity):
    """The schedule with units that take what is expected: begin and end of each, and the seconds of all."""
    schedule, now, ends, times = Schedule(tasks, threads, jobs, capacity), 0.0, {}, {}
    while schedule.left:
        while (task := schedule.next(now)) is not None:
            schedule.begin(task.id)
            ends[task.id] = now + task.seconds
            times[task.id] = now, ends[task.id]
        name = min(ends, key=ends.get)
        now = ends.pop(name)
        schedule.done(name)
    return times, now


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_every_unit_is_made_once_behind_its_needs_and_no_more_at_a_time_than_asked_for(seed, jobs):
    tasks = graph(random.Random(seed))
    threads = {"student": 1, "expert": 2, "set": 4}
    kinds = {task.id: threads[task.unit.kind] for task in tasks}
    times, _ = played(tasks, threads, jobs, 4)
    assert set(times) == {task.id for task in tasks}
    for task in tasks:
        assert all(times[need][1] <= times[task.id][0] for need in task.unit.needs)
    for begun, _ in times.values():
        at = [name for name, (first, last) in times.items() if first <= begun < last]
        assert len(at) <= jobs and (len(at) == 1 or sum(kinds[name] for name in at) <= 4)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_the_schedule_takes_as_long_as_the_simulated_one(seed, jobs):
    tasks = graph(random.Random(seed))
    _, seconds = played(tasks, dict.fromkeys(["student", "expert", "set"], 1), jobs, jobs)
    length, needs = {task.id: task.seconds for task in tasks}, {task.id: task.unit.needs for task in tasks}
    assert seconds == pytest.approx(makespan(length, needs, jobs))
    whole, longest = sum(length.values()), max(tails(length, needs).values())
    assert max(longest, whole / jobs) - 1e-9 <= seconds <= longest + whole / jobs  # Graham's bound
    if jobs == 1:
        assert seconds == pytest.approx(whole)
    found = [Listed(task.unit, (), task.seconds) for task in tasks]
    assert campaign.makespan(found, jobs) == pytest.approx(seconds)
    assert campaign.critical_path(found) == pytest.approx(longest)


def test_the_longest_path_comes_first_and_ties_keep_the_order():
    tasks = [Task(unit("short"), seconds=5.0), Task(unit("first"), seconds=1.0), Task(unit("other"), seconds=5.0)]
    tasks.append(Task(unit("last", "first"), seconds=9.0))
    schedule = Schedule(tasks, {"unit": 1}, 3, 3)
    order = []
    while (task := schedule.next(0.0)) is not None:
        schedule.begin(task.id)
        order.append(task.id)
    assert order == ["first", "short", "other"]


def test_a_unit_of_many_threads_waits_for_them_and_is_not_overtaken():
    tasks = [Task(unit("a"), seconds=9.0), Task(unit("wide", kind="set"), seconds=5.0), Task(unit("b"), seconds=1.0)]
    schedule = Schedule(tasks, {"unit": 1, "set": 2}, 2, 2)
    schedule.begin(schedule.next(0.0).id)
    assert schedule.running == {"a"} and schedule.next(0.0) is None
    schedule.done("a")
    assert schedule.next(0.0).id == "wide"
    alone = Schedule(tasks[1:2], {"set": 8}, 2, 2)  # more than there are: it is made alone
    assert alone.next(0.0).id == "wide"


def test_what_another_process_makes_is_tried_again_later_and_others_come_first():
    tasks = [Task(unit("taken"), seconds=9.0), Task(unit("other"), seconds=1.0), Task(unit("behind", "taken"))]
    schedule = Schedule(tasks, {"unit": 1}, 1, 1)
    schedule.begin("taken")
    schedule.busy("taken", now=0.0)
    assert schedule.next(0.0).id == "other"
    schedule.begin("other")
    schedule.done("other")
    assert schedule.next(RETRY_S / 2) is None and schedule.next(RETRY_S).id == "taken"


def test_what_needs_a_unit_that_failed_goes_with_it_and_nothing_else():
    tasks = [Task(unit("a")), Task(unit("b", "a")), Task(unit("c", "b")), Task(unit("d"))]
    schedule = Schedule(tasks, {"unit": 1}, 1, 1)
    schedule.begin("a")
    assert schedule.give_up("a") == {"a", "b", "c"} and schedule.left == {"d"}


def test_a_unit_of_unknown_length_counts_as_its_kind_does():
    tasks = [Task(unit("a"), seconds=2.0), Task(unit("b"), seconds=4.0), Task(unit("c"))]
    tasks += [Task(unit("d", kind="set"), seconds=9.0), Task(unit("e", kind="student"))]
    assert lengths(tasks) == {"a": 2.0, "b": 4.0, "c": 3.0, "d": 9.0, "e": 5.0}
    assert lengths(tasks[2:3]) == {"c": 1.0}


def test_as_many_can_be_made_at_a_time_as_stand_at_one_depth():
    tasks = [Task(unit("set", "there"))] + [Task(unit(f"s{number}", "set")) for number in range(5)]
    assert (width(tasks), width(tasks[:1]), width([])) == (5, 1, 0)


# --- Threads ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def plain(monkeypatch):
    """No word of a scheduler or of the user."""
    for name in ("OMP_NUM_THREADS", *share.GRANTED):
        monkeypatch.delenv(name, raising=False)


def test_the_cores_are_divided_among_the_units_of_a_kind(plain):
    kinds = ["student"] * 5 + ["set"] + ["network"] * 2
    assert Share(2, 2).of(kinds) == {"student": 1, "set": 2, "network": 1}
    assert Share(4, 8).of(kinds) == {"student": 2, "set": 8, "network": 4}
    assert Share(1, 8).of(kinds) == dict.fromkeys(kinds, 8)
    assert Share(9, 4).of(kinds) == {"student": 1, "set": 4, "network": 2}
    assert Share(2, 8, threads=3).of(kinds) == dict.fromkeys(kinds, 3)


@pytest.mark.parametrize(("jobs", "count"), [(2, 2), (3, 8), (5, 4), (16, 64)])
def test_units_of_one_kind_never_ask_for_more_threads_than_there_are(jobs, count, plain):
    one = Share(jobs, count)
    for units in range(1, 20):
        at_once = min(jobs, units)
        assert at_once * one.of(["unit"] * units)["unit"] <= max(count, at_once) <= one.capacity
    assert Share(jobs, count, threads=7).capacity == 7 * jobs


def test_the_user_bounds_the_threads(plain, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert Share(1, 8).of(["set"]) == {"set": 3}
    monkeypatch.setenv("OMP_NUM_THREADS", "4,2")
    assert Share(1, 8).of(["set"]) == {"set": 8}


@pytest.mark.parametrize("wrong", [{"jobs": 0}, {"jobs": -1}, {"threads": 0}])
def test_less_than_one_is_refused(wrong):
    with pytest.raises(ValueError, match="at least 1 is needed"):
        Share(**{"jobs": 1, "cores": 2, **wrong})


def test_a_scheduler_and_a_control_group_bound_the_cores(plain, monkeypatch, tmp_path):
    own = cores()
    assert 1 <= own <= (os.cpu_count() or 1)
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert cores() == 1
    monkeypatch.delenv("SLURM_CPUS_PER_TASK")
    monkeypatch.setattr(share, "GROUPS", tmp_path)
    assert cores() == (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    if os.path.exists("/proc/self/cgroup"):
        assert cores() == 1


# --- The time left ----------------------------------------------------------------------------------------------------


def test_the_time_left_is_the_expected_one_until_something_is_known():
    tasks = graph(random.Random(1))
    length, needs = {task.id: task.seconds for task in tasks}, {task.id: task.unit.needs for task in tasks}
    assert Clock(tasks, 2).left(0.0) == pytest.approx(makespan(length, needs, 2))


def test_what_takes_twice_as_long_as_expected_doubles_the_time_left():
    tasks = [Task(unit(name), seconds=10.0) for name in "abcd"]
    clock = Clock(tasks, 1)
    clock.begin("a", 0.0)
    clock.end("a", 20.0)
    assert clock.left(20.0) == pytest.approx(60.0)
    clock.begin("b", 20.0)
    assert clock.left(25.0) == pytest.approx(55.0)


def test_a_unit_that_tells_how_far_it_is_goes_on_as_fast():
    clock = Clock([Task(unit("a"))], 1)
    clock.begin("a", 0.0)
    assert clock.left(1.0) is None  # nobody knows
    clock.progress("a", "training", (10, 100), 5.0)  # it went on from a checkpoint
    clock.progress("a", "training", (20, 100), 10.0)
    assert clock.left(10.0) == pytest.approx(40.0) and clock.left(12.0) == pytest.approx(38.0)
    clock.progress("a", "labels", (0, 4), 20.0)  # another part: its speed is not known yet
    assert clock.left(20.0) is None


def test_an_unknown_kind_is_known_once_one_of_it_is_there_and_what_is_gone_counts_no_more():
    tasks = [Task(unit("a")), Task(unit("b")), Task(unit("c", kind="set"), seconds=5.0)]
    clock = Clock(tasks, 1)
    assert clock.left(0.0) is None
    clock.begin("a", 0.0)
    clock.end("a", 3.0)
    assert clock.left(3.0) == pytest.approx(8.0)
    clock.drop({"c"})
    assert clock.left(3.0) == pytest.approx(3.0)
    clock.begin("b", 3.0)
    clock.end("b", None)  # it was stopped
    assert clock.left(9.0) == pytest.approx(3.0)
