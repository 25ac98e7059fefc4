"""Sets of other codes: what their labels and images mean is told apart, said, or refused; nothing is silently wrong."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_committed_sets import FILES
from toy_sets import NAMES, context, digits, fit, mixed, noise, synthetic

from ltdd_utils import recipes
from ltdd_utils.cli import main
from ltdd_utils.data import DataConfig, LongTailedData, Preprocess, PreprocessConfig
from ltdd_utils.data.sources import source_dataset
from ltdd_utils.distilled import NOT_REAL, DistilledSet, content_hash, expanded, load_set, uint8_pixels
from ltdd_utils.distilled.mosaics import mosaic
from ltdd_utils.interchange import Reading, SetDataset, export_pictures
from ltdd_utils.interchange.labels import read_labels
from ltdd_utils.interchange.layouts import Stored, decoded
from ltdd_utils.interchange.pictures import read_pictures
from ltdd_utils.interchange.spaces import MOMENTS, TRAJECTORY_MOMENTS, Spaces
from ltdd_utils.methods.trajectory.interchange import export_trajectory, import_trajectory
from ltdd_utils.runs import export_set, import_set

RECIPE = recipes.recipe("mtt_digits", ipc=2)
CLASSES = torch.arange(10).repeat_interleave(2)
IN_TURN = torch.arange(10).repeat(2)  # 0..9, 0..9
INFO = {"class_names": NAMES, "preprocess": fit("zca").describe()}


def pixels() -> torch.Tensor:
    """Two images of each class, uint8: real ones, so that every space is as it is in practice."""
    rows = [int(row) for label in range(10) for row in (digits().train_labels == label).nonzero()[:2]]
    return digits().train_images[rows]


def files(folder: Path, images=None, labels=CLASSES, lr=None, tag: str = "best") -> Path:
    """A folder in the layout of the trajectory family."""
    folder.mkdir(parents=True, exist_ok=True)
    images = fit("zca")(pixels()) if images is None else images
    for name, value in (("images", images), ("labels", labels), ("lr", lr)):
        if value is not None:
            torch.save(value, folder / f"{name}_{tag}.pt")
    return folder


def imported(place: Path, recipe=RECIPE, **said) -> DistilledSet:
    return import_set(place, recipe, context(place.parent), Reading(**said))


def one_hot(classes: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.one_hot(classes, 10)


def hot(classes: torch.Tensor) -> torch.Tensor:
    return one_hot(classes).float()


# --- Labels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [torch.int64, torch.float32, torch.float64, torch.uint8])
@pytest.mark.parametrize("classes", [CLASSES, IN_TURN])
def test_one_hot_rows_are_classes_in_whatever_order(tmp_path, kind, classes):
    after = imported(files(tmp_path / "theirs", labels=one_hot(classes).to(kind)))
    assert after.targets is None and torch.equal(after.labels, classes)


def test_probabilities_stay_probabilities(tmp_path):
    rows = (8 * hot(CLASSES)).softmax(dim=1)
    after = imported(files(tmp_path / "theirs", labels=rows))
    assert after.info["targets"] == "probabilities" and torch.equal(after.labels, CLASSES)
    torch.testing.assert_close(after.target_probabilities(), rows)
    assert float(after.target_probabilities().max(dim=1).values.min()) > 0.99


def test_logits_stay_logits(tmp_path):
    rows = 8 * hot(CLASSES) - 1
    after = imported(files(tmp_path / "theirs", labels=rows))
    assert after.info["targets"] == "logits" and torch.equal(after.targets, rows)


def test_what_rows_of_labels_are_can_be_said(tmp_path):
    rows = (8 * hot(CLASSES)).softmax(dim=1)
    folder = files(tmp_path / "theirs", labels=rows)
    assert imported(folder, targets="logits").info["targets"] == "logits"
    hard = imported(folder, targets="hard")
    assert hard.targets is None and torch.equal(hard.labels, CLASSES)
    rounded = rows.half().float() * 1.001
    after = imported(files(tmp_path / "rounded", labels=rounded), targets="probabilities")
    torch.testing.assert_close(after.targets.sum(dim=1), torch.ones(20, dtype=torch.float32))


AMBIGUOUS = {
    "several classes": (
        one_hot(CLASSES) + one_hot((CLASSES + 1) % 10),
        "soft labels: row 0 names 2 classes. Give each",
    ),
    "several classes, float": (
        (one_hot(CLASSES) + one_hot((CLASSES + 1) % 10)).float(),
        "neither one-hot nor soft labels: row 0 names 2 classes",
    ),
    "whole numbers": (
        8 * one_hot(CLASSES),
        "soft labels: row 0 has whole numbers from 0 to 8. .* say --targets logits",
    ),
    "rounded": (
        (8 * hot(CLASSES)).softmax(dim=1) * 1.01,
        "whose sums are 1.01: .* if probabilities, say --targets probabilities",
    ),
    "per cent": ((2 * hot(CLASSES)).softmax(dim=1) * 100, "whose sums are 100: .*, divide each row by its sum"),
    "counts of votes": (7 * (2 * hot(CLASSES)).softmax(dim=1), "whose sums are 7: .*, divide each row by its sum"),
    "uniform": (torch.full((20, 10), 0.2), "whose sums are 2: .*, divide each row by its sum"),
    "no class": (one_hot(CLASSES) * (CLASSES != 3)[:, None], "soft labels: row 6 names no class. Give each image"),
    "some of both": (
        torch.cat([one_hot(CLASSES)[:10].float(), noise(10, 10)]),
        r"sums are from -?[\d.]+ to [\d.]+: .* say --targets logits",
    ),
}


@pytest.mark.parametrize(("labels", "message"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_rows_that_may_mean_several_things_are_refused(labels, message):
    with pytest.raises(ValueError, match=rf"labels.pt holds rows .*{message}"):
        read_labels(labels, Reading(), "labels.pt")


WRONGLY_SAID = {
    "numbers": (CLASSES, "logits", "holds one class number for each image, no logits"),
    "not sums": (
        noise(20, 10),
        "probabilities",
        "no probabilities; they are >= 0 and sum to 1: its smallest .* Leave --targets",
    ),
    "below 0": (one_hot(CLASSES) - 0.5, "probabilities", "no probabilities"),
    "tied": (torch.ones(20, 10), "hard", "row 0 of labels.pt has no single largest value"),
    "halves": (CLASSES + 0.5, None, "labels.pt says 0.5 for image 0, which is no class number; give whole numbers"),
}


@pytest.mark.parametrize(("labels", "said", "message"), WRONGLY_SAID.values(), ids=WRONGLY_SAID)
def test_labels_that_are_not_what_is_said_are_refused(labels, said, message):
    with pytest.raises(ValueError, match=message):
        read_labels(labels, Reading(targets=said), "labels.pt")


@pytest.mark.parametrize(
    "labels", [CLASSES[:, None], CLASSES.float(), CLASSES.double()[:, None], CLASSES.to(torch.uint8)]
)
def test_class_numbers_in_a_column_or_as_floats(tmp_path, labels):
    after = imported(files(tmp_path / "theirs", labels=labels))
    assert torch.equal(after.labels, CLASSES) and after.targets is None


# --- Order ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_those_of_the_labels_where_their_numbers_fit(seed):
    order = torch.randperm(20, generator=torch.Generator().manual_seed(seed))
    for classes in (IN_TURN, CLASSES.flip(0), CLASSES[order]):
        logits = 5 * hot(classes) + noise(20, 10)
        assert torch.equal(read_labels(logits, Reading(), "labels.pt").classes, classes)


def test_two_classes_that_changed_places_are_found_among_a_hundred():
    blocks = torch.arange(100)
    blocks[[3, 40]] = blocks[[40, 3]]
    classes = blocks.repeat_interleave(5)
    logits = 5.0 * torch.nn.functional.one_hot(classes, 100) - 1
    assert torch.equal(read_labels(logits, Reading(), "labels.pt").classes, classes)


def test_another_order_whose_numbers_do_not_fit_is_refused_with_what_was_found():
    classes = IN_TURN.clone()
    classes[3] = 4
    logits = 5 * hot(classes) - 1
    with pytest.raises(ValueError, match=r"20 labels are clear, and 2 of them agree .* \[0, 1, 2, 4, 4, .* --order cl"):
        read_labels(logits, Reading(), "labels.pt")
    with pytest.raises(ValueError, match=r"give the classes \[2, 2, 2, 1, 3, 2, 2, 2, 2, 2\] images; expected 2"):
        read_labels(logits, Reading(order="labels"), "labels.pt")
    assert torch.equal(read_labels(logits, Reading(order="classes"), "labels.pt").classes, CLASSES)


def test_one_image_whose_label_is_of_another_class_changes_nothing():
    wrong = CLASSES.clone()
    wrong[5] = 9
    assert torch.equal(read_labels(5 * hot(wrong) - 1, Reading(), "labels.pt").classes, CLASSES)
    wrong = torch.arange(10).repeat_interleave(10)
    wrong[[5, 95]] = wrong[[95, 5]]  # the numbers fit
    assert torch.equal(read_labels(5 * hot(wrong) - 1, Reading(), "x").classes, torch.arange(10).repeat_interleave(10))


@pytest.mark.parametrize(
    "path", [path for path in FILES if load_set(path)[0].targets is not None], ids=lambda p: p.stem
)
def test_committed_sets_come_back_with_their_labels(tmp_path, path):
    """Also those of poor labels: of DATM's on a long tail, half have their largest value in another class."""
    before, _ = load_set(path)
    assert before.indices.max() == NOT_REAL
    files(tmp_path, before.images, before.targets, torch.tensor(before.lr))
    after = import_trajectory(tmp_path, {"class_names": before.info["class_names"]})
    assert content_hash(after) == content_hash(before)


