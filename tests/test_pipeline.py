"""Runs: the same seed gives the same numbers, an interrupted run goes on to them, finished work is reused."""

import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_sets import context, digits, fit, quick, result_of, synthetic

from ltdd_utils import recipes
from ltdd_utils.core.context import pick_device, require_writable
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.settings import to_dict
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.data import DATASETS, Preprocess, PreprocessConfig, fitted
from ltdd_utils.distilled import NOT_REAL, DistilledSet, content_hash, translate
from ltdd_utils.evaluation import students as students_module
from ltdd_utils.networks import NetworkConfig
from ltdd_utils.records import load_record, validate_record
from ltdd_utils.runs import distil, evaluate_set, protocol_for, run, start

pytestmark = pytest.mark.float32


@pytest.fixture
def trained(monkeypatch):
    """Counts the students that are really trained."""
    calls = []
    real = students_module.train

    def train(*arguments, **options):
        calls.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(students_module, "train", train)
    return calls


def outcome(record):
    return record["metrics"], record["students"], record["provenance"]["distilled_sha256"]


@pytest.mark.parametrize(
    "recipe",
    [quick(), quick("kcenter_digits"), quick("full_digits", epochs=1), quick(protocol="online-stored", epochs=1)],
    ids=["random", "kcenter", "full", "online"],
)
def test_the_same_seed_gives_the_same_metrics_and_set_in_a_fresh_store(tmp_path, recipe):
    first, again = (run(recipe, 7, 2, context(tmp_path / name)) for name in ("first", "again"))
    assert outcome(first) == outcome(again)
    assert outcome(first) != outcome(run(recipe, 8, 2, context(tmp_path / "first")))


def test_a_run_killed_in_the_middle_goes_on_to_the_same_numbers(tmp_path, monkeypatch):
    recipe = quick(epochs=12)
    whole = run(recipe, 0, 2, context(tmp_path / "whole"))
    real, ticks = Checkpoint.tick, itertools.count()

    def killed(checkpoint, state):
        checkpoint.every_s = 0  # a checkpoint at every epoch
        real(checkpoint, state)
        student = checkpoint.path.parents[1].name == "student"  # other stages keep a state too
        if student and next(ticks) == 17:  # the sixth epoch of the second one
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "tick", killed)
        with pytest.raises(KeyboardInterrupt):
            run(recipe, 0, 2, context(tmp_path / "killed"))
    assert not (tmp_path / "killed" / "results").exists()
    (left,) = (tmp_path / "killed").rglob("checkpoint.safetensors")
    assert Checkpoint(left).load().meta["epoch"] == 6
    resumed = run(recipe, 0, 2, context(tmp_path / "killed"))
    assert outcome(resumed) == outcome(whole)
    assert not list(tmp_path.rglob("checkpoint.safetensors"))


KILLED = """
import itertools, os, signal, sys
from pathlib import Path
import toy_sets
from ltdd_utils.runs import run
from ltdd_utils.core.store import Checkpoint

real, ticks = Checkpoint.tick, itertools.count()

def killed(checkpoint, state):
    checkpoint.every_s = 0
    real(checkpoint, state)
    if next(ticks) == 17:  # the sixth epoch of the second student
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoint.tick = killed
run(toy_sets.quick(epochs=12), 0, 2, toy_sets.context(Path(sys.argv[1])))
"""


def test_a_process_killed_for_good_goes_on_to_the_same_numbers(tmp_path):
    """SIGKILL runs no clean-up: what is on disk at that moment must do."""
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed")]
    process = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, timeout=120)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert len(list((tmp_path / "killed").rglob("checkpoint.safetensors"))) == 1
    resumed, whole = (run(quick(epochs=12), 0, 2, context(tmp_path / name)) for name in ("killed", "whole"))
    assert outcome(resumed) == outcome(whole)
    assert not list(tmp_path.rglob("checkpoint.safetensors"))


