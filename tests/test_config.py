"""Settings are strict, and their hash depends on values alone."""

from dataclasses import replace

import pytest

from ltdd_utils.config import (
    CoresetConfig,
    DataConfig,
    EvaluateConfig,
    TeacherConfig,
    TrainConfig,
    config_id,
    from_dict,
    to_dict,
)

NESTED = EvaluateConfig("online-teacher", teacher=TeacherConfig(train=TrainConfig(epochs=3, milestones=(0.2, 0.9))))


def test_a_configuration_survives_json():
    assert from_dict(EvaluateConfig, to_dict(NESTED)) == NESTED


def test_the_id_ignores_the_order_of_fields_and_the_type_of_a_number():
    values = to_dict(DataConfig(imbalance_factor=100))
    backwards = dict(reversed(values.items()))
    assert config_id(values) == config_id(backwards) == config_id(DataConfig(imbalance_factor=100.0))


@pytest.mark.parametrize(
    "name", [field for field in to_dict(DataConfig()) if field not in ("profile", "index_list", "class_order")]
)
def test_the_id_changes_with_every_value(name):
    values = to_dict(DataConfig(n_max=7))
    changed = values | {name: "other" if isinstance(values[name], str) else values[name] + 1}
    assert config_id(values) != config_id(changed)


def test_the_id_sees_a_nested_value():
    train = replace(NESTED.teacher.train, lr=0.5)
    assert config_id(replace(NESTED, teacher=replace(NESTED.teacher, train=train))) != config_id(NESTED)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: from_dict(TrainConfig, {"epoch": 3}), "unknown key 'epoch' for TrainConfig"),
        (lambda: DataConfig(imbalance_factor=0.5), "imbalance_factor is 0.5"),
        (lambda: DataConfig(imbalance_factor=float("nan")), "imbalance_factor is nan"),
        (
            lambda: DataConfig(class_order="backwards"),
            "class_order is 'backwards'; choose one of native, reversed, permuted",
        ),
        (lambda: TrainConfig(lr=float("inf")), "lr is inf"),
        (lambda: CoresetConfig("herding"), "reads an expert's features"),
        (lambda: CoresetConfig("random", expert=TeacherConfig()), "reads no features"),
        (lambda: EvaluateConfig("online-teacher"), "needs a teacher"),
        (lambda: EvaluateConfig("dsa-stored", teacher=TeacherConfig()), "has no teacher"),
    ],
)
def test_bad_values_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
