"""A record as an object: it reads and writes today's files, and knows its recipe."""

import json
from pathlib import Path

import pytest
from toy_records import record

from ltdd_utils import recipes
from ltdd_utils.cli import main
from ltdd_utils.core.settings import to_dict
from ltdd_utils.records import Record, committed, load_record, results_root, save_record

COMMITTED = committed(results_root())


@pytest.fixture
def found():
    return Record(record([(4, 2), (4, 3)], method="damed", seed=3))


def test_every_committed_record_is_written_as_it_was_read(tmp_path):
    for path in COMMITTED:
        written = save_record(tmp_path, load_record(path))
        assert written.name == path.name and written.read_bytes() == path.read_bytes()


def test_every_committed_record_reads_back_as_the_recipe_that_it_is_of():
    for one in map(load_record, COMMITTED):
        recipe, evaluate = one.recipe, one["config"]["evaluate"]
        assert (recipe.name, recipe.config_id, recipe.evaluate.label) == (one.name, one.config_id, one.protocol)
        assert one.evaluator.label == one.protocol and one.evaluator.width == evaluate["network"]["width"]
        assert one.has_teacher == (evaluate["teacher"] is not None) and one.whole_set == recipe.family.whole_set


def test_every_part_is_an_attribute(found):
    assert (found.name, found.scale, found.seed, found.protocol) == ("damed_cifar10", "paper", 3, "dsa-stored")
    assert [student.overall for student in found.students] == pytest.approx([0.3, 0.35])
    assert found.metrics.overall.mean == pytest.approx(0.325) and found.metrics.medium is None
    assert found.cost.total_seconds == 30 and found.seconds_to_student == pytest.approx(10 + 20 / 2)
    assert found.sets == ("one set of seed 3",) * 2 and not found.provenance.dirty
    assert found.teacher is None and found.distillation is None and found.path is None


def test_as_a_mapping_it_is_the_file(found):
    assert dict(found) == record([(4, 2), (4, 3)], method="damed", seed=3) == json.loads(json.dumps(dict(found)))
    assert found["config"]["evaluate"]["protocol"] == "dsa-stored"
    assert found == Record(record([(4, 2), (4, 3)], method="damed", seed=3), Path("elsewhere"))


def test_nothing_can_be_set(found):
    for name in ("seed", "content", "students"):
        with pytest.raises(AttributeError):
            setattr(found, name, 1)


def test_a_record_that_is_not_valid_is_no_record():
    with pytest.raises(ValueError, match="the record has no students"):
        Record({key: value for key, value in record().items() if key != "students"})


UNKNOWN = {
    "a method": (("name",), "mine_cifar10", "unknown recipe 'mine_cifar10'"),
    "a data set": (("name",), "random_mine", "unknown recipe 'random_mine'"),
    "a network": (("evaluate", "network", "name"), "mine", "name is 'mine'; choose one of convnet"),
    "a protocol": (("evaluate", "protocol"), "mine", "protocol is 'mine'; choose one of dsa-stored"),
    "a rule": (("method", "method"), "mine", "method is 'mine'; choose one of random"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_record_of_an_unknown_name_says_how_to_have_its_recipe(case, tmp_path, capsys):
    path, name, message = UNKNOWN[case]
    content = record([(4, 2)]) | {"config": to_dict(recipes.recipe("random_cifar10", scale="paper"))}
    place = content["config"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = name
    one = load_record(save_record(tmp_path, content))
    assert not one.is_registered and one.metrics.overall.mean > 0
    with pytest.raises(ValueError, match=rf"json: {message}.*--plugin FILE\.py$"):
        _ = one.recipe
    assert main(["records", "--results", str(tmp_path)]) == 0  # it is listed, and hides no other
    assert one.name in capsys.readouterr().out


def test_a_record_of_settings_that_are_gone_names_its_file(tmp_path):
    content = record()
    content["config"]["method"] = {"gone": 1}
    path = save_record(tmp_path, content)
    with pytest.raises(ValueError, match=rf"{path.name}: unknown key 'gone'"):
        _ = load_record(path).recipe


def test_a_curve_has_the_means_of_its_blocks_at_their_middles():
    curves = {"first": [1.0, 3.0, 5.0, 7.0], "second": None}
    history = {"initial_sha256": "start", "iterations": 40, "curves": curves, "peak_gpu_gib": 0.0}
    found = Record(record() | {"distillation": history}).distillation
    assert found.curve("first", block=2) == ([10.0, 30.0], [2.0, 6.0])
    assert found.curve("second") is None and found.initial_sha256 == "start"
