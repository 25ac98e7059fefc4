"""Distilled sets: a file keeps everything, a set knows what it is, and real images are never stored as pixels."""

import json
import pickle
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from toy_sets import NAMES, context, digits, fit, mixed, quick, result_of, synthetic

from ltdd_utils.core.store import Bundle, load_bundle, save_bundle
from ltdd_utils.distilled import (
    DistilledSet,
    composition,
    content_hash,
    load_set,
    pixels,
    save_set,
    to_bundle,
    translate,
    uint8_pixels,
)
from ltdd_utils.distilled.contents import PartError

TENSORS = ("labels", "indices", "images", "boxes", "targets")


@pytest.mark.parametrize("whole", [mixed, synthetic], ids=["mixed", "synthetic"])
def test_a_set_survives_its_file(tmp_path, whole):
    before = whole()
    save_set(tmp_path / "set.safetensors", before)
    after, preprocess = load_set(tmp_path / "set.safetensors")
    for name in TENSORS:
        mine, theirs = getattr(before, name), getattr(after, name)
        assert (mine is None and theirs is None) or (torch.equal(mine, theirs) and mine.dtype == theirs.dtype)
    assert (after.lr, after.info, preprocess) == (before.lr, before.info, None)
    assert content_hash(after) == content_hash(before)


def test_a_set_says_in_one_line_what_it_holds():
    kinds = "4 images of 10 classes; 3 real (parts); 1 synthetic, 1x16x16; one soft label each; step size 0.02"
    assert repr(mixed()) == f"DistilledSet({kinds})"
    whole = replace(mixed(), boxes=None, targets=None, lr=None)
    assert repr(whole) == "DistilledSet(4 images of 10 classes; 3 real; 1 synthetic, 1x16x16; class labels)"


def test_the_hash_changes_with_every_content():
    base = replace(mixed(), targets=mixed().targets.softmax(dim=1))  # may be called logits or probabilities
    box, image, target = base.boxes.clone(), base.images.clone(), base.targets.clone()
    box[1, 0] += 1
    image[0, 0, 0, 0] += 1e-3
    target[2, 3] += 1e-5
    others = [
        replace(base, labels=base.labels.flip(0)),
        replace(base, indices=base.indices + (base.indices > 0)),
        replace(base, images=image),
        replace(base, boxes=box),
        replace(base, boxes=None),
        replace(base, targets=target),
        replace(base, targets=None),
        replace(base, info={**base.info, "targets": "probabilities"}),
        replace(base, lr=0.03),
    ]
    assert len({content_hash(one) for one in [base, *others]}) == 1 + len(others)


def test_the_hash_does_not_change_with_the_file_or_the_description(tmp_path):
    base = mixed()
    save_set(tmp_path / "alone.safetensors", base, fit("zca"))
    loaded, _ = load_set(tmp_path / "alone.safetensors")
    described = replace(base, info={**base.info, "recipe": "x", "note": "y"})
    assert content_hash(base) == content_hash(loaded) == content_hash(described)


def test_what_a_recipe_makes_describes_itself(tmp_path):
    data = digits()
    made = result_of(quick(ipc=10), context(tmp_path), seed=3).set
    info = json.loads(json.dumps(made.info))  # it is for a file
    assert info["class_names"] == list(data.class_names) and info["class_counts"] == list(data.counts)
    assert (info["recipe"], info["scale"], info["ipc"], info["seed"]) == ("random_digits", "tiny", 10, 3)
    assert info["method"]["method"] == "random" and info["method"]["policy"] == "duplicate"
    assert info["data"]["imbalance_factor"] == 20 and info["data_sha256"] == data.sha256
    assert fit("zca").matches(info["preprocess"])
    real = [min(10, count) for count in data.counts]
    assert info["composition"] == {"real": real, "duplicated": [10 - n for n in real], "synthetic": [0] * 10}


