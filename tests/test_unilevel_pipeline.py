"""Paper 2's recipes as runs: stages are reused, an interruption changes nothing, and the record says what was done."""

import copy
import itertools
import json
from dataclasses import replace

import pytest
import torch
from toy_observer import pooled
from toy_recipes import small_unilevel as small
from toy_sets import context, result_of

from ltdd_utils import recipes
from ltdd_utils.core.store import Checkpoint, load_bundle
from ltdd_utils.data import fitted, load
from ltdd_utils.distilled import NOT_REAL, pixels, uint8_pixels
from ltdd_utils.methods.alignment import stages as unilevel_module
from ltdd_utils.methods.alignment.family import ALIGNMENT
from ltdd_utils.methods.base import Job
from ltdd_utils.methods.registry import method_names
from ltdd_utils.records import validate_record
from ltdd_utils.runs import run, start

pytestmark = pytest.mark.float32


def outcome(record):
    return record["metrics"], record["students"], record["provenance"]["distilled_sha256"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One store for the tests that look at what is reused."""
    return tmp_path_factory.mktemp("unilevel")


@pytest.fixture(scope="module")
def full(shared):
    """The record of the full method."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    record = run(small("unilevel"), 0, 1, context(shared))
    torch.set_default_dtype(before)
    return record


@pytest.fixture
def recoveries(monkeypatch):
    """Counts the recoveries that are really done."""
    calls, real = [], unilevel_module.recover

    def recover(*arguments, **options):
        calls.append(arguments)
        return real(*arguments, **options)

    monkeypatch.setattr(unilevel_module, "recover", recover)
    return calls


def test_a_record_says_where_recovery_began_and_how_it_went(full):
    validate_record(full)
    told = full["distillation"]
    assert len(told["initial_sha256"]) == 64 and told["iterations"] == 2
    assert {name: len(curve) for name, curve in told["curves"].items()} == {"distance": 2, "cross_entropy": 2}
    assert full["protocol"] == "online-teacher/debiased"
    json.dumps(full.content, allow_nan=False)


def test_each_training_has_one_entry_in_the_seconds(full, shared):
    stages = {"preprocess", "teacher", "initial set", "observer", "statistics", "recovery", "students"}
    assert set(full["cost"]["seconds"]) == stages  # the scoring teacher is the one that labels
    other = run(small("unilevel", teacher="plain"), 0, 1, context(shared))
    assert set(other["cost"]["seconds"]) == stages | {"scoring teacher"}
    assert other["cost"]["seconds"]["scoring teacher"] == full["cost"]["seconds"]["teacher"]


def test_recovery_is_done_once_for_all_who_label(full, shared, recoveries):
    calibrated = run(small("unilevel_adsa"), 0, 1, context(shared))
    other_teacher = run(small("unilevel", teacher="plain"), 0, 1, context(shared))
    stored = run(small("unilevel", "online-stored"), 0, 1, context(shared))
    assert not recoveries
    for record in (calibrated, other_teacher, stored):
        assert record["distillation"] == full["distillation"]
        assert record["provenance"]["distilled_sha256"] == full["provenance"]["distilled_sha256"]
        assert record["cost"]["seconds"]["recovery"] == full["cost"]["seconds"]["recovery"]
    assert 0 <= calibrated["students"][0]["adsa_tau"] <= 3 and "adsa_tau" not in full["students"][0]
    run(small("unilevel", **{"method.recover.lr": 0.1}), 0, 1, context(shared))
    assert len(recoveries) == 1


@pytest.mark.parametrize(
    ("name", "observer", "begins"),
    [
        ("unilevel_no_recovery", False, "as full"),
        ("unilevel_no_calibration", True, "as full"),
        ("unilevel_no_init", True, "elsewhere"),
        ("rded", False, "elsewhere"),
        ("sre2l", True, "elsewhere"),
        ("edc", True, "elsewhere"),
    ],
)
def test_the_other_recipes_run_and_train_what_they_need(full, shared, name, observer, begins):
    record = run(small(name), 0, 1, context(shared))
    validate_record(record)
    seconds = record["cost"]["seconds"]
    assert ("observer" in seconds) == ("statistics" in seconds) == ("recovery" in seconds) == observer
    assert ("distillation" in record) == observer
    if observer:
        same = record["distillation"]["initial_sha256"] == full["distillation"]["initial_sha256"]
        assert same == (begins == "as full")
        assert record["provenance"]["distilled_sha256"] != full["provenance"]["distilled_sha256"]
    elif name == "unilevel_no_recovery":
        assert record["provenance"]["distilled_sha256"] == [full["distillation"]["initial_sha256"]]


def test_another_seed_gives_another_set_and_the_same_seed_the_same_in_a_fresh_store(full, tmp_path):
    assert outcome(run(small("unilevel"), 0, 1, context(tmp_path))) == outcome(full)
    again = run(small("unilevel"), 1, 1, context(tmp_path))
    assert again["distillation"]["initial_sha256"] != full["distillation"]["initial_sha256"]


@pytest.mark.parametrize("last", [1, 3, 4])
def test_a_run_killed_in_recovery_goes_on_to_the_same_metrics_and_set(full, shared, tmp_path, monkeypatch, last):
    """In the first batch, in the second one, at its end."""
    real, recipe = Checkpoint.tick, small("unilevel")
    ticks = itertools.count(1)

    def tick(checkpoint, state):
        if checkpoint.path.parent.parent.name != "recovery":
            return real(checkpoint, state)
        checkpoint.every_s = 0  # a checkpoint at every iteration
        real(checkpoint, state)
        if next(ticks) == last:
            raise KeyboardInterrupt
        return None

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "tick", tick)
        with pytest.raises(KeyboardInterrupt):
            run(recipe, 0, 1, context(tmp_path))
    (left,) = tmp_path.rglob("checkpoint.safetensors")
    assert load_bundle(left).meta["iteration"] + 2 * load_bundle(left).meta["batch"] == last
    assert outcome(run(recipe, 0, 1, context(tmp_path))) == outcome(full)


