"""Runs of paper 1: experts, initial set, matching, record; the same numbers again, and after a kill."""

import itertools
import json
import re
from functools import cache

import pytest
import torch
from toy_recipes import SMALL_DAMED
from toy_recipes import small_trajectory as small
from toy_recipes import small_trajectory_elsewhere as small_elsewhere
from toy_sets import context, result_of

from ltdd_utils.cli import main
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.data import fitted, load
from ltdd_utils.distilled import NOT_REAL, composition, load_set, uint8_pixels
from ltdd_utils.methods.trajectory import experts as experts_module
from ltdd_utils.methods.trajectory.distil import HISTORY
from ltdd_utils.methods.trajectory.training import renew_experts
from ltdd_utils.records import load_record, validate_record
from ltdd_utils.runs import distil, run, start

pytestmark = pytest.mark.float32


@cache
def few_digits():
    return load(small().data)


def outcome(record):
    return record["metrics"], record["provenance"]["distilled_sha256"], record["distillation"]["curves"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder in which DAM + ED was run, and its record."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(small(), 0, 1, context(folder))


def test_a_run_writes_a_valid_record_with_its_curves(whole):
    folder, record = whole
    validate_record(record)
    (path,) = (folder / "results").rglob("*.json")
    assert load_record(path)["distillation"] == json.loads(json.dumps(record["distillation"]))
    told = record["distillation"]
    assert (told["iterations"], told["skipped"], told["clamped"], told["peak_gpu_gib"]) == (2, 0, 0, 0.0)
    assert set(told["curves"]) == set(HISTORY) - {"class_gradient"}
    assert all(len(curve) == 2 for curve in told["curves"].values())
    assert set(told["curves"]["start"]) <= {0.0, 1.0}
    assert all(0 < value < 10 for name in ("first", "second") for value in told["curves"][name])
    gradient = told["class_gradient"]
    assert len(gradient["mean"]) == len(gradient["std"]) == 10 and all(value > 0 for value in gradient["mean"])
    stages = {"preprocess", "experts", "classifier experts", "initial set", "matching", "students"}
    assert set(record["cost"]["seconds"]) == stages


def test_the_same_seed_gives_the_same_numbers_in_a_fresh_store(whole, tmp_path):
    _, record = whole
    assert outcome(run(small(), 0, 1, context(tmp_path))) == outcome(record)


@pytest.mark.parametrize("kind", ["representation", "classifier"])
def test_a_killed_run_goes_on_to_the_same_numbers(whole, tmp_path, monkeypatch, kind):
    kill(tmp_path, monkeypatch, kind, 2)
    assert outcome(run(small(), 0, 1, context(tmp_path))) == outcome(whole[1])


def test_a_run_killed_while_it_matches_goes_on_to_the_same_numbers(whole, tmp_path, monkeypatch):
    left = kill(tmp_path, monkeypatch, "matching", 1)
    assert Checkpoint(left).load().meta["iteration"] == 1
    assert outcome(run(small(), 0, 1, context(tmp_path))) == outcome(whole[1])


def kill(folder, monkeypatch, kind, tick):
    """Interrupt a run right after the so-many-th checkpoint of a kind of stage; the checkpoint's file."""
    real, ticks = Checkpoint.tick, itertools.count(1)

    def killed(checkpoint, state):
        checkpoint.every_s = 0  # a checkpoint at every step and iteration
        real(checkpoint, state)
        if checkpoint.path.parent.parent.name == kind and next(ticks) == tick:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "tick", killed)
        with pytest.raises(KeyboardInterrupt):
            run(small(), 0, 1, context(folder))
    (left,) = folder.rglob("checkpoint.safetensors")
    return left


def test_a_distilled_set_says_where_it_started(whole):
    folder, _ = whole
    first = result_of(small(**{"method.iterations": "0"}), context(folder))
    made = result_of(small(), context(folder))
    assert first.history is None and made.history["iterations"] == 2
    assert (made.set.indices == NOT_REAL).all() and made.set.images.shape == (20, 1, 16, 16)
    assert made.set.info["composition"] == composition(made.set)
    assert made.set.info["method"]["iterations"] == 2 and first.set.info["method"]["iterations"] == 0
    again = result_of(small(**{"method.iterations": "1"}), context(folder))
    assert again.set.info["initial_sha256"] == made.set.info["initial_sha256"]
    assert made.set.lr != first.set.lr and not torch.equal(made.set.targets, first.set.targets)


def test_another_protocol_judges_the_very_same_set(whole, monkeypatch):
    """Its experts and its matching stay in their own space; only pixels are carried over, clamped where they must."""
    folder, record = whole
    here, foreign = context(folder), small_elsewhere("online-teacher")
    monkeypatch.setattr(experts_module, "train", None)  # nothing is trained or matched again
    made, carried = result_of(small(), here), result_of(foreign, here)
    assert carried.history == made.history and made.clamped == 0 < carried.clamped < 1
    zca, normalise = (fitted(cfg, few_digits(), here) for cfg in (foreign.space, foreign.evaluate.preprocess))
    assert (zca.kind, normalise.kind) == ("zca", "normalise")
    first, second = uint8_pixels(made.set, few_digits(), zca), uint8_pixels(carried.set, few_digits(), normalise)
    assert torch.equal(first[0], second[0]) and first[1] == carried.clamped
    scored = run(foreign, 0, 1, here)
    assert scored["distillation"] == record["distillation"] and scored["protocol"] == "online-teacher/plain"
    assert scored["provenance"]["clamped"] == carried.clamped


