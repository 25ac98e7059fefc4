"""Time before work: what a run will take by records, what of it is there, and what is said of it."""

import json
import re
import time
from dataclasses import replace

import numpy as np
import pytest
import toy_records
from toy_sets import context, quick

from ltdd_utils import recipes
from ltdd_utils.campaign.forecast import History, forecast
from ltdd_utils.cli.forecasts import _history, _paths, duration, expected_of, facts_of, warning
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.counting import counted
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.settings import DataConfig
from ltdd_utils.data.sources import source_dataset
from ltdd_utils.recipes import stages
from ltdd_utils.records import all_records, save_record
from ltdd_utils.runs.held import held
from ltdd_utils.runs.pipeline import run

pytestmark = pytest.mark.float32


def recorded(folder, recipe, seed=0, **seconds):
    """A record of a recipe with two students and these seconds of its stages."""
    made = toy_records.record(((4, 2),) * 2, seed=seed, config_id=recipe.config_id)
    made |= {"recipe": recipe.name, "scale": recipe.scale, "config": to_dict(recipe), "target": None}
    made |= {"protocol": recipe.evaluate.label, "cost": made["cost"] | {"seconds": seconds}}
    save_record(folder, made)


def told(folder, recipe, students=1):
    history = History.of(all_records(folder))
    return {one.name: one for one in forecast(recipe, students, lambda everything: history)}


def test_the_stages_are_those_of_the_run_and_unknown_without_a_record(tmp_path):
    recipe = recipes.recipe("damed_digits")
    found = told(tmp_path, recipe)
    assert list(found) == [stage.name for stage in stages(recipe)]
    assert {one.basis for one in found.values()} == {"unknown"}
    facts = facts_of(list(found.values()), None)
    assert facts["unknown"] == list(found) and facts["seconds_left"] == 0


def test_equal_settings_take_what_was_recorded_whatever_the_seed(tmp_path):
    recipe = recipes.recipe("random_digits", imbalance_factor=20)
    recorded(tmp_path, recipe, preprocess=1.0, selection=2.0, students=20.0)
    recorded(tmp_path, recipe, seed=1, preprocess=3.0, selection=2.0, students=40.0)
    found = told(tmp_path, recipe, students=5)
    assert {name: (one.seconds, one.basis) for name, one in found.items()} == {
        "preprocess": (2.0, "recorded"),
        "selection": (2.0, "recorded"),
        "students": (75.0, "recorded"),
    }
    assert found["students"].peak_ram_gib == 0.5 and found["students"].device == "toy machine, 2 cores"


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"evaluate.train.epochs": 600}, 2),
        ({"evaluate.train.lr": 0.5}, 1),
        ({"evaluate.network.width": 64}, 4),  # from 32 channels
        ({"evaluate.network.norm": "batch"}, None),  # not to be compared
    ],
)
def test_students_are_carried_over_by_epochs_and_channels(changes, factor, tmp_path):
    recipe = recipes.recipe("random_digits")
    recorded(tmp_path, recipe, students=20.0)
    one = told(tmp_path, recipes.with_overrides(recipe, changes))["students"]
    assert (one.seconds, one.basis) == ((None, "unknown") if factor is None else (10.0 * factor, "scaled"))


def test_more_images_take_longer_in_proportion(tmp_path):
    recorded(tmp_path, recipes.recipe("random_digits", ipc=10), students=20.0)
    assert told(tmp_path, recipes.recipe("random_digits", ipc=30))["students"].seconds == pytest.approx(30.0)


def test_another_long_tail_has_another_time_of_its_experts(tmp_path):
    recipe = recipes.recipe("damed_digits", imbalance_factor=20)
    recorded(tmp_path, recipe, experts=10.0, students=20.0)
    found = told(tmp_path, recipes.recipe("damed_digits", imbalance_factor=5))
    assert found["experts"].basis == "scaled" and found["experts"].seconds > 10
    assert found["students"].basis == "recorded"


