"""The list of all stages of runs, and single stages of it: complete before anything ran, equal to a whole run after."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from toy_recipes import small_condensation, small_coreset, small_trajectory, small_trajectory_elsewhere, small_unilevel
from toy_sets import context

from ltdd_utils import campaign, recipes
from ltdd_utils.campaign.listing import as_file, from_file
from ltdd_utils.cli.granted import claimed, threads
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.recipes.stages import stages
from ltdd_utils.recipes.units import RECORD, STUDENT, units
from ltdd_utils.records import load_record
from ltdd_utils.runs import run
from ltdd_utils.runs.units import Missing, UnitsOfRun

pytestmark = pytest.mark.float32

FAMILIES = {
    "trajectories": small_trajectory,
    "trajectories elsewhere": lambda: small_trajectory_elsewhere("online-teacher"),
    "alignment": lambda: small_unilevel("unilevel"),
    "coreset": lambda: small_coreset("kcenter", same_teacher=True, protocol="online-teacher"),
    "draws": lambda: small_coreset("random"),
    "whole set": lambda: small_coreset("full", protocol="online-teacher"),
    "condensation": lambda: small_condensation("dm"),
    "mosaics": lambda: small_condensation("idm"),
}


def results(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in (folder / "work").rglob("result.safetensors")}


def outcome(record):
    return record["metrics"], record["provenance"]["distilled_sha256"], set(record["cost"]["seconds"])


def planned(recipe, seed=0, students=2):
    return campaign.PlannedRun("", recipe, seed, students, "ltdd run")


def listed(*recipes_, **changes):
    return campaign.listed([planned(one, **changes) for one in recipes_], lambda run: ())


# --- One stage after the other ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_stages_made_one_by_one_are_the_whole_run(family, tmp_path):
    """Each by a reader of its own, as by a process of its own: the same record, and nothing else in the store."""
    recipe, one, whole = FAMILIES[family](), tmp_path / "one", tmp_path / "whole"
    for name in (names := [unit.id for unit in units(recipe, 0, 2)]):
        alone = UnitsOfRun(recipe, 0, 2, context(one))
        assert name == names[-1] or not alone.is_there(name)
        record = alone.make(name)
    at_once = run(recipe, 0, 2, context(whole))
    assert outcome(record) == outcome(at_once) and results(one) == results(whole)
    looked = UnitsOfRun(recipe, 0, 2, context(whole))
    assert all(looked.is_there(name) for name in names)


def test_what_is_needed_is_named_and_not_made(tmp_path):
    recipe = small_trajectory()
    made = UnitsOfRun(recipe, 0, 2, context(tmp_path))
    by = {unit.kind: unit for unit in reversed(made.units.values())}
    for kind, needed in [("classifier", "expert 1/2"), ("set", "expert 1/2"), (STUDENT, "set of"), (RECORD, "student")]:
        with pytest.raises(Missing, match=rf"needs damed_digits s0 {needed}.*not there"):
            made.make(by[kind].id)
    assert not [name for name in results(tmp_path) if not name.startswith("work/preprocess")]


def test_settings_of_the_end_are_refused_at_the_first_stage(tmp_path):
    recipe = small_unilevel("unilevel", **{"evaluate.network.depth": 9})
    first = next(iter(UnitsOfRun(recipe, 0, 1, context(tmp_path)).units))
    with pytest.raises(ValueError, match="depth"):
        UnitsOfRun(recipe, 0, 1, context(tmp_path)).make(first)


# --- The list ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_the_list_has_every_declared_stage_once_and_in_order(family):
    recipe, seen = FAMILIES[family](), set()
    found = units(recipe, 0, 3)
    for unit in found:
        assert set(unit.needs) <= seen and unit.id not in seen
        seen.add(unit.id)
    declared = [stage.name for stage in stages(recipe) if stage.name != "preprocess"]
    shares = {name: sum(unit.share for unit in found if name in unit.stages) for name in declared}
    assert shares == pytest.approx(dict.fromkeys(declared, 1.0))
    assert [unit.kind for unit in found].count(STUDENT) == 3 and found[-1].kind == RECORD
    assert set(found[-1].needs) == {unit.id for unit in found if unit.kind == STUDENT}


def test_runs_share_what_their_settings_share():
    damed, datm = small_trajectory(), small_trajectory("datm")
    kinds = [{unit.id: unit.kind for unit in units(one, 0, 2)} for one in (damed, datm)]
    assert sorted(kinds[0][name] for name in set(kinds[0]) & set(kinds[1])) == ["expert", "expert"]
    other = units(damed, 1, 2)
    assert not set(kinds[0]) & {unit.id for unit in other}
    pinned = recipes.with_overrides(damed, {"method.experts.seed": 5})
    both = [{unit.id: unit.kind for unit in units(pinned, seed, 2)} for seed in (0, 1)]
    assert {both[0][name] for name in set(both[0]) & set(both[1])} == {"expert", "classifier"}


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"data.n_max": 41}, set()),
        ({"method.experts.train.lr": 0.037}, set()),
        ({"method.experts.classifier_lr": 0.037}, {"expert"}),
        ({"method.experts.count": 1}, {"expert", "classifier"}),
        ({"method.iterations": 3}, {"expert", "classifier"}),
        ({"evaluate.train.lr": 0.037}, {"expert", "classifier", "set"}),
    ],
)
def test_an_id_changes_with_what_the_result_depends_on(change, kept):
    first, second = small_trajectory(), recipes.with_overrides(small_trajectory(), change)
    ids = [{unit.id: unit.kind for unit in units(one, 0, 2)} for one in (first, second)]
    assert {ids[0][name] for name in set(ids[0]) & set(ids[1])} == kept


def test_an_expert_of_several_runs_keeps_what_any_of_them_reads(tmp_path):
    """Whichever comes first: a single run would keep its own epochs alone, and the other one could not go on."""
    first = small_trajectory(**{"method.window": "[0,1,1]"})
    second = small_trajectory(**{"method.window": "[1,2,2]"})
    own = [units(one, 0, 1)[0].keeps for one in (first, second)]
    union = tuple(sorted({*own[0], *own[1]}))
    assert union not in own
    for one in (found := listed(first, second, students=1)):
        UnitsOfRun(one.run.recipe, 0, 1, context(tmp_path)).make(one.unit.id, one.unit.keeps)
    assert [one.unit.keeps for one in found if one.unit.kind == "expert"] == [union, union]
    assert len(list((tmp_path / "results").rglob("*.json"))) == 2


def test_the_file_of_a_list_needs_no_plan(tmp_path):
    found = listed(small_trajectory(), small_unilevel("unilevel"))
    path = tmp_path / "stages.json"
    path.write_text(as_file(found, "mine"))
    for one in found:
        read = from_file(path, one.unit.id)
        assert (read.unit, read.run.recipe, read.run.seed) == (one.unit, one.run.recipe, 0)
        assert read.run.name == one.run.name
    with pytest.raises(ValueError, match="no stage 'x'"):
        from_file(path, "x")
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(ValueError, match="no list of stages"):
        from_file(tmp_path / "other.json", "x")
    path.write_text(path.read_text().replace('"students": 2', '"students": 3'))
    with pytest.raises(ValueError, match="another version"):
        from_file(path, found[-1].unit.id)


def cut(content, *keys):
    """A list of stages without one of its parts."""
    *way, last = keys
    for key in way:
        content = content[key]
    del content[last]


@pytest.mark.parametrize(
    "keys", [["stages"], ["runs"], ["stages", 0, "id"], ["stages", 0, "run"], ["stages", 0, "gpu"], ["runs", None]]
)
def test_a_list_that_is_not_whole_is_refused_in_one_line(keys, ltdd, tmp_path):
    (one, *_) = found = listed(small_trajectory())
    content = json.loads(as_file(found, "mine"))
    cut(content, *(one.run.name if key is None else key for key in keys))
    (tmp_path / "stages.json").write_text(json.dumps(content))
    said = ltdd("stage", one.unit.id, "--plan", tmp_path / "stages.json", status=2).err
    assert "stages.json is not a whole list of stages" in said and said.count("\n") == 1


def test_the_published_cells_are_more_than_the_paper_campaign_and_each_once():
    runs = campaign.read_plan("published")
    assert len(runs) > 200 and len({one.name for one in runs}) == len(runs)
    assert {one.recipe.scale for one in runs} == {"paper"}
    assert all(one.recipe.target for one in runs)


# --- Simulated workers ------------------------------------------------------------------------------------------------


def test_a_simulated_schedule_obeys_its_bounds():
    found = [
        replace(one, seconds=float(1 + number % 7))
        for number, one in enumerate(listed(small_trajectory(), small_trajectory("datm"), students=4))
    ]
    total, longest = sum(one.seconds for one in found), campaign.critical_path(found)
    times = [campaign.makespan(found, workers) for workers in (1, 2, 3, 1000)]
    assert times[0] == total and times[-1] == longest
    assert all(later <= earlier for earlier, later in itertools.pairwise(times))
    for workers, time in zip((1, 2, 3), times, strict=False):  # Graham's bound
        assert max(longest, total / workers) <= time <= total / workers + longest * (1 - 1 / workers)
    assert campaign.makespan(found, 1, overhead=2.0) == total + 2 * len(found)
    assert campaign.makespan([replace(one, there=True) for one in found], 1) == 0
    with pytest.raises(ValueError, match="at least 1"):
        campaign.makespan(found, 0)


# --- The commands -----------------------------------------------------------------------------------------------------


SMALL = ["random_digits", "--ipc", "2", "--students", "1", "--set", "evaluate.train.epochs=1"]
SMALL += ["--set", "evaluate.network.width=4"]


def test_the_commands_make_a_run_stage_by_stage(ltdd, tmp_path):
    found = json.loads(ltdd("stages", *SMALL, "--json").out)
    assert [one["kind"] for one in found] == ["set", "student", "record"] and not any(one["there"] for one in found)
    names = [one["id"] for one in found]
    missing = ltdd("stage", names[1], *SMALL, "--quiet", status=75).err
    assert "random_digits s0 student 1/1 needs random_digits s0 set" in missing and missing.count("\n") == 1
    for number, name in enumerate(names):
        assert "there" in ltdd("stage", name, *SMALL, "--quiet", "--threads", 1).out
        now = json.loads(ltdd("stages", *SMALL, "--json").out)
        assert [one["there"] for one in now] == [True] * (number + 1) + [False] * (2 - number)
    (record,) = (tmp_path / "results").rglob("*.json")
    made = record.stat().st_mtime_ns
    ltdd("stage", names[-1], *SMALL, "--quiet")
    assert record.stat().st_mtime_ns == made and load_record(record)["recipe"] == "random_digits"
    assert "no stage 'x'" in ltdd("stage", "x", *SMALL, status=2).err


def test_a_failure_says_whether_another_try_helps_and_a_vain_one_ends_at_once(ltdd, tmp_path, monkeypatch):
    diverging = [*SMALL, "--set", "evaluate.train.lr=1e38", "--set", "evaluate.train.epochs=3"]
    made, name, _ = (one["id"] for one in json.loads(ltdd("stages", *diverging, "--json").out))
    ltdd("stage", made, *diverging, "--quiet")
    first = ltdd("stage", name, *diverging, "--quiet", status=1).err
    assert "the loss is nan at step" in first and "another try would fail alike" in first
    told = json.loads(ltdd("stages", *diverging, "--json").out)
    assert [one["failed"] is not None for one in told] == [False, True, False]
    with monkeypatch.context() as patch:
        patch.setattr("ltdd_utils.runs.units.UnitsOfRun.make", lambda *_: pytest.fail("tried again"))
        assert "not tried again: random_digits" in ltdd("stage", name, *diverging, "--attempt", 2, status=1).err

    def full(*_):
        raise OSError("no space left on device")

    name = json.loads(ltdd("stages", *SMALL, "--json").out)[0]["id"]
    with monkeypatch.context() as patch:
        patch.setattr("ltdd_utils.runs.units.UnitsOfRun.make", full)
        assert "another try may cure it" in ltdd("stage", name, *SMALL, "--quiet", status=1).err
    ltdd("stage", name, *SMALL, "--quiet", "--attempt", 2)


def test_hours_on_several_workers(ltdd):
    told = json.loads(ltdd("stages", "damed_digits", "--workers", "1,4", "--json").out)
    assert told["stages"] == 13 and told["longest_chain_hours"] <= told["hours"]["4"] <= told["hours"]["1"]
    faster = json.loads(ltdd("stages", "damed_digits", "--workers", "1", "--times-as-fast", 2, "--json").out)
    assert faster["hours"]["1"] == pytest.approx(told["hours"]["1"] / 2)
    assert "give whole numbers" in ltdd("stages", "damed_digits", "--workers", "many", status=2).err
    assert "give one of them" in ltdd("stages", "damed_digits", "--plan", "paper", status=2).err


def test_threads_are_as_asked_else_as_the_scheduler_says(monkeypatch):
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    assert threads(None) is None and threads(3) == 3
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    assert threads(None) == 4 and threads(3) == 3
    with pytest.raises(ValueError, match="at least 1"):
        threads(0)


def test_no_two_stages_hold_one_gpu(tmp_path):
    with claimed(["0", "1"], tmp_path) as first, claimed(["0", "1"], tmp_path) as second:
        assert (first, second) == (0, 1)
        with pytest.raises(Stopped, match="all GPUs"), claimed(["0", "1"], tmp_path, deadline=0.0):
            pass
    with claimed(["0", "1"], tmp_path) as again:
        assert again == 0
