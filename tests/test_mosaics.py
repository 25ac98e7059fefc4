"""Stored images that are several each: cut and laid, enlarged by the textbook's formula, sets of them everywhere."""

from dataclasses import replace
from math import floor

import pytest
import torch
from toy_recipes import small_condensation
from toy_sets import context, result_of, toy_run

from ltdd_utils import recipes
from ltdd_utils.core.seeds import generator
from ltdd_utils.distilled import (
    NOT_REAL,
    DistilledSet,
    content_hash,
    expanded,
    load_set,
    pixels,
    save_set,
    translate,
    uint8_pixels,
)
from ltdd_utils.distilled.contents import sizes
from ltdd_utils.distilled.mosaics import cut, enlarged, laid, mosaic
from ltdd_utils.interchange import SetDataset
from ltdd_utils.runs import evaluate_set, protocol_for, start
from ltdd_utils.runs.exports import export_set
from ltdd_utils.runs.relabel import relabel_set

factors = pytest.mark.parametrize("factor", [1, 2, 3])


def noise(*shape, name="mosaics"):
    return torch.randn(*shape, generator=generator(0, name))


def stored(factor=2, side=8, **changes):
    info = {"class_names": ["a", "b"], "targets": "probabilities", "factor": factor}
    labels = torch.tensor([0, 1, 1])
    made = DistilledSet(labels, torch.full((3,), NOT_REAL), images=noise(3, 1, side, side), info=info)
    return replace(made, **changes)


# Cutting, laying, resizing


