"""`ltdd data inspect`: what a person should know of a folder before a run."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from ltdd_utils.cli import main
from ltdd_utils.data import DataConfig, inspect, load

TRAIN, TEST = {"oak": 12, "fir": 5, "elm": 3}, {"oak": 4, "fir": 2, "elm": 2}


@pytest.fixture
def trees(tmp_path):
    """Three classes of coloured noise, each image another, of two sizes; what is wrong with them is in each test."""
    draw = np.random.RandomState(0)
    for split, counts in (("train", TRAIN), ("test", TEST)):
        for name, count in counts.items():
            (tmp_path / "trees" / split / name).mkdir(parents=True)
            for k in range(count):
                pixels = draw.randint(0, 256, (64, 64 if k else 48, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "trees" / split / name / f"{k}.png")
    return tmp_path / "trees"


def test_counts_sizes_and_modes(trees):
    Image.new("L", (64, 64), 7).save(trees / "train/elm/3.png")
    found = inspect(str(trees), trees.parent)
    assert found.name == f"folder:{trees}"
    assert dict(zip(found.class_names, found.train, strict=True)) == TRAIN | {"elm": 4}
    assert dict(zip(found.class_names, found.test, strict=True)) == TEST
    assert found.sizes == {"64x64": 23, "48x64": 6} and found.modes == {"RGB": 28, "L": 1}
    assert (found.skipped, found.unreadable, found.duplicates, found.said) == ({}, (), (), ())
    assert found.line == "21 train (12 to 4 a class), 8 test"


def test_many_sizes_are_a_span_and_turned_images_are_counted(trees, capsys):
    for k in range(1, 7):
        exif = Image.Exif()
        exif[0x0112] = 6 if k > 4 else 1  # a quarter turn
        Image.new("RGB", (10 * k, 10), (k, 0, 0)).save(trees / f"train/elm/exif{k}.jpg", exif=exif)
    assert inspect(str(trees), trees.parent).turned == 2
    assert main(["data", "inspect", str(trees), "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "sizes: 8, smallest 10x10, median 64x64, largest 64x64; most frequent 64x64 22, 48x64 6, " in out
    assert "turned by their EXIF orientation: 2 images" in out


def test_equal_pixels_are_found_whatever_the_file_and_other_sizes_are_not_equal(trees):
    with Image.open(trees / "train/oak/3.png") as image:
        image.save(trees / "test/fir/again.bmp")
        image.crop((0, 0, 64, 32)).save(trees / "test/fir/half.png")
    found = inspect(str(trees), trees.parent)
    assert found.duplicates == (("train/oak/3.png", "test/fir/again.bmp"),)
    assert "remove the test images that are train images too" in found.advice[-1]


def test_duplicates_against_comparing_every_pair_of_a_real_data_set():
    found, data = inspect("digits", None), load(DataConfig("digits", profile="natural"))
    train, test = data.train_images.flatten(1), data.test_images.flatten(1)
    equal = [(test_row == train).all(dim=1).any().item() for test_row in test]
    assert len(found.duplicates) == sum(equal)
    assert (sum(found.train), sum(found.test), found.sizes) == (1297, 500, {"16x16": 1797})


def test_what_is_skipped_and_what_cannot_be_read(trees):
    for k in range(3):
        (trees / f"train/oak/{k}.heic").write_text("")
    shutil.copytree(trees / "train/elm", trees / "train/fir/more")
    (trees / "test/elm/bad.png").write_text("no image")
    found = inspect(str(trees), trees.parent)
    assert found.skipped == {".heic": 3, "in sub-folders": 3} and len(found.unreadable) == 1
    assert "test/elm/bad.png is damaged or cut short" in found.unreadable[0]
    assert found.line.endswith("; skipped 6 files (.heic 3, in sub-folders 3)")
    assert found.said[0].startswith("not read, 4 in all: train/fir: 1 folder; train/oak: 3 .heic")


@pytest.mark.parametrize(
    ("side", "words"),
    [(32, "ZCA, which the recipes of stored labels use, suits"), (64, "ZCA of 12,288 values is slow and needs 1.2 GB")],
)
def test_the_settings_suit_the_size(trees, side, words):
    found = inspect(f"folder:trees@{side}", trees.parent)
    assert any(line.startswith(words) for line in found.advice)
    assert any("--ipc up to 3 repeats no image of 'elm'" in line for line in found.advice)
    assert any("balanced accuracy is shown beside accuracy" in line for line in found.advice)


def test_the_size_that_is_advised_is_read(trees):
    (line,) = [line for line in inspect(str(trees), trees.parent).advice if "data.name=" in line]
    name = line.partition("data.name=")[2].partition(" ")[0]
    assert load(DataConfig(name, profile="natural")).image_size == 32


def test_the_command_prints_draws_and_gives_json(trees, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(trees.parent)
    words = ["data", "inspect", "trees", "--picture", "tail.png", "--quiet"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "20 train (12 to 3 a class), 8 test" in out and "in train and test: 0 images" in out
    assert out.splitlines()[-1] == "picture: tail.png"
    with Image.open("tail.png") as picture:
        assert picture.format == "PNG" and len(set(picture.convert("L").tobytes())) > 2
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["train"], found["sizes"]) == ([3, 5, 12], {"64x64": 22, "48x64": 6})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inspect"], "inspect takes one data set or folder, and 0 are named"),
        (["inspect", "a", "b"], "inspect takes one data set or folder, and 2 are named"),
        (["inspect", "gone"], "no data set 'gone', and no folder gone or"),
        (["status", "--picture", "x.png"], "--picture is drawn by inspect; status draws none"),
        (["inspect", "digits", "--picture", "x.doc"], "Format 'doc' is not supported"),
    ],
)
def test_wrong_words_are_one_line(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    assert main(["data", *words, "--quiet"]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_the_help_names_what_there_is(capsys):
    with pytest.raises(SystemExit):
        main(["data", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "Say which data sets are here (status), fetch or verify them" in text and "List" not in text
