"""LADM: networks with a logit-adjusted loss, a soft label for each part, and what of it is IDM's very run."""

import json
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from test_idm import CFG, made_by, mosaics, network, trained_by_sgd
from toy_condensation import CLASSES, COUNTS, IPC, SIZE, noise, tail
from toy_recipes import small_condensation
from toy_sets import context, result_of

from ltdd_utils import recipes
from ltdd_utils.data import Run, load
from ltdd_utils.distilled import content_hash, load_set, save_set, swapped
from ltdd_utils.distilled.masses import class_mass, own_share
from ltdd_utils.distilled.mosaics import enlarged, expanded
from ltdd_utils.distilled.swaps import part_name
from ltdd_utils.interchange import SetDataset
from ltdd_utils.methods.condensation.queue import Queue
from ltdd_utils.methods.condensation.settings import IDMConfig, LADMConfig
from ltdd_utils.networks.flat import flat_parameters
from ltdd_utils.records import validate_record
from ltdd_utils.runs import distil, run, start
from ltdd_utils.runs.exports import export_set
from ltdd_utils.runs.imports import given_set
from ltdd_utils.runs.publish import publish_set
from ltdd_utils.teachers.stage import train_teacher

# The networks' loss


def test_a_network_of_the_queue_follows_the_logit_adjusted_loss():
    """Two steps of SGD on the loss written out: the prior's logarithm is added to the logits before the softmax."""
    prior, one = torch.tensor([0.6, 0.3, 0.1]), network()
    queue = Queue(replace(CFG, network_steps=2), network(), torch.device("cpu"), 2 * prior.log())
    queue.push(one)
    batches = [(noise(6, 1, SIZE, SIZE, name=f"batch {k}"), torch.tensor([0, 1, 2] * 2)) for k in range(2)]

    def adjusted(logits, labels):
        weighted = prior**2 * logits.exp()
        return -(weighted[range(6), labels] / weighted.sum(dim=1)).log().mean()

    right = trained_by_sgd(one, batches, adjusted)
    given = iter(batches)
    queue.train(0, lambda: next(given))
    torch.testing.assert_close(queue.weights[0], flat_parameters(one))
    assert float(queue.accuracy[0]) == pytest.approx(sum(right) / 2)  # of the raw logits, as the images see them


def test_the_shift_is_tau_times_the_log_of_the_long_tails_shares(monkeypatch):
    shifts = []
    monkeypatch.setattr(Queue, "train", lambda queue, row, batch: shifts.append(queue.shift))
    for changes in ({"logit_adjustment": 1.5}, {"logit_adjustment": 1.5, "network_data": "synthetic"}, {}):
        made_by(iterations=1, **changes)
    expected = torch.tensor([1.5 * math.log(count / sum(COUNTS)) for count in COUNTS])
    torch.testing.assert_close(shifts[0], expected)
    assert not any(shift.any() for shift in shifts[CFG.trained :])  # synthetic images are balanced, and no tau


def test_classes_of_one_size_are_adjusted_by_nothing():
    """A softmax does not see a shift that all logits share."""
    real = tail(counts=(4, 4, 4))
    plain, adjusted = (made_by(real=real, logit_adjustment=tau)[0].images for tau in (0.0, 1.0))
    torch.testing.assert_close(adjusted, plain, rtol=1e-4, atol=1e-5)
    plain, adjusted = (made_by(logit_adjustment=tau)[0].images for tau in (0.0, 1.0))
    assert not torch.allclose(adjusted, plain, rtol=1e-3, atol=1e-3)  # those of a long tail are


# Labels of parts


def labelled(per_part):
    """A set of mosaics whose soft labels say which stored image, or which part, they are of."""
    made = mosaics()
    rows = len(made) * (4 if per_part else 1)
    targets = (torch.arange(rows)[:, None] * 7.0 + torch.arange(CLASSES)).sin().softmax(dim=1)
    return replace(made, targets=targets, info={**made.info, "targets": "probabilities"}), targets


