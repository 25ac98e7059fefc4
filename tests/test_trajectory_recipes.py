"""The recipes of paper 1: the five differ where their table says, the cells are the released ones, windows fit."""

import json
from dataclasses import fields

import pytest

from ltdd_utils.core.settings import config_id, from_dict, to_dict
from ltdd_utils.data import DATASETS
from ltdd_utils.methods.trajectory.released import released
from ltdd_utils.methods.trajectory.settings import (
    DAMConfig,
    ExpertConfig,
    GSAMConfig,
    InitialConfig,
    MatchConfig,
    TrajectoryConfig,
)
from ltdd_utils.recipes import recipe, with_overrides
from ltdd_utils.training import TrainConfig

NAMES = ("mtt", "datm", "dam_only", "ed_only", "damed")
CELLS = [(dataset, scale) for dataset, facts in DATASETS.items() for scale in facts.scales]
# Data set, IF, IPC: steps, batch, lr_images, lr_lr, lr_labels, window, expand, weights, images, iterations, as the
# released files have them (reference: damed.md section 5), with the four errors below corrected.
FILES = """
cifar10  10  10  80/80  500  100  1e-5 2    0/10/20  1000 1/0.1   correct 10000
cifar10  10  20  80/80  500  100  1e-5 2    0/20/40  0    1/0.2   correct 10000
cifar10  10  50  80/80  500  1000 1e-5 2    0/20/40  0    1/0.2   correct 10000
cifar10  50  10  80/80  500  100  1e-5 2    0/10/20  0    1/0.5   correct 10000
cifar10  50  20  80/80  500  100  1e-5 2    0/10/20  2000 0.5/1   correct 10000
cifar10  50  50  80/80  500  100  1e-5 2    0/20/40  2000 0.5/1   correct 10000
cifar10  100 10  80/80  500  100  1e-5 2    0/10/20  0    0.5/1   correct 10000
cifar10  100 20  80/80  500  100  1e-5 2    0/10/20  2000 0.5/1   correct 10000
cifar10  100 50  80/60  500  1000 1e-5 2    0/20/40  0    1/0.5   correct 10000
cifar10  200 10  80/80  500  100  1e-5 2    0/10/20  0    0.1/1   correct 10000
cifar10  200 20  80/80  500  1000 1e-5 2    0/20/40  0    0.1/1   correct 10000
cifar10  200 50  80/80  500  1000 1e-5 2    0/20/40  0    0.1/1   correct 10000
cifar100 10  10  40/20  1000 1000 1e-5 10   30/50/50 0    1/0.1   real    10000
cifar100 10  20  40/20  1000 1000 1e-5 10   20/70/70 0    1/0.1   real    10000
cifar100 10  50  40/20  1000 1000 1e-5 10   20/70/70 0    1/0.1   real    10000
cifar100 20  10  40/20  1000 1000 1e-5 10   20/70/70 0    1/0.1   real    10000
cifar100 20  20  40/20  1000 1000 1e-5 10   20/70/70 0    1/0.1   real    10000
cifar100 20  50  40/20  1000 1000 1e-5 10   20/70/70 0    1/0.1   real    10000
tiny     10  10  25/25  500  100  1e-4 10   10/50/50 0    1/0.1   real    10000
tiny     20  10  25/25  500  100  1e-4 10   10/50/50 0    1/0.1   real    10000
tiny     10  20  20/20  500  100  1e-4 10   10/50/50 0    1/0.1   real    10000
tiny     20  20  20/20  500  100  1e-4 10   10/50/50 0    1/0.1   real    10000
tiny     10  50  10/10  1000 100  1e-5 10   40/70/70 0    1/0.1   real    10000
tiny     20  50  10/10  1000 100  1e-5 10   40/70/70 0    1/0.1   real    1500
imagenet 10  10  25/25  100  0.1  1e-7 0.01 10/50/50 0    1/0.1   real    500
"""
CORRECTED = {
    ("cifar10", 10, 10): "lambda_cls 0.2",
    ("cifar10", 50, 50): "imbalance factor 100",
    ("cifar10", 200, 50): "IPC 20",
    ("imagenet", 10, 10): "does not give the two weights",
}


def paper(name="damed_cifar10", imbalance_factor=100, ipc=10) -> TrajectoryConfig:
    return recipe(name, imbalance_factor=imbalance_factor, ipc=ipc, scale="paper").method


