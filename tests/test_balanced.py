"""Balanced accuracy, for test sets that have a tail of their own; for all others a record stays as it was."""

import copy

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from toy_records import record as made

from ltdd_utils.cli import main
from ltdd_utils.evaluation import Evaluation
from ltdd_utils.records import load, save_record, summary, validate_record


def evaluation(tests, students=3, seed=0):
    """Students that answer at random, on so many test images of each class; and their answers."""
    draw, truth = np.random.RandomState(seed), np.repeat(np.arange(len(tests)), tests)
    answers = [np.where(draw.rand(len(truth)) < 0.6, truth, draw.randint(0, len(tests), len(truth))) for _ in range(3)]
    table = np.zeros((students, len(tests), len(tests)), dtype=np.int64)
    for confusion, said in zip(table, answers, strict=False):
        np.add.at(confusion, (truth, said), 1)
    return Evaluation(torch.from_numpy(table), (9,) * len(tests), (1.0,) * students), truth, answers


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
@pytest.mark.parametrize("tests", [(40, 9, 3), (1, 2, 3, 4), (7, 0, 2)])
def test_it_is_the_mean_of_the_recalls(tests):
    scores, truth, answers = evaluation(tests)
    expected = [balanced_accuracy_score(truth, said) for said in answers]
    assert scores.balanced.tolist() == pytest.approx(expected)
    spread = scores.metrics()["balanced"]
    assert spread == {"mean": pytest.approx(np.mean(expected)), "std": pytest.approx(np.std(expected, ddof=1))}
    recalls = [np.mean([(said == truth)[truth == c].mean() for c in set(truth.tolist())]) for said in answers]
    assert expected == pytest.approx(recalls)


def test_a_balanced_test_set_has_no_such_entry():
    scores, _, _ = evaluation((20, 20, 20))
    assert scores.balanced is None and "balanced" not in scores.metrics()
    assert scores.overall.tolist() == pytest.approx(scores.per_class.mean(dim=1).tolist())


@pytest.fixture
def unequal():
    """A record whose test set has 30, 9 and 3 images of its classes."""
    scores, _, _ = evaluation((30, 9, 3))
    whole = copy.deepcopy(dict(made()))
    students = [{"stream": f"0/student/{k}", **each} for k, each in enumerate(scores.each_student())]
    provenance = {**whole["provenance"], "distilled_sha256": "a" * 64}
    return whole | {"metrics": scores.metrics(), "students": students, "provenance": provenance}


def test_a_record_may_have_it_and_it_must_agree(unequal):
    validate_record(unequal)
    wrong = copy.deepcopy(unequal)
    wrong["metrics"]["balanced"]["mean"] += 0.01
    with pytest.raises(ValueError, match=r"^balanced is given as"):
        validate_record(wrong)
    wrong["metrics"]["balanced"] = {"mean": 2, "std": None}
    with pytest.raises(ValueError, match="the mean of balanced is"):
        validate_record(wrong)


def test_it_is_shown_where_it_is(unequal, tmp_path, capsys):
    mean = f"balanced {100 * unequal['metrics']['balanced']['mean']:.1f}"
    assert mean in summary(unequal)
    save_record(tmp_path, unequal)
    assert load(tmp_path, allow_dirty=True)["balanced"].tolist() == [unequal["metrics"]["balanced"]["mean"]]
    assert main(["records", "--results", str(tmp_path)]) == 0
    assert f"%, {mean} %" in capsys.readouterr().out
    assert "balanced" not in summary(made())
