"""Who judges a set, what a run costs, which controls there are, and the command for those that there are not."""

import itertools

import pandas as pd
import pytest
from toy_records import record

from ltdd_utils import analysis, recipes, records
from ltdd_utils.core.settings import to_dict
from ltdd_utils.recipes import with_overrides
from ltdd_utils.records import save_record

STORED, WIDE = "dsa-stored (32)", "dsa-stored (128)"
WIDTH = "evaluate.network.width"


def save(folder, scores, name="damed_cifar10", *, scale="cpu", seed=0, ipc=10, imbalance_factor=100, **settings):
    """A record of a real recipe whose students got ``scores``, with settings changed (``dam__prior="inverted"``)."""
    made = recipes.recipe(name, scale=scale, ipc=ipc or 10, imbalance_factor=imbalance_factor)
    changed = {key.replace("__", "."): str(value) for key, value in settings.items()}
    made = with_overrides(made, {k if k.startswith("evaluate.") else f"method.{k}": v for k, v in changed.items()})
    method, _, dataset = name.rpartition("_")
    one = record(scores, method=method, dataset=dataset, scale=scale, seed=seed, ipc=ipc, config_id=made.config_id)
    save_record(folder, {**one, "config": to_dict(made)})


def loaded(folder):
    return records.load(folder, allow_mixed=True)


def test_a_wider_student_is_another_judge_and_no_other_method(tmp_path):
    save(tmp_path, [(4, 4)])
    save(tmp_path, [(6, 6)], evaluate__network__width=128)
    save(tmp_path, [(5, 5)], evaluate__network__width=128, dam__prior="inverted")
    rows = analysis.scores_by_evaluator(loaded(tmp_path)).set_index(["evaluator", "changed"])
    assert rows.pipelines[STORED, "as the recipe"] == [pytest.approx(0.4)]
    assert rows.pipelines[WIDE, "as the recipe"] == [pytest.approx(0.6)]
    assert rows.pipelines[WIDE, "dam.prior=inverted"] == [pytest.approx(0.5)]


def test_a_student_of_another_architecture_is_another_judge_and_stands_in_a_cell_of_its_own(tmp_path):
    save(tmp_path, [(4, 4)])
    save(tmp_path, [(7, 7)], evaluate__network__name="vgg11", evaluate__network__width=16)
    save(tmp_path, [(8, 8)], evaluate__network__name="vgg11", evaluate__network__width=16, dam__prior="inverted")
    save(tmp_path, [(9, 9)], evaluate__network__name="vgg11", evaluate__network__norm="batch")  # as no recipe has it
    everything = loaded(tmp_path)
    assert analysis.scores_by_evaluator(analysis.select_cell(everything, "cifar10", 100, 10)).evaluator.tolist() == [
        STORED
    ]
    rows = analysis.scores_by_evaluator(analysis.select_cell(everything, "cifar10", 100, 10, network="vgg11"))
    found = rows.set_index(["evaluator", "changed"]).pipelines
    assert found["dsa-stored (vgg11 16)", "as the recipe"] == [pytest.approx(0.7)]
    assert found["dsa-stored (vgg11 16)", "dam.prior=inverted"] == [pytest.approx(0.8)]
    assert sum("norm=batch" in changed for _, changed in found.index) == 1


def test_pipelines_know_the_spread_of_their_own_evaluator(tmp_path):
    for seed, (narrow, wide) in enumerate([((4, 4), (2, 2)), ((6, 6), (8, 8))]):
        save(tmp_path, [narrow], seed=seed)
        save(tmp_path, [wide], seed=seed, evaluate__network__width=128)
    save(tmp_path, [(5, 5)], "datm_cifar10")
    save(tmp_path, [(5, 5)], evaluate__network__width=64)
    rows = analysis.scores_by_evaluator(loaded(tmp_path)).set_index(["method", "evaluator"]).pipelines
    assert rows["datm", STORED].peers == rows["damed", STORED].peers == analysis.Spread(pytest.approx(0.1 * 2**0.5), 1)
    assert rows["damed", WIDE].peers == analysis.Spread(pytest.approx(0.3 * 2**0.5), 1)
    alone = rows["damed", "dsa-stored (64)"]  # nothing was run twice there: the whole cell's
    assert alone.peers is None and alone.elsewhere == analysis.Spread(pytest.approx(0.1**0.5), 2)
    save(tmp_path, [(5, 5)], evaluate__network__width=16)
    rows = analysis.scores_by_evaluator(loaded(tmp_path)).set_index("evaluator").pipelines
    # One estimate, shared by two evaluators, is not two that are independent of each other.
    assert rows["dsa-stored (16)"].elsewhere is rows["dsa-stored (64)"].elsewhere


