"""Settings are strict, and their hash depends on values alone."""

import importlib
import typing
from dataclasses import dataclass, fields, is_dataclass, make_dataclass, replace
from pathlib import Path

import pytest

import ltdd_utils
from ltdd_utils.augment import AugmentConfig
from ltdd_utils.core.settings import added_field, config_id, from_dict, hints_of, to_dict
from ltdd_utils.data import DataConfig, PreprocessConfig
from ltdd_utils.evaluation import ADSAConfig, EvaluateConfig
from ltdd_utils.methods.alignment.settings import CropConfig, RecoverConfig, StatisticsConfig, UnilevelConfig
from ltdd_utils.methods.condensation.settings import DCConfig, DMConfig
from ltdd_utils.methods.coresets.settings import CoresetConfig
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.methods.trajectory.settings import ExpertConfig, TrajectoryConfig
from ltdd_utils.networks import NetworkConfig
from ltdd_utils.recipes import Recipe
from ltdd_utils.records import MeanStd
from ltdd_utils.teachers import DebiasConfig, TeacherConfig
from ltdd_utils.training import TrainConfig

PACKAGE = Path(ltdd_utils.__file__).parent
VIEWS = AugmentConfig("mixed-views")
TEACHER = TeacherConfig(train=TrainConfig(epochs=3, milestones=(0.2, 0.9)))
OBSERVER = TeacherConfig(NetworkConfig(norm="batch"))
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


@pytest.mark.parametrize("number", [2**53, 2**63, 10**25, 10**400])
def test_whole_numbers_that_a_float_cannot_hold_are_settings_of_their_own(number):
    """Seeds above 2^53 shared the stages of their neighbours."""
    assert len({config_id({"seed": number + step}) for step in range(-2, 3)}) == 5
    assert number > 2**63 or config_id({"seed": number}) == config_id({"seed": float(number)})