@pytest.mark.parametrize("name", ["random_digits", "kcenter_digits"])
def test_a_run_stopped_again_and_again_goes_on_to_the_same_numbers(tmp_path, monkeypatch, name):
    recipe = quick(name, epochs=12)
    whole, clock = run(recipe, 0, 2, context(tmp_path / "whole")), itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))  # a second passes between two looks
    resumed, stops = None, 0
    while resumed is None and stops < 100:
        try:
            resumed = run(recipe, 0, 2, context(tmp_path / "stopped", deadline=time.monotonic() + 25))
        except Stopped as stop:
            assert "run the same command again" in str(stop)
            stops += 1
    assert stops > 2 and outcome(resumed) == outcome(whole)


def test_more_students_later_reuse_the_earlier_ones(tmp_path, trained):
    two = run(quick(), 0, 2, context(tmp_path))
    three = run(quick(), 0, 3, context(tmp_path))
    assert len(trained) == 3
    assert three["students"][:2] == two["students"]
    assert three["cost"]["seconds"]["students"] > two["cost"]["seconds"]["students"]


def test_a_repeated_run_trains_nothing_and_keeps_the_cost(tmp_path, trained):
    first, again = (
        run(quick("kcenter_digits"), 0, 2, context(tmp_path)),
        run(quick("kcenter_digits"), 0, 2, context(tmp_path)),
    )
    assert len(trained) == 2
    assert again["cost"]["seconds"] == first["cost"]["seconds"]
    assert set(first["cost"]["seconds"]) == {"preprocess", "expert", "selection", "students"}


def test_student_k_of_random_trains_on_draw_k_and_all_others_on_one_set(tmp_path):
    sets = run(quick(), 0, 3, context(tmp_path))["provenance"]["distilled_sha256"]
    draws = [content_hash(result_of(quick(), context(tmp_path), draw=draw).set) for draw in range(3)]
    assert sets == draws and len(set(sets)) == 3
    assert len(set(run(quick("herding_digits"), 0, 3, context(tmp_path))["provenance"]["distilled_sha256"])) == 1


def test_the_seconds_of_all_draws_count(tmp_path):
    parts = []
    for draw in range(3):
        alone = start(quick(), 0, context(tmp_path))
        distil(quick(), alone, draw)
        parts.append(alone.ledger.seconds["selection"])
    assert run(quick(), 0, 3, context(tmp_path))["cost"]["seconds"]["selection"] == pytest.approx(sum(parts))


def test_a_run_with_fewer_students_than_its_record_is_refused_before_the_work(tmp_path, trained):
    run(quick(), 0, 2, context(tmp_path))
    with pytest.raises(
        ValueError, match=r"students is 1, but .*-s0.json has 2, which would be lost; ask for 2 or more"
    ):
        run(quick(), 0, 1, context(tmp_path, data=tmp_path / "absent"))
    assert len(trained) == 2
    assert len(run(quick(), 0, 1, context(tmp_path, results=tmp_path / "other"))["students"]) == 1


@pytest.mark.gpu
def test_the_preprocessing_is_fitted_where_the_run_is(tmp_path, monkeypatch):
    seen, real = [], Preprocess.fit
    monkeypatch.setattr(Preprocess, "fit", lambda images, cfg: seen.append(images.device.type) or real(images, cfg))
    found = fitted(PreprocessConfig(), digits(), context(tmp_path, device=torch.device("cuda")))
    assert seen == ["cuda"] and found.mean.device.type == "cuda" and found.matches(fit("zca").describe())


def test_a_run_writes_one_valid_record(tmp_path):
    record = run(quick(), 4, 2, context(tmp_path))
    validate_record(record)
    (path,) = (tmp_path / "results").rglob("*.json")
    assert load_record(path) == record
    assert record["target"] is None and record["provenance"]["data_sha256"] == digits().sha256
    assert [student["stream"] for student in record["students"]] == ["4/student/0", "4/student/1"]


def test_where_it_runs_never_changes_the_id(tmp_path):
    ids = {
        run(quick(), 0, 1, context(tmp_path / "a"))["config_id"],
        run(quick(), 0, 2, context(tmp_path / "b", results=None, watch=lambda stage: lambda event: None))["config_id"],
        quick().config_id,
    }
    assert len(ids) == 1
    assert not (tmp_path / "b" / "results").exists()


