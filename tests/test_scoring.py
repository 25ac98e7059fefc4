"""Images of any method under any judge: scores, their records apart from those of recipes, what stands beside them."""

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_interchange import CLASSES, hot, pixels
from toy_sets import NAMES, context, digits, quick, result_of, synthetic

from ltdd_utils import analysis, recipes, records
from ltdd_utils.cli import main
from ltdd_utils.cli.scoring import against_random, beside_lines
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data import DataConfig
from ltdd_utils.distilled import DistilledSet, content_hash, save_set, uint8_pixels
from ltdd_utils.distilled.contents import sizes
from ltdd_utils.interchange import Reading, export_pictures
from ltdd_utils.records.schema import validate_evaluation
from ltdd_utils.runs import evaluate_set, given_set, protocol_for, run

pytestmark = pytest.mark.float32

SHORT = {"train.epochs": 2, "network.width": 8}
QUICK = ["--students", "1", "--set", "train.epochs=1", "--set", "network.width=8", "--set", "teacher.train.epochs=1"]


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch):
    """Every folder is a temporary one."""
    for name in ("WORK", "RESULTS", "DATA"):
        monkeypatch.setenv(f"LTDD_{name}", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)


def given(**more) -> DistilledSet:
    return DistilledSet.of_pixels(pixels(), CLASSES, digits(), **more)


def judge(distilled: DistilledSet, name: str | None = None, **more):
    cfg = protocol_for(distilled, name)
    return recipes.with_overrides(cfg, SHORT | ({"teacher.train.epochs": 1} if cfg.teacher else {}) | more)


def scored(folder: Path, distilled: DistilledSet | None = None, students: int = 1):
    distilled = given() if distilled is None else distilled
    return evaluate_set(distilled, None, judge(distilled), context(folder), students=students)


# --- Pixels of any method ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dsa-stored", "online-teacher", "online-stored"])
def test_pixels_are_scored_under_every_judge(tmp_path, name):
    made = given(targets=(3 * hot(CLASSES)).softmax(dim=1))
    scores = evaluate_set(made, None, judge(made, name), context(tmp_path), students=1)
    assert scores["protocol"].startswith(name) and scores["clamped"] == 0
    assert scores["distilled_sha256"] == content_hash(made)
    validate_evaluation(scores)


def test_pixels_are_scored_as_the_set_whose_pixels_they_are(tmp_path):
    """Random images by position, and the same as pixels: one score, in the space of the judge."""
    real = result_of(quick(), context(tmp_path)).set
    shown = uint8_pixels(real, digits(), result_space(real))[0]
    as_pixels = DistilledSet.of_pixels(shown, real.labels, digits())
    cfg = judge(real)
    ours, theirs = (evaluate_set(one, None, cfg, context(tmp_path), students=2) for one in (real, as_pixels))
    assert ours["metrics"]["overall"]["mean"] == pytest.approx(theirs["metrics"]["overall"]["mean"], abs=0.02)
    floats = DistilledSet.of_pixels(shown.float() / 255, real.labels, digits())
    assert content_hash(floats) == content_hash(as_pixels)


def result_space(distilled):
    from toy_sets import fit

    assert distilled.images is None
    return fit("none")


def test_the_judge_of_pixels_is_the_one_asked_for():
    made = given()
    assert protocol_for(made).label == "dsa-stored"
    assert protocol_for(made, "online-teacher", teacher="debiased").label == "online-teacher/debiased"
    with pytest.raises(ValueError, match="teacher is 'plain', but dsa-stored uses no teacher"):
        protocol_for(made, teacher="plain")