def test_the_id_sees_a_nested_value():
    train = replace(NESTED.teacher.train, lr=0.5)
    assert config_id(replace(NESTED, teacher=replace(NESTED.teacher, train=train))) != config_id(NESTED)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: from_dict(TrainConfig, {"epoch": 3}),
            r"unknown key 'epoch' \(did you mean epochs\?\) for TrainConfig",
        ),
        (lambda: DataConfig(imbalance_factor=0.5), "imbalance_factor is 0.5"),
        (lambda: DataConfig(imbalance_factor=float("nan")), "imbalance_factor is nan"),
        (
            lambda: DataConfig(class_order="backwards"),
            "class_order is 'backwards'; choose one of native, reversed, permuted",
        ),
        (lambda: TrainConfig(lr=float("inf")), "lr is inf"),
        (lambda: CoresetConfig("herding"), "reads an expert's features"),
        (lambda: CoresetConfig("random", expert=TeacherConfig()), "reads no features"),
        (lambda: DataConfig(imbalance_factor="abc"), "imbalance_factor is 'abc'; it must be a number"),
        (lambda: DataConfig(3), "name is 3; it must be a word"),
        (lambda: DataConfig(subset_seed=-1), "subset_seed is -1; it must be a finite number, at least 0"),
        (lambda: DataConfig(class_order_seed=2**32), "class_order_seed is 4294967296; numpy takes seeds up to"),
        (lambda: TrainConfig(ema=1.0), "ema is 1.0; it must be below 1"),
        (
            lambda: ExpertConfig(train=TrainConfig(ema=0.99)),
            "train.ema is 0.99, but snapshots are of the weights themselves, not of an average: use 0",
        ),
        (lambda: AugmentConfig(strategy="crop_colour"), "augmentation 'colour' in 'crop_colour' is unknown; join any"),
        (lambda: AugmentConfig(strategy="crop_"), "augmentation '' in 'crop_' is unknown; join any of color, crop"),
        (lambda: AugmentConfig("none", strategy=None), "strategy is None; it must be a word"),
        (lambda: TeacherConfig(augment=VIEWS), "'mixed-views', which only students of the online protocols see"),
        (lambda: AugmentConfig(crop_scale=(0.5,)), r"crop_scale is \[0.5\]; give \(min, max\)"),
        (lambda: AugmentConfig(crop_scale=(0.5, 0.2)), r"crop_scale is \[0.5, 0.2\]; give \(min, max\)"),
        (lambda: AugmentConfig(crop_scale=(0.0, 1.0)), r"crop_scale is \[0.0, 1.0\]; give \(min, max\)"),
        (lambda: AugmentConfig(crop_scale=(0.5, 1.5)), r"crop_scale is \[0.5, 1.5\]; give \(min, max\)"),
        (
            lambda: CoresetConfig("kcenter-unbalanced", "noise", TEACHER),
            "policy is 'noise', but 'kcenter-unbalanced' fills no class",
        ),
        (lambda: EvaluateConfig("online-stored", teacher=TEACHER), "augment.kind is 'dsa'; .* takes 'mixed-views'"),
        (lambda: EvaluateConfig(augment=VIEWS), "augment.kind is 'mixed-views'; .* takes 'dsa', 'crop-flip' or 'none'"),
        (lambda: replace(NESTED, logit_adjustment=1.0), "logit_adjustment is 1.0; .* has no such term: use 0"),
        (lambda: EvaluateConfig(cross_entropy=0.025), "cross_entropy is 0.025; .* has no such term: use 0"),
        (lambda: AugmentConfig(crop_scale=(0.5, None)), r"crop_scale is \(0.5, None\); it must be a list of numbers"),
        (lambda: CropConfig(scale=(float("nan"), 1.0)), r"scale is \[nan, 1.0\]; give \(min, max\)"),
        (lambda: CropConfig(scale=(False, True)), r"scale is \(False, True\); it must be a list of numbers"),
        (lambda: RecoverConfig(crop_scale=(0.1, 0.5, 1.0)), r"crop_scale is \[0.1, 0.5, 1.0\]; give \(min, max\)"),
        (lambda: CropConfig("black"), "images is 'black'; choose one of crops, real, noise"),
        (lambda: CropConfig(crops=0), "crops is 0; it must be a finite number, at least 1"),
        (lambda: CropConfig(pool=0), "pool is 0; it must be a finite number, at least 1"),
        (lambda: StatisticsConfig("batch"), "source is 'batch'; choose one of classes, natural, running"),
        (lambda: StatisticsConfig(patch=4), "patch is 4, but blocks are those of convolution inputs: set layers='bn"),
        (lambda: StatisticsConfig(layers="bn+conv", patch=-1), "patch is -1; it must be a finite number, at least 0"),
        (lambda: RecoverConfig(iterations=-1), "iterations is -1; it must be a finite number, at least 0"),
        (lambda: RecoverConfig(batch=0), "batch is 0; it must be a finite number, at least 1"),
        (lambda: RecoverConfig(ema=1), "ema is 1; it must be below 1, or the average never moves"),
        (lambda: RecoverConfig(betas=(0.9,)), r"betas are \[0.9\]; give two numbers of Adam"),
        (lambda: RecoverConfig(betas=(0.5, 1.0)), r"betas are \[0.5, 1.0\]; give two numbers of Adam"),
        (lambda: RecoverConfig(class_wise="pixel"), "class_wise is 'pixel'; choose one of per-class, batch"),
        (lambda: RecoverConfig(class_variance="none"), "class_variance is 'none'; choose one of expected, pooled"),
        (lambda: DebiasConfig(sharpness=-0.1), "sharpness is -0.1; it must be a finite number, at least 0"),
        (lambda: DebiasConfig(stop_gradient="both"), "stop_gradient is 'both'; choose one of projection, prediction"),
        (lambda: TeacherConfig(kind="debiased"), "kind is 'debiased', but debias is None; give its settings"),
        (lambda: TeacherConfig(debias=DebiasConfig()), "kind is 'plain', but debias is set; leave debias out"),
        (
            lambda: TeacherConfig(kind="debiased", debias=DebiasConfig()),
            "the consistency loss reads a projection: set network.projection, or debias.consistency=0",
        ),
        (lambda: ADSAConfig(step=0), "step is 0; the search for tau needs one above 0"),
        (lambda: ADSAConfig(step=float("nan")), "step is nan; the search for tau needs one above 0"),
        (lambda: ADSAConfig(largest=float("inf")), "largest is inf; it must be a finite number, at least 0"),
        (lambda: UnilevelConfig(OBSERVER), "teacher is None; initial images 'crops' are scored by a teacher: give one"),
        (
            lambda: UnilevelConfig(OBSERVER, teacher=TEACHER, initial=CropConfig("noise")),
            "teacher is set; initial images 'noise' need no scoring teacher: leave it out",
        ),
        (
            lambda: UnilevelConfig(OBSERVER, teacher=TEACHER, preprocess=PreprocessConfig("zca")),
            "preprocess.kind is 'zca', which mixes pixels and leaves them no range; use 'normalise'",
        ),
        (lambda: EvaluateConfig("online-teacher"), "needs a teacher"),
        (lambda: EvaluateConfig("dsa-stored", teacher=TeacherConfig()), "has no teacher"),
    ],
)
def test_bad_values_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TrainConfig(epochs=2.5), "epochs is 2.5; it must be a whole number"),
        (lambda: TrainConfig(batch_size=True), "batch_size is True; it must be a whole number"),
        (lambda: TrainConfig(lr="0.1"), "lr is '0.1'; it must be a number"),
        (
            lambda: TrainConfig(milestones=("a",)),
            r"milestones is \('a',\); it must be a list of numbers, as \[0.5, 0.9\]",
        ),
        (lambda: TrainConfig(milestones=0.5), "milestones is 0.5; it must be a list of numbers"),
        (lambda: TrainConfig(optimiser=None), "optimiser is None; it must be one of sgd, adamw"),
        (lambda: NetworkConfig(depth=2.5), "depth is 2.5; it must be a whole number"),
        (lambda: NetworkConfig(width="wide"), "width is 'wide'; it must be a whole number or null"),
        (lambda: AugmentConfig(flip="no"), "flip is 'no'; it must be true or false"),  # a word would be true
        (lambda: AugmentConfig(flip=1), "flip is 1; it must be true or false"),
        (lambda: from_dict(TrainConfig, {"epochs": float("inf")}), "epochs is inf; it must be a whole number"),
        (lambda: TeacherConfig(train={"epochs": 3}), r"train is \{'epochs': 3\}; it must be a TrainConfig"),
        (lambda: EvaluateConfig(adsa=0.5), "adsa is 0.5; it must be an ADSAConfig or null"),
        (
            lambda: UnilevelConfig(OBSERVER, others=(3,)),
            r"others is \(3,\); it must be a list, each item a TeacherConfig",
        ),
        (lambda: DMConfig(batch="all"), "batch is 'all'; it must be a whole number"),
        (lambda: DCConfig(updates=1.5), "updates is 1.5; it must be a whole number"),
        (lambda: TrajectoryConfig(window=(0, 1.5, 2)), r"window is \(0, 1.5, 2\); it must be a list of"),
    ],
)
def test_values_of_another_type_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def configurations():
    """Every class of settings: the data classes of the modules called ``settings``, and of the whole set."""
    rooms = (".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in PACKAGE.rglob("settings.py"))
    modules = [importlib.import_module(room) for room in sorted({*rooms, "ltdd_utils.methods.full"})]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    return [cls for cls in dict.fromkeys(found) if is_dataclass(cls) and cls.__name__.endswith("Config")]


def test_every_group_of_settings_of_a_recipe_is_among_them():
    """Else the test below would check nothing, and say so nowhere."""
    used, waiting = set(), [family.settings for family in {method.family for method in METHODS.values()}]
    waiting.append(Recipe)
    while waiting:
        cls = waiting.pop()
        if is_dataclass(cls) and cls not in used:
            used.add(cls)
            waiting += [part for hint in hints_of(cls).values() for part in (hint, *flat(hint))]
    assert len(used) > 15 and used - {Recipe} <= set(configurations())


def flat(hint):
    """The types inside a hint."""
    return [inner for part in typing.get_args(hint) for inner in (part, *flat(part))]


@pytest.mark.parametrize("cls", [cls for cls in configurations() if fields(cls)], ids=lambda cls: cls.__name__)
def test_no_field_of_any_configuration_takes_what_is_not_of_its_type(cls):
    needed = {"observer": OBSERVER} if cls is UnilevelConfig else {}
    for field in fields(cls):
        with pytest.raises(ValueError, match=f"{field.name} is <object .*; it must be "):
            cls(**needed | {field.name: object()})


def test_a_whole_number_may_be_written_with_a_point_and_a_tuple_as_a_list():
    """Their ids are the same; and what counts epochs gets an int."""
    made = TrainConfig(epochs=100.0, milestones=[0.5, 1])
    assert made == TrainConfig(epochs=100, milestones=(0.5, 1)) and config_id(made) == config_id(to_dict(made))
    assert type(made.epochs) is int and type(made.milestones) is tuple and to_dict(made)["epochs"] == 100
    assert type(NetworkConfig(width=16.0).width) is int and NetworkConfig(width=None).width is None
    assert type(TrainConfig(lr=1).lr) is int  # a number is a number: nothing is rewritten without need


def test_shares_of_an_area_may_be_equal_and_whole():
    for scale in ((0.3, 0.3), (1.0, 1.0), (1, 1), (1e-9, 1)):
        assert CropConfig(scale=scale).scale == scale and AugmentConfig(crop_scale=scale).crop_scale == scale


@dataclass(frozen=True)
class Old:
    """Settings as records have them."""

    lr: float = 0.1


New = make_dataclass("New", [("lr", float, 0.1), ("adsa", ADSAConfig | None, added_field(None))], frozen=True)


def test_a_field_that_came_later_leaves_old_hashes_as_they_were():
    assert to_dict(New()) == to_dict(Old()) and config_id(New(0.3)) == config_id(Old(0.3))
    assert config_id({"evaluate": [New()]}) == config_id({"evaluate": [Old()]})  # inside others too
    changed = New(adsa=ADSAConfig())
    assert to_dict(changed)["adsa"] == to_dict(ADSAConfig()) and config_id(changed) != config_id(New())
    for one in (New(), changed):
        assert from_dict(New, to_dict(one)) == one
    assert from_dict(New, to_dict(Old())) == New()


def test_what_came_after_the_first_records_is_not_in_them():
    assert "debias" not in to_dict(TeacherConfig()) and "adsa" not in to_dict(NESTED)
    network = NetworkConfig(norm="batch", second_head=True, projection=8)
    teacher = TeacherConfig(network, kind="debiased", debias=DebiasConfig())
    assert to_dict(teacher)["debias"]["sharpness"] == 0.8
    whole = UnilevelConfig(teacher, others=(OBSERVER,), teacher=teacher)
    assert from_dict(UnilevelConfig, to_dict(whole)) == whole


def test_a_key_that_is_missing_is_refused_by_name():
    with pytest.raises(ValueError, match="the key 'std' of MeanStd is missing"):
        from_dict(MeanStd, {"mean": 0.5})