# --- Spaces -----------------------------------------------------------------------------------------------------------

AS_STORED = {
    "uint8": (lambda: pixels(), "pixels"),
    "int64": (lambda: pixels().long(), "pixels"),
    "0..255": (lambda: pixels().float(), "pixels"),
    "[0, 1]": (lambda: pixels().float() / 255, "pixels"),
    "half": (lambda: (pixels().float() / 255).half(), "pixels"),
    "normalised": (lambda: fit("normalise")(pixels()), "normalise"),
}


@pytest.mark.parametrize(("stored", "space"), AS_STORED.values(), ids=AS_STORED)
def test_images_of_another_space_are_refused_with_the_option_that_reads_them(tmp_path, stored, space):
    folder = files(tmp_path / "theirs", stored())
    with pytest.raises(ValueError, match=rf"images_best.pt.*whitened.*--space {space}( would)? reads? them"):
        imported(folder)
    after = imported(folder, space=space)
    torch.testing.assert_close(fit("zca").inverse(after.images), pixels().float() / 255, atol=2e-3, rtol=0)
    assert after.info["preprocess"] == fit("zca").describe() and after.info["read_as"]["space"] == space


def coloured(name: str, classes: int = 10) -> LongTailedData:
    """Noise under the name of a data set, 4 images of a class."""
    images = (255 * noise(4 * classes, 3, 8, 8)).to(torch.uint8)
    labels, names = torch.arange(classes).repeat(4), tuple(map(str, range(classes)))
    rows = torch.arange(4 * classes)
    return LongTailedData(DataConfig(name), images, labels, rows, images, labels, names, (4,) * classes)