def numbers(text, kind=float):
    return tuple(kind(part) for part in text.split("/"))


@pytest.mark.parametrize("row", FILES.split("\n")[1:-1])
def test_every_released_file_is_a_cell(row):
    name, *columns = row.split()
    factor, ipc, steps, batch, lr_images, lr_lr, lr_labels, window, expand, weights, images, iterations = columns
    cell = (name, int(factor), int(ipc))
    own = released(*cell)
    assert CORRECTED[cell] in own.note if cell in CORRECTED else own.note == ""
    cfg = paper(f"damed_{name}", *cell[1:])
    assert (cfg.first.steps, cfg.second.steps) == numbers(steps, int)
    assert (cfg.first.weight, cfg.second.weight) == numbers(weights)
    assert (cfg.first.epochs, cfg.second.epochs) == (2, 2)
    assert (cfg.batch, cfg.iterations, cfg.expand) == (int(batch), int(iterations), int(expand))
    assert (cfg.lr_images, cfg.lr_lr, cfg.lr_labels) == (float(lr_images), float(lr_lr), float(lr_labels))
    assert (cfg.momentum_images, cfg.momentum_lr, cfg.momentum_labels, cfg.lr) == (0.5, 0.5, 0.9, 0.01)
    assert cfg.window == numbers(window, int) and cfg.gradient == "tesla" and cfg.largest_loss is None
    assert cfg.dam == DAMConfig("sum", 0.0, "long-tailed")
    labels = "mean-of-right" if images == "correct" else "one-expert"
    assert cfg.initial == InitialConfig(images, "classifier", "duplicate", labels)


def test_the_table_has_no_other_cell():
    written = {tuple(row.split()[:3]) for row in FILES.split("\n")[1:-1]}
    for dataset in ("cifar10", "cifar100", "tiny", "imagenet"):
        for factor in (5, 10, 20, 50, 100, 200):
            for ipc in (1, 10, 20, 50):
                known = (dataset, str(factor), str(ipc)) in written
                assert known != ("no file was released for this cell" in released(dataset, factor, ipc).note)


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        (("cifar10", 100, 1), ("cifar10", 100, 10)),
        (("cifar10", 5, 20), ("cifar10", 10, 20)),
        (("cifar10", 120, 40), ("cifar10", 100, 50)),
        (("cifar100", 50, 50), ("cifar100", 20, 50)),
        (("tiny", 100, 20), ("tiny", 20, 20)),
        (("imagenet", 256, 20), ("imagenet", 10, 10)),
    ],
)
def test_a_cell_without_a_file_takes_the_nearest_ipc_and_then_the_nearest_imbalance_factor(asked, taken):
    one, other = dict(vars(released(*asked))), dict(vars(released(*taken)))
    assert "nearest released" in one.pop("note") and "nearest released" not in other.pop("note")
    assert one == other


def test_a_data_set_that_the_release_does_not_know():
    with pytest.raises(ValueError, match="no settings for 'mnist'; it has cifar10, cifar100, imagenet, tiny"):
        released("mnist", 10, 10)


def differing(one, other, prefix="") -> set[str]:
    """Names of the fields in which two configurations differ, down to single values."""
    names = set()
    for field in fields(one):
        first, second = getattr(one, field.name), getattr(other, field.name)
        if first == second:
            continue
        nested = hasattr(first, "__dataclass_fields__") and type(first) is type(second)
        names |= differing(first, second, f"{prefix}{field.name}.") if nested else {prefix + field.name}
    return names


@pytest.mark.parametrize(("dataset", "scale"), CELLS)
def test_the_five_differ_in_what_their_table_says_and_in_nothing_else(dataset, scale):
    made = {name: recipe(f"{name}_{dataset}", scale=scale).method for name in NAMES}
    assert differing(made["dam_only"], made["datm"]) == {"dam.weights"}
    assert differing(made["damed"], made["ed_only"]) == {"dam.weights"}
    two_phases = {"initial.experts", "match", "second"}
    # one phase has weight 1; two have those of the cell
    assert differing(made["ed_only"], made["datm"]) - {"first.weight"} == two_phases
    assert differing(made["damed"], made["dam_only"]) - {"first.weight"} == two_phases
    mtt = differing(made["mtt"], made["datm"])
    hard = {"initial.labels", "lr_labels", "momentum_labels"}
    assert hard <= mtt <= hard | {"initial.images", "expand"}
    assert made["mtt"].initial == InitialConfig("real", labels="hard") and made["mtt"].lr_labels == 0
    weights = "sum" if scale == "paper" else "mean"
    for name, cfg in made.items():
        assert cfg.dam == DAMConfig(weights if name in ("dam_only", "damed") else "none")
        assert (cfg.second is None, cfg.match) == (
            (False, "backbone") if name in ("ed_only", "damed") else (True, "all")
        )
        assert cfg.initial.experts == ("classifier" if cfg.second else "representation")
        assert cfg.experts == made["datm"].experts  # all five can share them


