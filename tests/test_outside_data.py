"""A data set from outside: registered in one call, it has every recipe, the commands, and the settings of its like."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_sets import context
from toy_tables import CLASSES, SIZE, stripes, tables_kept, toy

from ltdd_utils import recipes
from ltdd_utils.cli import main
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data import DATASETS, SCALES, DataConfig, DataSet, load, register_dataset, sources, stand_in
from ltdd_utils.data.sources import downloads
from ltdd_utils.evaluation import PROTOCOLS
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.methods.trajectory.released import released
from ltdd_utils.runs import run

pytestmark = pytest.mark.float32  # as users run it


@pytest.fixture(autouse=True)
def _tables():
    with tables_kept():
        yield


def every_setting(dataset):
    """All recipes of a data set, at all its scales and under all protocols, as dictionaries without its name."""
    made = {}
    for method in METHODS:
        for scale in DATASETS[dataset].scales:
            for protocol in PROTOCOLS:
                if method == "full_logit_adjusted" and protocol != "dsa-stored":
                    continue
                one = recipes.recipe(f"{method}_{dataset}", scale=scale, protocol_name=protocol)
                settings = to_dict(one)
                assert settings.pop("name") == f"{method}_{settings['data'].pop('name')}"
                made[method, scale, protocol] = settings
    return made


def mirrors(settings):
    """Whether any augmentation or recovery among the settings may flip an image."""
    if not isinstance(settings, dict):
        return False
    kind = settings.get("kind", "recovery")
    flips = "flip" in settings["strategy"] if kind == "dsa" else kind != "none" and settings.get("flip", False)
    return flips or any(map(mirrors, settings.values()))


@pytest.mark.parametrize("like", [name for name in DATASETS if name != "digits"])
def test_with_the_facts_of_another_data_set_it_has_its_settings(like):
    register_dataset("other", replace(DATASETS[like], like=like))
    assert every_setting("other") == every_setting(like)


def test_it_has_every_recipe_at_every_scale_also_those_that_its_like_lacks():
    register_dataset("toy", toy(like="digits", flip=False))
    assert DATASETS["digits"].scales != SCALES == DATASETS["toy"].scales
    settings = every_setting("toy")
    assert {scale for _, scale, _ in settings} == set(SCALES)
    assert len({name for name in recipes.names() if name.endswith("_toy")}) == len(METHODS)
    assert not any(map(mirrors, settings.values()))  # it says that a mirrored image is of another class
    assert settings["sre2l", "paper", "online-teacher"]["method"]["recover"]["batch"] == CLASSES


def test_no_file_was_released_for_its_cells():
    register_dataset("toy", toy())
    theirs, ours = released("cifar10", 100, 10), released("toy", 100, 10)
    assert "no file was released for this cell" in ours.note and replace(ours, note="") == replace(theirs, note="")


def test_a_data_set_that_is_like_none_says_who_has_settings_for_which():
    with pytest.raises(ValueError, match=r"^paper 1 has no settings for 'mnist'; it has cifar10, tiny$"):
        stand_in("mnist", ["tiny", "cifar10"], "paper 1")


def test_a_run_end_to_end(tmp_path):
    register_dataset("toy", toy())
    few = {"evaluate.train.epochs": 40, "evaluate.network.width": 8, "evaluate.network.depth": 2}
    made = recipes.with_overrides(recipes.recipe("random_toy", ipc=5), few)
    record = run(made, 0, 1, context(tmp_path))
    assert (record["recipe"], record["scale"], record["config"]["data"]["name"]) == ("random_toy", "tiny", "toy")
    assert record["metrics"]["overall"]["mean"] > 0.9 and len(record["metrics"]["per_class"]) == CLASSES


def test_an_entry_that_counts_other_classes_is_refused_before_any_work(tmp_path):
    register_dataset("toy", toy(classes=4))
    with pytest.raises(ValueError, match=r"^the data set 'toy' has 3 classes, but its entry says 4; correct the entry"):
        run(recipes.recipe("random_toy", ipc=1), 0, 1, context(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": ("a", "b")}, "labels go from 0 to 2, but 2 classes have a name; give labels from 0 to 1"),
        ({"labels": np.array([-1, 0, 1])}, "labels go from -1 to 1, but 3 classes have a name"),
        ({"labels": [0, 1, 2]}, "labels are list; a reader gives a numpy array of int64, one label per train image"),
        ({"labels": torch.arange(3)}, "labels are torch.int64; a reader gives a numpy array of int64"),
        ({"labels": np.array([0.0, 1.0])}, "labels are float64; a reader gives a numpy array of int64"),
    ],
)
def test_labels_that_do_not_fit_are_the_readers_error(tmp_path, changes, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        replace(stripes(tmp_path), **changes)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            torch.rand(30, 1, SIZE, SIZE, dtype=torch.float32),
            r"train images as torch.float32 \[30, 1, 16, 16\]; give a",
        ),
        (np.zeros((30, 1, SIZE, SIZE), dtype=np.uint8), "train images as ndarray; give a torch.uint8 tensor"),
        (torch.zeros(30, SIZE, SIZE, dtype=torch.uint8), r"train images \[30, 16, 16\] for 59 labels; give \[59, "),
    ],
)
def test_images_that_are_no_pixels_are_refused_with_the_readers_name(tmp_path, images, message):
    register_dataset("toy", toy(reader=lambda root: replace(stripes(root), read_train=lambda rows, watch=None: images)))
    with pytest.raises(ValueError, match=rf"^the reader of 'toy' gives {message}") as caught:
        load(DataConfig("toy", 8), tmp_path)
    assert "\n" not in str(caught.value)


def broken(root):
    raise ZeroDivisionError("by zero\nin two lines")


def test_a_reader_that_fails_does_not_end_the_command_for_all(tmp_path, capsys):
    register_dataset("toy", toy(reader=broken))
    assert main(["data", "--data", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(DATASETS) and any(line.startswith("digits") and "present" in line for line in lines)
    assert lines[-1].split(maxsplit=1) == ["toy", "its reader failed: ZeroDivisionError: by zero in two lines"]
    (row,) = downloads.status(tmp_path, ["toy"])
    assert row["verified"] is False


def test_the_commands_know_it(tmp_path, capsys):
    register_dataset("toy", toy(title="Toy-LT"))
    quick = ["--students", "1", "--ipc", "2", "--set", "evaluate.train.epochs=1", "--set", "evaluate.network.width=4"]
    folders = ["--work", tmp_path / "work", "--results", tmp_path, "--device", "cpu", "--quiet"]
    assert main([str(word) for word in ["run", "random_toy", *quick, *folders]]) == 0
    for command in (["list"], ["show", "damed_toy", "--scale", "paper"], ["data", "status", "toy"]):
        assert main(command) == 0
    assert main(["table", "--dataset", "toy", "--results", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "random_toy, scale tiny" in out or "random_toy  tiny" in out
    assert "settings of this cell: no file was released" in out
    assert "toy       present: 3 classes, 120 train images" in out


@pytest.fixture
def refused(capsys):
    def call(*words):
        assert main(list(words)) == 2
        return capsys.readouterr().err

    return call


def test_what_cannot_be_fetched_says_so(refused):
    register_dataset("toy", toy(folder="toy"))
    assert "'toy' cannot be fetched: use cifar10, cifar100 or tiny" in refused("data", "fetch", "toy")
    register_dataset("asked", toy(folder="asked", by_hand="ask its authors"))
    assert "asked cannot be fetched: ask its authors" in refused("data", "fetch", "asked")


def test_its_reader_and_its_source_may_be_named_by_text(tmp_path):
    register_dataset(
        "toy", toy(reader="toy_tables:stripes", source=lambda: downloads.Source("file:/x.zip", "", "y", {}, 1))
    )
    assert load(DataConfig("toy", 8), tmp_path).train_images.shape[1:] == (1, SIZE, SIZE)
    assert sources.source_dataset("toy", tmp_path).class_names == stripes(tmp_path).class_names
    (row,) = downloads.status(tmp_path, ["toy"])
    assert row["path"] == str(tmp_path / "y") and row["state"].startswith("absent from")
    assert "toy" in downloads.fetchable()


WRONG = {
    "a name that is taken": (("digits", {}), "data set 'digits' exists already; choose another name"),
    "a name of two words for a recipe": (("my_set", {}), "data set name 'my_set' is invalid; use letters, digits and,"),
    "a name like a folder": (("folder:x", {}), "data set name 'folder:x' is invalid"),
    "no name": (("", {}), "data set name '' is invalid"),
    "like none": (
        ("new", {"like": None}),
        "like is None; data set 'new' needs one whose settings stand in, of digits,",
    ),
    "like itself": (("new", {"like": "new"}), "like is 'new'; data set 'new' needs one whose settings stand in"),
    "one class": (("new", {"classes": 1}), "classes is 1; it must be a whole number, at least 2"),
    "half a block": (("new", {"depth": 2.5}), "depth is 2.5; it must be a whole number, at least 1"),
    "a rate": (("new", {"imbalance_factor": 0.01}), "imbalance_factor is 0.01; it must be a finite number, at least 1"),
    "no scale": (("new", {"scales": ()}), r"scales is \(\); give a tuple of one or more of tiny, cpu, paper"),
    "a scale of its own": (("new", {"scales": ("big",)}), r"scales is \('big',\); give a tuple of"),
    "a reader that is a path": (("new", {"reader": "birds.py"}), "reader is 'birds.py'; give a function, or 'module:"),
    "no title": (("new", {"title": ""}), "title is ''; give the name that stands in figures"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused(case):
    (name, changes), message = WRONG[case]
    before = list(DATASETS)
    with pytest.raises(ValueError, match=message) as caught:
        register_dataset(name, toy(**changes))
    assert "\n" not in str(caught.value) and list(DATASETS) == before


def test_an_entry_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"the entry of data set 'new' is \{'classes': 3\}; give DataSet"):
        register_dataset("new", {"classes": 3})
    assert isinstance(DATASETS["digits"], DataSet)