@factors
def test_laying_is_the_inverse_of_cutting(factor):
    images = noise(5, 3, 12, 6)
    parts = cut(images, factor)
    assert parts.shape == (5 * factor**2, 3, 12 // factor, 6 // factor)
    assert torch.equal(laid(parts, factor), images)
    assert torch.equal(cut(laid(parts, factor), factor), parts)


def test_parts_of_an_image_follow_each_other_row_by_row():
    image = torch.arange(16.0).view(1, 1, 4, 4)
    assert [part.flatten().tolist() for part in cut(image, 2)] == [
        [0, 1, 4, 5],
        [2, 3, 6, 7],
        [8, 9, 12, 13],
        [10, 11, 14, 15],
    ]


@factors
def test_parts_are_enlarged_by_the_formula_of_bilinear_sampling(factor):
    """Pixel i of the large image samples position (i + 1/2) / factor - 1/2 of the small one, clamped to its centres."""
    images, side = noise(2, 2, 6, 6), 6
    found, small = enlarged(images, factor), cut(images, factor)
    assert found.shape == (2 * factor**2, 2, side, side)

    def place(i):
        at = min(max((i + 0.5) / factor - 0.5, 0.0), side // factor - 1.0)
        low = floor(at)
        return low, min(low + 1, side // factor - 1), at - low

    for i in range(side):
        for j in range(side):
            (top, below, down), (left, beside, right) = place(i), place(j)
            expected = (1 - down) * ((1 - right) * small[..., top, left] + right * small[..., top, beside])
            expected = expected + down * ((1 - right) * small[..., below, left] + right * small[..., below, beside])
            torch.testing.assert_close(found[..., i, j], expected)


@factors
def test_enlarging_keeps_the_range_and_what_is_flat(factor):
    images = noise(2, 1, 6, 6)
    low, high = enlarged(images, factor).aminmax()
    assert images.min() - 1e-9 <= low and high <= images.max() + 1e-9
    flat = laid(noise(2 * factor**2, 1, 1, 1).expand(-1, -1, 6 // factor, 6 // factor), factor)
    torch.testing.assert_close(enlarged(flat, factor), cut(flat, factor)[..., :1, :1].expand(-1, -1, 6, 6))


@factors
def test_enlarging_is_linear_so_that_its_gradient_is_its_transpose(factor):
    images, weights = noise(2, 1, 6, 6).requires_grad_(), noise(2 * factor**2, 1, 6, 6, name="weights")
    other = noise(2, 1, 6, 6, name="other")
    (gradient,) = torch.autograd.grad((weights * enlarged(images, factor)).sum(), images)
    torch.testing.assert_close((gradient * other).sum(), (weights * enlarged(other, factor)).sum())


@factors
def test_a_mosaic_has_the_means_of_small_squares(factor):
    images = noise(2 * factor**2, 1, 6, 6)
    found, side = cut(mosaic(images, factor), factor), 6 // factor
    for i in range(side):
        for j in range(side):
            square = images[:, 0, i * factor : (i + 1) * factor, j * factor : (j + 1) * factor]
            torch.testing.assert_close(found[:, 0, i, j], square.mean(dim=(1, 2)))


@pytest.mark.parametrize("call", [cut, enlarged, mosaic])
def test_a_side_that_does_not_divide_is_refused(call):
    with pytest.raises(ValueError, match=r"8 x 8 pixels .*; take a factor that divides both sides"):
        call(noise(9, 1, 8, 8), 3)


def test_parts_that_make_no_whole_images_are_refused():
    with pytest.raises(ValueError, match="5 parts make no whole images of 2 x 2 parts"):
        laid(noise(5, 1, 2, 2), 2)


# Sets of them


def test_an_expanded_set_has_the_parts_with_the_labels_of_their_images():
    targets = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    made = stored(targets=targets, lr=0.5)
    whole = expanded(made)
    assert (len(made), made.factor, made.seen) == (3, 2, 12)
    assert (len(whole), whole.factor, whole.seen) == (12, 1, 12)
    assert torch.equal(whole.images, enlarged(made.images.float(), 2)) and whole.lr == 0.5
    assert whole.labels.tolist() == [0] * 4 + [1] * 8
    assert torch.equal(whole.targets, targets.repeat_interleave(4, dim=0))
    assert whole.info["stored"] == {"images": 3, "factor": 2}
    assert expanded(whole) is whole


def test_a_set_counts_the_bytes_that_are_stored_and_says_what_a_student_sees():
    assert sizes(stored())["images"] == 3 and sizes(stored())["image_bytes"] == 3 * 64
    assert "12 for a student: 2 x 2 parts of each" in repr(stored())


def test_the_factor_is_part_of_what_a_set_is_and_1_is_not():
    plain = stored(info={"class_names": ["a", "b"], "targets": "probabilities"})
    assert content_hash(stored(factor=1)) == content_hash(plain)
    assert len({content_hash(one) for one in (plain, stored(2), stored(4))}) == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stored(factor=0), "info.'factor'. is 0; it is the whole number"),
        (lambda: stored(factor=2.0), "is 2.0; it is the whole number"),
        (lambda: stored(factor=3), "is 3, which cuts .* this set's images are real ones, or have other sides"),
        (
            lambda: stored(indices=torch.tensor([0, NOT_REAL, NOT_REAL]), images=noise(2, 1, 8, 8)),
            "this set's images are real ones",
        ),
    ],
)
def test_a_factor_that_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def toy_stored(kind="none"):
    run = toy_run(kind=kind)
    shape = run.data.train_images.shape[1:]
    labels = torch.arange(run.data.classes)
    info = {"class_names": list(run.data.class_names), "factor": 2, "preprocess": run.preprocess.describe()}
    return run, DistilledSet(labels, torch.full_like(labels, NOT_REAL), images=noise(len(labels), *shape), info=info)


@pytest.mark.parametrize("read", [pixels, uint8_pixels])
def test_mosaics_are_not_taken_for_images(read):
    run, made = toy_stored()
    with pytest.raises(ValueError, match=r"each image of the set is 2 x 2 parts; distilled\.expanded"):
        read(made, run.data, run.preprocess)
    assert len(SetDataset(made, run.data, run.preprocess)) == 4 * len(made)


def test_another_space_gets_the_parts_and_its_own_gets_the_set():
    run, made = toy_stored("zca")
    other = toy_run(kind="normalise").preprocess
    assert translate(made, run.data, run.preprocess, run.preprocess)[0] is made
    moved, clamped = translate(made, run.data, run.preprocess, other)
    expected, known = translate(expanded(made), run.data, run.preprocess, other)
    assert torch.equal(moved.images, expected.images) and clamped == known
    assert moved.factor == 1 and len(moved) == 4 * len(made)


@pytest.mark.float32
def test_a_saved_set_of_mosaics_is_scored_written_and_labelled_by_its_parts(tmp_path):
    recipe, where = small_condensation("idm"), context(tmp_path)
    made = result_of(recipe, where).set
    save_set(tmp_path / "set.safetensors", made)
    again, _ = load_set(tmp_path / "set.safetensors")
    assert (len(again), again.factor, again.seen) == (20, 2, 80) and content_hash(again) == content_hash(made)
    few = {"train.epochs": "1", "network.width": "4"}
    scored = evaluate_set(again, None, recipes.with_overrides(protocol_for(again), few), where, students=1)
    whole = evaluate_set(expanded(again), None, recipes.with_overrides(protocol_for(again), few), where, students=1)
    assert scored["metrics"] == whole["metrics"] and scored["set"]["images"] == 20 and whole["set"]["images"] == 80
    files, _ = export_set(again, None, tmp_path / "pictures", where, form="png")
    assert len(files) == 1 + 80
    short = {"teacher.train.epochs": "1", "teacher.network.width": "4"}
    online = recipes.with_overrides(protocol_for(again, "online-teacher"), short | few)
    assert relabel_set(again, None, online, where, views=2).targets.shape == (80, 10)
    assert evaluate_set(again, None, online, where, students=1)["metrics"]["overall"]["mean"] > 0


def test_a_large_set_is_one_of_many_parts():
    """Of 40 images of a class a student sees 400: more than 128, so that the batch is that of large sets."""
    assert recipes.recipe("dm_cifar10", ipc=10).evaluate.train.batch_size == 256
    assert recipes.recipe("idm_cifar10", ipc=10).evaluate.train.batch_size == 128
    assert recipes.recipe("idm_cifar10", ipc=3).evaluate.train.batch_size == 256


def test_a_recipe_starts_a_run_under_every_protocol(tmp_path):
    for name in ("online-teacher", "online-stored"):
        recipe = recipes.recipe("dream_digits", ipc=2, protocol_name=name)
        assert start(recipe, 0, context(tmp_path)).preprocess.kind == "normalise" and recipe.target is not None