def test_a_run_with_an_estimated_prior_reads_no_counts_and_says_what_it_found(whole):
    folder, record = whole
    made = run(small(**{"method.dam.prior": "estimated"}), 0, 1, context(folder))
    validate_record(made)
    found, true = made["distillation"]["estimated_counts"], few_digits().counts
    assert abs(sum(found) - sum(true)) < len(true) and found[0] > found[-1] >= 1
    assert "estimated_counts" not in record["distillation"]
    assert made["provenance"]["distilled_sha256"] != record["provenance"]["distilled_sha256"]


def test_datm_can_start_from_the_very_set_that_damed_starts_from(whole):
    folder, _ = whole
    none = {"method.iterations": "0"}
    asked = none | {"method.initial.experts": "classifier"}
    made = [
        run(small(method, **changes), 0, 1, context(folder, results=None))
        for method, changes in (("damed", none), ("datm", asked), ("datm", none), ("ed_only", none))
    ]
    assert all("distillation" not in record for record in made)
    damed, datm, usual, ed_only = (record["provenance"]["distilled_sha256"] for record in made)
    assert damed == datm == ed_only != usual
    assert made[0]["metrics"] == made[1]["metrics"]  # one set, one student
    sets = [
        result_of(small(method, **changes), context(folder)).set.info["initial_sha256"]
        for method, changes in (("damed", {}), ("datm", {"method.initial.experts": "classifier"}))
    ]
    assert sets[0] == sets[1]


def test_recipes_share_their_experts(whole, monkeypatch):
    folder, _ = whole

    def trained(*arguments, **options):
        raise AssertionError("an expert was trained again")

    monkeypatch.setattr(experts_module, "train", trained)
    for method in ("mtt", "datm", "dam_only", "ed_only"):
        record = run(small(method), 0, 1, context(folder))
        assert (record["distillation"]["curves"]["second"] is None) == (method != "ed_only")
        assert record["distillation"]["curves"]["first"] is not None
    with pytest.raises(AssertionError, match="trained again"):
        run(small("datm"), 1, 1, context(folder))  # every seed has its own, unless the settings share them


def test_experts_that_keep_more_leave_finished_matching_valid(tmp_path):
    recipe, here = small(**{"method.initial.experts": "representation"}), context(tmp_path)
    before, method = start(recipe, 0, here), recipe.method
    made = distil(recipe, before)
    wanted = range(method.experts.train.epochs + 1), range(method.experts.classifier_epochs + 1)
    assert max(wanted[1]) not in method.classifier_snapshots
    renew_experts(method.experts, before.under(recipe.space), *wanted)
    after = start(recipe, 0, here)
    again = distil(recipe, after)
    assert again.history == made.history and after.ledger.seconds["matching"] == before.ledger.seconds["matching"]
    assert [len(list((tmp_path / "work" / stage).iterdir())) for stage in ("initial", "matching")] == [1, 1]


def test_every_stage_is_watched(tmp_path):
    seen = {}

    def watch(stage):
        return lambda event: seen.setdefault(stage, []).append(event)

    run(small(**{"method.experts.count": "1"}), 0, 1, context(tmp_path, watch=watch))
    assert {"expert 1/1", "classifier expert 1/1", "matching", "student 1/1"} <= set(seen)
    assert [event["iteration"] for event in seen["matching"]] == [1, 2]
    assert set(seen["matching"][0]) == {"iteration", "iterations", "loss", "loss_classifier", "lr"}


def test_show_and_evaluate_know_the_recipe(whole, tmp_path, capsys, monkeypatch):
    folder, record = whole
    monkeypatch.setenv("LTDD_RESULTS", str(folder / "results"))
    options = [part for key, text in SMALL_DAMED.items() for part in ("--set", f"{key}={text}")]
    recipe = ["damed_digits", "--ipc", "2", *options]
    assert main(["show", *recipe]) == 0
    assert re.search(r"seed 0: .*experts \d+ s .*matching \d+ s", capsys.readouterr().out)
    path = tmp_path / "damed.safetensors"
    quiet = ["--students", "1", "--work", str(folder / "work"), "--device", "cpu", "--quiet"]
    assert main(["run", *recipe, *quiet, "--save-set", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == record["metrics"]
    assert load_set(path)[0].info["recipe"] == "damed_digits"
    short = ["--set", "train.epochs=2", "--set", "network.width=4", *quiet, "--json"]
    assert main(["evaluate", str(path), *short]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["metrics"] == record["metrics"]
    assert [scores["distilled_sha256"]] == record["provenance"]["distilled_sha256"]