def test_normalised_images_of_the_released_codes_have_their_constants():
    """The deviation of CIFAR-10 that they use, 0.20, is not that of its pixels: contrast would be too strong."""
    data = coloured("cifar10")
    images = data.train_images
    normalise = Spaces.of(data, None).known["normalise"]
    wanted = (images[:, 0].float() / 255 - 0.4914) / 0.2023
    torch.testing.assert_close(normalise(images)[:, 0], wanted, check_dtype=False)
    own = Preprocess.fit(images, PreprocessConfig("zca"))
    back = Spaces.of(data, own).read(normalise(images), normalise, own, "images.pt")
    torch.testing.assert_close(back, own(images), atol=1e-4, rtol=0, check_dtype=False)


@pytest.mark.parametrize(("layout", "moments"), [("dm", MOMENTS), ("mtt", TRAJECTORY_MOMENTS)])
def test_cifar100_is_normalised_as_the_codes_of_the_layout_do(tmp_path, monkeypatch, layout, moments):
    """DC's present code has numbers of CIFAR-100; MTT, DATM and DD-Ranking take those of CIFAR-10."""
    data = coloured("cifar100", 100)
    monkeypatch.setattr("ltdd_utils.runs.imports.load", lambda *_: data)
    mean, scale = (torch.tensor(part, dtype=torch.float32).view(-1, 1, 1) for part in moments["cifar100"])
    images, classes = (data.train_images.float() / 255 - mean) / scale, data.train_labels
    if layout == "mtt":
        place = files(tmp_path / "theirs", images, classes)
    else:
        place = tmp_path / "res_DM.pt"
        torch.save({"data": [[images, classes]]}, place)
    recipe = recipes.with_overrides(recipes.recipe(f"{layout}_cifar100", ipc=4), {"evaluate.preprocess.kind": "none"})
    after = imported(place, recipe, space="normalise")
    torch.testing.assert_close(after.images, data.train_images.float() / 255, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "tiny"])
