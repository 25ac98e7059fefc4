"""Settings are strict, and their hash depends on values alone."""

from dataclasses import replace

import pytest

from ltdd_utils.config import (
    AugmentConfig,
    CoresetConfig,
    DataConfig,
    EvaluateConfig,
    TeacherConfig,
    TrainConfig,
    config_id,
    from_dict,
    to_dict,
)

VIEWS = AugmentConfig("mixed-views")
TEACHER = TeacherConfig(train=TrainConfig(epochs=3, milestones=(0.2, 0.9)))
NESTED = EvaluateConfig("online-teacher", teacher=TEACHER, augment=VIEWS)


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
        (lambda: DataConfig(imbalance_factor="abc"), "imbalance_factor is abc; it must be a finite number"),
        (lambda: DataConfig(3), "the data set's name is 3; it must be a word"),
        (lambda: DataConfig(subset_seed=-1), "subset_seed is -1; it must be a finite number, at least 0"),
        (lambda: DataConfig(class_order_seed=2**32), "class_order_seed is 4294967296; numpy takes seeds up to"),
        (lambda: TrainConfig(ema=1.0), "ema is 1.0; it must be below 1"),
        (lambda: AugmentConfig(crop_scale=(0.5,)), r"crop_scale is \[0.5\]; give two shares"),
        (lambda: AugmentConfig(crop_scale=(0.5, 0.2)), r"crop_scale is \[0.5, 0.2\]; give two shares"),
        (lambda: AugmentConfig(crop_scale=(0.0, 1.0)), r"crop_scale is \[0.0, 1.0\]; give two shares"),
        (lambda: AugmentConfig(crop_scale=(0.5, 1.5)), r"crop_scale is \[0.5, 1.5\]; give two shares"),
        (
            lambda: CoresetConfig("kcenter-unbalanced", "noise", TEACHER),
            "policy is 'noise', but 'kcenter-unbalanced' fills no class",
        ),
        (lambda: EvaluateConfig("online-stored", teacher=TEACHER), "augment.kind is 'dsa'; .* takes 'mixed-views'"),
        (lambda: EvaluateConfig(augment=VIEWS), "augment.kind is 'mixed-views'; .* takes 'dsa', 'crop-flip' or 'none'"),
        (lambda: replace(NESTED, logit_adjustment=1.0), "logit_adjustment is 1.0; .* has no such term: use 0"),
        (lambda: EvaluateConfig(cross_entropy=0.025), "cross_entropy is 0.025; .* has no such term: use 0"),
        (lambda: EvaluateConfig("online-teacher"), "needs a teacher"),
        (lambda: EvaluateConfig("dsa-stored", teacher=TeacherConfig()), "has no teacher"),
    ],
)
def test_bad_values_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
