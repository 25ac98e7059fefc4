"""A set in the forms that other codes and loaders read: what goes out comes back, pixels and labels."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from test_interchange import CLASSES, IN_TURN, RECIPE, coloured, hot
from toy_sets import NAMES, context, digits, fit, mixed, noise, synthetic

from ltdd_utils import recipes, records
from ltdd_utils.cli import main
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data import DataConfig, load
from ltdd_utils.distilled import NOT_REAL, DistilledSet, content_hash, load_set, save_set, uint8_pixels
from ltdd_utils.interchange import Reading
from ltdd_utils.interchange.arrays import export_arrays, export_webdataset, read_arrays
from ltdd_utils.interchange.forms import FORMS, HUB
from ltdd_utils.interchange.spaces import TRAJECTORY_MOMENTS, normalised_by
from ltdd_utils.runs import evaluate_set, export_set, given_set, import_set, protocol_for, publish_set
from ltdd_utils.runs.exports import PIXELS, TENSORS

UNEQUAL = torch.arange(10).repeat_interleave(torch.tensor([6, 4, 2, 2, 1, 1, 1, 1, 1, 1]))
ROWS = (3 * hot(CLASSES)).softmax(dim=1).float()


def made(soft: bool = True, **changes) -> DistilledSet:
    """A set on Digits that says its data."""
    data = digits()
    info = {**synthetic().info, "data": to_dict(data.config), "data_sha256": data.sha256}
    info |= {"targets": "probabilities"} if soft else {}
    return synthetic(info=info, targets=ROWS if soft else None, lr=0.02, **changes)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in (HUB, "webdataset")])
@pytest.mark.parametrize("soft", [False, True])
def test_what_goes_out_comes_back(tmp_path, form, soft):
    before = made(soft)
    paths, clamped = export_set(before, fit("zca"), tmp_path / "out", context(tmp_path), form=form)
    assert clamped == 0 and all(path.is_file() for path in paths)
    place = paths[0] if form == "npz" else tmp_path / "out"
    after = import_set(place, RECIPE, context(tmp_path), Reading())
    torch.testing.assert_close(after.images, before.images, atol=1e-4, rtol=0)
    assert torch.equal(after.labels, before.labels) and (after.targets is None) != soft
    if soft:
        torch.testing.assert_close(after.target_probabilities(), ROWS)


def test_every_form_has_a_writer(tmp_path):
    assert {*PIXELS, *TENSORS, HUB} == set(FORMS)
    with pytest.raises(ValueError, match="form is 'tfrecord'; choose one of pt, ddranking, png, webdataset, npz"):
        export_set(made(), fit("zca"), tmp_path, context(tmp_path), form="tfrecord")


LAWS = {  # classes of the images, and those of the largest soft labels
    "unequal": (UNEQUAL, UNEQUAL),
    "interleaved": (IN_TURN, IN_TURN),
    "interleaved and unequal": (UNEQUAL.flip(0).roll(7), UNEQUAL.flip(0).roll(7)),
    "largest elsewhere": (CLASSES, CLASSES.roll(3)),
    "unequal, largest elsewhere": (UNEQUAL, UNEQUAL.roll(5)),
    "largest in one class": (UNEQUAL, torch.zeros_like(UNEQUAL)),
    "a class without images": (UNEQUAL.clamp_min(1), IN_TURN),
}


def known(labels: torch.Tensor, targets: torch.Tensor | None) -> DistilledSet:
    """A set of pixels."""
    images = (255 * noise(len(labels), 1, 16, 16)).round() / 255
    info = {
        **made().info,
        "preprocess": fit("none").describe(),
        "targets": None if targets is None else "probabilities",
    }
    return DistilledSet(labels, torch.full_like(labels, NOT_REAL), images=images, targets=targets, info=info)


@pytest.mark.parametrize("form", ["png", "npz"])
@pytest.mark.parametrize("strength", [9.0, 3.0, 0.5, None], ids=["clear", "soft", "nearly uniform", "hard"])
@pytest.mark.parametrize("case", LAWS)
def test_a_set_that_goes_out_and_comes_back_is_the_same_set(tmp_path, monkeypatch, form, strength, case):
    """Classes are what the files say, never what soft labels or places suggest."""
    monkeypatch.setattr("os.fsync", lambda _: None)  # a disk takes longer over 20 pictures than all else
    labels, largest = LAWS[case]
    targets = None if strength is None else (strength * hot(largest) + noise(20, 10)).softmax(dim=1).float()
    before = known(labels, targets)
    paths, _ = export_set(before, fit("none"), tmp_path / "out", context(tmp_path), form=form)
    after = given_set(paths[0] if form == "npz" else tmp_path / "out", digits(), context(tmp_path))
    assert torch.equal(after.labels, labels) and torch.equal(after.images, before.images)
    assert (after.targets is None) if targets is None else torch.equal(after.targets, targets)


def test_soft_labels_that_are_one_hot_stay_soft_where_the_classes_stand_beside_them(tmp_path):
    before = known(UNEQUAL, hot(UNEQUAL.roll(5)).float())
    for form in ("png", "npz"):
        paths, _ = export_set(before, fit("none"), tmp_path / form, context(tmp_path), form=form)
        place = paths[0] if form == "npz" else tmp_path / form
        after = given_set(place, digits(), context(tmp_path))
        assert torch.equal(after.labels, UNEQUAL) and torch.equal(after.targets, before.targets)
        with pytest.raises(ValueError, match=r"says class 0 and class \d of image 0: leave one of the two labels"):
            given_set(place, digits(), context(tmp_path), Reading(targets="hard"))
        with pytest.raises(ValueError, match=r"holds the class of each image.*: leave --order out"):
            given_set(place, digits(), context(tmp_path), Reading(order="labels"))


BESIDE = {  # labels, targets of an .npz, and what is said
    "hard ones that differ": (CLASSES, CLASSES.roll(3), r"says class 0 and class 8 of image 0"),
    "one-hot ones that differ": (CLASSES, hot(CLASSES.roll(3)).long(), r"says class 0 and class 8 of image 0"),
    "soft ones twice": (ROWS, ROWS, r"holds soft labels twice; give classes \[M\]"),
    "fewer classes than images": (CLASSES[:19], ROWS, r"and 20 and 19 labels; digits has"),
    "words": (np.array(["a"] * 20), ROWS, r"not numbers"),
    "classes that the data lacks": (CLASSES + 1, ROWS, r"labels run from 1 to 10; expected 0 to 9"),
}


@pytest.mark.parametrize(("labels", "targets", "message"), BESIDE.values(), ids=BESIDE)
def test_classes_and_soft_labels_that_do_not_go_together_are_refused(tmp_path, labels, targets, message):
    images = uint8_pixels(known(CLASSES, None), digits(), fit("none"))[0]
    np.savez(tmp_path / "set.npz", images=images.numpy(), labels=np.asarray(labels), targets=targets.numpy())
    with pytest.raises(ValueError, match=message):
        given_set(tmp_path / "set.npz", digits(), context(tmp_path))


def test_hard_labels_said_twice_are_hard_labels(tmp_path):
    images = uint8_pixels(known(CLASSES, None), digits(), fit("none"))[0]
    for labels, targets in ((CLASSES, hot(CLASSES).long()), (hot(UNEQUAL), UNEQUAL), (CLASSES[:, None], CLASSES)):
        np.savez(tmp_path / "set.npz", images=images.numpy(), labels=labels.numpy(), targets=targets.numpy())
        after = given_set(tmp_path / "set.npz", digits(), context(tmp_path))
        wanted = labels if labels.ndim == 1 else targets
        assert after.targets is None and torch.equal(after.labels, wanted)


# --- WebDataset -------------------------------------------------------------------------------------------------------


def samples(path: Path) -> dict[str, dict[str, bytes]]:
    """The files of each sample, as readers of WebDataset put them together: by what is before the first dot."""
    found: dict[str, dict[str, bytes]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            key, _, ending = member.name.partition(".")
            assert list(found)[-1:] == [key] or key not in found, "the files of a sample follow each other"
            found.setdefault(key, {})[ending] = archive.extractfile(member).read()
    return found


@pytest.mark.parametrize("soft", [False, True])
def test_a_tar_has_pixels_class_numbers_and_soft_labels(tmp_path, soft):
    base = mixed() if soft else replace(mixed(), targets=None)
    (path,), _ = export_webdataset(tmp_path, base, digits(), fit("zca"))
    pixels, found = uint8_pixels(base, digits(), fit("zca"))[0], samples(path)
    assert list(found) == [f"{row:06d}" for row in range(4)]
    for row, sample in enumerate(found.values()):
        assert set(sample) == {"png", "cls", "json"} | ({"npy"} if soft else set())
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(sample["png"]))), pixels[row, 0].numpy())
        label = int(base.labels[row])
        assert int(sample["cls"]) == label and json.loads(sample["json"]) == {"label": label, "class": NAMES[label]}
        if soft:
            stored = np.load(io.BytesIO(sample["npy"]))
            assert stored.dtype == np.float32
            np.testing.assert_allclose(stored, base.target_probabilities()[row], rtol=1e-6)


def test_a_tar_is_the_same_whoever_writes_it_and_when(tmp_path, monkeypatch):
    (first,), _ = export_webdataset(tmp_path / "a", mixed(), digits(), fit("zca"))
    monkeypatch.setattr("time.time", lambda: 2e9)
    (second,), _ = export_webdataset(tmp_path / "b", mixed(), digits(), fit("zca"))
    assert first.read_bytes() == second.read_bytes()


# --- Arrays -----------------------------------------------------------------------------------------------------------


def test_arrays_say_what_they_are(tmp_path):
    (path,), _ = export_arrays(tmp_path, made(), digits(), fit("zca"))
    with np.load(path) as file:
        arrays = dict(file)
    assert {name: (array.dtype.kind, array.shape) for name, array in arrays.items()} == {
        "images": ("u", (20, 1, 16, 16)),
        "labels": ("i", (20,)),
        "class_names": ("U", (10,)),
        "targets": ("f", (20, 10)),
        "lr": ("f", ()),
    }


def test_a_learned_step_size_comes_back_from_arrays(tmp_path):
    (path,), _ = export_arrays(tmp_path, made(), digits(), fit("zca"))
    assert read_arrays(path, digits())[3] == pytest.approx(made().lr, rel=1e-6)


def test_images_of_arrays_have_their_channels_first_or_last_or_none(tmp_path):
    pixels = (255 * noise(4, 1, 16, 16)).to(torch.uint8)
    for number, array in enumerate((pixels, pixels.permute(0, 2, 3, 1), pixels[:, 0])):
        np.savez(tmp_path / f"{number}.npz", images=array.numpy(), labels=np.arange(4, dtype=np.uint8))
        images, labels, beside, lr = read_arrays(tmp_path / f"{number}.npz", digits())
        assert beside is None is lr and torch.equal(images, pixels) and labels.tolist() == [0, 1, 2, 3]


NO_ARRAYS = {
    "names": ({"x": np.zeros(3)}, "holds x; expected images"),
    "no labels": ({"images": np.zeros((2, 1, 16, 16))}, "holds images; expected images"),
    "shape": ({"images": np.zeros((2, 3, 8, 8)), "labels": np.zeros(2)}, r"\[2, 3, 8, 8\] and 2 labels; digits has"),
    "number": ({"images": np.zeros((2, 1, 16, 16)), "labels": np.zeros(3)}, "and 3 labels"),
    "words": ({"images": np.zeros((2, 1, 16, 16)), "labels": np.array(["a", "b"])}, "not numbers"),
    "two step sizes": ({"images": np.zeros((2, 1, 16, 16)), "labels": np.zeros(2), "lr": np.ones(2)}, "one step size"),
    "objects": ({"images": np.zeros((2, 1, 16, 16)), "labels": np.array([{}, {}])}, "is no .npz of plain arrays"),
}


@pytest.mark.parametrize(("arrays", "message"), NO_ARRAYS.values(), ids=NO_ARRAYS)
def test_other_arrays_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        read_arrays(tmp_path / "set.npz", digits())


# --- DD-Ranking -------------------------------------------------------------------------------------------------------


def test_ddranking_gets_images_class_by_class_normalised_as_its_test_images(tmp_path, monkeypatch):
    """Of CIFAR-100 by the numbers of CIFAR-10; soft labels as logits, which its losses take the softmax of."""
    data = coloured("cifar100", 100)
    monkeypatch.setattr("ltdd_utils.runs.exports.data_of", lambda *_: data)
    order = torch.arange(400).flip(0)
    soft = (3 * torch.nn.functional.one_hot(data.train_labels[order], 100).float()).softmax(dim=1).float()
    info = {"class_names": data.class_names, "targets": "probabilities"}
    base = DistilledSet(data.train_labels[order], order, targets=soft, lr=0.5, info=info)
    export_set(base, None, tmp_path / "out", context(tmp_path), form="ddranking")
    images, labels, lr = (torch.load(tmp_path / "out" / f"{name}.pt") for name in ("images", "labels", "lr"))
    mean, scale = (torch.tensor(part, dtype=torch.float32).view(-1, 1, 1) for part in TRAJECTORY_MOMENTS["cifar100"])
    rows = order[base.labels.argsort(stable=True)]
    torch.testing.assert_close(images, (data.train_images[rows].float() / 255 - mean) / scale)
    torch.testing.assert_close(labels.softmax(dim=1), soft[base.labels.argsort(stable=True)])
    assert data.train_labels[rows].tolist() == sorted(data.train_labels.tolist()) and float(lr) == 0.5


def test_ddranking_counts_on_the_same_number_of_each_class(tmp_path):
    with pytest.raises(ValueError, match=r"classes have \[3, 1, .* DD-Ranking counts on the same number"):
        info = {"class_names": NAMES, "data": to_dict(digits().config), "data_sha256": digits().sha256}
        labels = torch.tensor([0, 0, 0, 1])
        base = DistilledSet(labels, digits().indices[:4], info=info)
        export_set(base, None, tmp_path / "out", context(tmp_path), form="ddranking")


def test_a_set_normalised_by_its_own_numbers_is_carried_to_the_given_ones():
    """Both maps have one kind, one shape and one train set: only the numbers tell them apart."""
    data = coloured("cifar10")
    given, own = normalised_by(TRAJECTORY_MOMENTS, data), normalised_by({}, data)
    assert not given.matches(own.describe()) and not own.matches(given.describe())
    torch.testing.assert_close(given.inverse(given(data.train_images)), data.train_images.float() / 255)


# --- Command line -----------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_wrote_and_what_was_lost(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_set(Path("ours.safetensors"), made(), fit("zca"))
    said = {}
    for form in ("pt", "ddranking", "png", "webdataset", "npz"):
        assert main(["export", "ours.safetensors", form, "--as", form, "--quiet"]) == 0
        said[form] = capsys.readouterr().out
    assert (
        "pt/images_best.pt\npt/labels_best.pt\npt/lr_best.pt\nwrote 3 files, images in the space that MTT" in said["pt"]
    )
    assert "ddranking/images.pt" in said["ddranking"] and "use_zca=False" in said["ddranking"]
    assert "20 pictures in class folders\npng/labels.csv" in said["png"]
    assert said["npz"] == "npz/set.npz\nwrote 1 file, images are pixels\n"
    for form in said:
        assert ("the set's step size, 0.02" in said[form]) == (form in ("png", "webdataset"))
        assert "clamped" not in said[form] and "real images" not in said[form]
    real = {**made(soft=False).info}
    base = DistilledSet(torch.tensor([digits().train_labels[0]]), digits().indices[:1], info=real)
    save_set(Path("real.safetensors"), base)
    assert base.indices[0] != NOT_REAL and main(["export", "real.safetensors", "r", "--as", "npz", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": ["r/set.npz"], "clamped": 0.0}
    assert main(["export", "real.safetensors", "r", "--as", "npz"]) == 0
    assert "real images are in it as pixels: do not commit or publish it" in capsys.readouterr().out


# --- A folder to publish ----------------------------------------------------------------------------------------------


def front(card: Path) -> dict:
    """The front matter of a card, as readers of the Hub parse it."""
    return yaml.safe_load(card.read_text().split("---\n")[1])


@pytest.mark.float32
def test_a_folder_to_publish_has_the_set_the_tar_and_a_card_with_the_scores_of_this_set(tmp_path):
    before = DistilledSet.of_pixels(digits().train_images[:20], digits().train_labels[:20], digits())
    here = context(tmp_path)
    cfg = recipes.with_overrides(protocol_for(before), {"train.epochs": 1, "network.width": 8})
    scores = evaluate_set(before, None, cfg, here, students=2)
    other = DistilledSet.of_pixels(255 - digits().train_images[:20], digits().train_labels[:20], digits())
    evaluate_set(other, None, cfg, here, students=1)
    paths, _ = publish_set(before, None, tmp_path / "out", here, results=[tmp_path / "results"])
    assert [path.name for path in paths] == ["train-000000.tar", "set.safetensors", "README.md"]
    assert content_hash(load_set(tmp_path / "out" / "set.safetensors")[0]) == content_hash(before)
    facts, text = front(tmp_path / "out" / "README.md"), (tmp_path / "out" / "README.md").read_text()
    assert "license" not in facts and "# license: yours to say" in text
    assert facts["configs"] == [
        {"config_name": "default", "data_files": [{"split": "train", "path": "train-000000.tar"}]}
    ]
    assert facts["size_categories"] == ["n<1K"] and facts["task_categories"] == ["image-classification"]
    rows = [line for line in text.splitlines() if line.startswith("| dsa-stored")]
    said = f"| dsa-stored | convnet, width 8 | {records.in_percent(scores['metrics']['overall'])} | 2 |"
    assert len(rows) == 1 and rows[0].startswith(said), "only the scores of this set"
    tests = digits().test_labels.bincount().tolist()
    assert f"Accuracy on the whole test set ({sum(tests)} images, {tests[0]} of each class)" in text
    assert "| images | 20 (20 images), 5120 bytes |" in text and "| labels | class numbers, 20 bytes |" in text
    with pytest.raises(ValueError, match="is not empty; name a new folder"):
        publish_set(before, None, tmp_path / "out", here)


@pytest.mark.float32
def test_the_card_of_own_data_says_its_test_set_both_accuracies_and_no_path(tmp_path):
    """Scores on an earlier state of the folder, of the very same pixels, are not shown."""
    drawn, place = np.random.default_rng(0), tmp_path / "secret" / "scans"
    for split, images in (("train", (6, 4)), ("test", (5, 2))):
        for name, count in zip("ab", images, strict=True):
            (place / split / name).mkdir(parents=True)
            for number in range(count):
                picture = Image.fromarray(drawn.integers(0, 256, (16, 16), dtype=np.uint8))
                picture.save(place / split / name / f"{number}.png")
    data, here = load(DataConfig(f"folder:{place}@16", profile="natural"), tmp_path), context(tmp_path)
    before = DistilledSet.of_pixels(data.train_images, data.train_labels, data, like="digits")
    cfg = recipes.with_overrides(
        protocol_for(before), {"train.epochs": 1, "network.width": 8, "preprocess.kind": "normalise"}
    )
    scores = evaluate_set(before, None, cfg, here, students=2)
    stale = {**scores, "provenance": {**scores["provenance"], "data_sha256": "0" * 64}}
    records.save_evaluation(tmp_path / "results", stale)
    publish_set(before, None, tmp_path / "out", here, results=[tmp_path / "results"])
    text = (tmp_path / "out" / "README.md").read_text()
    assert (
        "balanced accuracy (the mean of the class accuracies), on the whole test set (7 images, 2 to 5 a class)" in text
    )
    overall, balanced = (records.in_percent(scores["metrics"][name]) for name in ("overall", "balanced"))
    assert text.count(f"| dsa-stored | convnet, width 8 | {overall} | {balanced} | 2 |") == 1 == text.count("-s0-d")
    assert "on scans@16" in text and "whole balanced test set" not in text
    assert not [path for path in (tmp_path / "out").iterdir() if b"secret" in path.read_bytes()]
    published = load_set(tmp_path / "out" / "set.safetensors")[0]
    assert content_hash(published) == content_hash(before)
    again = evaluate_set(published, None, cfg, replace(here, data=place.parent), students=2)
    assert again["metrics"] == scores["metrics"]


def test_real_images_are_published_as_positions_alone(tmp_path):
    info = {**made(soft=False).info, "recipe": "random_digits", "scale": "tiny", "seed": 0, "ipc": None}
    base = DistilledSet(digits().train_labels[:3], digits().indices[:3], info=info)
    paths, _ = publish_set(base, None, tmp_path / "out", context(tmp_path), license_name="mit")
    assert [path.name for path in paths] == ["set.safetensors", "README.md"]
    facts, text = front(tmp_path / "out" / "README.md"), (tmp_path / "out" / "README.md").read_text()
    assert facts["license"] == "mit" and "configs" not in facts
    assert "their pixels are not published here" in text and "No score of this set was at hand" in text


def test_the_command_names_what_uploads_the_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LTDD_RESULTS", str(tmp_path / "results"))
    info = {**made().info, "recipe": None, "like": "digits", "scale": "tiny", "ipc": 2, "seed": 0}
    save_set(Path("my_set.safetensors"), replace(made(), info=info), fit("zca"))
    assert main(["export", "my_set.safetensors", "out", "--as", "hub", "--quiet"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "publish it with: hf upload YOUR_NAME/my-set out . --repo-type dataset"
    assert said[-2].startswith("say the licence in out/README.md")
