"""A record as an object: it reads and writes today's files, and knows its recipe."""

import json
from pathlib import Path

import pytest
from toy_records import record

from ltdd_utils import analysis, recipes
from ltdd_utils.cli import main
from ltdd_utils.core.settings import to_dict
from ltdd_utils.records import Record, committed, load, load_record, results_root, save_record, targets
from ltdd_utils.report.page import reproduction_page

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
    assert Record(record() | {"distillation": history}).distillation.class_gradient_std is None
    history["class_gradient"] = {"mean": [2.0, 1.0], "std": [0.5, 0.25]}
    found = Record(record() | {"distillation": history}).distillation
    assert (found.class_gradient, found.class_gradient_std) == ([2.0, 1.0], [0.5, 0.25])
    assert found.curve("first", block=2) == ([10.0, 30.0], [2.0, 6.0])
    assert found.curve("second") is None and found.initial_sha256 == "start"


def named(what, name):
    """A record whose settings name something that only a plugin has."""
    content = record(seed=1, config_id="other") | {"target": None}
    evaluate = content["config"]["evaluate"]
    if what == "network":
        evaluate["network"]["name"] = name
    elif what == "method's network":
        content = record(method="kcenter", seed=1, config_id="other") | {"target": None}
        content["config"]["method"]["expert"]["network"]["name"] = name
    else:
        evaluate["protocol"] = content["protocol"] = name
    return content


@pytest.mark.parametrize("what", ["network", "method's network", "protocol"])
def test_a_record_of_a_network_or_a_protocol_that_is_not_here_is_read_without_its_recipe(what, tmp_path, capsys):
    path = save_record(tmp_path, named(what, "mine"))
    save_record(tmp_path, record())
    one = load_record(path)
    assert not one.is_registered
    with pytest.raises(ValueError, match=rf"{path.name}: .*'mine'.*--plugin FILE\.py"):
        _ = one.recipe
    frame = load(tmp_path, allow_mixed=True)
    assert analysis.board("cifar10", scale="paper", records=frame).methods() == ["random"]
    assert "unknown: of a plugin that is not here" in reproduction_page(frame, targets(), recipes.names())
    assert main(["records", "--results", str(tmp_path)]) == 0
    assert "settings unknown here" in capsys.readouterr().out


@pytest.mark.parametrize("target", [True, False])
def test_a_record_of_a_plugins_method_stands_in_the_report_without_the_plugin(target, tmp_path):
    content = record(method="mine") if target else record(method="mine") | {"target": None}
    content["config"] |= {"name": "mine_cifar10", "method": {"step": 1}}
    save_record(tmp_path, content)
    page = reproduction_page(load(tmp_path), targets(), recipes.names())
    assert "ltdd run mine_cifar10" in page if target else "unknown: of a plugin that is not here" in page


def test_a_record_of_a_plugin_that_has_a_published_methods_name_stands_beside_it(tmp_path, capsys):
    content = record(method="dream", protocol="unknown")
    content["config"] |= {"name": "dream_cifar10", "method": {"step": 1}}
    save_record(tmp_path, content)
    for command in (["table", "--commands"], ["missing"]):
        assert main([*command, "--results", str(tmp_path)]) == 0
    assert "ltdd run dream_cifar10" in capsys.readouterr().out


def test_a_record_of_settings_that_are_gone_is_listed_all_the_same(tmp_path, capsys):
    content = record()
    content["config"]["method"] = {"gone": 1}
    save_record(tmp_path, content)
    assert main(["records", "--results", str(tmp_path)]) == 0
    assert "settings unknown here" in capsys.readouterr().out
    assert main(["records", "--json", "--results", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)[0]["changed"] is None


@pytest.mark.parametrize("part", ["data", "ipc", "evaluate", "method"])
def test_a_record_without_a_part_of_its_settings_is_refused(part):
    content = record()
    del content["config"][part]
    with pytest.raises(ValueError, match=f"config has no {part}"):
        Record(content)
