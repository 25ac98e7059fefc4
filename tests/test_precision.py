"""bf16 beside fp32: never pooled, named wherever a row is named, and as far from float64 as its mantissa says."""

from dataclasses import replace

import pytest
import torch
from toy_recovery import CFG, WIDE, eyes, recovered, start
from toy_runs import loaded, save

from ltdd_utils import analysis, recipes
from ltdd_utils.analysis.sides import distinct_labels, sides
from ltdd_utils.evaluation import STORED, Evaluator
from ltdd_utils.recipes import recipe, with_overrides
from ltdd_utils.records import students_of

BF16 = {"evaluate.train.precision": "bf16"}
LOW = replace(STORED, precision="bf16")
PIPELINE = {"method.experts.train.precision": "bf16"}


def test_students_of_another_precision_are_another_evaluator(tmp_path):
    save(tmp_path, [(4, 4), (4, 5)])
    save(tmp_path, [(6, 6)], changes=BF16)
    found = analysis.board("cifar10", records=loaded(tmp_path))
    assert {one.evaluator for one in found.entries} == {STORED, LOW}
    assert found["damed", STORED] == pytest.approx([0.425]) and found["damed", LOW] == pytest.approx([0.6])
    assert found["damed", LOW, {}] == found["damed", LOW]


def test_experts_or_a_recovery_of_another_precision_are_another_pipeline(tmp_path):
    save(tmp_path, [(4, 4)])
    save(tmp_path, [(6, 6)], changes=PIPELINE)
    found = analysis.board("cifar10", records=loaded(tmp_path))
    assert found["damed", STORED] == pytest.approx([0.4])
    assert found["damed", STORED, PIPELINE] == pytest.approx([0.6])
    assert [entry.label for entry in found.entries][1].endswith("precision=bf16")


def test_two_precisions_are_two_sides_of_a_comparison_whose_names_tell(tmp_path):
    for changes in ({}, BF16, PIPELINE):
        save(tmp_path, [(4, 4)], changes=changes)
    found = sides(list(loaded(tmp_path)["record"]))
    assert [len(side.scores) for side in found] == [1, 1, 1]
    labels = distinct_labels(found)
    assert len(set(labels)) == 3 and sum("bf16" in label for label in labels) == 2


def test_a_row_says_bf16_and_leaves_fp32_unsaid(tmp_path):
    save(tmp_path, [(4, 4)])
    save(tmp_path, [(4, 4)], changes=BF16)
    plain, low = loaded(tmp_path)["record"]
    assert (str(plain.evaluator), str(low.evaluator)) == ("dsa-stored (32)", "dsa-stored (32, bf16)")
    assert students_of(low) == students_of(plain).replace(")", ", bf16)")
    assert recipes.judge(LOW) == f"{recipes.judge(STORED)}, bf16"
    assert recipes.judge(str(LOW)) == recipes.judge(LOW)
    assert analysis.run_command("damed", LOW, "cifar10", "cpu").endswith("--set evaluate.train.precision=bf16")


def test_every_recipe_without_changes_has_the_precision_of_its_evaluator():
    for name in ("damed_cifar10", "unilevel_cifar10", "random_digits"):
        made = recipe(name)
        assert Evaluator.of(made).precision == made.evaluate.train.precision == "fp32"
        assert Evaluator.of(with_overrides(made, BF16)).precision == "bf16"


@pytest.mark.float32
def test_a_recovery_in_bf16_keeps_images_and_losses_in_single_precision_and_stays_near():
    cfg, images = replace(CFG, iterations=2), start().float()
    known = [(network.float(), replace(statistics, observer="")) for network, statistics in eyes()]
    bounds = tuple(edge.float() for edge in WIDE)
    (plain, first), (low, second) = (
        recovered(replace(cfg, precision=precision), images, observers=known, bounds=bounds)
        for precision in ("fp32", "bf16")
    )
    assert low.dtype == torch.float32 and not torch.equal(plain, low)
    assert second["distance"].tolist() == pytest.approx(first["distance"].tolist(), rel=0.05)
    assert not torch.equal(low, low.bfloat16().float())  # the images did not go through bf16
