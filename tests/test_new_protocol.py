"""A protocol is one entry and its loss: sets are then scored under it as under all others."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from toy_sets import context, quick
from toy_tables import tables_kept

from ltdd_utils.augment import AugmentConfig
from ltdd_utils.cli import main
from ltdd_utils.distilled.spaces import pixels
from ltdd_utils.evaluation import PROTOCOLS, EvaluateConfig, Protocol, register_protocol, with_batch_for
from ltdd_utils.evaluation.objectives import stored_labels
from ltdd_utils.evaluation.protocols import stored
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.presets import teacher
from ltdd_utils.recipes import recipe, with_overrides
from ltdd_utils.runs import run
from ltdd_utils.teachers import TeacherConfig

pytestmark = pytest.mark.float32  # as users run it


@pytest.fixture(autouse=True)
def _tables():
    with tables_kept():
        yield


def bare_settings(name, dataset, scale, teacher_kind):
    return replace(stored("dsa-stored", dataset, scale), protocol=name, augment=AugmentConfig("none"))


def hard_labels(task):
    """Cross-entropy on the set's own images and labels."""
    run, labels = task.run, task.distilled.labels.to(task.run.device)
    images = pixels(task.distilled, run.data, run.preprocess).to(run.device)
    return (lambda network, rows: F.cross_entropy(network(images[rows]), labels[rows])), {"clamped": 0.0}


HARD = Protocol(bare_settings, hard_labels, augment=("none",))


def overall(made, folder):
    record = run(made, 0, 2, context(folder))
    assert record["protocol"] == made.evaluate.label
    return [student["per_class"] for student in record["students"]]


def test_a_random_set_is_scored_under_it(tmp_path):
    """Hard labels of real images are those of ``dsa-stored`` without augmentation, up to rounding of the loss."""
    register_protocol("hard", HARD)
    made = quick("random_digits", epochs=20, **{"evaluate.augment.kind": "none"})
    few = {"evaluate.train.epochs": 20, "evaluate.network.width": 8}
    here = with_overrides(recipe("random_digits", ipc=2, protocol_name="hard"), few)
    assert here.evaluate.protocol == here.evaluate.label == "hard" and here.config_id != made.config_id
    assert overall(here, tmp_path / "here") == overall(made, tmp_path / "there")


def test_every_method_has_it_and_the_commands_know_it(tmp_path, capsys):
    register_protocol("hard", HARD)
    for name in METHODS:
        if name != "full_logit_adjusted":
            assert recipe(f"{name}_digits", protocol_name="hard").evaluate.protocol == "hard"
    with pytest.raises(ValueError, match="is a loss on stored labels; use the protocol dsa-stored, not hard"):
        recipe("full_logit_adjusted_digits", protocol_name="hard")
    few = [
        "--students",
        "1",
        "--set",
        "evaluate.train.epochs=1",
        "--set",
        "evaluate.network.width=4",
        "--device",
        "cpu",
    ]
    folders = ["--work", str(tmp_path / "work"), "--results", str(tmp_path), "--quiet"]
    assert main(["run", "random_digits", "--protocol", "hard", *few, *folders]) == 0
    assert "random_digits  tiny  hard" in capsys.readouterr().out
    assert main(["run", "random_digits", "--protocol", "firm"]) == 2
    assert "unknown protocol 'firm'; choose one of dsa-stored, online-teacher, online-stored, hard" in (
        capsys.readouterr().err
    )


def distilled_settings(name, dataset, scale, teacher_kind):
    who = teacher(dataset, scale, teacher_kind)
    return replace(stored("dsa-stored", dataset, scale), protocol=name, teacher=who)


def of_the_teacher(task):
    """Cross-entropy with the teacher's answers to the set's own images."""
    images = pixels(task.distilled, task.run.data, task.run.preprocess).to(task.run.device)
    with torch.no_grad():
        targets = task.teacher(images).softmax(dim=1)
    return (lambda network, rows: F.cross_entropy(network(images[rows]), targets[rows])), {"clamped": 0.0}


def test_one_with_a_teacher_has_it_in_its_name_and_in_its_record(tmp_path):
    register_protocol("soft", Protocol(distilled_settings, of_the_teacher, teacher_labels="images"))
    record = run(quick(protocol="soft", **{"evaluate.teacher.network.width": 8}), 0, 1, context(tmp_path))
    assert record["protocol"] == "soft/plain" and record["teacher"]["overall"] > 0
    assert recipe("unilevel_digits", protocol_name="soft").evaluate.label == "soft/debiased"
    with pytest.raises(
        ValueError, match=r"teacher is 'plain', but dsa-stored uses no teacher; use the protocol online-"
    ):
        recipe("random_digits", teacher="plain")


def test_its_facts_are_what_others_ask():
    facts = {"learned_lr": True, "set_student": True, "large_set_batch": 5, "terms": ("cross_entropy",)}
    register_protocol("own", Protocol(bare_settings, stored_labels, augment=("none", "dsa"), **facts))
    network = recipe("damed_cifar10", protocol_name="own").evaluate.network
    assert network == recipe("damed_cifar10").method.experts.network  # and not the wide one of scale cpu
    cfg = recipe("random_digits", protocol_name="own", ipc=1).evaluate
    assert cfg.train.batch_size == 5 and with_batch_for(cfg, 5) is cfg
    assert replace(cfg, cross_entropy=0.5).cross_entropy == 0.5
    with pytest.raises(ValueError, match="logit_adjustment is 1; protocol 'own' has no such term: use 0"):
        replace(cfg, logit_adjustment=1)
    with pytest.raises(ValueError, match=r"augment.kind is 'crop-flip'; protocol 'own' takes 'none' or 'dsa'"):
        replace(cfg, augment=AugmentConfig("crop-flip"))
    with pytest.raises(ValueError, match="protocol 'own' has no teacher: leave `teacher` out"):
        replace(cfg, teacher=TeacherConfig())


def test_the_word_in_a_record_must_be_in_the_table():
    with pytest.raises(ValueError, match="protocol is 'hard'; choose one of dsa-stored, online-teacher, online-stored"):
        EvaluateConfig("hard")


WRONG = {
    "a name that is taken": (("dsa-stored", {}), "protocol 'dsa-stored' exists already; choose another name"),
    "a name with a teacher": (("soft/plain", {}), "protocol name 'soft/plain' is invalid; use letters, digits and,"),
    "no loss": (("new", {"objective": None}), "objective is None; give a function, or 'module:function'"),
    "an unknown label": (("new", {"teacher_labels": "yes"}), "teacher_labels is 'yes'; choose views, images or None"),
    "no augmentation": (("new", {"augment": ()}), r"augment is \(\); give a tuple of one or more kinds"),
    "an unknown term": (("new", {"terms": ("mse",)}), r"terms is \('mse',\); give a tuple of some of logit_adj"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused(case):
    (name, changes), message = WRONG[case]
    before = list(PROTOCOLS)
    with pytest.raises(ValueError, match=message):
        register_protocol(name, Protocol(**{"settings": bare_settings, "objective": hard_labels, **changes}))
    assert list(PROTOCOLS) == before