def test_how_far_the_constants_are_from_the_real_images(data_root, name):
    """CIFAR (all 50,000 train images): within 0.0001, but the deviation of CIFAR-10 is 0.044 to 0.061 too small, being
    the mean over images of the deviation within one. Tiny-ImageNet (its balanced test set): 0.008 below in the mean,
    0.040 to 0.058 in the deviation, since the numbers are those of ImageNet."""
    folders = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python", "tiny": "tiny-imagenet-200"}
    if not (data_root / folders[name]).is_dir():
        pytest.skip(f"no {name} in {data_root}")
    full = source_dataset(name, data_root)
    images = full.read_test(None)[0] if name == "tiny" else full.read_train(np.arange(len(full.labels)), None)
    shares = [np.bincount(images[:, channel].flatten().numpy(), minlength=256) for channel in range(3)]
    levels = np.arange(256) / 255
    mean = np.array([np.average(levels, weights=share) for share in shares])
    deviation = np.array([np.average(levels**2, weights=share) for share in shares]) - mean**2
    off = [sorted(abs(own - given)) for own, given in zip((mean, deviation**0.5), MOMENTS[name], strict=True)]
    far = {"cifar10": (0.0001, 0.061), "cifar100": (0.0001, 0.0001), "tiny": (0.008, 0.058)}[name]
    assert all(distance[-1] == pytest.approx(limit, abs=1e-3) for distance, limit in zip(off, far, strict=True))
    if name == "cifar10":
        inside = torch.stack([part.float().flatten(2).std(dim=2).mean(dim=0) for part in images.split(5000)]) / 255
        np.testing.assert_allclose(inside.mean(dim=0), MOMENTS[name][1], atol=2e-4)


def test_the_message_has_the_numbers(tmp_path):
    with pytest.raises(
        ValueError, match=r"they run from 0 to 255 \(deviation \d+.*\), where real images of digits run from -1.3"
    ):
        imported(files(tmp_path / "theirs", pixels().float()))


@pytest.mark.parametrize("space", ["normalise", "pixels"])
def test_whitened_images_are_not_taken_for_others(tmp_path, space):
    with pytest.raises(ValueError, match="--space zca would read them"):
        imported(files(tmp_path / "theirs"), space=space)


def test_images_that_fit_no_space(tmp_path):
    with pytest.raises(ValueError, match="No --space reads them"):
        imported(files(tmp_path / "theirs", 1e4 * fit("zca")(pixels())))


def test_images_of_another_size(tmp_path):
    with pytest.raises(
        ValueError, match=r"the set's images are \[1, 8, 8\], those of digits are \[1, 16, 16\] .* name the data set"
    ):
        imported(files(tmp_path / "theirs", noise(20, 1, 8, 8)))


def test_optimised_images_are_in_their_space(tmp_path):
    """The set of this project with the widest values, and noise: neither is refused."""
    path = next(path for path in FILES if path.stem.startswith("damed_digits"))
    before, _ = load_set(path)
    folder = files(tmp_path / "theirs", before.images, before.targets, before.lr)
    recipe = recipes.recipe("damed_digits", ipc=10)
    assert content_hash(imported(folder, recipe)) == content_hash(before)
    imported(files(tmp_path / "noise", synthetic().images))


# --- Files ------------------------------------------------------------------------------------------------------------

NO_FILES = {
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "is a Git LFS pointer, not the"),
    "page": (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page, not the file: download the file"),
    "old page": (b"<html><head></head></html>", "is a web page"),
}


@pytest.mark.parametrize(("content", "message"), NO_FILES.values(), ids=NO_FILES)
def test_what_a_download_left_instead_of_the_file_is_named(tmp_path, content, message):
    folder = files(tmp_path / "theirs")
    (folder / "images_best.pt").write_bytes(content)
    with pytest.raises(ValueError, match=rf"images_best.pt {message}"):
        imported(folder)


class Other:
    """Not a tensor."""


