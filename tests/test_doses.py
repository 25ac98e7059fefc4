"""Students against teachers, parts of sets in tables, the mass of labels, and errors over test images."""

import base64
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from toy_records import evaluation, record
from toy_sets import synthetic

from ltdd_utils.analysis import answers_of, dose_response, doses, image_error, label_budgets, part_scores
from ltdd_utils.core.seeds import generator
from ltdd_utils.distilled import class_mass, mass_slope, own_share
from ltdd_utils.evaluation import DEBIASED
from ltdd_utils.records import Record, ScoredSet


def points(slope=0.9, intercept=-8.0, noise=0.0, method="random"):
    teachers = np.linspace(40, 64, 7)
    wave = noise * np.array([1, -1, 1, -1, 1, -1, 0])
    return pd.DataFrame({"method": method, "teacher": teachers, "student": intercept + slope * teachers + wave})


def test_a_line_is_found_and_without_residual_its_interval_is_a_point():
    found = dose_response(points(), ["random"]).loc["random"]
    assert found.slope == pytest.approx(0.9) and found.intercept == pytest.approx(-8) and found.n == 7
    assert found.residual == pytest.approx(0, abs=1e-9) and found.high - found.low == pytest.approx(0, abs=1e-9)


def test_a_line_keeps_its_slope_when_all_scores_move_and_scales_with_them():
    usual = points(noise=1.0)
    moved, doubled = usual.assign(student=usual.student + 5), usual.assign(student=2 * usual.student)
    first, second, third = (dose_response(one, ["random"]).loc["random"] for one in (usual, moved, doubled))
    assert second.slope == pytest.approx(first.slope) and second.intercept == pytest.approx(first.intercept + 5)
    for name in ("slope", "low", "high", "residual"):
        assert third[name] == pytest.approx(2 * first[name])
    assert first.low < first.slope < first.high


def test_too_few_teachers_have_no_line():
    assert dose_response(points().iloc[:2], ["random", "edc"]).empty


def with_teacher(made, overall):
    return {**made, "teacher": {"overall": overall, "per_class": [overall, overall]}}


def test_runs_and_scored_sets_with_a_teacher_are_points_and_no_others(tmp_path):
    scored = with_teacher(evaluation("random_cifar10", [(4, 2)], teacher="plain"), 0.4)
    adjusted = with_teacher(evaluation("edc_cifar10", [(6, 2)], teacher="plain", set_sha="6" * 64), 0.5)
    adjusted["config"]["evaluate"]["teacher"]["logit_adjustment"] = 1.0
    without = evaluation("random_cifar10", [(4, 2)], teacher="plain", set_sha="7" * 64)
    swapped = with_teacher(evaluation("random_cifar10", [(4, 2)], teacher="plain", set_sha="8" * 64), 0.4)
    swapped["set"]["parts"] = {}
    found = doses([], [ScoredSet(one) for one in (scored, adjusted, without, swapped)], DEBIASED)
    assert found[["method", "labeller"]].values.tolist() == [["random", "plain"], ["edc", "adjusted loss"]]
    assert found.teacher.tolist() == [40, 50] and found.student.tolist() == pytest.approx([30, 40])
    assert doses([], [ScoredSet(scored)], replace(DEBIASED, width=128)).empty


def bits(*students):
    """A record of one student per row of answers to 4 images of class 0 and 4 of class 1."""
    made = record([(10 * sum(row[:4]) / 4, 10 * sum(row[4:]) / 4) for row in students])
    made["metrics"]["confusion"] = [[0.0, 0.0], [0.0, 0.0]]
    for c in (0, 1):
        right = made["metrics"]["per_class"][c]
        made["metrics"]["confusion"][c][c] = 4 * right
        made["metrics"]["confusion"][c][1 - c] = 4 * (1 - right)
    for student, row in zip(made["students"], students, strict=True):
        student["correct"] = base64.b64encode(np.packbits(np.array(row, bool)).tobytes()).decode()
    return Record(made)


ROWS = [[1, 1, 0, 0, 1, 0, 0, 0], [1, 0, 1, 0, 1, 1, 0, 0]]


def test_answers_come_back_and_of_earlier_records_there_are_none():
    assert answers_of(bits(*ROWS)).tolist() == np.array(ROWS, bool).tolist()
    assert answers_of(Record(record())) is None


def test_the_error_over_images_of_one_student_is_the_binomial_one():
    answers = np.array([ROWS[0]], bool)
    p = answers.mean()
    assert image_error([answers]) == pytest.approx(math.sqrt(p * (1 - p) / (answers.size - 1)))