@pytest.mark.parametrize(("key", "stage"), [("method.iterations", "matching"), ("method.experts.count", "experts")])
def test_iterations_and_experts_are_carried_over(key, stage, tmp_path):
    recipe = recipes.recipe("damed_cifar10")
    recorded(tmp_path, recipe, experts=8.0, matching=8.0)
    twice = 2 * (recipe.method.iterations if stage == "matching" else recipe.method.experts.count)
    changed = recipes.with_overrides(recipe, {key: twice, "method.experts.seed": 5})
    assert told(tmp_path, changed)[stage].seconds == pytest.approx(16.0)


def test_a_damaged_record_is_passed_over(tmp_path):
    recipe = recipes.recipe("random_digits")
    recorded(tmp_path, recipe, students=20.0)
    (tmp_path / "random_digits" / "x-s0.json").write_text("{")
    assert told(tmp_path, recipe)["students"].seconds == 10.0


def test_the_table_of_data_sets_knows_the_digits_as_they_are(tmp_path):
    full = source_dataset("digits", tmp_path)
    side = full.read_train(np.array([0]), None).shape[-1]
    assert (DATASETS["digits"].side, DATASETS["digits"].n_max) == (side, full.n_max)


def test_what_lies_in_the_store_is_found_and_nothing_is_made(tmp_path):
    recipe = quick("rded_digits", ipc=1, protocol="online-teacher", **{"method.teacher.train.epochs": 1})
    assert held(recipe, 0, 2, context(tmp_path)) == {} and not (tmp_path / "work").exists()
    run(recipe, 0, 1, context(tmp_path))
    before = sorted((tmp_path / "work").rglob("*"))
    found = held(recipe, 0, 2, context(tmp_path))
    assert {name: one.whole for name, one in found.items() if name != "scoring teacher"} == {
        "preprocess": True,
        "initial set": True,
        "teacher": True,
        "students": False,
    }
    assert found["students"].seconds > 0  # one of two
    assert held(recipe, 0, 1, context(tmp_path))["students"].whole
    assert not held(recipe, 1, 1, context(tmp_path))["initial set"].whole  # another seed
    assert sorted((tmp_path / "work").rglob("*")) == before


def test_a_stage_that_another_recipe_made_is_there_although_one_before_it_is_not(tmp_path):
    """The teacher is shared; the set, which comes before it, is not."""
    run(quick("random_digits", protocol="online-teacher"), 0, 1, context(tmp_path))
    found = held(quick("random_digits", protocol="online-teacher", ipc=3), 0, 1, context(tmp_path))
    assert found["teacher"].whole and not found["selection"].whole and "students" not in found


def test_work_of_a_stage_that_was_stopped_counts(tmp_path):
    recipe = quick(epochs=1_000_000)
    run(quick(), 0, 1, context(tmp_path))
    with pytest.raises(Stopped):
        run(recipe, 0, 1, context(tmp_path, deadline=time.monotonic() + 0.3))
    students = held(recipe, 0, 1, context(tmp_path))["students"]
    assert not students.whole and 0 < students.seconds < 10


SMALL = ["--set", "evaluate.train.epochs=2", "--set", "evaluate.network.width=8", "--ipc", "2"]


def test_a_dry_run_trains_nothing_and_tells_what_is_there(ltdd, tmp_path):
    call = ["run", "random_digits", *SMALL, "--students", "1"]
    facts = json.loads(ltdd(*call, "--dry-run", "--json").out)
    assert not (tmp_path / "work").exists() and not (tmp_path / "results").exists()
    assert [(row["stage"], row["state"]) for row in facts["stages"]] == [
        (name, "missing") for name in ("preprocess", "selection", "students")
    ]
    assert facts["stages"][-1]["basis"] == "scaled"  # this book's records have more epochs
    ltdd(*call, "--save-set", tmp_path / "set.safetensors")
    facts = json.loads(ltdd(*call, "--dry-run", "--json").out)
    assert {row["state"] for row in facts["stages"]} == {"there"} and facts["seconds_left"] == 0
    text = ltdd(*call, "--dry-run").out
    assert "to come: nothing" in text and "students              there" in text
    again = ["evaluate", tmp_path / "set.safetensors", "--students", "1", "--set", "train.epochs=2"]
    text = ltdd(*again, "--set", "network.width=8", "--dry-run").out
    assert "preprocess            there" in text and "students              there" in text
    assert "students              missing" in ltdd(*again, "--dry-run").out