def test_classes_that_are_too_small_are_filled_as_the_policy_says(tmp_path):
    made = result_of(quick(ipc=10, **{"method.policy": "noise"}), context(tmp_path)).set
    real = [min(10, count) for count in digits().counts]
    assert composition(made) == {"real": real, "duplicated": [0] * 10, "synthetic": [10 - n for n in real]}
    assert min(real) < 10  # the case exists


def test_two_crops_of_one_image_are_two_images_and_two_equal_ones_a_duplicate():
    base = mixed()
    assert composition(base)["real"][0] == 3
    assert composition(replace(base, boxes=None))["duplicated"][0] == 1


def test_a_set_of_real_images_holds_no_pixels(tmp_path):
    recipe = quick(ipc=10)
    path = tmp_path / "set.safetensors"
    save_set(path, result_of(recipe, context(tmp_path)).set)
    tensors = load_bundle(path).tensors
    assert set(tensors) == {"labels", "indices"}
    assert all(tensor.shape == (100,) and not tensor.is_floating_point() for tensor in tensors.values())
    assert path.stat().st_size < 8 * 1024


def test_a_stand_alone_file_brings_its_preprocessing(tmp_path):
    save_set(tmp_path / "set.safetensors", synthetic(), fit("zca"))
    distilled, preprocess = load_set(tmp_path / "set.safetensors")
    assert preprocess is not None and preprocess.matches(fit("zca").describe())
    assert torch.equal(pixels(distilled, digits(), preprocess), synthetic().images)
    assert torch.equal(preprocess(digits().test_images), fit("zca")(digits().test_images))


def test_a_box_is_the_resized_part_of_the_real_image():
    data, base = digits(), mixed()
    images, clamped = uint8_pixels(base, data, fit("zca"))
    whole, crop = data.train_images[0], data.train_images[0][:, 3:12, 2:9].float()[None]
    expected = F.interpolate(crop, size=(16, 16), mode="bilinear", antialias=True, align_corners=False)
    assert torch.equal(images[0], whole)
    assert (images[1].float() - expected[0]).abs().max() <= 0.51  # rounded to whole pixels
    assert torch.equal(images[2], data.train_images[1])
    assert clamped == 0  # the synthetic image was made from pixels


def test_real_and_synthetic_images_keep_their_order():
    data, base = digits(), mixed()
    zca = fit("zca")
    images = pixels(replace(base, boxes=None), data, zca)
    torch.testing.assert_close(images[2], zca(data.train_images[1:2])[0])
    assert torch.equal(images[3], base.images[0])


def test_translation_keeps_pixels_and_counts_what_it_clamps():
    data, base = digits(), synthetic(kind="zca")
    moved, clamped = translate(base, data, fit("zca"), fit("normalise"))
    before, after = uint8_pixels(base, data, fit("zca"))[0], uint8_pixels(moved, data, fit("normalise"))[0]
    assert torch.equal(before, after) and clamped == 0

    raw = torch.full((20, 1, 16, 16), 0.5)
    raw[:4, 0, 0] = 1.5  # 4 images x 16 values above
    raw[7, 0, :, 3] = -0.5  # and 16 below
    outside = synthetic(kind="normalise", images=fit("normalise")(raw))
    moved, clamped = translate(outside, data, fit("normalise"), fit("zca"))
    assert clamped == pytest.approx((4 * 16 + 16) / raw.numel())
    pictures, _ = uint8_pixels(moved, data, fit("zca"))
    assert set(pictures[0, 0, 0].tolist()) == {255} and set(pictures[7, 0, :, 3].tolist()) == {0}


def test_a_set_in_the_right_space_is_not_touched():
    base = synthetic(kind="normalise")
    moved, clamped = translate(base, digits(), fit("normalise"), fit("normalise"))
    assert moved is base and clamped == 0