def test_the_error_over_images_forgets_order_sign_and_what_both_share():
    rng = np.random.default_rng(0)
    first, second = rng.random((3, 50)) > 0.4, rng.random((2, 50)) > 0.5
    turned = rng.permutation(50)
    assert image_error([first[:, turned]], [second[:, turned]]) == pytest.approx(image_error([first], [second]))
    assert image_error([second], [first]) == pytest.approx(image_error([first], [second]))
    assert image_error([first], [first]) == 0  # answers alike: no other images would tell them apart
    with pytest.raises(ValueError, match="compare answers to the same"):
        image_error([first], [second[:, :9]])


def test_the_error_over_images_falls_with_the_root_of_their_number():
    rng = np.random.default_rng(1)
    few, many = (image_error([rng.random((1, size)) > 0.3]) for size in (2000, 32000))
    assert few / many == pytest.approx(4, rel=0.1)


def test_a_table_of_parts_names_them(tmp_path):
    whole = evaluation("whole", [(4, 2), (5, 2)])
    made = evaluation("made", [(4, 2), (5, 2)], set_sha="6" * 64)
    made["set"]["parts"] = {"images": {"name": "a", "sha256": "1"}, "labels": None, "lr": 0.02}
    found = part_scores([ScoredSet(whole), ScoredSet(made)])
    assert found[["images", "labels", "step size"]].values.tolist() == [["a", "class labels", 0.02]]
    assert found.accuracy[0] == pytest.approx(32.5) and math.isnan(found.error[0])
    run = part_scores([], [Record(record())]).iloc[0]
    assert (run["images"], run["labels"], run["step size"]) == ("random_cifar10",) * 3
    assert run.accuracy == pytest.approx(32.5)
    made["set"]["parts"]["lr"] = None
    assert part_scores([ScoredSet(made)])["step size"][0] == made["config"]["evaluate"]["train"]["lr"]


def scored(name, sha, lr=None, by=False, **options):
    made = evaluation(name, [(4, 2)], set_sha=sha * 64, **options)
    if not options:
        made["set"]["parts"] = {"images": {"name": name, "sha256": sha}, "labels": None, "lr": lr}
    return ScoredSet({**made, "set": made["set"] | ({"labelled_by": {}} if by else {})})


def test_budgets_of_labels_stand_side_by_side_and_other_step_sizes_do_not():
    sets = [scored("edc_cifar10", "1"), scored("edc_cifar10, relabelled", "2", by=True)]
    sets += [scored("edc_cifar10", "3", teacher="plain"), scored("random_cifar10", "4", lr=0.5)]
    lr = sets[0]["config"]["evaluate"]["train"]["lr"]
    found = label_budgets(sets, lr)
    assert list(found.index) == ["edc"] and found.loc["edc"].tolist() == pytest.approx([30, 30, 30])
    assert label_budgets(sets, 2 * lr).loc["edc"].isna().tolist() == [True, True, False]


def labelled(targets):
    return synthetic(targets=targets, info={**synthetic().info, "targets": "probabilities"})


def test_hard_labels_of_equally_many_images_have_equal_mass_and_are_all_their_own():
    mass = class_mass(synthetic())
    torch.testing.assert_close(mass, torch.full((10,), 0.1, dtype=torch.float64))
    assert bool((own_share(synthetic()) == 1).all())
    assert mass_slope(mass, torch.arange(1.0, 11)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("power", [-0.5, 0.0, 1.0])
def test_labels_that_follow_a_power_of_the_prior_have_that_slope(power):
    prior = torch.arange(1.0, 11).double()
    prior = prior / prior.sum()
    rows = (prior**power / (prior**power).sum()).float().expand(20, 10)
    mass = class_mass(labelled(rows))
    assert mass_slope(mass, prior) == pytest.approx(power, abs=1e-5)
    assert mass_slope(3 * mass, 5 * prior) == pytest.approx(power, abs=1e-5)  # counts would do
    assert float(mass.sum()) == pytest.approx(1)
    torch.testing.assert_close(own_share(labelled(rows)), mass)  # every image has the same label


def test_the_mean_over_classes_of_the_own_share_is_that_over_images():
    rows = torch.rand(20, 10, generator=generator(0, "rows")).softmax(dim=1)
    made = labelled(rows)
    assert float(own_share(made).mean()) == pytest.approx(float(rows[range(20), made.labels].mean()))