@pytest.mark.parametrize("content", [b"no torch file at all", b"\x80\x02}q\x00.", Other()])
def test_nobody_is_told_to_load_unsafely(tmp_path, content):
    folder = files(tmp_path / "theirs")
    if isinstance(content, bytes):
        (folder / "images_best.pt").write_bytes(content)
    else:
        torch.save(content, folder / "images_best.pt")
    with pytest.raises(ValueError, match=r"images_best.pt holds") as caught:
        imported(folder)
    assert not any(word in str(caught.value) for word in ("weights_only", "Weights only", "trust", "two options"))


@pytest.mark.parametrize(
    "lr", [0.5, np.float64(0.5), np.float32(0.5), torch.tensor(0.5), torch.tensor([0.5]), 1, np.int64(1)]
)
def test_a_step_size_is_any_number(tmp_path, lr):
    assert imported(files(tmp_path / "theirs", lr=lr)).lr == float(lr)


@pytest.mark.parametrize("lr", [True, "0.5", 1j, -0.5, None, float("nan")])
def test_what_is_no_step_size_is_refused(tmp_path, lr):
    folder = files(tmp_path / "theirs")
    torch.save(lr, folder / "lr_best.pt")
    with pytest.raises(ValueError, match=r"lr_best.pt"):
        imported(folder)


def test_a_refused_part_is_named_by_the_file_that_it_came_from(tmp_path):
    """And not by the images, which are read first and are in order."""
    for part, contents, message in (
        ("labels", {"labels": CLASSES + 1}, "labels run from 1 to 10; expected 0 to 9: give each image the number"),
        ("labels", {"labels": one_hot(CLASSES).float() / 0}, "values of the set's targets are not finite"),
        ("lr", {"lr": -0.5}, "the learned step size is -0.5; it must be a number, positive and finite; leave it out"),
        ("images", {"images": fit("zca")(pixels()) / 0}, "values of the set's images are not finite"),
    ):
        folder = files(tmp_path / part / str(len(list(tmp_path.rglob("*")))), **contents)
        with pytest.raises(ValueError, match=rf"{part}_best.pt: .*{message}"):
            imported(folder)
    with pytest.raises(ValueError, match=r"labels_best.pt has 19 labels for 20 images: give one label for each image$"):
        imported(files(tmp_path / "fewer", labels=CLASSES[:19]))
    one = Stored(Path("data.pt"), torch.zeros(2, 1, 4, 4), torch.zeros(2))
    assert {part: one.place(part).name for part in ("labels", "targets", "lr", "images")} == dict.fromkeys(
        ("labels", "targets", "lr", "images"), "data.pt"
    )
    plain = replace(one, where=Path("theirs/images.pt"))
    assert (str(plain.place("lr")), str(plain.place("targets"))) == ("theirs/lr.pt", "theirs/labels.pt")


def test_files_of_one_iteration(tmp_path):
    folder = files(tmp_path / "theirs", labels=CLASSES.flip(0))
    files(folder, labels=CLASSES, lr=0.25, tag="5000")
    assert imported(folder).lr is None
    after = imported(folder, iteration=5000)
    assert after.lr == 0.25 and torch.equal(after.labels, CLASSES)
    with pytest.raises(FileNotFoundError, match=r"no file .*images_7.pt; .* of 5000; or leave --iteration out, which"):
        imported(folder, iteration=7)
    for path in folder.glob("*_best.pt"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"images_7.pt; .*: --iteration names one .*, of 5000$"):
        imported(folder, iteration=7)
    (folder / "labels_5000.pt").unlink()
    with pytest.raises(FileNotFoundError, match=r"images_7.pt; .*: the folder has none of any iteration$"):
        imported(folder, iteration=7)
    with pytest.raises(
        FileNotFoundError, match=r"images_best.pt; .* and labels_best.pt: name the folder that has both$"
    ):
        imported(folder)


def test_the_subfolder_of_ltdd(tmp_path):
    files(tmp_path / "theirs" / "Normal")
    assert torch.equal(imported(tmp_path / "theirs").labels, CLASSES)


DM = recipes.recipe("dm_digits", ipc=2)


