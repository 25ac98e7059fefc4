"""Controls beside their recipe: which settings were changed, and what the iterations added to the initial set."""

import pytest
from toy_records import record

from ltdd_utils import analysis, records
from ltdd_utils.analysis import variants
from ltdd_utils.core.settings import to_dict
from ltdd_utils.recipes import recipe, with_overrides


def run(folder, scores, *, seed=0, sets="made", start=None, **settings):
    """Save a record of ``damed_cifar10`` at scale cpu with the settings changed."""
    changed = {key.replace("__", "."): str(value) for key, value in settings.items()}
    made = with_overrides(recipe("damed_cifar10", scale="cpu"), {f"method.{key}": v for key, v in changed.items()})
    row = record(scores, method="damed", scale="cpu", seed=seed, config_id=made.config_id)
    row |= {"config": to_dict(made), "target": None}
    row["provenance"]["distilled_sha256"] = sets
    if start is not None:
        row["distillation"] = {"initial_sha256": start}
    records.save_record(folder, row)


@pytest.fixture
def rows(tmp_path):
    run(tmp_path, [(4, 2)], sets="start 0", iterations=0)  # 30 %
    run(tmp_path, [(5, 3), (5, 5)], start="start 0")  # 45 %
    run(tmp_path, [(6, 6)], seed=1, start="start 1")  # 60 %
    run(tmp_path, [(4, 4)], start="start 0", dam__weights="sum")  # 40 %
    found = variants(records.load(tmp_path, allow_mixed=True))
    return found.set_index("changed")


def test_the_settings_that_differ_are_named_and_no_others():
    usual = recipe("damed_cifar10", scale="cpu")
    assert analysis.diff_from_recipe(to_dict(usual)) == {}
    other = with_overrides(usual, {"method.dam.weights": "sum", "evaluate.train.epochs": "7"})
    assert analysis.diff_from_recipe(to_dict(other)) == {"method.dam.weights": "sum", "evaluate.train.epochs": 7}


def test_a_group_of_settings_that_is_left_out_is_named():
    usual = recipe("damed_cifar10", scale="cpu")
    config = to_dict(usual)
    config["method"]["second"] = None
    assert analysis.diff_from_recipe(config)["method.second"] is None


def test_each_setting_has_one_row_and_one_value_per_pipeline(rows):
    assert list(rows.index) == ["as the recipe", "dam.weights=sum"]
    assert rows.loc["as the recipe", "after"] == pytest.approx([0.45, 0.6])
    assert rows.loc["as the recipe", "seeds"] == [0, 1]
    assert rows.loc["dam.weights=sum", "after"] == pytest.approx([0.4])


def test_a_set_is_compared_with_the_initial_set_it_came_from_whichever_run_scored_it(rows):
    assert rows.loc["as the recipe", "before"] == [pytest.approx(0.3), None]
    assert rows.loc["dam.weights=sum", "before"] == [pytest.approx(0.3)]


def test_a_start_that_another_student_scored_does_not_count(tmp_path):
    run(tmp_path, [(4, 2)], sets="start 0", iterations=0)
    run(tmp_path, [(5, 3)], start="start 0")
    weak = with_overrides(
        recipe("damed_cifar10", scale="cpu"), {"evaluate.train.epochs": "7", "method.iterations": "0"}
    )
    row = record([(1, 1)], method="damed", scale="cpu", config_id="zz", sets=None) | {"config": to_dict(weak)}
    row["target"], row["provenance"]["distilled_sha256"] = None, "start 0"
    records.save_record(tmp_path, row)
    found = variants(records.load(tmp_path, allow_mixed=True))
    assert found["before"].tolist() == [[pytest.approx(0.3)]]


def test_records_of_two_cells_are_refused(tmp_path):
    run(tmp_path, [(5, 3)], start="start 0")
    other = recipe("damed_cifar10", scale="cpu", imbalance_factor=10)
    row = record([(1, 1)], method="damed", scale="cpu", config_id="zz") | {"config": to_dict(other), "target": None}
    records.save_record(tmp_path, row)
    with pytest.raises(ValueError, match="of 2 cells"):
        variants(records.load(tmp_path, allow_mixed=True))


def test_records_of_two_protocols_are_refused(tmp_path):
    """Else a set under another judge would count as one more distillation."""
    run(tmp_path, [(5, 3)], start="start 0")
    elsewhere = recipe("damed_cifar10", scale="cpu", protocol_name="online-teacher")
    row = record([(1, 1)], method="damed", scale="cpu", config_id="zz", protocol="online-teacher/plain")
    records.save_record(tmp_path, row | {"config": to_dict(elsewhere), "target": None})
    with pytest.raises(ValueError, match="of 2 cells"):
        variants(records.load(tmp_path, allow_mixed=True))


def test_the_gain_is_over_the_distillations_whose_start_was_scored(rows):
    found = analysis.gains(rows).loc["as the recipe"]
    assert found.to_dict() == pytest.approx({"before": 30, "after": 52.5, "gain": 15, "distillations": 2})


def test_a_curve_has_the_means_of_its_blocks_at_their_middles():
    history = {"iterations": 40, "curves": {"first": [1.0, 3.0, 5.0, 7.0], "second": None}}
    assert analysis.curve({"distillation": history}, "first", block=2) == ([10.0, 30.0], [2.0, 6.0])
    assert analysis.curve({"distillation": history}, "second") is None


def recovered(folder, scores, name="edc", seed=0, teacher=None, **settings):
    """Save a record of a recipe of paper 2 at scale cpu with the settings changed."""
    made = recipe(f"{name}_cifar10", scale="cpu", teacher=teacher)
    made = with_overrides(made, {key.replace("__", "."): str(value) for key, value in settings.items()})
    row = record(scores, method=name, scale="cpu", seed=seed, config_id=made.config_id, protocol=made.evaluate.label)
    records.save_record(folder, row | {"config": to_dict(made), "target": None})


def test_another_teacher_is_another_protocol_and_no_change(tmp_path):
    recovered(tmp_path, [(4, 2)])
    recovered(tmp_path, [(5, 5)], seed=1)
    recovered(tmp_path, [(8, 6), (8, 8)], teacher="debiased")
    recovered(tmp_path, [(2, 2)], method__recover__iterations=7)
    found = analysis.scores(records.load(tmp_path, allow_mixed=True)).set_index(["protocol", "changed"])
    assert found.loc[("online-teacher/plain", "as the recipe"), "pipelines"] == pytest.approx([0.3, 0.5])
    assert found.loc[("online-teacher/plain", "as the recipe"), "seeds"] == [0, 1]
    assert found.loc[("online-teacher/debiased", "as the recipe"), "students"] == 2
    assert found.loc[("online-teacher/plain", "recover.iterations=7"), "pipelines"] == pytest.approx([0.2])
    assert set(found["method"]) == {"edc"}


@pytest.mark.parametrize(("name", "wanted"), [("damed", 150), ("unilevel", 75), ("random", None)])
def test_iterations_wherever_a_method_keeps_them(name, wanted):
    assert analysis.iterations(to_dict(recipe(f"{name}_cifar10", scale="cpu").method)) == wanted


def test_a_changed_setting_is_written_as_the_command_line_reads_it():
    given = {"method.a": False, "method.b": None, "c": "text", "d": [0, 9], "e": 1.5}
    assert analysis.format_changes(given) == "a=false, b=null, c=text, d=[0, 9], e=1.5"