def test_a_dry_run_without_the_data_still_tells_the_time(ltdd, tmp_path):
    (tmp_path / "work").mkdir()
    text = ltdd("run", "damed_cifar10", "--dry-run").out
    assert "matching              missing" in text and "no cifar10 in" in text and "unknown" not in text


def test_a_campaign_tells_before_it_runs(ltdd, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('scale = "tiny"\n[[block]]\ntitle = "a"\nmethods = ["random"]\ndatasets = ["digits"]\n')
    (row,) = json.loads(ltdd("campaign", "run", "--plan", plan, "--dry-run", "--json").out)
    assert row["command"].startswith("ltdd run random_digits") and row["seconds"] > 0 and not row["unknown"]
    assert "1 runs to come" in ltdd("campaign", "run", "--plan", plan, "--dry-run").out
    assert not (tmp_path / "work").exists()


def test_a_run_that_takes_long_on_a_cpu_is_announced(ltdd):
    said = ltdd("run", "damed_digits", "--set", "method.iterations=1000000", "--stop-after", "0", status=75).err
    assert "ltdd: warning: this will take about" in said and "matching" in said
    assert "warning" not in ltdd("run", "random_digits", "--stop-after", "0", status=75).err


def test_nothing_is_announced_on_a_gpu_or_where_the_work_is_there(tmp_path):
    recipe = recipes.recipe("random_digits")
    recorded(tmp_path, recipe, preprocess=0.0, selection=0.0, students=20000.0)
    plan = list(told(tmp_path, recipe).values())
    assert "2.8 hours" in warning(plan, True, dict)
    assert warning(plan, False, dict) is None
    whole = type("Held", (), {"whole": True, "seconds": 10000.0})
    assert warning(plan, True, lambda: {"students": whole}) is None


def test_durations_are_said_as_people_say_them():
    assert [duration(s) for s in (0, 0.2, 70, 600, 7200, 1e6)] == [
        "0 s",
        "< 1 s",
        "70 s",
        "10 min",
        "2.0 hours",
        "12 days",
    ]


def test_the_times_in_the_readme_are_those_of_the_records(ltdd, root):
    text = (root / "README.md").read_text()
    told = r"^# .*?about (\d+) (s|min)\n\.venv/bin/ltdd ((?:run|evaluate) .*)$"
    timed = [(words, *time) for *time, words in re.findall(told, text, flags=re.MULTILINE)]
    assert len(timed) == len(re.findall(r"^\.venv/bin/ltdd (?:run|evaluate)", text, flags=re.MULTILINE))
    assert len(timed) >= 7
    for words, number, unit in timed:
        words = words.replace(" results/", f" {root}/results/")
        seconds = json.loads(ltdd(*words.split(), "--dry-run", "--json").out)["seconds_left"]
        assert 0.5 < seconds / (int(number) * (60 if unit == "min" else 1)) < 2, words


def test_images_of_ones_own_are_counted_and_times_carried_over_to_them(ltdd, tmp_path):
    for split, numbers in (("train", (40, 20)), ("test", (4, 4))):
        for name, number in zip(("cat", "dog"), numbers, strict=True):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for place in range(number):
                (folder / f"{place}.png").write_bytes(b"")  # counted, not opened
    own = DataConfig(f"folder:{tmp_path / 'photos'}@16", profile="natural")
    assert counted(own) == (40, 20) and counted(replace(own, profile="exponential", imbalance_factor=4)) == (20, 5)
    recipe = recipes.recipe("damed_digits")
    for changed in (recipe, replace(recipe, data=own)):
        assert sum(one.seconds is None for one in expected_of(changed, 1, tmp_path)) == 0
    twice = forecast(replace(recipe, data=own), 1, lambda everything: _history(_paths(tmp_path)), (80, 40))
    once = {one.name: one.seconds for one in expected_of(replace(recipe, data=own), 1, tmp_path)}
    experts = {one.name: one.seconds for one in twice}["experts"]
    assert experts == pytest.approx(2 * once["experts"], rel=0.2)
    absent = replace(own, name=f"folder:{tmp_path / 'none'}@16")
    assert expected_of(replace(recipe, data=absent), 1, tmp_path)[0].basis == "unknown"