def test_a_stored_label_protocol_gets_the_same_pixels_in_its_own_space(full, shared):
    """Under dsa-stored everything is whitened: the images go through pixels, and their labels are hard."""
    recipe, where = small("unilevel", "dsa-stored"), context(shared)
    record = run(recipe, 0, 1, where)
    validate_record(record)
    assert record["protocol"] == "dsa-stored" and record["distillation"] == full["distillation"]
    data = load(recipe.data)
    own, other = (fitted(cfg, data, where) for cfg in (recipe.method.preprocess, recipe.evaluate.preprocess))
    online, stored = (result_of(one, where).set for one in (small("unilevel"), recipe))
    assert (online.info["preprocess"]["kind"], stored.info["preprocess"]["kind"]) == ("normalise", "zca")
    assert torch.equal(uint8_pixels(online, data, own)[0], uint8_pixels(stored, data, other)[0])
    assert bool((stored.indices == NOT_REAL).all()) and stored.targets is None


def test_recovered_images_are_pixels(full, shared):
    """Never below black or above white, and not where they began."""
    recipe, where = small("unilevel"), context(shared)
    data = load(recipe.data)
    own, made = fitted(recipe.method.preprocess, data, where), result_of(recipe, where).set
    values = own.inverse(made.images)
    assert values.min() >= -1e-5 and values.max() <= 1 + 1e-5
    first = result_of(small("unilevel_no_recovery"), where).set
    assert first.images is None and torch.equal(first.labels, made.labels)
    assert not torch.equal(pixels(first, data, own), made.images)


def observed(recipe, folder):
    """A run after the stages that recovery reads: networks and what their layers see of the real data."""
    job = Job(recipe.method, recipe.ipc, start(recipe, 0, context(folder)).under(recipe.space))
    for name, compute in (("observer", unilevel_module.observers), ("statistics", unilevel_module.statistics)):
        with job.run.ledger.entry(name):
            job.results[name] = compute(job)
    return job


def test_several_observers_have_statistics_of_their_own(shared):
    recipe = small("edc_several")
    few = {"train.epochs": "1", "network.width": "4"}
    convnets = tuple(recipes.with_overrides(one, few) for one in recipe.method.others[1:])  # ResNet-18 takes longer
    cfg = replace(recipe.method, others=convnets)
    job = observed(replace(recipe, method=cfg), shared)
    networks, statistics = job.results["observer"], job.results["statistics"]
    assert len(networks) == len(statistics) == 3 and len({known.names for known in statistics}) == 2
    assert set(job.run.ledger.seconds) == {"preprocess", "observer", "statistics"}
    for network, known in zip(networks, statistics, strict=True):
        assert not network.training
        assert {name.split("/")[0] for name in known.names} <= dict(network.named_modules()).keys()


def test_statistics_are_those_of_each_class_s_real_images(shared):
    """Every class alone through a copy in double precision, and the inputs of every layer put together."""
    job = observed(small("edc"), shared)
    data, preprocess = job.run.data, job.run.preprocess
    (network,), (known,) = job.results["observer"], job.results["statistics"]
    assert known.counts.tolist() == list(data.counts) and len(set(data.counts)) > 3
    twin, seen = copy.deepcopy(network).double(), {}
    modules = dict(twin.named_modules())
    layers = {name: layer for name, layer in zip(known.names, known.layers, strict=True) if name in modules}
    assert len(layers) > 2
    for name in layers:
        modules[name].register_forward_pre_hook(lambda module, inputs, name=name: seen.update({name: inputs[0]}))
    for label in range(data.classes):
        with torch.no_grad():
            twin(preprocess(data.train_images[data.train_labels == label]).double())
        for name, layer in layers.items():
            mean, variance = pooled(seen[name])
            torch.testing.assert_close(layer.mean[label], mean, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(layer.variance[label], variance, rtol=1e-5, atol=1e-5)


def test_every_recipe_of_the_family_is_named_here_or_runs_as_another_one():
    run_here = {"unilevel", "unilevel_adsa", "unilevel_no_recovery", "unilevel_no_calibration", "unilevel_no_init"}
    run_here |= {"rded", "sre2l", "edc", "edc_several"}
    same = {"unilevel_no_debiasing": "unilevel", "sre2l_adsa": "sre2l", "edc_adsa": "edc"}
    assert set(method_names(ALIGNMENT)) == run_here | set(same)
    for name, base in same.items():
        one, other = (recipes.recipe(f"{key}_digits") for key in (name, base))
        assert (one.method == other.method) == name.endswith("_adsa")