def test_the_snapshots_that_a_recipe_reads():
    """CIFAR-10, IF 100, IPC 10: starts 0 to 19, targets 2 to 21, and the last one for labels and second stages."""
    read = (*range(22), 100)
    assert paper().snapshots == read and len(read) == 23 and paper().classifier_snapshots == (0, 2, 10)
    assert paper("datm_cifar10").snapshots == read and paper("datm_cifar10").classifier_snapshots == ()
    placebo = recipe("datm_cifar10", scale="paper")
    asked = with_overrides(placebo, {"method.initial.experts": "classifier"}).method
    assert asked.classifier_snapshots == (10,)
    assert paper("damed_cifar100", 10, 10).snapshots == (*range(30, 52), 100)
    late = TrajectoryConfig(window=(3, 4, 6), first=MatchConfig(epochs=3), experts=ExpertConfig(train=TRAIN_8))
    assert late.snapshots == (3, 4, 5, 6, 7, 8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dataset", "scale"), CELLS)
@pytest.mark.parametrize("ipc", [1, 10, 20, 50])
def test_windows_fit_the_epochs_of_the_experts_in_every_cell(name, dataset, scale, ipc):
    own = DATASETS[dataset].imbalance_factor
    for factor in (1, 10, 20, 50, 100, 200) if DATASETS[dataset].profile == "exponential" else (own,):
        made = recipe(f"{name}_{dataset}", imbalance_factor=factor, ipc=ipc, scale=scale)
        cfg = made.method
        assert 0 <= cfg.window[0] < cfg.window[1] <= cfg.window[2]
        assert max(cfg.snapshots) == cfg.experts.train.epochs  # none lies beyond
        assert cfg.experts.train.schedule == "constant"  # else the window would mean another part of the training
        assert from_dict(TrajectoryConfig, json.loads(json.dumps(to_dict(cfg)))) == cfg
        if scale != "paper":
            assert (cfg.gradient, cfg.experts.gsam) == ("exact", None)
            assert cfg.experts.count <= 4 and cfg.iterations <= 150
        assert made.evaluate.network == cfg.experts.network  # the student is what the set was matched for


def test_experts_of_the_paper_are_as_released():
    experts = paper().experts
    assert (experts.count, experts.gsam, experts.seed) == (100, GSAMConfig(0.01, 0.3, adaptive=True), None)
    train = experts.train
    assert (train.epochs, train.batch_size, train.lr, train.momentum, train.weight_decay) == (100, 256, 0.01, 0.0, 5e-3)
    assert (experts.classifier_epochs, experts.classifier_lr, experts.samples_per_class) == (10, 0.01, 4)
    assert experts.max_norm == 0 and experts.stored == "fp32" and experts.network.width == 128
    assert recipe("damed_cifar10", scale="cpu").method.experts.seed == 0  # shared by the seeds of a run


def test_another_students_network_or_protocol_leaves_the_experts():
    usual = recipe("damed_digits")
    for other in (recipe("damed_digits", network="vgg11"), recipe("damed_digits", protocol_name="online-teacher")):
        assert other.method == usual.method and other.evaluate != usual.evaluate
    assert recipe("damed_digits", network="vgg11").evaluate.network.name == "vgg11"


TRAIN_8 = TrainConfig(epochs=8, schedule="constant")
CONFIGS = {
    "window beyond the epochs": (
        {"experts": ExpertConfig(train=TRAIN_8), "window": (0, 4, 8)},
        r"the window \[0, 4, 8\] asks for epoch 9, but experts train 8 epochs: set window to end at 7 or below, or",
    ),
    "window that falls": ({"window": (5, 5, 9)}, r"window is \[5, 5, 9\]; give three whole numbers T-, T, T\+"),
    "window that turns": ({"window": (0, 9, 5)}, r"window is \[0, 9, 5\]"),
    "window of two": ({"window": (0, 9)}, r"window is \[0, 9\]"),
    "window of halves": ({"window": (0, 1.5, 2)}, r"window is \(0, 1.5, 2\); it must be a list of whole numbers"),
    "negative start": ({"window": (-1, 1, 2)}, r"window is \[-1, 1, 2\]"),
    "second phase beyond": (
        {"second": MatchConfig(epochs=11), "match": "backbone"},
        "second.epochs is 11, but classifier experts train 10",
    ),
    "hard labels that learn": (
        {"initial": InitialConfig(labels="hard")},
        "lr_labels is 2.0, but labels are hard: set lr_labels to 0",
    ),
    "nothing is matched": ({"first": MatchConfig(0.0)}, "both phases have weight 0: nothing would be matched"),
    "two weights of 0": (
        {"first": MatchConfig(0.0), "second": MatchConfig(0.0), "match": "backbone"},
        "both phases have weight 0: nothing would be matched",
    ),
    "the classifier twice": (
        {"second": MatchConfig()},
        "the second phase owns the classifier: set match to 'backbone'",
    ),
    "an unknown part": ({"match": "classifier"}, "match is 'classifier'; choose one of all, backbone"),
    "an unknown gradient": ({"gradient": "best"}, "gradient is 'best'; choose one of exact, tesla, unroll"),
    "a negative step size": ({"lr_images": -1.0}, "lr_images is -1.0; it must be a finite number, at least 0"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_settings_that_make_no_sense_are_refused(case):
    changes, message = CONFIGS[case]
    with pytest.raises(ValueError, match=message) as caught:
        TrajectoryConfig(**changes)
    assert "\n" not in str(caught.value)


def test_other_parts_refuse_values_out_of_range():
    for make, message in (
        (lambda: DAMConfig("max"), "weights is 'max'; choose one of none, sum, mean"),
        (lambda: DAMConfig(offset=float("nan")), "offset is nan; it must be a finite number"),
        (
            lambda: DAMConfig(prior="uni"),
            r"prior is 'uni' \(did you mean uniform\?\); choose one of long-tailed, estimated, uniform, permuted",
        ),
        (lambda: InitialConfig(policy="skip"), "policy is 'skip'; choose one of duplicate, noise, inherent"),
        (lambda: MatchConfig(steps=0), "steps is 0"),
        (lambda: MatchConfig(epochs=0), "epochs is 0"),
        (lambda: ExpertConfig(count=0), "count is 0"),
        (lambda: ExpertConfig(stored="fp16"), r"stored is 'fp16' \(did you mean bf16\?\); choose one of fp32, bf16"),
        (lambda: GSAMConfig(rho=-1), "rho is -1"),
    ):
        with pytest.raises(ValueError, match=message):
            make()


def test_one_weight_of_0_leaves_the_other_phase():
    """The two controls of expert decoupling."""
    for change in ("method.first.weight", "method.second.weight"):
        assert with_overrides(recipe("damed_digits"), {change: "0"}).target is None


def test_each_control_is_one_setting_and_another_id():
    base = recipe("damed_digits")
    controls = {
        "method.iterations": "0",
        "method.initial.experts": "representation",
        "method.dam.weights": "sum",
        "method.dam.prior": "permuted",
        "method.dam.offset": "0.5",
        "method.first.weight": "0",
        "method.second.weight": "0",
    }
    made = [with_overrides(base, {key: text}) for key, text in controls.items()]
    assert len({config_id(one) for one in [base, *made]}) == len(made) + 1
    for key, one in zip(controls, made, strict=True):
        assert differing(one, base) == {key} and one.target is None


def test_a_group_of_settings_can_be_left_out_and_put_in():
    plain = with_overrides(recipe("damed_cifar10", scale="paper"), {"method.experts.gsam": "null"})
    assert plain.method.experts.gsam is None
    sharp = with_overrides(recipe("damed_cifar10", scale="cpu"), {"method.experts.gsam.rho": "0.05"})
    assert sharp.method.experts.gsam == GSAMConfig(rho=0.05)
    with pytest.raises(ValueError, match=r"unknown key 'method.second.step'"):
        with_overrides(recipe("datm_cifar10"), {"method.second.step": "3"})
