"""Tiny-ImageNet and ImageNet in the layouts that people have: read alike, or refused with what was found."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from ltdd_utils.cli import main
from ltdd_utils.data import DataConfig, load, sources
from ltdd_utils.data.sources import downloads

WNIDS = ("n001", "n002", "n003")
TRAIN, TEST = 500, 2  # images of a class
CONFIG = DataConfig("tiny", imbalance_factor=2, n_max=4)


def jpeg(level):
    file = io.BytesIO()
    Image.new("L", (8, 8), level % 256).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def tiny(tmp_path):
    """Three classes with 500 train images and two validation images each, as the archive has them."""
    top, rows = tmp_path / "tiny-imagenet-200", []
    (top / "val/images").mkdir(parents=True)
    levels = [jpeg(level) for level in range(256)]
    for c, wnid in enumerate(WNIDS):
        (top / "train" / wnid / "images").mkdir(parents=True)
        for k in range(TRAIN):
            (top / f"train/{wnid}/images/{wnid}_{k}.JPEG").write_bytes(levels[(37 * c + k) % 256])
        boxes = "".join(f"{wnid}_{k}.JPEG\t0\t0\t9\t9\n" for k in np.random.RandomState(c).permutation(TRAIN))
        (top / f"train/{wnid}/{wnid}_boxes.txt").write_text(boxes)
        for k in range(TEST):
            (top / f"val/images/val_{TEST * c + k}.JPEG").write_bytes(levels[90 * c + k])
            rows.append(f"val_{TEST * c + k}.JPEG\t{wnid}\t0\t0\t9\t9\n")
    (top / "val/val_annotations.txt").write_text("".join(rows))
    return tmp_path


def sort_val(top, pattern="val/images/{}"):
    """Move the validation images into class folders."""
    for c, wnid in enumerate(WNIDS):
        folder = top / pattern.format(wnid)
        folder.mkdir(parents=True, exist_ok=True)
        for k in range(TEST):
            shutil.move(top / f"val/images/val_{TEST * c + k}.JPEG", folder)


def verify(root, capsys):
    """Exit status and words of the command."""
    status = main(["data", "verify", "tiny", "--data", str(root)])
    return status, "".join(capsys.readouterr())


def test_verify_says_the_test_images_of_a_class(tiny, capsys):
    status, words = verify(tiny, capsys)
    assert status == 0
    assert "present: 3 classes, 1,500 of 1,500 train images, 6 test images (2 a class)" in words


@pytest.mark.parametrize("pattern", ["val/images/{}", "val/{}/images", "val/{}"])
def test_empty_class_folders_are_no_layout(tiny, pattern, capsys):
    """Beside the flat files and their list they do not count; a script that stopped makes them."""
    before = load(CONFIG, tiny)
    for wnid in WNIDS:
        (tiny / "tiny-imagenet-200" / pattern.format(wnid)).mkdir(parents=True)
    assert load(CONFIG, tiny).sha256 == before.sha256
    assert len(before.test_labels) == TEST * len(WNIDS)
    assert "6 test images (2 a class)" in verify(tiny, capsys)[1]


@pytest.mark.parametrize("pattern", ["val/images/{}", "val/{}/images", "val/{}"])
@pytest.mark.parametrize("listed", [True, False], ids=["with annotations", "without"])
def test_one_empty_class_folder_is_refused(tiny, pattern, listed, capsys):
    top = tiny / "tiny-imagenet-200"
    sort_val(top, pattern)
    for image in (top / pattern.format("n002")).iterdir():
        image.unlink()
    if not listed:
        (top / "val/val_annotations.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"(n00\d is absent|no image of 1 of the classes \(n002\)).*data fetch"):
        load(CONFIG, tiny)
    status, words = verify(tiny, capsys)
    assert status != 0
    assert "present" not in words


@pytest.mark.parametrize("flat", [True, False], ids=["flat", "in class folders"])
def test_unequal_test_classes_are_refused(tiny, flat, capsys):
    top = tiny / "tiny-imagenet-200"
    if flat:
        lines = (top / "val/val_annotations.txt").read_text().splitlines(keepends=True)
        (top / "val/val_annotations.txt").write_text("".join(lines[:-1]))
    else:
        sort_val(top)
        (top / "val/images/n003/val_4.JPEG").unlink()
    with pytest.raises(ValueError, match=r"val is not balanced: class n003 has 1 images, n001 has 2; run"):
        load(CONFIG, tiny)
    status, words = verify(tiny, capsys)
    assert status != 0
    assert "present" not in words


@pytest.mark.parametrize("boxes", [True, False], ids=["with boxes", "without"])
@pytest.mark.parametrize("moved", [True, False], ids=["below the class", "in images"])
def test_all_train_images_have_the_same_positions_without_their_list(tiny, boxes, moved):
    before = load(CONFIG, tiny)
    for wnid in WNIDS:
        folder = tiny / "tiny-imagenet-200/train" / wnid
        if not boxes:
            (folder / f"{wnid}_boxes.txt").unlink()
        if moved:
            for image in (folder / "images").iterdir():
                image.rename(folder / image.name)
            (folder / "images").rmdir()
    assert load(CONFIG, tiny).sha256 == before.sha256
    assert "1,500 of 1,500 train images" in downloads.verify("tiny", tiny)


def test_some_train_images_without_their_list_are_refused(tiny):
    folder = tiny / "tiny-imagenet-200/train/n002"
    (folder / "n002_boxes.txt").unlink()
    (folder / "images/n002_77.JPEG").unlink()
    with pytest.raises(FileNotFoundError, match=r"n002_boxes.txt.* holds 499 images, not the 500 .*data fetch tiny"):
        load(CONFIG, tiny)


def test_the_archive_in_a_folder_of_its_own_name(tiny):
    before = load(CONFIG, tiny).sha256
    (tiny / "tiny-imagenet-200").rename(tiny / "inner")
    (tiny / "tiny-imagenet-200").mkdir()
    (tiny / "inner").rename(tiny / "tiny-imagenet-200/tiny-imagenet-200")
    assert load(CONFIG, tiny).sha256 == before
    assert "6 test images (2 a class)" in downloads.verify("tiny", tiny)


@pytest.fixture
def imagenet(tmp_path):
    for wnid in WNIDS:
        (tmp_path / "imagenet/train" / wnid).mkdir(parents=True)
        (tmp_path / f"imagenet/train/{wnid}/{wnid}_0.JPEG").write_bytes(jpeg(50))
    return tmp_path


def refused(root, words):
    for read in (sources.source_dataset, downloads.verify):
        with pytest.raises(ValueError, match=words):
            read("imagenet", root)


def test_a_flat_validation_set_of_imagenet_is_named(imagenet):
    (imagenet / "imagenet/val").mkdir()
    for k in range(3):
        (imagenet / f"imagenet/val/ILSVRC2012_val_{k:08}.JPEG").write_bytes(jpeg(k))
    refused(imagenet, r"imagenet/val is flat: 3 images .*; want one folder a class, val/WNID/, .* their labels")


def test_numbered_validation_folders_of_imagenet_are_named(imagenet):
    for number in (1, 2, 10):
        (imagenet / f"imagenet/val/{number}").mkdir(parents=True)
    refused(imagenet, r"imagenet/val has numbered folders, 1 to 10; want one folder a class, val/WNID/, .*development")