def test_a_cell_without_repeats_takes_the_spread_of_its_evaluator_in_another_cell(tmp_path):
    for seed, (narrow, wide) in enumerate([((4, 4), (2, 2)), ((6, 6), (8, 8))]):
        save(tmp_path, [narrow], seed=seed)
        save(tmp_path, [wide], seed=seed, evaluate__network__width=128)
    save(tmp_path, [(5, 5)], imbalance_factor=10)
    everything = loaded(tmp_path)
    there = analysis.scores_by_evaluator(analysis.select_cell(everything, "cifar10", 100, 10))
    here = analysis.scores_by_evaluator(analysis.select_cell(everything, "cifar10", 10, 10), like=there).pipelines.iloc[
        0
    ]
    assert here.peers is None and here.elsewhere == analysis.Spread(pytest.approx(0.1 * 2**0.5), 1)
    line = analysis.accuracy_over_cells(everything, "cifar10", [(10, 10)], STORED, like=there).scores.iloc[0]
    found = analysis.contrast(line, analysis.Pipelines([0.1], [0], analysis.Spread(0.1, 5)))
    assert found.by == "elsewhere" and found.standard_error == pytest.approx(0.1 * 3**0.5)


def test_cost_counts_every_stage_once_and_one_student(tmp_path):
    assert analysis.seconds_to_student(record([(1, 1)] * 4)) == pytest.approx(10 + 20 / 4)
    save(tmp_path, [(4, 4)] * 2, seed=0)
    save(tmp_path, [(4, 4)] * 4, seed=1)
    assert analysis.scores_by_evaluator(loaded(tmp_path)).seconds.tolist() == [
        pytest.approx(10 + (20 / 2 + 20 / 4) / 2)
    ]


def test_a_cell_has_the_whole_training_set_and_runs_whose_settings_no_scale_changes(tmp_path):
    save(tmp_path, [(4, 4)])
    save(tmp_path, [(4, 4)], "full_cifar10", ipc=None)
    save(tmp_path, [(4, 4)], "random_cifar10", scale="paper")  # the same at both scales
    save(tmp_path, [(4, 4)], "datm_cifar10", scale="paper")  # other experts than at scale cpu
    save(tmp_path, [(4, 4)], "ed_only_cifar10", ipc=1)
    save(tmp_path, [(4, 4)], "dam_only_cifar10", imbalance_factor=50)
    found = analysis.select_cell(loaded(tmp_path), "cifar10", 100, 10)
    assert sorted(found.recipe) == ["damed_cifar10", "full_cifar10", "random_cifar10"]


def test_several_cells_under_one_evaluator_have_a_row_per_method(tmp_path):
    """Changed runs, wider students and the whole training set are left out; a spread needs two pipelines."""
    save(tmp_path, [(4, 4)], ipc=1)
    save(tmp_path, [(6, 6)], seed=0)
    save(tmp_path, [(8, 8)], seed=1)
    save(tmp_path, [(1, 1)], dam__prior="inverted")
    save(tmp_path, [(1, 1)], evaluate__network__width=128)
    save(tmp_path, [(1, 1)], "full_cifar10", ipc=None)
    table = analysis.accuracy_over_cells(loaded(tmp_path), "cifar10", [(100, 1), (100, 10), (100, 50)], STORED)
    assert table.ipc.tolist() == [1, 10] and table.method.tolist() == ["damed"] * 2
    assert table.pipelines.tolist() == [1, 2] and table["mean"].tolist() == pytest.approx([0.4, 0.7])
    assert pd.isna(table["std"].iloc[0]) and table["std"].iloc[1] == pytest.approx(0.2 / 2**0.5)
    assert table.scores.iloc[1] == pytest.approx([0.6, 0.8])