def test_a_selection_shared_by_two_scales_is_described_by_its_own(tmp_path):
    here = context(tmp_path)
    small, large = quick(), replace(quick(), scale="paper")
    sets = [result_of(recipe, here).set for recipe in (small, large)]
    assert [one.info["scale"] for one in sets] == ["tiny", "paper"]
    assert len(list((tmp_path / "work" / "coreset").iterdir())) == 1


def test_every_stage_is_watched(tmp_path, monkeypatch):
    monkeypatch.setattr("ltdd_utils.training.resumable.LOOK_EVERY_S", 0.0)
    events = []

    def watch(stage):
        return lambda event: "epoch" in event and events.append((stage, event["epoch"], event["epochs"]))

    run(quick("kcenter_digits", epochs=2), 0, 2, context(tmp_path, watch=watch))
    assert {stage for stage, _, _ in events} == {"expert", "student 1/2", "student 2/2"}
    assert all((stage, 2, 2) in events for stage in ("student 1/2", "student 2/2"))


def protocol(distilled, name="dsa-stored", **network):
    cfg = protocol_for(distilled, name)
    cfg = (
        replace(cfg, network=NetworkConfig(**network))
        if network
        else replace(cfg, network=replace(cfg.network, width=8))
    )
    changes = {"train.epochs": "3"} | ({"teacher.train.epochs": "1"} if cfg.teacher else {})
    return recipes.with_overrides(cfg, changes)


def described(recipe):
    """A set of as many images as a recipe makes, all of them one, that says what it was made for."""
    labels = torch.arange(DATASETS[recipe.data.name].classes).repeat_interleave(recipe.ipc or 1)
    info = {"recipe": recipe.name, "scale": recipe.scale, "ipc": recipe.ipc, "method": to_dict(recipe.method)}
    info |= {"data": to_dict(recipe.data), "data_sha256": "0" * 64, "class_names": list(map(str, range(1000)))}
    if (factor := recipe.family.factor(recipe.method)) == 1:
        return DistilledSet(labels, torch.zeros_like(labels), info=info)
    images = torch.zeros(len(labels), 1, factor, factor)
    return DistilledSet(labels, torch.full_like(labels, NOT_REAL), images=images, info=info | {"factor": factor})


@pytest.mark.parametrize("name", recipes.names())
def test_the_protocol_for_a_set_is_that_of_its_recipe(name):
    for scale in DATASETS[name.rpartition("_")[2]].scales:
        for ipc in (1, 20):
            recipe = recipes.recipe(name, scale=scale, ipc=ipc)
            assert protocol_for(described(recipe)) == recipe.evaluate


def test_a_loss_on_stored_labels_has_no_other_protocol():
    made = described(recipes.recipe("full_logit_adjusted_digits"))
    assert protocol_for(made).logit_adjustment == 1
    message = "full_logit_adjusted is a loss on stored labels; use the protocol dsa-stored, not online-teacher"
    with pytest.raises(ValueError, match=message):
        protocol_for(made, "online-teacher")
    with pytest.raises(ValueError, match=message):
        recipes.recipe("full_logit_adjusted_digits", protocol_name="online-teacher")


def test_a_set_from_a_file_scores_as_in_its_run(tmp_path, trained):
    here = context(tmp_path)
    record = run(quick("kcenter_digits"), 0, 2, here)
    made = result_of(quick("kcenter_digits"), here).set
    scores = evaluate_set(made, None, protocol(made), here, students=2)
    assert scores["metrics"] == record["metrics"] and len(trained) == 2  # the very same students
    assert scores["distilled_sha256"] == record["provenance"]["distilled_sha256"][0]
    assert scores["clamped"] == 0


def test_two_sets_never_share_a_student(tmp_path, trained):
    here = context(tmp_path)
    sets = [result_of(quick(), here, draw=draw).set for draw in range(2)]
    scores = [evaluate_set(one, None, protocol(one), here, students=1) for one in sets]
    assert len(trained) == 2 and scores[0]["distilled_sha256"] != scores[1]["distilled_sha256"]