def test_the_file_of_dc_is_normalised_and_its_last_pair_counts(tmp_path):
    images = fit("normalise")(pixels())
    held = {
        "data": [[torch.zeros(20, 1, 16, 16), CLASSES.flip(0)], [images, CLASSES]],
        "accs_all_exps": {"ConvNet": [np.float64(0.5), 0.25]},  # NumPy numbers, as the codes store them
    }
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "res_DM_digits_ConvNet_2ipc.pt"
    torch.save(held, path)
    for place in (path, path.parent):
        after = imported(place, DM)
        assert after.info["read_as"] == {"space": "normalise", "targets": None, "factor": 1}
        assert torch.equal(after.labels, CLASSES)
        torch.testing.assert_close(uint8_pixels(after, digits(), fit(after.info["preprocess"]["kind"]))[0], pixels())
    torch.save(held, path.with_name("res_DC_digits_ConvNet_2ipc.pt"))
    with pytest.raises(ValueError, match=r"has several sets .*; name one of the files"):
        imported(path.parent, DM)


def test_the_file_of_idc_is_decoded(tmp_path):
    (tmp_path / "run").mkdir()
    shown = pixels().float() / 255
    torch.save([shown, CLASSES], tmp_path / "run" / "data.pt")
    after = imported(tmp_path / "run", DM)
    assert len(after) == 80 and torch.equal(after.labels, torch.arange(10).repeat_interleave(8))
    assert after.info["read_as"] == {"space": "pixels", "targets": None, "factor": 2} and after.info["ipc"] == 2
    whole = imported(tmp_path / "run", DM, factor=1)
    assert len(whole) == 20
    with pytest.raises(ValueError, match="16 x 16 pixels, which 3 does not divide"):
        imported(tmp_path / "run", DM, factor=3)


def test_mosaics_of_idm_become_what_a_student_sees_where_the_factor_is_said(tmp_path):
    """The parts of a set that its code stores whole are those of the same set stored as mosaics here."""
    cells = fit("normalise")(pixels().repeat_interleave(4, dim=0))
    path = tmp_path / "res_DM_digits_ConvNet_2ipc.pt"
    torch.save({"data": [[mosaic(cells, 2), CLASSES]]}, path)
    after = imported(path, DM, factor=2)
    assert after.info["read_as"] == {"space": "normalise", "targets": None, "factor": 2} and after.info["ipc"] == 2
    info = {"class_names": NAMES, "preprocess": fit("normalise").describe(), "factor": 2}
    own = synthetic(images=mosaic(cells, 2), info=info)
    seen = expanded(own)
    assert torch.equal(after.labels, seen.labels) and len(after) == own.seen == 80
    want, _ = uint8_pixels(seen, digits(), fit("normalise"))
    found, _ = uint8_pixels(after, digits(), fit(after.info["preprocess"]["kind"]))
    torch.testing.assert_close(found.int(), want.int(), atol=1, rtol=0)  # in another space meanwhile
    assert len(imported(path, DM)) == 20  # the file does not tell, so nothing is cut unasked


def test_the_factor_holds_for_every_layout(tmp_path):
    whitened = imported(files(tmp_path / "whitened"), factor=2)
    parts = decoded(Stored(Path("x"), fit("zca")(pixels()), CLASSES, factor=2))
    torch.testing.assert_close(whitened.images, parts.images)
    np.savez(tmp_path / "set.npz", images=pixels().numpy(), labels=CLASSES.numpy())
    assert len(imported(tmp_path / "set.npz", factor=2)) == 80


def test_parts_of_an_image_follow_each_other_and_are_resized_as_a_whole():
    images = torch.arange(2.0 * 3 * 16).view(2, 3, 4, 4)
    whole = decoded(Stored(Path("data.pt"), images, torch.tensor([7, 8]), factor=2))
    assert whole.labels.tolist() == [7] * 4 + [8] * 4 and whole.images.shape == (8, 3, 4, 4) and whole.factor == 1
    quarter = torch.nn.functional.interpolate(images[1:, :, 2:, :2], size=4, mode="bilinear")
    assert torch.equal(whole.images[6:7], quarter)  # row 1, column 0 of the second image


def test_the_number_of_images_of_a_class_may_differ_where_that_is_said(tmp_path):
    labels = torch.tensor([0] * 11 + list(range(1, 10)))
    folder = files(tmp_path / "theirs", labels=labels)
    with pytest.raises(
        ValueError, match=r"has \[11, 1, .* expected 2 of each: if the set is meant to be so, say --unequal"
    ):
        imported(folder)
    assert torch.equal(imported(folder, unequal=True).labels, labels)