def test_a_control_stands_beside_the_recipe_on_the_same_seeds(tmp_path):
    for seed, right in ((0, 4), (1, 8)):
        save(tmp_path, [(right, right)], seed=seed)
    save(tmp_path, [(9, 9)], dam__prior="inverted", seed=1)
    rows = analysis.scores_by_evaluator(loaded(tmp_path))
    asked = {
        "inverted": ("damed", STORED, "dam.prior=inv*"),
        "permuted": ("damed", STORED, "dam.prior=permuted"),
        "alone": ("damed", WIDE, "dam.prior=inverted"),
    }
    table = analysis.control_table(rows, asked, "cifar10", "cpu")
    assert table.loc["inverted", ["accuracy", "recipe itself", "points"]].tolist() == pytest.approx([90, 80, 10])
    assert table.loc["inverted", ["n", "verdict", "command"]].tolist() == ["1 pair", "not resolved", ""]
    assert table.loc["permuted", "recipe itself"] == pytest.approx(60)
    assert table.loc["permuted", "command"] == "ltdd run damed_cifar10 --scale cpu --set method.dam.prior=permuted"
    assert table.verdict.tolist() == ["not resolved", "not run", "not run"]
    assert table.n.tolist() == ["1 pair", "", ""]


def test_a_list_is_asked_for_word_for_word_and_a_star_stands_for_one_setting(tmp_path):
    save(tmp_path, [(9, 9)], "datm_digits", scale="tiny", imbalance_factor=20, window=[0, 4, 9])
    rows = analysis.scores_by_evaluator(loaded(tmp_path))
    asked = {"run": ("datm", STORED, "window=[0, 4, 9]"), "not": ("datm", STORED, "expand=7, window=[0, 9, 10]")}
    table = analysis.control_table(rows, asked, "digits", "tiny")
    assert table.accuracy["run"] == pytest.approx(90) and pd.isna(table.accuracy["not"])
    assert table.command["not"].endswith("--set method.expand=7 --set 'method.window=[0, 9, 10]'")
    save(tmp_path, [(8, 8)], "datm_digits", scale="tiny", imbalance_factor=20, window=[0, 5, 11])
    with pytest.raises(ValueError, match=r"stands for window=\[0, 4, 9\] and window=\[0, 5, 11\]; name one"):
        analysis.control_table(
            analysis.scores_by_evaluator(loaded(tmp_path)), {0: ("datm", STORED, "window*")}, "digits", "tiny"
        )


def test_a_control_without_the_recipe_itself_is_no_difference(tmp_path):
    save(tmp_path, [(9, 9)], dam__prior="inverted")
    rows = analysis.scores_by_evaluator(loaded(tmp_path))
    row = analysis.control_table(rows, {0: ("damed", STORED, "dam.prior=inverted")}, "cifar10", "cpu").iloc[0]
    assert row["verdict"] == "recipe itself not run" and row["n"] == "1"
    assert pd.isna(row["points"]) and row["accuracy"] == pytest.approx(90)


@pytest.mark.parametrize(
    ("method", "judge", "changed"),
    [
        ("damed", STORED, []),
        ("damed", WIDE, ["dam.prior=inverted"]),
        ("random", STORED, []),
        ("unilevel", "online-teacher/debiased (32)", []),
        ("unilevel", "online-teacher/plain (32)", []),
        ("damed", "online-stored/debiased (32)", []),
        ("edc", STORED, ["recover.iterations=0", "data.class_order=reversed"]),
    ],
)
def test_a_command_read_back_gives_the_run_that_was_asked_for(method, judge, changed):
    pairs = list(itertools.pairwise(analysis.run_command(method, judge, "cifar10", "cpu", changed).split()))
    options, settings = dict(pairs), [value.split("=") for name, value in pairs if name == "--set"]
    assert len({key for key, _ in settings}) == len(settings)
    made = recipes.recipe(
        f"{method}_cifar10", scale="cpu", protocol_name=options.get("--protocol"), teacher=options.get("--teacher")
    )
    told = with_overrides(made, dict(settings))
    teacher = told.evaluate.teacher
    protocol = told.evaluate.protocol + (f"/{teacher.kind}" if teacher else "")
    assert analysis.evaluator(protocol, to_dict(told)) == judge
    differs = {key: value for key, value in analysis.diff_from_recipe(to_dict(told)).items() if key != WIDTH}
    assert sorted(analysis.format_changes(differs).split(", ")) == sorted(changed or ["as the recipe"])


def test_a_command_does_not_repeat_what_the_recipe_has():
    assert analysis.run_command("damed", STORED, "cifar10", "cpu") == "ltdd run damed_cifar10 --scale cpu"
    own = "online-teacher/debiased (32)"
    assert analysis.run_command("unilevel", own, "cifar10", "cpu") == "ltdd run unilevel_cifar10 --scale cpu"


def test_a_table_to_look_at_is_rounded_and_says_what_is_empty():
    table = analysis.for_display(pd.DataFrame({"a": [1.26, None], "b": ["x", "y"]}), empty="not run")
    assert table["a"].tolist() == [1.3, "not run"] and table["b"].tolist() == ["x", "y"]