@pytest.mark.parametrize("use", [pixels, uint8_pixels])
def test_images_of_another_preprocessing_are_refused(use):
    with pytest.raises(ValueError, match=r"another preprocessing \('zca'\) than this one \('normalise'"):
        use(synthetic(kind="zca"), digits(), fit("normalise"))


def test_a_wrong_inverse_is_refused():
    for other in ("none", "normalise"):
        with pytest.raises(ValueError, match="another preprocessing"):
            translate(synthetic(kind="zca"), digits(), fit("normalise"), fit(other))


def test_images_of_another_size_and_of_another_long_tail_are_refused():
    with pytest.raises(ValueError, match=r"images are \[1, 8, 8\], those of digits are \[1, 16, 16\]"):
        pixels(synthetic(images=torch.zeros(20, 1, 8, 8)), digits(), fit("zca"))
    absent = max(set(range(1297)) - set(digits().indices.tolist()))
    with pytest.raises(ValueError, match=f"training image {absent} of the set is not in this long tail"):
        pixels(DistilledSet(torch.tensor([0]), torch.tensor([absent]), info=synthetic().info), digits(), fit("zca"))


def test_target_probabilities_are_one_hot_softmax_or_as_stored():
    base = mixed()
    probabilities = base.targets / base.targets.sum(dim=1, keepdim=True)
    stored = replace(base, targets=probabilities, info={**base.info, "targets": "probabilities"})
    assert torch.equal(stored.target_probabilities(), probabilities)
    assert torch.equal(base.target_probabilities(), base.targets.softmax(dim=1))
    assert replace(base, targets=None).target_probabilities().argmax(dim=1).tolist() == base.labels.tolist()


def test_a_box_beyond_the_image_is_refused():
    base = mixed()
    boxes = base.boxes.clone()
    boxes[1] = torch.tensor([8, 2, 9, 7])  # rows 8 to 16 of 0 to 15
    with pytest.raises(ValueError, match=r"box \[8, 2, 9, 7\] of the set reaches beyond images of 16 x 16 pixels"):
        pixels(replace(base, boxes=boxes), digits(), fit("zca"))


