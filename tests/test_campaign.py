"""A campaign: its list, what it would cost, and that it runs what is missing, each once."""

import dataclasses
import json
import time
import tomllib

import pytest
import torch
import toy_records
from toy_sets import CPU

from ltdd_utils import campaign, recipes
from ltdd_utils.campaign.forms import FORMS
from ltdd_utils.cli import main
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.locks import Busy, locked
from ltdd_utils.core.settings import to_dict
from ltdd_utils.core.store import Store
from ltdd_utils.records import Record, all_records, load_record
from ltdd_utils.report.campaign import campaign_section
from ltdd_utils.runs.units import UnitsOfRun

pytestmark = pytest.mark.float32

QUICK = """
scale = "tiny"
[[block]]
title = "first"
methods = ["random"]
datasets = ["digits"]
ipc = 2
seeds = [0, 1]
students = 1
set = [["evaluate.train.epochs=1", "evaluate.network.width=8"]]
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(QUICK)
    return path


def at(folder, **options):
    return RunContext(Store(folder / "work", options.pop("deadline", None), **options), CPU, results=folder / "results")


def quick(folder, **options):
    return at(folder, wait=False, **options)


def test_settings_are_combined_with_seeds_outermost():
    block = campaign.Block("all", ("random", "kcenter"), ("digits",), ipc=(2,), seeds=(0, 1), students=3)
    names = [(run.seed, run.recipe.name, run.recipe.ipc, run.students) for run in block.runs("tiny")]
    assert names == [(seed, f"{m}_digits", 2, 3) for seed in (0, 1) for m in ("random", "kcenter")]
    several = campaign.Block("all", ("random",), ("digits",), set=((), ("evaluate.train.epochs=7",)))
    assert [run.recipe.evaluate.train.epochs != 7 for run in several.runs("tiny")] == [True, False]


@pytest.mark.parametrize("name", campaign.plan_names())
def test_the_command_of_a_run_makes_that_very_run(name, monkeypatch):
    """What the status prints can be pasted: it is the same recipe, seed and number of students."""
    from ltdd_utils.cli import running

    runs, made = campaign.read_plan(name), []

    def stand_in(recipe, seed, students, context, **_):
        made.append((recipe, seed, students))
        raise ValueError("enough")

    monkeypatch.setattr(running, "run", stand_in)
    for named in ("LTDD_DATA", "LTDD_WORK"):  # with them a run looks up what is there, and the data must be too
        monkeypatch.delenv(named, raising=False)
    for run in runs[::7]:
        words = run.command.split()
        assert words[0] == "ltdd" and main(words[1:]) == 2
    assert made == [(run.recipe, run.seed, run.students) for run in runs[::7]]


def test_the_campaigns_of_the_book_name_a_run_once():
    assert set(campaign.plan_names()) >= {"cpu", "paper"}
    for name in campaign.plan_names():
        runs = campaign.read_plan(name)
        assert len({run.name for run in runs}) == len(runs) > 20
        assert {run.recipe.scale for run in runs} == {name}


def test_images_per_class_may_be_one_number_or_several(plan):
    plan.write_text(QUICK.replace("ipc = 2", "ipc = [1, 3]"))
    assert [(run.seed, run.recipe.ipc) for run in campaign.read_plan(str(plan))] == [(0, 1), (0, 3), (1, 1), (1, 3)]


def test_a_run_that_two_blocks_name_has_the_more_students(plan):
    plan.write_text(QUICK + QUICK.partition("\n[[")[2].join(["[[", ""]).replace("students = 1", "students = 4"))
    assert [(run.block, run.students) for run in campaign.read_plan(str(plan))] == [("first", 4)] * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("methods", "method"), r"block 1 \(first\): unknown key 'method'"),
        (('"random"', '"randon"'), r"block 1 \(first\): unknown recipe 'randon_digits'"),
        (("epochs=1", "epochs"), "'evaluate.train.epochs' has no value"),
        (('title = "first"', ""), r"\(without a title\): title is missing"),
        (('scale = "tiny"', ""), 'write scale = "cpu"'),
        (("[0, 1]", "3"), r"seeds is 3; write a list of whole numbers from 0: seeds = \[0, 1, 2\]"),
        (("ipc = 2", 'ipc = ["a"]'), r"ipc is \['a'\]; write a whole number from 1 or a list of them: ipc = 10"),
        (('["random"]', '"random"'), r"methods is 'random'; write a list of names: methods = \["),
        (('"first"', "3"), r"block 1 \(3\): title is 3; write a text"),
        (("[[block]]", "[[block"), "plan.toml"),
    ],
)
def test_a_list_that_is_wrong_is_refused_by_block_and_reason(plan, change, message):
    plan.write_text(QUICK.replace(*change))
    with pytest.raises(ValueError, match=message):
        campaign.read_plan(str(plan))


@pytest.mark.parametrize("value", ["3", "true", "1.5", '"a"', "[]", '[[""]]', "[-1]", "{a = 1}", "1979-05-27", "nan"])
@pytest.mark.parametrize("key", [field.name for field in dataclasses.fields(campaign.Block)])
def test_a_value_of_another_form_is_refused_with_the_right_form_or_makes_runs(key, value, plan):
    """No value of whatever type ends in something else than runs, or one line with the key."""
    lines = [line for line in QUICK.splitlines() if not line.startswith(f"{key} =")]
    plan.write_text("\n".join([*lines, f"{key} = {value}"]))
    try:
        assert campaign.read_plan(str(plan))
    except ValueError as error:
        said = str(error)
        assert "\n" not in said and f"{plan}: block 1 (" in said


@pytest.mark.parametrize("key", [field.name for field in dataclasses.fields(campaign.Block)])
def test_the_form_that_a_message_gives_is_one(key):
    (value,) = tomllib.loads(f"{key} = {FORMS[key].example}").values()
    assert FORMS[key].fits(value) and not FORMS[key].fits(None) and not FORMS[key].fits({})


@pytest.mark.parametrize("block", ["block = 3", "block = [3]", "block = []", "[block]"])
def test_what_is_no_list_of_blocks_is_refused(block, plan, capsys):
    plan.write_text(f'scale = "tiny"\n{block}\n')
    assert main(["campaign", "--plan", str(plan)]) == 2
    said = capsys.readouterr().err
    assert f"{plan}: block is " in said and "[[block]]" in said and said.count("\n") == 1


def test_an_unknown_campaign_is_refused_with_those_that_there_are():
    with pytest.raises(FileNotFoundError, match=r"no campaign .*nope.toml.*cpu"):
        campaign.read_plan("nope")


def record(recipe, seed, seconds, students=1):
    content = toy_records.record([(1, 1)] * students, seed=seed) | {"config": to_dict(recipe)}
    return Record(content | {"cost": content["cost"] | {"seconds": seconds}})


def expected(runs, records):
    return [(one.seconds, one.unknown) for one in campaign.estimates(runs, records)]


def test_a_stage_costs_once_and_what_another_seed_of_it_cost():
    """Two methods share the teacher and observer of a seed; students cost by the head; a new setting is not timed."""
    first, second = (recipes.recipe(f"{name}_digits", teacher="plain") for name in ("edc", "unilevel_no_debiasing"))
    spent = {"observer": 100.0, "statistics": 10.0, "initial set": 1.0, "recovery": 20.0, "teacher": 50.0}
    known = [record(first, 0, spent | {"students": 9.0}, students=3)]
    runs = [(first, 0, 5), (first, 1, 2), (first, 1, 2), (second, 1, 2)]
    again, other_seed, repeated, other_method = expected(runs, known)
    assert again == (2 * 3.0, [])  # two more students; its other stages lie in the store
    assert other_seed == (sum(spent.values()) + 2 * 3.0, []) and repeated == (0.0, [])
    shared = {stage.name for stage in campaign.timed_stages(first, 1, 2)}
    assert "recovery" in shared and "recovery" in other_method[1]
    assert not {"teacher", "students"} & set(other_method[1]) and other_method[0] >= 2 * 3.0


def test_times_of_another_folder_stand_in_and_its_work_is_not_in_this_store():
    """What others measured says what a stage takes; the stage itself is still to be made, and own times count more."""
    recipe = recipes.recipe("edc_digits")
    spent = {"observer": 100.0, "statistics": 10.0, "initial set": 1.0, "recovery": 20.0, "teacher": 50.0}
    theirs = [record(recipe, 0, spent | {"students": 9.0})]
    (borrowed,) = campaign.estimates([(recipe, 0, 1)], [], theirs)
    assert borrowed == campaign.Estimate(sum(spent.values()) + 9.0, [], True)
    (mine,) = campaign.estimates([(recipe, 0, 1)], [record(recipe, 1, {"students": 4.0})], theirs)
    assert mine.seconds == sum(spent.values()) + 4.0 and mine.elsewhere
    run = campaign.PlannedRun("block", recipe, 0, 1, "command")
    assert campaign.campaign_status([run], {}, None, theirs)[0].elsewhere
    assert not campaign.campaign_status([run], {"a": record(recipe, 1, spent | {"students": 4.0})}, None, theirs)[
        0
    ].elsewhere


def test_another_number_of_images_needs_a_start_of_its_own():
    """The experts stay; the images that the recovery starts from are others, and cost what they cost before."""
    ten, one = (recipes.recipe("unilevel_digits", ipc=ipc) for ipc in (10, 1))
    spent = {"observer": 100.0, "statistics": 10.0, "initial set": 1.0, "recovery": 20.0, "teacher": 50.0}
    assert expected([(one, 0, 1)], [record(ten, 0, spent)])[0][0] == 1.0 + 20.0


def test_experts_that_all_seeds_share_are_paid_for_once():
    recipe = recipes.recipe("damed_cifar10", scale="cpu")
    assert recipe.method.experts.seed == 0
    names = [{s.name: s.exact for s in campaign.timed_stages(recipe, seed, 1)} for seed in (0, 1)]
    assert names[0]["experts"] == names[1]["experts"] and names[0]["matching"] != names[1]["matching"]
    start = recipes.with_overrides(recipe, {"method.iterations": "0"})
    assert "matching" not in {s.name for s in campaign.timed_stages(start, 0, 1)}


def test_every_recipe_has_its_stages_timed_by_its_own_record():
    """The stages of a recipe are those that committed records of it name (the ones that take no time aside)."""
    for path in sorted((campaign.plan.default_records_dir()).glob("*/*-s0.json")):
        found = load_record(path)
        ours = {stage.name for stage in campaign.timed_stages(found.recipe, 0, 1)}
        spent = {name for name, value in found.cost.seconds.items() if value > 30}
        assert spent <= ours | {"preprocess"} and ours <= set(found.cost.seconds), path


def test_times_of_the_books_records_are_marked_in_the_state_and_in_a_dry_run(plan, tmp_path, capsys):
    plan.write_text('scale = "cpu"\n[[block]]\ntitle = "a"\nmethods = ["random"]\nseeds = [0, 99]\n')
    (tmp_path / "results").mkdir()
    where = ["--plan", str(plan), "--results", str(tmp_path / "results"), "--work", str(tmp_path / "work")]
    marked = []
    for action in (["status"], ["run", "--dry-run"]):
        assert main(["campaign", *action, *where]) == 0
        said = capsys.readouterr().out.splitlines()
        marked.append({line.partition("*")[2].strip() for line in said if "*  ltdd run" in line})
        assert any(line.startswith("* by the book's records") for line in said)
    assert marked[0] == marked[1] and len(marked[0]) == 2


def test_what_is_missing_is_run_once_and_the_state_tells(plan, tmp_path):
    runs, said = campaign.read_plan(str(plan)), []
    where = quick(tmp_path)
    before = campaign.campaign_status(runs, campaign.records_by_name(all_records(where.results)), where.store.root)
    assert [state.state for state in before] == ["missing"] * 2 and all(state.unknown for state in before)
    assert campaign.run_campaign(runs, where, said.append) == []
    assert [line.partition(":")[0] for line in said] == ["runs", "done"] * 2
    made = {path: path.stat().st_mtime_ns for path in where.results.rglob("*.json")}
    assert campaign.run_campaign(runs, quick(tmp_path), said.append) == [] and len(said) == 4
    assert {path: path.stat().st_mtime_ns for path in where.results.rglob("*.json")} == made
    states = campaign.campaign_status(runs, campaign.records_by_name(all_records(where.results)), where.store.root)
    assert [state.state for state in states] == ["done"] * 2
    table = campaign.status_totals(states)
    assert table["done"].tolist() == [2, 2] and table["hours to come"].tolist() == ["", ""]


def test_a_run_that_another_process_has_begun_is_shared_and_counts_as_running(plan, tmp_path):
    runs, said, where = campaign.read_plan(str(plan)), [], quick(tmp_path)

    def states():
        found = campaign.campaign_status(runs, campaign.records_by_name(all_records(where.results)), where.store.root)
        return [state.state for state in found]

    with locked(campaign.state.lock_of(runs[0], where.store.root)):
        assert states() == ["running", "missing"]
        assert campaign.run_campaign(runs, where, said.append) == [] and states() == ["done"] * 2
    (where.results / f"{runs[0].name}.json").unlink()
    assert states() == ["begun", "done"]


def test_a_stage_that_another_process_makes_is_waited_for_until_the_deadline(plan, tmp_path):
    runs, said = campaign.read_plan(str(plan)), []
    campaign.run_campaign(runs[:1], quick(tmp_path), said.append)
    (result,) = (tmp_path / "work" / "preprocess").glob("*/result.safetensors")
    result.unlink()
    with locked(result.with_name("lock")), pytest.raises(Stopped):
        campaign.run_campaign(runs, quick(tmp_path, deadline=time.monotonic() + 1), said.append)
    assert len(all_records(tmp_path / "results")) == 1
    assert campaign.run_campaign(runs, quick(tmp_path), said.append) == []


def test_a_run_that_waits_for_a_stage_of_another_process_is_announced_once(plan, tmp_path, monkeypatch):
    runs, said, tries, make = campaign.read_plan(str(plan))[:1], [], [], UnitsOfRun.make

    def busy_at_first(*asked):
        tries.append(asked)
        if len(tries) < 3:
            raise Busy("another process computes the preprocessing")
        return make(*asked)

    monkeypatch.setattr(UnitsOfRun, "make", busy_at_first)
    monkeypatch.setattr("ltdd_utils.jobs.schedule.RETRY_S", 0.0)
    assert campaign.run_campaign(runs, quick(tmp_path), said.append) == []
    assert len(tries) == 2 + 4 and [line.partition(":")[0] for line in said] == ["runs", "done"]


def test_a_failing_run_is_named_and_the_others_go_on(plan, tmp_path):
    plan.write_text(QUICK.replace("ipc = 2", 'ipc = 2\nprotocols = ["dsa-stored"]\nteachers = ["plain"]'))
    with pytest.raises(ValueError, match="dsa-stored uses no teacher"):
        campaign.read_plan(str(plan))
    plan.write_text(QUICK.replace("epochs=1", "lr=1e38"))
    runs, said = campaign.read_plan(str(plan)), []
    failed = campaign.run_campaign(runs, quick(tmp_path), said.append)
    assert [run for run, _ in failed] == runs and "failed" in said[1]


def test_a_machine_that_runs_out_of_memory_goes_on_with_the_next_run(plan, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("out of memory")

    runs = campaign.read_plan(str(plan))
    monkeypatch.setattr("ltdd_utils.runs.units.run", full)
    failed = campaign.run_campaign(runs, quick(tmp_path), print)
    assert [run for run, _ in failed] == runs
    place = "record: OutOfMemoryError: out of memory (in full, test_campaign.py line "
    assert [why.startswith(f"random_digits s{run.seed} {place}") for run, why in failed] == [True] * 2


def test_a_place_that_waits_or_keeps_no_records_is_refused(plan, tmp_path):
    with pytest.raises(ValueError, match="a store that does not wait"):
        campaign.run_campaign(campaign.read_plan(str(plan)), at(tmp_path), print)


def test_the_command_shows_and_runs(plan, tmp_path, capsys):
    (tmp_path / "results").mkdir()
    where = ["--plan", str(plan), "--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    assert main(["campaign", *where]) == 0
    assert capsys.readouterr().out.count("unknown   ltdd run random_digits") == 2
    assert not (tmp_path / "work").exists()
    assert main(["campaign", "run", *where, "--only", "--seed 1", "--quiet"]) == 0
    assert main(["campaign", "status", *where, "--json"]) == 0
    out = capsys.readouterr().out
    states = json.loads(out[out.index("[\n") :])
    assert [state["state"] for state in states] == ["missing", "done"]
    assert main(["campaign", *where, "--only", "nothing such"]) == 2
    assert "no block and no command" in capsys.readouterr().err


def test_the_section_of_the_book_names_every_missing_run_with_its_cost(plan, tmp_path):
    runs, where = campaign.read_plan(str(plan)), quick(tmp_path)
    empty = campaign_section([plan], [])
    assert all(f"{run.command}  # unknown\n" in empty for run in runs)
    campaign.run_campaign(runs[:1], where, print)
    half = campaign_section([plan], all_records(where.results))
    assert runs[0].command not in half and f"{runs[1].command}  # 0 min\n" in half
    campaign.run_campaign(runs, where, print)
    whole = campaign_section([plan], all_records(where.results))
    assert "ltdd run random" not in whole
    shown, _, over = whole.partition("{dropdown} What is finished: 2 runs in ")  # blocks without a missing run
    blocks = {run.block for run in runs}
    assert not [block for block in blocks if f"| {block} |" in shown] and "| all | 2 | 0 |" in shown
    assert all(f"| {block} | " in over for block in blocks) and "What is finished" not in empty


def test_a_file_in_the_place_of_the_action_is_said_to_be_the_plan(capsys):
    with pytest.raises(SystemExit) as end:
        main(["campaign", "mine.toml"])
    assert end.value.code == 2 and "(did you mean --plan mine.toml?)" in capsys.readouterr().err
