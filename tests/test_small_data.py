"""Few images: experts that move, matching that says when it failed, students that are the same."""

import json
from types import SimpleNamespace

import pytest
import torch
from toy_photos import grey_photos
from toy_recipes import SMALL_DAMED
from toy_records import record

from ltdd_utils.analysis import comparison
from ltdd_utils.cli import main
from ltdd_utils.data import DataConfig
from ltdd_utils.methods.trajectory.health import complaints
from ltdd_utils.methods.trajectory.small import LEAST, WANTED, for_images
from ltdd_utils.recipes import recipe, with_overrides
from ltdd_utils.records import Record, load, load_record, unequal_students

pytestmark = pytest.mark.float32

CFG = recipe("damed_cifar10").method
BATCH = CFG.experts.train.batch_size


def data(count, name="folder:photos"):
    return SimpleNamespace(config=DataConfig(name), train_labels=torch.zeros(count))


@pytest.mark.filterwarnings("ignore:.*hardly move an expert")
@pytest.mark.parametrize("count", [2, 15, 40, 213, 300, 1792])
def test_an_epoch_of_few_images_of_ones_own_has_enough_steps(count):
    cfg, adapted = for_images(CFG, data(count))
    batch = cfg.experts.train.batch_size
    assert batch < BATCH and -(-count // batch) >= min(WANTED, count)
    assert with_overrides(recipe("damed_cifar10"), {f"method.{k}": v for k, v in adapted.items()}).method == cfg


def test_settings_stay_where_an_epoch_has_steps_enough():
    assert for_images(CFG, data(LEAST * BATCH)) == (CFG, {})
    assert for_images(CFG, data(BATCH, "cifar10")) == (CFG, {})  # built-in: records have these settings


def test_smaller_batches_are_said_in_one_line():
    with pytest.warns(UserWarning, match=r"213 images are 1 step of 256 .* batches of 13, 17 steps an epoch"):
        for_images(CFG, data(213))


def history(first=0.8, second=0.6, lr=0.01, count=20):
    return {name: torch.full((count,), value) for name, value in (("first", first), ("second", second), ("lr", lr))}


def test_matching_that_worked_is_not_complained_about():
    assert complaints(CFG, 12406, history()) == []
    jumps = history()
    jumps["first"][:5] = 30.0  # a quarter of the iterations
    jumps["second"] = torch.full((20,), torch.nan)  # left out
    assert complaints(CFG, 12406, jumps) == []
    assert complaints(CFG, 12406, history(count=0)) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"first": 14.7}, "representation experts.*in 20 of 20 iterations, median loss 14.7.*never fell below 14.7"),
        ({"second": 1.5}, "classifier experts.*never fell below 1.5"),
        ({"lr": 1e-5}, "step size ended at 1e-05, from 0.01"),
    ],
)
def test_matching_that_failed_says_what_and_what_to_try(wrong, words):
    found = complaints(CFG, 12406, history(**wrong))
    with pytest.raises(AssertionError, match=words):
        raise AssertionError("; ".join(found))
    assert not any("hardly moved" in line for line in found)
    tries = dict(item.split("=") for item in found[-1].removeprefix("try ").split(", "))
    assert tries and with_overrides(recipe("damed_cifar10"), tries).method != CFG  # as --set takes them


def test_experts_that_cannot_have_moved_are_named():
    found = complaints(CFG, 213, history(first=14.7))
    line = next(line for line in found if "hardly moved" in line)
    assert "2 steps between two snapshots (1 an epoch: batches of 256, 213 images), against 20 of the student" in line
    assert "method.first.steps=1" in found[-1]


@pytest.fixture
def photos(tmp_path):
    grey_photos(tmp_path / "photos", 8)
    return tmp_path


def words_of(photos, changes):
    """A command line for a small recipe on the photos, with changed settings."""
    own = {"data.name": "folder:photos", "data.profile": "natural", "evaluate.network.depth": "2"}
    own |= {"method.experts.network.depth": "2", **changes}
    small = {key: value for key, value in SMALL_DAMED.items() if key != "data.n_max"} | own
    sets = [part for key, value in small.items() for part in ("--set", f"{key}={value}")]
    here = ["--data", str(photos), "--work", str(photos / "work"), "--results", str(photos / "results")]
    return ["damed_digits", "--ipc", "2", "--students", "1", *sets, *here, "--device", "cpu"]


def results(folder):
    return {path.parent: path.stat().st_mtime_ns for path in (folder / "work").rglob("result.safetensors")}


@pytest.mark.filterwarnings("ignore:.*hardly move an expert")
def test_stages_of_a_tiny_folder_are_those_of_its_run(photos, capsys):
    """Settings that are fitted to the data are so in each stage alone: a run finds nothing left to make."""
    words = words_of(photos, {"method.experts.count": "1"})

    def ltdd(*arguments):
        assert main([*arguments]) == 0
        return capsys.readouterr().out

    for one in json.loads(ltdd("stages", *words, "--json")):
        ltdd("stage", one["id"], *words, "--quiet")
    before = results(photos)
    assert sum(place.parent.name == "representation" for place in before) == 1
    ltdd("run", *words, "--quiet")
    assert results(photos) == before
    assert all(one["there"] for one in json.loads(ltdd("stages", *words, "--json")))
    (path,) = (photos / "results").rglob("*.json")
    assert load_record(path).provenance.adapted


@pytest.mark.filterwarnings("ignore:.*hardly move an expert")
def test_the_default_on_a_tiny_folder_moves_its_experts_and_a_failure_is_kept(photos, capsys):
    assert main(["run", *words_of(photos, {"method.lr": "3"})]) == 0  # a step size that leads every student away
    told = capsys.readouterr().out
    (path,) = (photos / "results").rglob("*.json")
    kept = load_record(path)
    assert kept.provenance.adapted == {"experts.train.batch_size": 1}
    assert kept["config"]["method"]["experts"]["train"]["batch_size"] == 32  # as asked for: it names the record
    for line in kept.distillation.warnings:
        assert f"warning: {line}" in told
    assert any("matching diverged" in line for line in kept.distillation.warnings)
    assert main(["records", "--results", str(photos / "results")]) == 0
    assert "! matching diverged" in (listed := capsys.readouterr().out) and "batch_size=1 (few images)" in listed
    assert load(photos / "results", allow_dirty=True).loc[0, "warnings"] == list(kept.distillation.warnings)


def test_a_comparison_says_which_run_failed():
    failed = record(method="damed", config_id="b" * 12)
    failed["distillation"] = {"initial_sha256": "c" * 64, "iterations": 2, "warnings": ["matching diverged"]}
    found = comparison([Record(record()), Record(failed)])
    assert "damed: matching diverged" in found.notes


def test_unequal_students_on_the_same_data_are_said(tmp_path):
    def run(width, sha="a" * 64, seed=0):
        content = json.loads(json.dumps(record(seed=seed)))
        content["config"]["evaluate"]["network"]["width"] = width
        content["provenance"]["data_sha256"] = sha
        content["target"] = None
        return Record(content)

    wide = run(128)
    assert unequal_students(wide, [wide, run(128, seed=1), run(32, sha="b" * 64)]) == ""
    assert "(128)" in (line := unequal_students(wide, [wide, run(32, seed=1)])) and "(32)" in line
    assert "--set evaluate.network.width=N" in line