NAN = torch.full((20, 1, 16, 16), 0.5)
NAN[3, 0, 2, 2:4] = float("nan")
PROBABILITIES = {"class_names": NAMES, "targets": "probabilities"}
BAD = {
    "nan": ({"images": NAN}, "2 values of the set's images are not finite; make the set again"),
    "infinite target": ({"targets": torch.full((20, 10), float("inf"))}, "200 values of the set's targets"),
    "flat images": ({"images": torch.zeros(20, 256)}, r"images have shape \[20, 256\]; expected \[20, channels"),
    "too few images": ({"images": torch.zeros(19, 1, 16, 16)}, r"expected \[20, channels, height, width\]"),
    "no images": ({"images": None}, r"images have shape None; expected \[20, channels"),
    "label too large": ({"labels": torch.arange(20) // 2 + 1}, "labels run from 1 to 10; expected 0 to 9"),
    "label below 0": ({"labels": torch.arange(20) // 2 - 1}, "labels run from -1 to 8; expected 0 to 9"),
    "labels of the wrong shape": ({"labels": torch.zeros(20, 1).long()}, r"labels are torch.int64 \[20, 1\]"),
    "float labels": ({"labels": torch.zeros(20)}, r"expected integers \[20\]"),
    "indices of the wrong length": ({"indices": torch.zeros(3).long()}, r"indices are torch.int64 \[3\]"),
    "index below -1": ({"indices": torch.full((20,), -2)}, "position -2 is invalid"),
    "targets of the wrong shape": (
        {"targets": torch.zeros(20, 9)},
        r"targets have shape \[20, 9\]; expected \[20, 10\]",
    ),
    "boxes of the wrong shape": ({"boxes": torch.zeros(20, 3).long()}, r"expected integers \[20, 4\]"),
    "bool labels": ({"labels": torch.zeros(20, dtype=torch.bool)}, r"labels are torch.bool \[20\]; expected integers"),
    "labels that are a number": ({"labels": torch.tensor(3)}, r"labels are torch.int64 \[\]; expected integers"),
    "box without a side": ({"boxes": torch.tensor([[0, 0, 16, 0]] * 20)}, r"box \[0, 0, 16, 0\] holds no part"),
    "box that begins outside": ({"boxes": torch.tensor([[-1, 0, 9, 9]] * 20)}, r"box \[-1, 0, 9, 9\] holds no part"),
    "targets of no kind": ({"targets": torch.zeros(20, 10)}, r"info\['targets'\] is None; say whether they are logits"),
    "targets below 0": (
        {"targets": torch.tensor([[-0.5, 1.5] + [0.0] * 8] * 20), "info": PROBABILITIES},
        "a row of targets holds no probabilities",
    ),
    "targets that miss 1": (
        {"targets": torch.full((20, 10), 0.101), "info": PROBABILITIES},
        "they are 0 or more and sum",
    ),
    "a word as step": ({"lr": "abc"}, "the learned step size is 'abc'; it must be a number"),
    "info that is a list": ({"info": [1, 2]}, r"info is \[1, 2\]; it must be named facts"),
    "a number of names": ({"info": {"class_names": 10}}, r"give info\['class_names'\], a list of words"),
    "no step": ({"lr": 0.0}, "the learned step size is 0.0; it must be a number, positive and finite"),
    "nan step": ({"lr": float("nan")}, "the learned step size is nan"),
    "no names": ({"info": {}}, "does not name its classes"),
    "empty": ({"labels": torch.zeros(0).long(), "indices": torch.zeros(0).long(), "images": None}, "has no image"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_no_set_is_refused(changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        synthetic(**changes)
    again = pickle.loads(pickle.dumps(caught.value))  # as a student's process hands it over
    assert (type(again), str(again)) == (type(caught.value), str(caught.value))
    if isinstance(again, PartError):
        assert again.part in changes


@pytest.mark.parametrize(
    ("tensors", "meta"),
    [
        ({}, {"lr": "abc"}),
        ({}, {"info": [1]}),
        ({}, {"info": {"class_names": 10}}),
        ({"labels": torch.tensor(1)}, {}),
        ({}, {"preprocess": 3}),
        ({}, {"preprocess": {"kind": "zca", "eps": 0.1, "shape": 4, "fitted_on": "", "probe": []}}),
    ],
)
def test_a_malformed_file_is_one_line_with_its_name(tmp_path, tensors, meta):
    path = tmp_path / "set.safetensors"
    save_set(path, synthetic(), fit("zca"))
    bundle = load_bundle(path)
    save_bundle(path, Bundle({**bundle.tensors, **tensors}, {**bundle.meta, **meta}))
    with pytest.raises(ValueError, match=r"set\.safetensors: [^\n]+$"):
        load_set(path)


def test_a_file_with_bad_contents_is_refused_with_its_name(tmp_path):
    path, bundle = tmp_path / "set.safetensors", to_bundle(synthetic())
    save_bundle(path, Bundle({**bundle.tensors, "images": NAN}, bundle.meta))
    with pytest.raises(ValueError, match=r"set.safetensors: 2 values of the set's images are not finite"):
        load_set(path)
    save_bundle(path, Bundle(bundle.tensors, {**bundle.meta, "schema": 2}))
    with pytest.raises(
        ValueError, match=r"set.safetensors: not a distilled set of schema 1 .found 2.; use the version"
    ):
        load_set(path)
    save_set(path, synthetic())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"set.safetensors is not a distilled set, or is damaged or cut short"):
        load_set(path)
    with pytest.raises(FileNotFoundError, match=r"no file .*absent.safetensors; `ltdd run RECIPE --save-set FILE`"):
        load_set(tmp_path / "absent.safetensors")