BAD_PIXELS = {
    "whole numbers": ({"images": pixels().long()}, r"images are torch.int64, 0 to 255; pixels are uint8"),
    "above 1": ({"images": pixels().float()}, r"0 to 255; pixels are uint8, or floats in \[0, 1\]"),
    "another size": ({"images": pixels()[..., :8]}, r"\[20, 1, 16, 8\]; expected \[M, 1, 16, 16\], as those of digits"),
    "labels": ({"labels": CLASSES[:3]}, r"labels are torch.int64 \[3\]|images have shape|indices"),
    "targets": ({"targets": torch.ones(20, 10)}, "a row of targets holds no probabilities"),
    "unknown data": ({"like": "birds"}, "no judge is set up for 'birds'; say which data set it is like: digits"),
    "scale": ({"scale": "paper"}, "digits has no scale 'paper'; choose tiny"),
}


@pytest.mark.parametrize(("changes", "message"), BAD_PIXELS.values(), ids=BAD_PIXELS)
def test_what_are_no_pixels_is_refused(changes, message):
    images, labels = changes.pop("images", pixels()), changes.pop("labels", CLASSES)
    with pytest.raises(ValueError, match=message):
        DistilledSet.of_pixels(images, labels, digits(), **changes)


def test_all_that_a_set_does_not_say_is_told_at_once():
    with pytest.raises(ValueError, match=r"info\['recipe'\], info\['scale'\], info\['data'\], info\['data_sha256'\]"):
        protocol_for(synthetic())


def test_data_of_the_users_own_have_the_judges_of_the_data_set_they_are_like():
    own = replace(digits(), config=DataConfig("folder:photos", profile="natural"))
    with pytest.raises(ValueError, match="no judge is set up for 'folder:photos'; say which data set it is like"):
        DistilledSet.of_pixels(pixels(), CLASSES, own)
    made = DistilledSet.of_pixels(pixels(), CLASSES, own, like="digits")
    assert protocol_for(made).network == protocol_for(given()).network


def test_the_sizes_of_a_set_count_what_must_be_kept():
    soft = given(targets=(3 * hot(CLASSES)).softmax(dim=1).float())
    assert sizes(soft) == {"images": 20, "labels": "probabilities", "image_bytes": 20 * 256, "label_bytes": 20 * 40}
    assert sizes(given())["label_bytes"] == 20 and sizes(given())["labels"] == "class numbers"


# --- Records ----------------------------------------------------------------------------------------------------------


def test_an_evaluation_has_a_record_apart_from_those_of_recipes(tmp_path):
    run(quick(), 0, 1, context(tmp_path))
    folder = tmp_path / "results"
    before = records.load(folder, allow_dirty=True)
    scores = scored(tmp_path)
    path = records.evaluation_path(folder, scores)
    assert path.is_file() and records.load_evaluation(path) == json.loads(json.dumps(scores))
    after = records.load(folder, allow_dirty=True)
    assert records.all_records(folder) == records.committed(folder) == [Path(p) for p in after["path"]]
    assert after.drop(columns="record").equals(before.drop(columns="record"))
    assert len(analysis.board("digits", ipc=2, scale="tiny", records=after).entries) == 1
    table = records.load_evaluations(folder)
    assert list(table["protocol"]) == ["dsa-stored"] and list(table["ipc"]) == [2]
    assert table["overall"][0] == scores["metrics"]["overall"]["mean"]


def test_an_evaluation_is_never_taken_for_a_record(tmp_path):
    path = records.evaluation_path(tmp_path / "results", scored(tmp_path))
    with pytest.raises(ValueError, match=r"it is the evaluation of a set, and no run of a recipe; `load_evaluation`"):
        records.load_record(path)
    misplaced = tmp_path / "results" / "random_digits" / path.name
    misplaced.parent.mkdir()
    path.rename(misplaced)
    with pytest.raises(ValueError, match="it is the evaluation of a set"):
        records.load(tmp_path / "results")


def test_a_record_is_never_taken_for_an_evaluation(tmp_path):
    record = run(quick(), 0, 1, context(tmp_path))
    with pytest.raises(ValueError, match="its schema is 1, not 'evaluation': it is no evaluation of a set"):
        records.save_evaluation(tmp_path, record)