def test_another_network_is_another_student(tmp_path):
    made = result_of(quick(), context(tmp_path)).set
    for name in ("vgg11", "alexnet", "resnet18"):
        cfg = protocol_for(made, "dsa-stored", network=name)
        scores = evaluate_set(
            made, None, replace(cfg, train=replace(cfg.train, epochs=1)), context(tmp_path), students=1
        )
        assert scores["network"]["name"] == name


@pytest.mark.parametrize("name", ["online-teacher", "online-stored"])
def test_synthetic_images_of_another_family_are_translated_and_the_clamped_share_recorded(tmp_path, name):
    here = context(tmp_path)
    made = result_of(quick(ipc=10, **{"method.policy": "noise"}), here).set  # noise in the space of ZCA
    scores = evaluate_set(made, None, protocol(made, name), here, students=1)
    assert scores["protocol"] == f"{name}/plain"
    assert scores["clamped"] == translate(made, digits(), fit("zca"), fit("normalise"))[1] > 0.01


def test_an_online_record_holds_the_clamped_share(tmp_path):
    recipe = quick(ipc=10, protocol="online-stored", epochs=1, **{"method.policy": "noise"})
    record = run(recipe, 0, 1, context(tmp_path))
    assert record["protocol"] == "online-stored/plain" and 0 < record["provenance"]["clamped"] < 1
    assert "teacher" in record["cost"]["seconds"]
    assert run(quick(ipc=10), 0, 1, context(tmp_path))["provenance"]["clamped"] == 0


def test_what_a_set_does_not_say_is_asked_for(tmp_path):
    here, made = context(tmp_path), result_of(quick(), context(tmp_path)).set
    with pytest.raises(ValueError, match=r"does not say what it was made for: fill in info\['recipe'\]"):
        protocol_for(synthetic(), "dsa-stored")
    elsewhere = replace(made, info={**made.info, "data_sha256": "0" * 64})
    with pytest.raises(ValueError, match=r"made from other data .000000000000. than what is here"):
        evaluate_set(elsewhere, None, protocol(made), here, students=1)
    info = {key: value for key, value in made.info.items() if key != "preprocess"}
    with pytest.raises(ValueError, match="does not describe the preprocessing of its images"):
        evaluate_set(synthetic(info=info), None, protocol(made), here, students=1)
    refit = {**made.info, "preprocess": {**fit("zca").describe(), "fitted_on": "other images"}}
    with pytest.raises(ValueError, match="another preprocessing"):
        evaluate_set(synthetic(info=refit), None, protocol(made), here, students=1)


@pytest.mark.parametrize(
    ("seed", "students", "message"), [(0, 0, "students is 0; at least 1"), (-1, 1, "seed is -1; it must be 0 or more")]
)
def test_numbers_out_of_range_are_refused_before_anything_is_written(tmp_path, seed, students, message):
    with pytest.raises(ValueError, match=message):
        run(quick(), seed, students, context(tmp_path))
    assert not list(tmp_path.iterdir())


def test_devices():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("gpu", "meta", ""):
        with pytest.raises(ValueError, match=f"unknown device '{name}'; choose auto, cpu, cuda or cuda:N"):
            pick_device(name)
    with pytest.raises(ValueError, match=r"device 'cuda:99' cannot be used here .*; try --device auto or cpu"):
        pick_device("cuda:99")


def test_a_folder_that_cannot_be_written_is_known_before_the_work(tmp_path, trained):
    (tmp_path / "file").write_text("")
    require_writable(tmp_path / "new" / "folder")
    assert not (tmp_path / "new").exists()
    with pytest.raises(OSError, match=r"cannot write to .*results: .*file: it is a file; name another folder"):
        run(quick(), 0, 1, context(tmp_path, results=tmp_path / "file" / "results"))
    assert not trained and not (tmp_path / "work").exists()


def test_a_coreset_of_more_images_than_any_class_has_is_refused(tmp_path):
    with pytest.raises(ValueError, match="ipc is 200, but no class has more than 120 images; choose fewer"):
        run(quick("random_digits", ipc=200), 0, 1, context(tmp_path))
