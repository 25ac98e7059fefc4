"""ImageNet-LT's own list at 224 pixels: its reader, its recipes, and the whole pipeline on a made stand-in."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from toy_sets import context

from ltdd_utils import recipes
from ltdd_utils.analysis import compare, missing
from ltdd_utils.campaign.published import published_runs
from ltdd_utils.cli import main
from ltdd_utils.data import DATASETS, DataConfig, load
from ltdd_utils.data.sources import downloads
from ltdd_utils.data.sources.imagenet import LIST
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.records import targets, validate_record
from ltdd_utils.records.table import load as load_records
from ltdd_utils.runs import run

NAME, SIDE = "imagenet-224", 224
COUNTS = (3, 2)  # of the list; the folders hold one image more of each class


def picture(seed, size):
    small = np.random.RandomState(seed).randint(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BILINEAR)


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """Two classes of noise: train images that are wider than high, one test image each, and the list of some."""
    root = tmp_path_factory.mktemp("data")
    lines = []
    for label, (wnid, count) in enumerate(zip(("n001", "n002"), COUNTS, strict=True)):
        for split, images in (("train", count + 1), ("val", 1)):
            folder = root / "imagenet" / split / wnid
            folder.mkdir(parents=True)
            for k in range(images):
                picture(100 * label + k, (300, 240)).save(folder / f"{wnid}_{k}.JPEG")
        lines += [f"train/{wnid}/{wnid}_{k + 1}.JPEG {label}\n" for k in range(count)]
    (root / "imagenet" / LIST).write_text("".join(lines))
    return root


def test_the_list_decides_the_images_and_their_size(stand_in):
    data = load(DataConfig(NAME, 256, profile="list"), stand_in)
    assert data.counts == COUNTS and data.indices.tolist() == [1, 2, 3, 5, 6]  # the first of each class is left out
    assert data.train_images.shape == (5, 3, SIDE, SIDE) and data.test_images.shape == (2, 3, SIDE, SIDE)
    small = load(DataConfig("imagenet", 256, profile="list"), stand_in)
    assert small.indices.tolist() == data.indices.tolist() and small.image_size == 64  # one folder, two data sets


def test_it_is_present_with_its_list_alone(stand_in, tmp_path):
    (row,) = downloads.status(stand_in, [NAME])
    assert row["present"] and "2 classes" in row["state"] and LIST in row["state"]
    for split in ("train", "val"):
        (tmp_path / "imagenet" / split / "n001").mkdir(parents=True)
        picture(0, (9, 9)).save(tmp_path / "imagenet" / split / "n001" / "a.JPEG")
    (row,) = downloads.status(tmp_path, [NAME])
    assert not row["complete"] and "put the standard ImageNet-LT list there" in row["state"]


def test_recipes_read_the_list_and_have_one_factor():
    for method in METHODS:
        made = recipes.recipe(f"{method}_{NAME}")
        assert (made.scale, made.data.profile, made.data.imbalance_factor) == ("paper", "list", 256)
    assert recipes.recipe(f"unilevel_{NAME}", imbalance_factor=256) == recipes.recipe(f"unilevel_{NAME}")
    with pytest.raises(ValueError, match=r"is a list of images with imbalance factor 256, not 10: leave the factor"):
        recipes.recipe(f"unilevel_{NAME}", imbalance_factor=10)
    cut = {"data.profile": "exponential", "data.imbalance_factor": "10"}
    assert recipes.with_overrides(recipes.recipe(f"unilevel_{NAME}"), cut).target is None
    assert all(facts.profile == "exponential" for name, facts in DATASETS.items() if name != NAME)


def test_a_command_line_may_name_the_factor_of_the_list_and_no_other(capsys):
    assert main(["show", f"unilevel_{NAME}", "--imbalance-factor", "256"]) == 0
    assert "48.2" in capsys.readouterr().out
    for options in (["--imbalance-factor", "10"], ["--set", "data.imbalance_factor=10"]):
        assert main(["show", f"unilevel_{NAME}", *options]) != 0
    assert "leave the factor out" in capsys.readouterr().err


def test_observer_teacher_and_student_are_a_resnext_and_the_first_two_one_training():
    made = recipes.recipe(f"unilevel_{NAME}")
    method, judge = made.method, made.evaluate
    assert method.observer == method.teacher == judge.teacher
    assert {one.network.name for one in (method.observer, judge)} == {"resnext50"} and judge.network.norm == "batch"
    train, debias = method.observer.train, method.observer.debias
    assert (train.epochs, train.batch_size, train.lr, train.weight_decay) == (135, 120, 0.1, 2e-4)  # GLMC's
    assert (debias.sharpness, debias.consistency, debias.partner_power) == (1.0, 10.0, 0.2)
    recovery = method.recover
    assert (recovery.iterations, recovery.batch, recovery.alignment, recovery.crop_scale[0]) == (1000, 80, 0.1, 0.5)


def test_the_paper_prints_two_numbers_of_it_and_both_are_not_run():
    table = compare(load_records("no-records"), targets(), recipes.names(), dataset=NAME)
    rows = table[(table["method"] == "unilevel") & (table["metric"] == "accuracy")]
    assert rows["mean"].tolist() == [48.2, 48.9] and set(rows["status"]) == {"not run"}
    expected = f"ltdd run unilevel_{NAME} --imbalance-factor 256 --ipc 10 --protocol online-teacher --scale paper"
    assert rows["command"].tolist()[0] == expected
    assert len(missing(load_records("no-records"), recipes.names(), NAME)) == 2
    assert not missing(load_records("no-records"), recipes.names(), NAME, scale="cpu")  # it has no such scale
    others = table[table["method"].isin(["damed", "datm", "mtt"])]
    assert set(others["status"]) == {"published only"}  # our trajectories have no ResNeXt-50
    runs = [one for one in published_runs() if one.recipe.data.name == NAME]
    assert [(one.recipe.entry.name, one.recipe.ipc) for one in runs] == [("unilevel", 10), ("unilevel", 20)]
    assert runs[0].recipe == recipes.recipe(f"unilevel_{NAME}", protocol_name="online-teacher")


@pytest.mark.float32
def test_the_whole_pipeline_runs_on_a_stand_in(stand_in, tmp_path, monkeypatch):
    """ResNeXt-50 as observer, teacher and student, at 224 pixels, with one step of everything."""
    monkeypatch.setitem(DATASETS._entries, NAME, replace(DATASETS[NAME], classes=len(COUNTS)))
    changes = {"method.recover.iterations": 1, "evaluate.train.epochs": 1, "method.initial.crops": 1}
    for part in ("method.observer", "method.teacher", "evaluate.teacher"):
        changes[f"{part}.train.epochs"] = 1
    recipe = recipes.with_overrides(recipes.recipe(f"unilevel_{NAME}", ipc=1), changes)
    record = run(recipe, 0, 1, replace(context(tmp_path), data=stand_in))
    validate_record(dict(record))
    assert record["target"] is None and record["scale"] == "paper"
    assert record["provenance"]["class_counts"] == list(COUNTS)
    once = {"preprocess", "teacher", "initial set", "statistics", "recovery", "students"}
    assert set(record["cost"]["seconds"]) == once  # the observer is the teacher, trained once
    assert len(record["metrics"]["per_class"]) == 2
