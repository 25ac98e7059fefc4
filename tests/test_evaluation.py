"""The evaluator: scores that recombine, labels that each protocol may see, students that repeat themselves."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from toy_sets import toy_run

from ltdd_utils.augment import AugmentConfig, augmenter, cutmix, randaugment, random_flip, random_resized_crop
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Bundle
from ltdd_utils.data import DataConfig, LongTailedData, Preprocess, PreprocessConfig, rank_thirds, shot_groups
from ltdd_utils.evaluation import (
    EvaluateConfig,
    Evaluation,
    gather,
    label_robust_score,
    protocol,
    stored_objective,
    student,
    students,
    view_objective,
)
from ltdd_utils.methods.coresets.selection import full_set
from ltdd_utils.networks import NetworkConfig
from ltdd_utils.teachers import TeacherConfig
from ltdd_utils.training import TrainConfig

pytestmark = pytest.mark.float32

COUNTS = (150, 40, 5)
PLAIN = EvaluateConfig(
    preprocess=PreprocessConfig("normalise"),
    network=NetworkConfig(depth=1, width=8),
    train=TrainConfig(epochs=8, batch_size=32, lr=0.05, schedule="constant"),
    augment=AugmentConfig("none"),
)


def toy(signal: int) -> LongTailedData:
    """Three classes, each with its own brighter rows, in noise from 0 to 100."""

    def draw(counts, name):
        labels = torch.arange(3).repeat_interleave(torch.tensor(counts))
        images = torch.rand(len(labels), 1, 8, 8, generator=generator(0, name)) * 100
        for image, label in zip(images, labels, strict=True):
            image[0, 2 * label : 2 * label + 2] += signal
        return images.clamp(0, 255).to(torch.uint8), labels

    (images, labels), (test_images, test_labels) = draw(COUNTS, "train"), draw((30, 30, 30), "test")
    indices, names = torch.arange(len(labels)), ("a", "b", "c")
    return LongTailedData(DataConfig(), images, labels, indices, test_images, test_labels, names, COUNTS)


def score(folder, cfg=PLAIN, data=None, distilled=None, seed=0, number=0):
    run = toy_run(folder, data or toy(signal=150), cfg.preprocess.kind, seed)
    return student(distilled or full_set(run.data), run, cfg, number)


def test_a_separable_toy_is_learned_to_the_last_image(tmp_path):
    assert gather([score(tmp_path)], COUNTS).metrics()["overall"] == {"mean": 1.0, "std": None}


def test_the_test_set_is_looked_at_once_and_after_the_last_step(tmp_path, monkeypatch):
    """So the last iterate is scored, and no rule can pick the best one."""
    events, test_images = [], toy(signal=20).test_images

    def spy(name, real):
        def call(network, *arguments, **options):
            result = real(network, *arguments, **options)
            weights = torch.cat([weight.detach().flatten() for weight in network.parameters()])
            events.append((name, weights.clone()))
            return result

        return call

    for name in ("train", "answered"):
        monkeypatch.setattr(students, name, spy(name, getattr(students, name)))
    seen = []
    real = Preprocess.__call__
    monkeypatch.setattr(Preprocess, "__call__", lambda self, x, *options: seen.append(x) or real(self, x, *options))
    score(tmp_path, data=toy(signal=20))
    assert [name for name, _ in events] == ["train", "answered"]
    assert torch.equal(events[0][1], events[1][1])
    assert sum(x.shape == test_images.shape and torch.equal(x, test_images) for x in seen) == 1


def test_a_student_repeats_itself_and_differs_by_seed_and_number(tmp_path):
    data, few = toy(signal=20), replace(PLAIN, train=replace(PLAIN.train, epochs=2))
    keys = [(0, 0), (0, 0), (0, 1), (1, 0)]
    results = [
        score(tmp_path / str(folder), few, data, seed=seed, number=number).tensors["confusion"]
        for folder, (seed, number) in enumerate(keys)
    ]
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2]) and not torch.equal(results[0], results[3])


def test_a_learned_step_size_takes_the_place_of_the_protocols(tmp_path):
    data = toy(signal=20)
    learned = replace(full_set(data), lr=0.3)
    by_set = score(tmp_path, PLAIN, data, learned)
    by_protocol = score(tmp_path, replace(PLAIN, train=replace(PLAIN.train, lr=0.3)), data)
    assert torch.equal(by_set.tensors["confusion"], by_protocol.tensors["confusion"])
    assert not torch.equal(by_set.tensors["confusion"], score(tmp_path, PLAIN, data).tensors["confusion"])


@pytest.mark.parametrize("second_head", [False, True])
def test_the_norms_are_of_the_rows_of_the_layer_that_answers(tmp_path, monkeypatch, second_head):
    finished = []
    monkeypatch.setattr(
        students, "train", lambda *a, real=students.train, **k: finished.append(real(*a, **k)) or finished[0]
    )
    network = replace(PLAIN.network, second_head=second_head)
    bundle = score(tmp_path, replace(PLAIN, network=network, train=replace(PLAIN.train, epochs=1)))
    features = torch.eye(finished[0].features_size)
    monkeypatch.setattr(finished[0], "backbone", torch.nn.Identity())
    logits = finished[0](features) - finished[0](torch.zeros(1, features.shape[1]))  # the rows themselves, as columns
    torch.testing.assert_close(bundle.tensors["classifier_norms"], logits.detach().square().sum(dim=0).sqrt())


def test_a_record_has_the_norms_of_the_students_that_kept_them(tmp_path):
    new = score(tmp_path, replace(PLAIN, train=replace(PLAIN.train, epochs=1)))
    old = Bundle({"confusion": new.tensors["confusion"]}, new.meta)
    first, second = gather([new, old], COUNTS).each_student()
    kept = {"classifier_norms": new.tensors["classifier_norms"].tolist(), "correct": first["correct"]}
    assert first == second | kept
    assert second == {"overall": first["overall"], "per_class": first["per_class"]}


def test_the_share_that_was_clamped_is_that_of_the_worst_student():
    confusion = torch.eye(3, dtype=torch.int64)
    bundles = [Bundle({"confusion": confusion}, {"seconds": 1.0, "clamped": share}) for share in (0.1, 0.3, 0.2)]
    assert gather(bundles, COUNTS).clamped == 0.3


def evaluation(students: int, counts: tuple[int, ...]) -> Evaluation:
    """Random answers of some students to 20 test images of each class."""
    classes = len(counts)
    answers = torch.randint(classes, (students, classes, 20), generator=generator(0, "answers"))
    confusion = torch.nn.functional.one_hot(answers, classes).sum(dim=2)
    return Evaluation(confusion, counts, (1.0,) * students, 0.0)


@pytest.mark.parametrize("counts", [(500, 200, 90, 50, 19, 5, 2), (120, 90, 60, 21, 20), (9, 8, 7, 6, 5, 4, 3, 2)])
@pytest.mark.parametrize("groups", [shot_groups, rank_thirds])
def test_groups_weighted_by_their_size_recombine_to_overall(counts, groups):
    metrics, sizes = evaluation(3, counts).metrics(), {name: len(labels) for name, labels in groups(counts).items()}
    total = sum(sizes[name] * metrics[name]["mean"] for name in sizes if sizes[name])
    assert total / len(counts) == pytest.approx(metrics["overall"]["mean"])
    assert sum(metrics["per_class"]) / len(counts) == pytest.approx(metrics["overall"]["mean"])
    assert all((metrics[name] is None) == (size == 0) for name, size in sizes.items())  # n/a, never 0.0


def test_the_standard_deviation_has_ddof_one_and_is_none_for_one_student():
    several = evaluation(4, (300, 50, 5))
    spread = several.metrics()["overall"]
    assert spread["std"] == pytest.approx(several.overall.std(correction=1).item())
    assert spread["mean"] == pytest.approx(several.overall.mean().item())
    one = evaluation(1, (300, 50, 5)).metrics()
    assert one["overall"]["std"] is None and one["tail"]["std"] is None


def test_the_confusion_matrix_is_the_mean_over_students_and_its_diagonal_the_class_accuracy():
    metrics = evaluation(4, (300, 50, 5)).metrics()
    confusion = torch.tensor(metrics["confusion"])
    assert confusion.sum(dim=1).tolist() == pytest.approx([20] * 3)
    assert (confusion.diagonal() / 20).tolist() == pytest.approx(metrics["per_class"])


def test_label_robust_score_at_known_points():
    assert label_robust_score(0.6, 0.6, 0.4, 0.4) == pytest.approx(1 / (math.e + 1))  # neither gain nor loss
    assert label_robust_score(1, 1, 1, 0, weight=1) == pytest.approx(1)
    assert label_robust_score(1, 0, 0, 1) == pytest.approx(0)
    middle = (math.exp(0.05) - math.exp(-1)) / (math.e - math.exp(-1))  # 0.5 x 0.3 gained, 0.5 x 0.2 lost
    assert label_robust_score(0.7, 0.5, 0.6, 0.3) == pytest.approx(middle)
    assert label_robust_score(0.7, 0.1, 0.6, 0.3, weight=1) == label_robust_score(0.2, 0.1, 0.6, 0.3, weight=1)
    with pytest.raises(ValueError, match=r"accuracy 62.5 is not a fraction; divide percent by 100"):
        label_robust_score(62.5, 0.5, 0.6, 0.3)
    with pytest.raises(ValueError, match="weight is 2; it must be between 0 and 1"):
        label_robust_score(0.7, 0.5, 0.6, 0.3, weight=2)


# The protocols' losses, without training.

WEIGHT = torch.randn(64, 3, generator=generator(0, "student"))
TEACHER = torch.randn(64, 3, generator=generator(0, "teacher"))


BATCH = torch.arange(0, 190, 7)  # of all classes


def forward(images):
    return images.flatten(1) @ WEIGHT


def teacher(images):
    return images.flatten(1) @ TEACHER


def online(name, **views) -> EvaluateConfig:
    off = {"crop_scale": (1.0, 1.0), "flip": False, "randaugment": False, "cutmix": False}
    augment = AugmentConfig(kind="mixed-views", **{**off, **views})
    return replace(PLAIN, protocol=name, teacher=TeacherConfig(), augment=augment, cross_entropy=0.1)


def view_loss(cfg, rng, labelling=teacher):
    data = toy(signal=20)
    preprocess = Preprocess.fit(data.train_images, cfg.preprocess)
    objective = view_objective(data.train_images, data.train_labels, preprocess, labelling, cfg, rng=rng)
    return objective(forward, BATCH), preprocess, data.train_images[BATCH], data.train_labels[BATCH]


def test_without_any_view_both_online_protocols_are_one_loss():
    for name in ("online-teacher", "online-stored"):
        loss, preprocess, pictures, labels = view_loss(online(name), generator(0))
        images = preprocess(pictures)
        expected = F.mse_loss(forward(images), teacher(images)) + 0.1 * F.cross_entropy(forward(images), labels)
        torch.testing.assert_close(loss, expected)


VIEWS = {"randaugment": True, "crop_scale": (0.2, 0.6), "flip": True, "cutmix": True}


@pytest.mark.parametrize("on", [*VIEWS, "all"])
@pytest.mark.parametrize("name", ["online-teacher", "online-stored"])
def test_a_view_is_randaugment_then_a_crop_a_flip_and_cutmix(name, on):
    """The teacher sees the finished view; its stored logits of whole images are mixed by area, and by nothing else."""
    views = VIEWS if on == "all" else {on: VIEWS[on]}
    for seed in range(3):
        rng, same = generator(seed), generator(seed)
        loss, preprocess, pictures, labels = view_loss(online(name, **views), same)
        whole = preprocess(pictures)
        images = preprocess(randaugment(pictures, rng)) if "randaugment" in views else whole
        # The crop that keeps everything draws too.
        images, _ = random_resized_crop(images, 8, views.get("crop_scale", (1.0, 1.0)), (3 / 4, 4 / 3), rng)
        images = random_flip(images, rng) if "flip" in views else images
        stored = teacher(whole)
        if "cutmix" in views:
            partner, share = torch.randperm(len(images), generator=rng), float(torch.rand((), generator=rng))
            marked, _ = cutmix(torch.zeros_like(images), torch.ones_like(images), share, rng)  # 1: the partner shows
            images = torch.where(marked.bool(), images[partner], images)
            area = marked[0].double().mean().item()
            stored = (1 - area) * stored + area * stored[partner]
        assert not torch.equal(images, whole) and torch.equal(same.get_state(), rng.get_state())
        wanted = teacher(images) if name == "online-teacher" else stored
        expected = F.mse_loss(forward(images), wanted) + 0.1 * F.cross_entropy(forward(images), labels)
        torch.testing.assert_close(loss, expected)


def test_a_stored_label_is_asked_for_once_and_a_teachers_for_every_view():
    calls = {"online-stored": [], "online-teacher": []}
    for name, seen in calls.items():
        view_loss(
            online(name, crop_scale=(0.3, 0.6)), generator(0), lambda x, seen=seen: seen.append(len(x)) or teacher(x)
        )
    assert calls == {"online-stored": [195], "online-teacher": [28]}


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 2.0])
def test_stored_labels_are_cross_entropy_and_logit_adjustment_uses_the_sets_own_counts(tau):
    data = toy(signal=20)
    images, labels = data.train_images.float() / 255, data.train_labels
    cfg, targets = replace(PLAIN, logit_adjustment=tau), F.one_hot(labels, 3).float()
    shifted = forward(images) + tau * torch.log(torch.tensor(COUNTS) / sum(COUNTS))
    loss = stored_objective(images, targets, cfg, generator(0))(forward, torch.arange(len(labels)))
    torch.testing.assert_close(loss, F.cross_entropy(shifted, labels))


@pytest.mark.parametrize("tau", [0.0, 1.0])
@pytest.mark.parametrize("kind", ["dsa", "crop-flip"])
def test_stored_labels_are_learned_on_images_that_are_augmented_anew_at_every_step(kind, tau):
    data, rng, same = toy(signal=20), generator(0), generator(0)
    images, labels = data.train_images.float() / 255, data.train_labels
    targets, augment = F.one_hot(labels, 3).float(), AugmentConfig(kind, strategy="crop_cutout_scale_rotate", padding=2)
    objective = stored_objective(images, targets, replace(PLAIN, augment=augment, logit_adjustment=tau), rng)
    for _ in range(3):
        views = augmenter(augment)(images[BATCH], same)
        shifted = forward(views) + tau * torch.log(torch.tensor(COUNTS) / sum(COUNTS))
        torch.testing.assert_close(objective(forward, BATCH), F.cross_entropy(shifted, labels[BATCH]))
        assert not torch.allclose(forward(views), forward(images[BATCH]), atol=0.1)
    assert torch.equal(rng.get_state(), same.get_state())


def test_the_prior_is_checked_when_the_objective_is_made_and_is_not_rounded_under_bf16():
    data, cfg = toy(signal=20), replace(PLAIN, logit_adjustment=1.0)
    images, labels = data.train_images.float() / 255, data.train_labels
    with pytest.raises(ValueError, match="4 positive shares"):
        stored_objective(images, F.one_hot(labels, 4).float(), cfg, generator(0))
    objective = stored_objective(images, F.one_hot(labels, 3).float(), cfg, generator(0))
    logits = forward(images).bfloat16()
    shifted = logits.float() + torch.log(torch.tensor(COUNTS) / sum(COUNTS))
    with torch.autocast("cpu", torch.bfloat16):
        loss = objective(lambda _: logits, torch.arange(len(labels)))
    torch.testing.assert_close(loss, F.cross_entropy(shifted, labels), rtol=1e-6, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["dsa-stored", "online-teacher", "online-stored"])
def test_a_step_does_not_wait_for_the_device(name):
    """With all that the real protocol does to a batch; what is made once per device, the first step makes."""
    device, data = torch.device("cuda"), toy(signal=20)
    data = replace(data, train_images=data.train_images.expand(-1, 3, -1, -1).contiguous())
    preprocess = Preprocess.fit(data.train_images, PLAIN.preprocess).to(device)
    pictures, labels, indices = data.train_images.to(device), data.train_labels.to(device), torch.arange(64).to(device)
    weight, other = WEIGHT.to(device).requires_grad_(), TEACHER.to(device)
    if name == "dsa-stored":
        cfg = replace(PLAIN, logit_adjustment=1.0, augment=protocol(name, "cifar10", "paper").augment)
        targets = F.one_hot(labels, 3).float()
        objective = stored_objective(preprocess(pictures), targets, cfg, generator(0))
    else:
        objective = view_objective(
            pictures,
            labels,
            preprocess,
            lambda x: x.mean(dim=1).flatten(1) @ other,
            replace(online(name), augment=protocol(name, "cifar10", "paper").augment),
            rng=generator(0),
        )

    def step():
        objective(lambda images: images.mean(dim=1).flatten(1) @ weight, indices).backward()

    for _ in range(5):  # every operation once
        step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(5):
            step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_soft_labels_are_what_the_student_is_held_against():
    data = toy(signal=20)
    images, targets = data.train_images.float() / 255, torch.rand(195, 3, generator=generator(0, "soft")).softmax(dim=1)
    loss = stored_objective(images, targets, PLAIN, generator(0))(forward, torch.arange(195))
    torch.testing.assert_close(loss, F.cross_entropy(forward(images), targets))