# --- Pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("soft", [False, True])
def test_a_set_goes_out_as_pictures_and_comes_back(tmp_path, soft):
    rows = (3 * hot(CLASSES)).softmax(dim=1)
    info = {**INFO, "targets": "probabilities" if soft else None}
    before = synthetic(images=fit("zca")(pixels()), targets=rows if soft else None, info=info)
    written, clamped = export_pictures(tmp_path / "out", before, digits(), fit("zca"))
    assert len(written) == 21 and clamped == 0 and (tmp_path / "out" / "00009" / "0001.png").is_file()
    after = imported(tmp_path / "out")
    torch.testing.assert_close(after.images, before.images, atol=1e-4, rtol=0)
    assert torch.equal(after.labels, CLASSES) and (after.targets is None) != soft
    if soft:
        torch.testing.assert_close(after.targets, rows)
    with pytest.raises(ValueError, match="is not empty; name a new folder"):
        export_pictures(tmp_path / "out", before, digits(), fit("zca"))


def test_real_images_and_parts_go_out_as_pictures(tmp_path):
    export_pictures(tmp_path / "out", mixed(), digits(), fit("zca"))
    wanted, _ = uint8_pixels(mixed(), digits(), fit("zca"))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "00000" / "0002.png")), wanted[2, 0].numpy())


def test_folders_of_pictures_named_as_the_classes_or_numbered(tmp_path):
    for label in range(10):
        for number, form in enumerate(("png", "jpg")):
            folder = tmp_path / "run" / f"{label}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels()[2 * label + number, 0].numpy()).save(folder / f"{number}.{form}")
    (tmp_path / "run" / "__MACOSX").mkdir()
    (tmp_path / "run" / "0" / "._0.png").write_bytes(b"no picture")
    after = imported(tmp_path / "run")
    assert torch.equal(after.labels, CLASSES) and after.info["read_as"]["space"] == "pixels"
    (tmp_path / "run" / "9").rename(tmp_path / "run" / "dogs")
    with pytest.raises(ValueError, match="has a folder 'dogs'; expected one for each class"):
        imported(tmp_path / "run")


def test_a_picture_is_turned_as_viewers_show_it_and_hides_nothing(tmp_path):
    export_pictures(tmp_path / "out", synthetic(images=fit("zca")(pixels())), digits(), fit("zca"))
    path, shown = tmp_path / "out" / "00000" / "0000.png", Image.fromarray(pixels()[0, 0].numpy())
    turned = Image.Exif()
    turned[274] = 6  # a quarter to the right
    shown.rotate(90, expand=True).save(path, exif=turned)
    torch.testing.assert_close(imported(tmp_path / "out").images[0], fit("zca")(pixels())[0], atol=1e-4, rtol=0)
    shown.putalpha(0)
    shown.save(path)
    with pytest.warns(UserWarning, match=r"of 20 pictures, 1 have transparent pixels: .* becomes white") as told:
        white = imported(tmp_path / "out").images[0]
    torch.testing.assert_close(white, fit("zca")(torch.full((1, 1, 16, 16), 255, dtype=torch.uint8))[0])
    assert len(told) == 1


def test_a_table_that_does_not_fit_the_pictures(tmp_path):
    rows, info = (3 * hot(CLASSES)).softmax(dim=1), {**INFO, "targets": "probabilities"}
    export_pictures(tmp_path / "out", synthetic(targets=rows, info=info), digits(), fit("zca"))
    table = tmp_path / "out" / "labels.csv"
    lines = table.read_text().splitlines()
    for changed, message in (
        (lines[:-1], "has no row for 00009/0001.png"),
        (
            [*lines[:-1], lines[-1] + ",1"],
            "a row of 14 columns, '00009/0001.png' first; expected file, label, class and",
        ),
        ([*lines[:-1], lines[-1].replace(",0.", ",x.")], "could not convert string to float"),
    ):
        table.write_text("\n".join(changed))
        with pytest.raises(ValueError, match=message):
            imported(tmp_path / "out")


def coming_from(*names: str, folders: tuple[str, ...], table: str | None, place: Path) -> list[int] | str:
    """Labels of a picture in each folder, read with data of these class names; or why they are refused."""
    for number, name in enumerate(folders):
        (place / name).mkdir(parents=True)
        Image.fromarray(np.full((4, 4), number, dtype=np.uint8)).save(place / name / "0.png")
    if table is not None:
        (place / "labels.csv").write_text("file,label,class\n" + table)
    try:
        return read_pictures(place, names)[1].tolist()
    except ValueError as error:
        return str(error)