WRONG = {
    "another mean": (lambda r: r["metrics"]["overall"].update(mean=0.0), "overall is given as 0, its parts give"),
    "a key too few": (lambda r: r.pop("clamped"), "the evaluation has no clamped"),
    "a key too many": (lambda r: r.update(recipe="random_digits"), "has an unknown key: recipe"),
    "other seconds": (lambda r: r["seconds"].append(1.0), "seconds are those of 2 students; it has 1"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_an_evaluation_that_does_not_agree_with_itself_is_refused(tmp_path, change, message):
    path = records.evaluation_path(tmp_path / "results", scored(tmp_path))
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        records.load_evaluation(path)


def test_students_are_not_lost(tmp_path):
    scored(tmp_path, students=2)
    with pytest.raises(ValueError, match=r"students is 1, but .*evaluations.* has 2, which would be lost"):
        scored(tmp_path, students=1)


# --- Beside it --------------------------------------------------------------------------------------------------------


def test_improvement_over_random_and_share_of_the_whole_are_of_the_same_judge(tmp_path):
    changes = {"evaluate.train.epochs": 2}
    random = [run(quick(epochs=2), seed, 1, context(tmp_path)) for seed in range(2)]
    run(quick(epochs=2, ipc=3), 0, 1, context(tmp_path))  # another size
    run(quick(epochs=3), 0, 1, context(tmp_path))  # another judge
    whole = run(quick("full_digits", **changes), 0, 1, context(tmp_path))
    scores = scored(tmp_path)
    known = analysis.beside(scores, [tmp_path / "results", tmp_path / "absent"], "digits")
    mean = sum(record["metrics"]["overall"]["mean"] for record in random) / 2
    accuracy = scores["metrics"]["overall"]["mean"]
    assert known.gain == pytest.approx(accuracy - mean) and len(known.random) == 2
    assert known.share == pytest.approx(accuracy / whole["metrics"]["overall"]["mean"])
    said = "\n".join(beside_lines(known))
    assert f"{100 * known.gain:+.1f} points over random" in said and f"it reaches {known.share:.0%}" in said
    path, options = records.evaluation_path(tmp_path / "results", scores), Namespace(results=tmp_path / "results")
    row = against_random(path, known, options)
    files = [name for name in known.sources if "random_digits" in name]
    compared, _ = analysis.find_runs([*files, str(path)], [])
    other = analysis.comparison(compared, records.read(records.gathered([options.results]))).table.iloc[1]
    assert (row["n"], row["verdict"], row["points"]) == ("1 pair", other["verdict"], pytest.approx(other["points"]))
    said = beside_lines(known, row)[1]
    assert f"{row['points']:+.1f} points" in said and f"{row['low']:+.1f} to {row['high']:+.1f}; " in said
    assert "no interval" in beside_lines(known, {**row, "low": None, "high": None})[1]
    other = {**scores, "provenance": {**scores["provenance"], "data_sha256": "0" * 64}}
    none = analysis.beside(other, [tmp_path / "results"], "digits")
    assert none.facts()["improvement_over_random"] is none.share is None
    assert beside_lines(none) == ["no record here of random images or the whole training set under this judge"]


def test_the_method_of_random_images_is_found_by_what_it_is():
    assert {analysis.baseline(name) for name in ("digits", "cifar10", "imagenet")} == {"random"}


# --- Command line -----------------------------------------------------------------------------------------------------


@pytest.fixture
def ltdd(capsys):
    def call(*arguments, status=0):
        found = main([*map(str, arguments), "--quiet"])
        out, err = capsys.readouterr()
        assert found == status, err
        return out if status == 0 else err

    return call


def test_a_folder_of_pictures_under_all_judges(ltdd, tmp_path):
    export_pictures(
        tmp_path / "pictures", given(), digits(), result_space(replace(synthetic(), images=None, indices=CLASSES))
    )
    said = ltdd("score", "pictures", "--dataset", "digits", *QUICK)
    assert said.startswith("20 images, 2 of each class, class labels, read as pixels")
    assert all(name in said for name in ("dsa-stored", "online-teacher/plain", "online-stored/plain"))
    found = records.load_evaluations(tmp_path / "results")
    assert len(found) == 3 == said.count("record: ") and set(found["name"]) == {"pictures"}
    one = json.loads(ltdd("score", "pictures", "--dataset", "digits", *QUICK, "--protocol", "dsa-stored", "--json"))
    assert [row["protocol"] for row in one] == ["dsa-stored"] and one[0]["beside"]["share_of_whole_set"] is None
    (tmp_path / "pictures").rename(tmp_path / "copy")
    again = ltdd("score", "copy", "--dataset", "digits", *QUICK, "--protocol", "dsa-stored")
    assert again.endswith("(the same pixels were scored as pictures)\n")
    (tmp_path / "copy").rename(tmp_path / "pictures")
    err = ltdd("score", "pictures", "--dataset", "digits", "--ipc", "3", *QUICK, status=2)
    assert "has [2, 2, 2, 2, 2, 2, 2, 2, 2, 2] images of the classes; expected 3 of each" in err
    assert "--ipc is 'all'" in ltdd("score", "pictures", "--dataset", "digits", "--ipc", "all", status=2)
    assert "no folder or file nowhere; " in ltdd("score", "nowhere", "--dataset", "digits", status=2)
    assert "ltdd evaluate x.safetensors" in ltdd("score", "x.safetensors", "--dataset", "digits", status=2)


def test_teachers_are_judges_too(ltdd, tmp_path):
    torch.save([pixels(), CLASSES], tmp_path / "data.pt")
    teachers = ("--protocol", "online-stored", "--teacher", "plain", "--teacher", "debiased")
    rows = json.loads(ltdd("score", "data.pt", "--dataset", "digits", *QUICK, *teachers, "--factor", "1", "--json"))
    assert [row["protocol"] for row in rows] == ["online-stored/plain", "online-stored/debiased"]


def test_another_long_tail_is_named_by_its_settings(ltdd, tmp_path):
    torch.save([pixels(), CLASSES], tmp_path / "data.pt")
    cell = ("--imbalance-factor", "5", "--set", "data.class_order=reversed", "--protocol", "dsa-stored")
    (row,) = json.loads(ltdd("score", "data.pt", "--dataset", "digits", *QUICK, *cell, "--factor", "1", "--json"))
    assert row["config"]["data"]["imbalance_factor"] == 5 and row["config"]["data"]["class_order"] == "reversed"
    assert row["provenance"]["class_counts"] == sorted(row["provenance"]["class_counts"])


def test_evaluate_writes_a_record_where_it_is_asked_to(ltdd, tmp_path):
    save_set(tmp_path / "theirs.safetensors", given())
    assert "record" not in ltdd("evaluate", "theirs.safetensors", *QUICK[:-2])
    assert not (tmp_path / "results").exists()
    assert "record: mine/evaluations/" in ltdd("evaluate", "theirs.safetensors", *QUICK[:-2], "--results", "mine")
    assert len(records.load_evaluations(Path("mine"))) == 1


def test_whitened_images_stay_as_they_are(tmp_path):
    from test_interchange import files

    made = given_set(files(tmp_path / "theirs"), digits(), context(tmp_path), Reading())
    assert made.info["preprocess"]["kind"] == "zca" and made.info["class_names"] == NAMES and made.info["ipc"] == 2


def test_the_data_of_a_set_that_is_not_there_is_asked_for_both_ways(ltdd, tmp_path):
    info = {**given().info, "data": to_dict(DataConfig("folder:photos@32", profile="natural"))}
    save_set(tmp_path / "theirs.safetensors", replace(given(), info=info))
    err = ltdd("evaluate", "theirs.safetensors", status=2)
    assert "made from folder:photos@32, looked for below" in err and "by --data DIR or by LTDD_DATA" in err