def test_parts_have_their_own_labels_or_that_of_their_image():
    for per_part in (False, True):
        made, targets = labelled(per_part)
        seen = expanded(made)
        assert len(seen.targets) == len(seen) == 4 * len(made) == made.seen
        torch.testing.assert_close(seen.images, enlarged(made.images.float(), 2))
        for row in range(len(seen)):
            assert torch.equal(seen.targets[row], targets[row if per_part else row // 4])
    assert "one soft label for each part" in repr(made) and content_hash(made) != content_hash(labelled(False)[0])


def test_label_masses_of_a_set_are_those_of_what_a_student_sees():
    for per_part in (False, True):
        made, _ = labelled(per_part)
        torch.testing.assert_close(class_mass(made), class_mass(expanded(made)))
        torch.testing.assert_close(own_share(made), own_share(expanded(made)))


@pytest.mark.parametrize("rows", [1, IPC, 2 * CLASSES * IPC, 4 * CLASSES * IPC + 1])
def test_another_number_of_labels_is_refused(rows):
    made = mosaics()
    targets = torch.full((rows, CLASSES), 1 / CLASSES)
    with pytest.raises(ValueError, match=rf"\[{CLASSES * IPC}, 3\], or \[{4 * CLASSES * IPC}, 3\] with one of each"):
        replace(made, targets=targets, info={**made.info, "targets": "probabilities"})


def test_other_images_have_no_soft_labels_and_say_so():
    made, _ = labelled(True)
    other = made.with_images(made.images)
    assert other.targets is None and content_hash(other) == content_hash(swapped(made))


@pytest.mark.parametrize("per_part", [False, True])
def test_labels_of_parts_are_swapped_between_mosaics_and_the_parts_alone(per_part):
    made, _ = labelled(per_part)
    assert content_hash(swapped(made, made, made)) == content_hash(made)
    alone = expanded(made)
    assert torch.equal(swapped(swapped(alone), made).targets, alone.targets)  # on parts that are images
    there = swapped(swapped(made), alone)
    assert content_hash(expanded(there)) == content_hash(alone)
    assert swapped(made, swapped(alone)).targets is None  # class labels


def test_labels_of_parts_on_images_that_have_no_such_parts_are_refused():
    made, _ = labelled(True)
    info = {key: value for key, value in made.info.items() if key not in ("factor", "targets")}
    whole = replace(made, targets=None, info={**info, "name": "wholes"})
    said = (
        rf"{4 * CLASSES * IPC} soft labels, wholes has {CLASSES * IPC} images: swap labels of parts .* `ltdd relabel`"
    )
    with pytest.raises(ValueError, match=said):
        swapped(whole, made)


@pytest.mark.parametrize("method", [{"iterations": 0}, {"images": {"iterations": 0}, "views": 3}])
def test_a_set_whose_images_nothing_changed_is_called_initial(method):
    made, _ = labelled(True)
    assert part_name(replace(made, info={**made.info, "name": "it", "method": method})) == "it, initial"
    later = {"images": {"iterations": 5}, "recover": {"iterations": 0}}  # crops are what they are by design
    assert part_name(replace(made, info={**made.info, "name": "it", "method": later})) == "it"


# Recipes and runs


@pytest.mark.float32
def test_its_images_are_the_very_run_of_idm_and_only_the_labels_are_its_own(tmp_path):
    asked = context(tmp_path)
    own = result_of(small_condensation("ladm"), asked).set
    same = result_of(small_condensation("idm", **{"method.logit_adjustment": 1.0}), asked)
    assert torch.equal(own.images, same.set.images) and same.set.targets is None
    assert len(list((tmp_path / "work" / "condensation").iterdir())) == 1  # one stage for both


@pytest.mark.float32
@pytest.mark.parametrize("iterations", [0, 2])
def test_a_label_is_the_mean_answer_of_the_teacher_to_views_of_the_part(iterations, tmp_path):
    """Where views change nothing: the teacher's answer to the part itself."""
    more = {"method.images.iterations": iterations, "method.images.augment.kind": "none", "method.lr": 0.02}
    asked = context(tmp_path)
    recipe = small_condensation("ladm", **more)
    made = result_of(recipe, asked).set
    assert made.targets.shape == (80, 10) and (made.lr, made.factor, len(made)) == (0.02, 2, 20)
    teacher = teacher_of(recipe, asked)
    expected = F.softmax(teacher(enlarged(made.images, 2)), dim=1)
    torch.testing.assert_close(made.targets, expected, rtol=1e-4, atol=1e-5)


def teacher_of(recipe, asked):
    return train_teacher(recipe.method.teacher, Run.start(load(recipe.data, asked.data), recipe.space, 0, asked))


@pytest.mark.float32
def test_a_run_writes_a_valid_record_and_the_same_numbers_again(tmp_path):
    record, again = (run(small_condensation("ladm"), 0, 1, context(tmp_path / str(number))) for number in (0, 1))
    validate_record(json.loads(json.dumps(dict(record))))
    assert record["distillation"]["iterations"] == 2
    assert (again["distillation"], again["metrics"]) == (record["distillation"], record["metrics"])
    assert list(record["cost"]["seconds"])[1:4] == ["condensation", "labelling teacher", "labels"]


@pytest.mark.float32
def test_a_set_goes_out_with_the_labels_of_its_parts_in_order(tmp_path):
    asked = context(tmp_path)
    recipe = small_condensation("ladm")
    work = start(recipe, 0, asked)
    made = distil(recipe, work).set
    save_set(tmp_path / "set.safetensors", made)
    kept = load_set(tmp_path / "set.safetensors")[0]
    assert content_hash(kept) == content_hash(made) and len(kept.targets) == kept.seen == 80
    offered = SetDataset(made, work.data, work.preprocess)
    assert len(offered) == 80 and torch.equal(offered[5][1], made.targets[5])
    export_set(made, None, tmp_path / "npz", asked, form="npz")
    export_set(made, None, tmp_path / "png", asked, form="png")
    for place in ("npz/set.npz", "png"):
        back = given_set(tmp_path / place, work.data, asked)
        torch.testing.assert_close(back.target_probabilities(), made.targets, atol=1e-5, rtol=1e-4)
        assert torch.equal(back.labels, expanded(made).labels)
    export_set(made, None, tmp_path / "pt", asked, form="pt")
    logits = torch.load(tmp_path / "pt" / "labels_best.pt")
    torch.testing.assert_close(logits.softmax(dim=1), made.targets, atol=1e-5, rtol=1e-4)


@pytest.mark.float32
def test_the_card_says_images_that_are_stored_and_those_of_the_tar(tmp_path):
    asked, recipe = context(tmp_path), small_condensation("ladm", **{"method.lr": 0.02})
    made = distil(recipe, start(recipe, 0, asked)).set
    publish_set(made, None, tmp_path / "out", asked)
    text = (tmp_path / "out" / "README.md").read_text()
    parts = "each is 2 x 2 parts, so 80 for a student, as in the tar"
    assert f"| images | 20 (2 images per class), 5120 bytes; {parts} |" in text
    assert "| labels | probabilities, 3200 bytes |" in text  # 80 labels of 10 numbers of 4 bytes
    assert "| step size of the students | 0.02, named by the set |" in text


def test_settings_of_a_cell():
    made = recipes.recipe("ladm_cifar10", scale="paper").method
    assert (made.images.logit_adjustment, made.teacher.logit_adjustment, made.views) == (1, 1, 20)
    reduced = recipes.recipe("ladm_cifar10").method
    assert (made.lr, reduced.lr, reduced.images.regulariser) == (None, 0.03, 0.03)
    assert replace(made.images, logit_adjustment=0.0) == recipes.recipe("idm_cifar10", scale="paper").method
    assert recipes.recipe("ladm_cifar10").family.has_soft_labels(made)
    assert recipes.recipe("ladm_cifar10").family.factor(made) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LADMConfig(views=0), "views is 0"),
        (lambda: LADMConfig(lr=0.0), "lr is 0.0; it must be a finite number above 0"),
        (lambda: IDMConfig(logit_adjustment=-1), "logit_adjustment is -1"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