PADDED = ("00001", "00002", "00003")
FOLDERS = {  # class names of the data, folders, table, what comes out
    "numbers": (("cat", "dog", "fox"), ("00001", "2"), None, [1, 2]),
    "names": (("cat", "dog", "fox"), ("dog", "fox"), None, [1, 2]),
    "names that are numbers, in order": (("0", "1", "2"), ("1", "2"), None, [1, 2]),
    "names that no number can be": (PADDED, PADDED, None, [0, 1, 2]),
    "numbers that no name can be": (PADDED, ("00000", "00001"), None, [0, 1]),
    "either": (PADDED, PADDED[:2], None, r"'00001', which may be .* \(label 0\) or label 1, .*: add a labels.csv"),
    "an export": (PADDED, PADDED[:2], "00001/0.png,1,00002\n00002/0.png,2,00003\n", [1, 2]),
    "names and a table": (PADDED, PADDED[:2], "00001/0.png,0,00001\n00002/0.png,1,00002\n", [0, 1]),
    "order of the table": (("cat", "dog"), ("cat", "dog"), "dog/0.png,1,dog\ncat/0.png,0,cat\n", [1, 0]),
    "a table without a row": (("cat", "dog"), ("cat", "dog"), "dog/0.png,1,dog\n", "no row for cat/0.png"),
    "another class": (
        ("cat", "dog"),
        ("cat",),
        "cat/0.png,1,dog\n",
        "says label 1 of cat/0.png, and its folder another",
    ),
    "another order": (
        ("cat", "dog"),
        ("00001",),
        "00001/0.png,1,cat\n",
        "says label '1', class 'cat' of 00001/0.png; the",
    ),
    "no such label": (("cat", "dog"), ("cat",), "cat/0.png,2,cat\n", "says label '2', class 'cat'"),
    "a row twice": (("cat", "dog"), ("cat",), 2 * "cat/0.png,0,cat\n", "names cat/0.png twice"),
    "neither": (PADDED, ("00001", "cat"), None, "has a folder 'cat'; expected one for each class"),
    "misspelt": (("car", "horse"), ("car", "hors"), None, r"has a folder 'hors' \(did you mean horse\?\); expected"),
}


@pytest.mark.parametrize(("names", "folders", "table", "wanted"), FOLDERS.values(), ids=FOLDERS)
def test_class_folders_have_one_meaning_or_are_refused(tmp_path, names, folders, table, wanted):
    found = coming_from(*names, folders=folders, table=table, place=tmp_path / "set")
    assert re.search(wanted, found) if isinstance(wanted, str) else found == wanted


def test_a_set_is_a_dataset_of_torch():
    hard = SetDataset(synthetic(), digits(), fit("zca"))
    assert len(hard) == 20 and hard.classes == NAMES
    images, labels = next(iter(torch.utils.data.DataLoader(hard, batch_size=20)))
    assert torch.equal(images, synthetic().images) and torch.equal(labels, CLASSES)
    soft = SetDataset(mixed(), digits(), fit("zca"))
    assert soft[1][0].shape == (1, 16, 16) and torch.equal(soft[1][1], mixed().target_probabilities()[1])


# --- Command line -----------------------------------------------------------------------------------------------------


def test_the_commands(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = next(path for path in FILES if path.stem.startswith("damed_digits"))
    assert main(["export", str(path), "pictures", "--as", "png", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "100 pictures in class folders" in said and "the set's step size, 0.0313" in said
    cell = ["damed_digits", "pictures", "--ipc", "10", "--save-set", "back.safetensors", "--quiet"]
    assert main(["import", *cell]) == 0
    assert "100 images, one soft label each (probabilities), read as pixels" in capsys.readouterr().out
    files(tmp_path / "theirs", pixels())
    cell = ["mtt_digits", "theirs", "--ipc", "2", "--save-set", "new.safetensors", "--quiet"]
    assert main(["import", *cell]) == 2
    assert "--space pixels reads them" in capsys.readouterr().err
    assert main(["import", *cell, "--space", "pixels", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 20


def test_an_export_is_read_as_what_it_was(tmp_path):
    path = next(path for path in FILES if path.stem.startswith("damed_digits"))
    before, _ = load_set(path)
    export_set(before, None, tmp_path / "out", context(tmp_path))
    assert content_hash(imported(tmp_path / "out", recipes.recipe("damed_digits", ipc=10))) == content_hash(before)
    export_trajectory(tmp_path / "hard", synthetic(), digits(), fit("zca"))
    assert content_hash(imported(tmp_path / "hard")) == content_hash(synthetic())
