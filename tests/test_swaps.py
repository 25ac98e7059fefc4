"""Sets put together from parts of several, and stored labels of a teacher: laws of both."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from toy_sets import context, digits, noise, quick, synthetic

from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.cli import main
from ltdd_utils.core.seeds import generator
from ltdd_utils.distilled import content_hash, load_set, save_set, swapped
from ltdd_utils.evaluation import mean_over_views, relabel, relabelled
from ltdd_utils.runs import distil, evaluate_set, protocol_for, relabel_set, start

pytestmark = pytest.mark.float32


def soft(name, **changes):
    """A set with learned labels and step size, all drawn under ``name``."""
    info = {**synthetic().info, "targets": "logits", "name": name}
    pixels = noise(20, 1, 16, 16, name=f"{name} images")
    parts = {"images": pixels, "targets": noise(20, 10, name=f"{name} labels"), "lr": len(name) / 100, "info": info}
    return synthetic(**{**parts, **changes})


def test_all_parts_of_one_set_are_that_set():
    one = soft("one")
    assert content_hash(swapped(one, one, one)) == content_hash(one)


def test_two_swaps_of_the_labels_undo_each_other():
    one, other = soft("one"), soft("other")
    there = swapped(one, other, one)
    assert content_hash(there) not in (content_hash(one), content_hash(other))
    assert content_hash(swapped(there, one, one)) == content_hash(one)


def test_each_part_comes_from_the_set_that_is_named_for_it():
    one, other, third = soft("one"), soft("other"), soft("third")
    made = swapped(one, other, third)
    assert torch.equal(made.images, one.images) and torch.equal(made.targets, other.targets) and made.lr == third.lr
    said = {part: (told["name"], told["sha256"]) for part, told in made.info["parts"].items()}
    assert said == {
        "images": ("one", content_hash(one)),
        "labels": ("other", content_hash(other)),
        "lr": ("third", content_hash(third)),
    }


def test_who_labelled_goes_with_the_labels():
    one, other = soft("one"), relabelled(soft("other"), noise(20, 10).softmax(dim=1), "other, relabelled")
    other = replace(other, info={**other.info, "labelled_by": {"views": 2}})
    assert swapped(one, other).info["labelled_by"] == {"views": 2}
    assert "labelled_by" not in swapped(other, one).info and "labelled_by" not in swapped(other).info


def test_without_labels_and_step_size_the_class_labels_and_the_protocols_step_size_count():
    one = soft("one")
    made = swapped(one)
    assert made.targets is None and made.lr is None
    assert torch.equal(made.target_probabilities().argmax(dim=1), one.labels)
    assert swapped(one, None, 0.25).lr == 0.25


def test_labels_of_images_in_another_order_or_of_other_data_are_refused():
    one = soft("one")
    turned = soft("other", labels=one.labels.flip(0))
    with pytest.raises(ValueError, match="a label must stand at an image of its class"):
        swapped(one, turned)
    elsewhere = soft("other", info={**one.info, "data_sha256": "5" * 64})
    with pytest.raises(ValueError, match="swap parts of sets of the same data"):
        swapped(one, None, elsewhere)


def test_the_command_writes_the_set_and_a_score_says_its_parts(tmp_path):
    made = [distil(recipe, start(recipe, seed, context(tmp_path))).set for seed in (0, 1) for recipe in (quick(),)]
    files = [tmp_path / f"{seed}.safetensors" for seed in (0, 1)]
    for file, one in zip(files, made, strict=True):
        save_set(file, replace(one, targets=noise(20, 10), lr=0.02, info={**one.info, "targets": "logits"}))
    out = tmp_path / "out.safetensors"
    assert main(["swap", str(files[0]), "--labels", str(files[1]), "--lr", "0.5", "--save-set", str(out)]) == 0
    found, _ = load_set(out)
    assert found.lr == 0.5
    cfg = protocol_for(found, "dsa-stored", "tiny")
    scores = evaluate_set(found, None, replace(cfg, train=replace(cfg.train, epochs=1)), context(tmp_path), students=1)
    assert scores["set"]["parts"] == found.info["parts"] and scores["set"]["parts"]["lr"] == 0.5


class Linear(nn.Module):
    """Logits that are the mean pixel value times fixed weights: they depend on the view."""

    def forward(self, images):
        return images.mean(dim=(1, 2, 3))[:, None] * torch.linspace(-3, 3, 10)


VIEW = AugmentConfig(kind="crop-flip", padding=4)


def test_labels_over_views_are_probabilities_and_the_mean_of_parts():
    images = noise(6, 1, 16, 16)
    four = mean_over_views(Linear(), images, VIEW, 4, generator(0, "views"))
    torch.testing.assert_close(four.sum(dim=1), torch.ones(6))
    rng = generator(0, "views")
    halves = [mean_over_views(Linear(), images, VIEW, 2, rng) for _ in range(2)]
    torch.testing.assert_close(four, sum(halves) / 2)
    with pytest.raises(ValueError, match="views is 0"):
        mean_over_views(Linear(), images, VIEW, 0, rng)


@pytest.mark.parametrize("batch", [1, 4])
def test_labels_do_not_depend_on_the_batches_that_the_teacher_is_asked_in(batch, monkeypatch):
    images = noise(6, 1, 16, 16)
    whole = mean_over_views(Linear(), images, VIEW, 3, generator(0, "views"))
    monkeypatch.setattr(relabel, "TEACHER_BATCH", batch)
    torch.testing.assert_close(mean_over_views(Linear(), images, VIEW, 3, generator(0, "views")), whole)


def test_without_augmentation_the_label_is_the_teachers_answer():
    images, still = noise(6, 1, 16, 16), AugmentConfig(kind="none")
    found = mean_over_views(Linear(), images, still, 3, generator(0, "views"))
    torch.testing.assert_close(found, Linear()(images).softmax(dim=1))


def test_the_expected_loss_of_the_mean_is_the_mean_of_the_expected_losses():
    """Why a mean of probabilities, and not of logits, is stored."""
    answers, student = (
        noise(5, 8, 10, name="answers").mul(6).softmax(dim=2),
        noise(8, 10, name="student").log_softmax(1),
    )
    each = torch.stack([-(target * student).sum(dim=1) for target in answers]).mean(dim=0)
    torch.testing.assert_close(-(answers.mean(dim=0) * student).sum(dim=1), each)


def test_a_set_labelled_anew_keeps_images_and_step_size():
    one = soft("one")
    made = relabelled(one, noise(20, 10).softmax(dim=1), "named")
    assert torch.equal(made.images, one.images) and made.lr == one.lr and made.info["targets"] == "probabilities"


def test_labels_of_a_teacher_repeat_and_follow_the_teacher(tmp_path):
    recipe = quick(protocol="online-teacher", epochs=1)
    where = context(tmp_path)
    one = distil(recipe, start(recipe, 0, where)).set
    first, again = (relabel_set(one, None, recipe.evaluate, where, views=2) for _ in range(2))
    assert content_hash(first) == content_hash(again) and first.info["labelled_by"]["views"] == 2
    adjusted = replace(recipe.evaluate, teacher=replace(recipe.evaluate.teacher, tau=2.0))
    tilted = relabel_set(one, None, adjusted, where, views=2).targets.mean(dim=0)
    rare = digits().prior.argmin()
    assert tilted[rare] > first.targets.mean(dim=0)[rare]  # the prior was taken out
    with pytest.raises(ValueError, match="has no teacher that could label"):
        relabel_set(one, None, quick().evaluate, where)
