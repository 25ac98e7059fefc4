"""The board of a cell: what each method scored under each evaluator, controls, ladders, and what was never run."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from toy_runs import loaded, save

from ltdd_utils import analysis
from ltdd_utils.evaluation import DEBIASED, PLAIN, STORED

WIDE = STORED.with_width(128)
WIDTH, INVERTED = {"evaluate.network.width": 128}, {"method.dam.prior": "inverted"}


def board(folder, **cell):
    return analysis.board("cifar10", records=loaded(folder), **cell)


def test_a_wider_student_is_another_evaluator_and_no_other_method(tmp_path):
    save(tmp_path, [(4, 4)])
    save(tmp_path, [(6, 6)], changes=WIDTH)
    save(tmp_path, [(5, 5)], changes=WIDTH | INVERTED)
    found = board(tmp_path)
    assert found["damed", STORED] == pytest.approx([0.4]) and found["damed", WIDE] == pytest.approx([0.6])
    assert found["damed", WIDE, {"dam.prior": "inverted"}] == pytest.approx([0.5])
    assert found["damed", WIDE, {}] == found["damed", WIDE]


def test_what_was_not_run_has_empty_scores(tmp_path):
    save(tmp_path, [(4, 4)])
    found = board(tmp_path)
    for run in (("datm", STORED), ("damed", PLAIN), ("damed", STORED, {"dam.prior": "uniform"})):
        assert not found[run] and found.entry(*run) is None
    assert not board(tmp_path / "nothing").entries


def test_a_record_of_settings_that_are_gone_is_left_out_of_a_readers_board_and_refused_in_the_books(tmp_path):
    save(tmp_path, [(4, 4)])
    path = save(tmp_path, [(5, 5)], seed=1)
    content = json.loads(path.read_text())
    content["config"]["method"] |= {"gone": 1}
    path.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match=rf"{path.name}: unknown key 'gone'.*; the record is left out") as said:
        found = board(tmp_path)
    assert len(said) == 1 and found["damed", STORED] == pytest.approx([0.4])
    with pytest.raises(ValueError, match=rf"{path.name}: unknown key 'gone'"):
        analysis.board("cifar10", records=loaded(tmp_path).assign(committed=True))


def test_a_student_of_another_architecture_is_another_evaluator_on_a_board_of_its_own(tmp_path):
    save(tmp_path, [(4, 4)])
    vgg = {"evaluate.network.name": "vgg11", "evaluate.network.width": 16}
    save(tmp_path, [(7, 7)], changes=vgg)
    save(tmp_path, [(8, 8)], changes=vgg | INVERTED)
    save(tmp_path, [(9, 9)], changes={"evaluate.network.name": "vgg11", "evaluate.network.norm": "batch"})
    assert [one.evaluator for one in board(tmp_path).entries] == [STORED]
    found, evaluator = board(tmp_path, network="vgg11"), replace(STORED, network="vgg11", width=16)
    assert found["damed", evaluator] == pytest.approx([0.7])
    assert found["damed", evaluator, {"dam.prior": "inverted"}] == pytest.approx([0.8])
    assert sum("evaluate.network.norm" in one.changes for one in found.entries) == 1


def test_scores_know_the_spread_of_their_own_evaluator(tmp_path):
    for seed, (narrow, wide) in enumerate([((4, 4), (2, 2)), ((6, 6), (8, 8))]):
        save(tmp_path, [narrow], seed=seed)
        save(tmp_path, [wide], seed=seed, changes=WIDTH)
    save(tmp_path, [(5, 5)], "datm_cifar10")
    for width in (64, 16):
        save(tmp_path, [(5, 5)], changes={"evaluate.network.width": width})
    found = board(tmp_path)
    peers = analysis.Spread(pytest.approx(0.1 * 2**0.5), 1, "of peers")
    assert found["datm", STORED].fallback == found["damed", STORED].fallback == peers
    assert found["damed", WIDE].fallback == analysis.Spread(pytest.approx(0.3 * 2**0.5), 1, "of peers")
    alone = found["damed", STORED.with_width(64)].fallback  # nothing was run twice there: the whole cell's
    assert alone == analysis.Spread(pytest.approx(0.1**0.5), 2, "elsewhere")
    # One estimate, shared by two evaluators, is not two that are independent of each other.
    assert alone is found["damed", STORED.with_width(16)].fallback


def test_a_cell_without_repeats_takes_the_spread_of_its_evaluator_in_another_cell(tmp_path):
    for seed, (narrow, wide) in enumerate([((4, 4), (2, 2)), ((6, 6), (8, 8))]):
        save(tmp_path, [narrow], seed=seed)
        save(tmp_path, [wide], seed=seed, changes=WIDTH)
    save(tmp_path, [(5, 5)], imbalance_factor=10)
    here = board(tmp_path, imbalance_factor=10, like=board(tmp_path))
    assert here["damed", STORED].fallback == analysis.Spread(pytest.approx(0.1 * 2**0.5), 1, "elsewhere")
    found = analysis.contrast(here["damed", STORED], analysis.Scores([0.1], [0], analysis.Spread(0.1, 5)))
    assert found.by == "elsewhere" and found.standard_error == pytest.approx(0.1 * 3**0.5)


def test_cost_counts_every_stage_once_and_one_student(tmp_path):
    save(tmp_path, [(4, 4)] * 2, seed=0)
    save(tmp_path, [(4, 4)] * 4, seed=1)
    (found,) = board(tmp_path).entries
    assert found.seconds == pytest.approx(10 + (20 / 2 + 20 / 4) / 2) and found.students == 6
    assert found.seconds_per_student == pytest.approx((20 / 2 + 20 / 4) / 2)


def test_a_cell_has_the_whole_training_set_and_runs_whose_settings_no_scale_changes(tmp_path):
    save(tmp_path, [(4, 4)])
    save(tmp_path, [(4, 4)], "full_cifar10", ipc=None)
    save(tmp_path, [(4, 4)], "random_cifar10", scale="paper")  # the same at both scales
    save(tmp_path, [(4, 4)], "datm_cifar10", scale="paper")  # other experts than at scale cpu
    save(tmp_path, [(4, 4)], "ed_only_cifar10", ipc=1)
    save(tmp_path, [(4, 4)], "dam_only_cifar10", imbalance_factor=50)
    assert sorted(board(tmp_path).methods()) == ["damed", "full", "random"]
    assert board(tmp_path).cell == ("cifar10", 100, 10) and board(tmp_path).methods(WIDE) == ["random"]


def test_several_cells_under_one_evaluator_have_a_row_per_method(tmp_path):
    """Changed runs, wider students and the whole training set are left out; a spread needs two pipelines."""
    save(tmp_path, [(4, 4)], ipc=1)
    save(tmp_path, [(6, 6)], seed=0)
    save(tmp_path, [(8, 8)], seed=1)
    save(tmp_path, [(1, 1)], changes=INVERTED)
    save(tmp_path, [(1, 1)], changes=WIDTH)
    save(tmp_path, [(1, 1)], "full_cifar10", ipc=None)
    table = analysis.accuracy_over_cells([board(tmp_path, ipc=ipc) for ipc in (1, 10, 50)], STORED)
    assert table.ipc.tolist() == [1, 10] and table.method.tolist() == ["damed"] * 2
    assert table.pipelines.tolist() == [1, 2] and table["mean"].tolist() == pytest.approx([0.4, 0.7])
    assert pd.isna(table["std"].iloc[0]) and table["std"].iloc[1] == pytest.approx(0.2 / 2**0.5)
    assert table.scores.iloc[1] == pytest.approx([0.6, 0.8])


def test_methods_are_compared_under_one_evaluator(tmp_path):
    save(tmp_path, [(4, 4)])
    save(tmp_path, [(3, 3)], "datm_cifar10")
    found = board(tmp_path)
    table = found.contrasts([("damed", "datm"), ("damed", "mtt")], STORED)
    assert table.index.tolist() == ["damed - datm", "damed - mtt"] and table.points.iloc[0] == pytest.approx(10)
    assert table.verdict.tolist() == ["not resolved", "not run"]
    assert found.contrast("damed", "datm", STORED).difference == pytest.approx(0.1)
    heights = found.accuracies(["damed", "mtt"], [STORED, WIDE])
    assert heights.columns.tolist() == [STORED, WIDE] and "dsa-stored (128)" in str(heights)
    assert heights[STORED]["damed"] == pytest.approx(40) and heights.iloc[1].isna().all()


def test_a_control_stands_beside_the_recipe_on_the_same_seeds(tmp_path):
    for seed, right in ((0, 4), (1, 8)):
        save(tmp_path, [(right, right)], seed=seed)
    save(tmp_path, [(9, 9)], seed=1, changes=INVERTED)
    asked = {
        "inverted": ("damed", STORED, {"dam.prior": "inverted"}),
        "permuted": ("damed", STORED, {"dam.prior": "permuted"}),
        "alone": ("damed", WIDE, {"dam.prior": "inverted"}),
    }
    table = board(tmp_path).controls(asked)
    assert table.loc["inverted", ["accuracy", "recipe itself", "points"]].tolist() == pytest.approx([90, 80, 10])
    assert table.loc["inverted", ["n", "verdict", "command"]].tolist() == ["1 pair", "not resolved", ""]
    assert table.loc["permuted", "recipe itself"] == pytest.approx(60)
    assert table.loc["permuted", "command"] == "ltdd run damed_cifar10 --scale cpu --set method.dam.prior=permuted"
    assert table.verdict.tolist() == ["not resolved", "not run", "not run"]
    assert table.n.tolist() == ["1 pair", "", ""]


def test_a_control_without_the_recipe_itself_is_no_difference(tmp_path):
    save(tmp_path, [(9, 9)], changes=INVERTED)
    row = board(tmp_path).controls({0: ("damed", STORED, {"dam.prior": "inverted"})}).iloc[0]
    assert row["verdict"] == "recipe itself not run" and row["n"] == "1"
    assert pd.isna(row["points"]) and row["accuracy"] == pytest.approx(90)


def test_a_ladder_goes_from_run_to_run(tmp_path):
    save(tmp_path, [(4, 4)])
    save(tmp_path, [(6, 6)], changes=INVERTED)
    steps = {"a": ("damed", STORED), "b": ("datm", STORED), "c": ("damed", STORED, {"dam.prior": "inverted"})}
    found = board(tmp_path).ladder(steps)
    assert list(found.scores) == list(steps) and not found.scores["b"]
    assert found.table.verdict.tolist() == ["start", "not run", "not resolved"]
    names, scores, points, resolved = found.bars
    assert names == list(steps) and scores[0] == found.scores["a"]
    assert points[2] == pytest.approx(20) and resolved == [False] * 3


def test_what_is_missing_has_its_command(tmp_path):
    save(tmp_path, [(4, 4)])
    lines = board(tmp_path).missing(["damed", "unilevel"], [STORED, DEBIASED])
    assert lines.index.tolist() == [
        ("damed", "online-teacher/debiased (32)"),
        ("unilevel", "dsa-stored (32)"),
        ("unilevel", "online-teacher/debiased (32)"),
    ]
    assert lines.command.iloc[-1] == "ltdd run unilevel_cifar10 --scale cpu"
    there = board(tmp_path, imbalance_factor=10, ipc=50)
    assert there.command("damed", STORED) == "ltdd run damed_cifar10 --imbalance-factor 10 --ipc 50 --scale cpu"


SUM, NONE = {"method.dam.weights": "sum"}, {"method.iterations": 0}


@pytest.fixture
def distilled(tmp_path):
    save(tmp_path, [(4, 2)], one_set="start 0", changes=NONE)  # 30 %
    save(tmp_path, [(5, 3), (5, 5)], start="start 0")  # 45 %
    save(tmp_path, [(6, 6)], seed=1, start="start 1")  # 60 %
    save(tmp_path, [(4, 4)], start="start 0", changes=SUM)  # 40 %
    return tmp_path


def test_a_set_is_compared_with_the_initial_set_it_came_from_whichever_run_scored_it(distilled):
    found = board(distilled)
    assert found.before("damed", STORED) == [pytest.approx(0.3), None]
    assert found.before("damed", STORED, SUM) == [pytest.approx(0.3)]
    assert found.before("damed", STORED, NONE) == found.before("datm", STORED) == []


def test_a_start_that_another_student_scored_does_not_count(tmp_path):
    save(tmp_path, [(4, 2)], one_set="start 0", changes=NONE)
    save(tmp_path, [(5, 3)], start="start 0")
    save(tmp_path, [(1, 1)], one_set="start 0", changes=NONE | {"evaluate.train.epochs": 7})
    assert board(tmp_path).before("damed", STORED) == [pytest.approx(0.3)]


def test_the_gain_is_over_the_distillations_whose_start_was_scored(distilled):
    found = board(distilled).gains({"usual": ("damed", STORED)}).loc["usual"]
    assert found.to_dict() == pytest.approx({"before": 30, "after": 52.5, "gain": 15, "distillations": 2})


@pytest.mark.parametrize(("name", "wanted"), [("damed", 150), ("unilevel", 75), ("random", None)])
def test_iterations_wherever_a_method_keeps_them(tmp_path, name, wanted):
    save(tmp_path, [(4, 4)], f"{name}_cifar10")
    assert board(tmp_path).entries[0].iterations == wanted


def test_a_table_for_display_is_rounded_and_says_what_is_empty():
    table = analysis.for_display(pd.DataFrame({"a": [1.26, None], "b": ["x", "y"]}), empty="not run")
    assert table["a"].tolist() == [1.3, "not run"] and table["b"].tolist() == ["x", "y"]
