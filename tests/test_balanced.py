"""Balanced accuracy, for test sets that have a tail of their own; for all others a record stays as it was."""

import copy
import json

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from toy_records import evaluation as scored
from toy_records import record as made

from ltdd_utils import plots, records
from ltdd_utils.analysis import beside, comparison, pipelines
from ltdd_utils.cli import main
from ltdd_utils.cli.scoring import beside_lines
from ltdd_utils.evaluation import Evaluation
from ltdd_utils.records import Record, load, save_evaluation, save_record, summary, validate_record


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


# --- Comparisons ------------------------------------------------------------------------------------------------------

HEADS, TAILS = ((29, 1, 0), (28, 2, 0)), ((18, 7, 2), (20, 6, 3))  # right answers of 30, 9 and 3, of two students


def answered(right, method="random", seed=0, tests=(30, 9, 3), content=None):
    """A record of own data whose students gave so many right answers of each class, and the wrong ones anywhere."""
    draw, table = np.random.RandomState(seed), np.zeros((len(right), len(tests), len(tests)), dtype=np.int64)
    for confusion, correct in zip(table, right, strict=True):
        for c, (one, all_of) in enumerate(zip(correct, tests, strict=True)):
            confusion[c, c] = one
            np.add.at(confusion[c], (c + draw.randint(1, len(tests), all_of - one)) % len(tests), 1)
    scores = Evaluation(torch.from_numpy(table), (9,) * len(tests), (1.0,) * len(right))
    whole = dict(content or made(method=method, config_id=method, seed=seed) | {"target": None})
    whole["config"]["data"] |= {"name": "folder:photos", "profile": "natural"}
    students = [{"stream": f"{seed}/student/{k}", **each} for k, each in enumerate(scores.each_student())]
    return whole | {"metrics": scores.metrics(), "students": students}


@pytest.mark.parametrize("tests", [(30, 9, 3), (31, 9, 3), (30, 9, 0)])
def test_balanced_scores_of_pipelines_are_the_means_of_the_records(tests):
    """Over one set, a pipeline's balanced accuracy is the record's own."""
    right = [tuple(min(pair) for pair in zip(row, tests, strict=True)) for row in TAILS]
    record = Record(answered(right, tests=tests))
    assert list(pipelines([record], "balanced")) == [pytest.approx(record.metrics.balanced.mean)]
    assert list(pipelines([record])) == [pytest.approx(record.metrics.overall.mean)]


def test_where_test_classes_are_unequal_balanced_accuracy_is_compared_and_plain_stands_beside():
    """A method that knows the head alone wins by accuracy, and loses by what the advice says to compare."""
    runs = [Record(answered(HEADS, "random", seed)) for seed in (0, 1)]
    runs += [Record(answered(TAILS, "kcenter", seed)) for seed in (0, 1)]
    found, plain = comparison(runs), comparison(runs, measure="accuracy")
    means = [[100 * getattr(runs[k].metrics, name).mean for k in (0, 2)] for name in ("balanced", "overall")]
    for one, measure, (first, second) in ((found, "balanced", means[0]), (plain, "accuracy", means[1])):
        assert one.measure == measure and list(one.table["measure"]) == [measure] * 2
        assert one.table["points"].iloc[1] == pytest.approx(second - first)
        assert list(one.table["balanced"]) == pytest.approx(means[0])
        assert list(one.table["accuracy"]) == pytest.approx(means[1])
    assert found.table["points"].iloc[1] > 0 > plain.table["points"].iloc[1]
    heading, rows = found.shown()
    assert "differences of balanced accuracy" in heading and list(rows.columns[1:3]) == ["balanced", "accuracy"]
    heading, rows = plain.shown()
    assert "differences of plain accuracy" in heading and list(rows.columns[1:3]) == ["accuracy", "balanced"]
    with pytest.raises(ValueError, match="measure is 'f1'; choose one of accuracy, balanced"):
        comparison(runs, measure="f1")


def test_where_test_classes_are_equal_accuracy_is_compared_as_ever():
    equal = [Record(answered([(5, 3, 3)], name, tests=(9, 9, 9))) for name in ("random", "kcenter")]
    found = comparison(equal)
    assert found.measure == "accuracy" and found.table["balanced"].isna().all()
    assert "accuracy" not in found.shown()[0] and "balanced" not in found.shown()[1]
    assert comparison(equal, measure="balanced").table["points"].iloc[1] == pytest.approx(found.table["points"].iloc[1])
    mixed = [equal[0], Record(answered(TAILS, "kcenter"))]
    assert comparison(mixed, across=True).measure == "accuracy"


def test_command_figure_and_list_of_scored_sets_say_which_accuracy_it_is(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(records, "committed", lambda folder: [], raising=False)  # 309 of the book need a second a call
    save_record(tmp_path, answered(HEADS))
    content = answered(TAILS, content=scored("theirs.npz", [(1, 1)] * 2, method="random", scale="paper"))
    save_evaluation(tmp_path, content)
    call = ["compare", "random_cifar10", "theirs.npz", "--results", str(tmp_path)]
    assert main([*call, "--figure", str(tmp_path / "a.svg")]) == 0
    assert "differences of balanced accuracy" in capsys.readouterr().out
    assert "points of balanced accuracy" in (tmp_path / "a.svg").read_text()
    assert main([*call, "--measure", "accuracy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measure"] == "accuracy"
    assert main(["records", "theirs.npz", "--results", str(tmp_path)]) == 0
    assert f"balanced {100 * content['metrics']['balanced']['mean']:.1f} %" in capsys.readouterr().out
    assert plots.differences(["a"], [1.0], [None]).axes[0].get_xlabel() == "difference, points"


def test_what_stands_beside_a_score_is_of_the_accuracy_that_is_compared(tmp_path):
    random = answered(HEADS)
    save_record(tmp_path, random)
    content = answered(TAILS, content=scored("theirs.npz", [(1, 1)] * 2, method="random", scale="paper"))
    known = beside(content, [tmp_path], "cifar10")
    theirs, usual = (one["metrics"]["balanced"]["mean"] for one in (content, random))
    assert known.measure == "balanced" and known.gain == pytest.approx(theirs - usual) and known.gain > 0
    assert beside_lines(known)[0].startswith(f"random images: balanced {100 * usual:.1f} %")
