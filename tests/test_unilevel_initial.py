"""Where recovery starts: rounds against a brute force of the paper's words, and boxes that say what was scored."""

import random
from dataclasses import replace

import pytest
import torch
from toy_sets import digits, fit, toy_run

from ltdd_utils.augment import draw_boxes
from ltdd_utils.core.seeds import generator
from ltdd_utils.distilled import NOT_REAL, composition, content_hash, pixels
from ltdd_utils.methods.alignment import initial as initial_module
from ltdd_utils.methods.alignment.initial import confidence, initial_set, select_crops
from ltdd_utils.methods.alignment.settings import CropConfig
from ltdd_utils.networks import NetworkConfig, build

CROPS = CropConfig(crops=3)


def by_the_papers_words(scores, places):
    """Each round every image offers its best unused crop; of too many offers the best are taken, else all.

    When no crop is unused, all are unused again.
    """
    unused = {image: dict(enumerate(row)) for image, row in enumerate(scores)}
    rounds, left = [], places
    while left:
        if not any(unused.values()):
            unused = {image: dict(enumerate(row)) for image, row in enumerate(scores)}
        offers = []
        for image, crops in unused.items():
            best = max(crops, key=crops.get)
            offers.append((crops.pop(best), image, best))
        offers.sort(reverse=True)
        rounds.append([(image, crop) for _, image, crop in offers[:left]])
        left -= len(rounds[-1])
    return rounds


@pytest.mark.parametrize("images", [1, 2, 3, 6])
@pytest.mark.parametrize("crops", [1, 2, 4])
def test_rounds_are_those_of_the_papers_words(images, crops):
    for places in range(1, 3 * images * crops + 1):
        rng = random.Random(1000 * images + 100 * crops + places)
        scores = [[rng.gauss(0, 1) for _ in range(crops)] for _ in range(images)]
        rounds = by_the_papers_words(scores, places)
        found = [tuple(pair) for pair in select_crops(torch.tensor(scores), places).tolist()]
        assert found == [pair for one in rounds for pair in one]


@pytest.mark.parametrize("places", [1, 4, 5, 9, 15])
def test_an_image_gives_one_crop_a_round_and_no_crop_twice_while_there_are_others(places):
    chosen = select_crops(torch.randn(5, 3, generator=generator(0, "scores")), places)
    assert len(chosen) == places and len(chosen.unique(dim=0)) == places
    for part in chosen.split(5):
        assert len(part[:, 0].unique()) == len(part)
    assert int(torch.bincount(chosen[:, 0], minlength=5).max()) == -(-places // 5)


def test_one_place_is_the_best_crop_of_all_and_a_class_with_too_few_begins_again():
    scores = torch.tensor([[0.1, 0.9], [0.95, 0.2]])
    assert select_crops(scores, 1).tolist() == [[1, 0]]
    assert select_crops(scores, 7).tolist() == [[1, 0], [0, 1], [1, 1], [0, 0], [1, 0], [0, 1], [1, 1]]


def test_a_monotone_change_of_the_scores_changes_nothing():
    scores = torch.randn(6, 4, generator=generator(0, "scores"))
    assert torch.equal(select_crops(scores, 17), select_crops(scores.exp() * 3 - 1, 17))


@pytest.fixture(scope="module")
def teacher():
    cfg = NetworkConfig(width=4, depth=2)
    return build(cfg, 10, 16, 1, generator(0, "teacher")).float().eval()


def made(cfg=CROPS, ipc=2, teacher=None, seed=0, data=None, **options):
    run = replace(toy_run(kind="normalise", seed=seed, **options), data=digits() if data is None else data)
    return initial_set(cfg, run, ipc, teacher)


def test_the_boxes_say_what_was_scored(teacher, monkeypatch):
    """With fewer places than images: the best crops of the images whose best crop is best."""
    scores, real = {label: [] for label in range(10)}, confidence

    def spy(teacher, images, labels):
        found = real(teacher, images, labels)
        assert len(labels.unique()) == 1 and images.shape[1:] == (1, 16, 16)
        scores[int(labels[0])].append(found)
        return found

    monkeypatch.setattr(initial_module, "confidence", spy)
    found = made(ipc=4, teacher=teacher)
    again = real(teacher, pixels(found, digits(), fit("normalise")), found.labels)
    for label, parts in scores.items():
        every = torch.cat(parts).view(-1, CROPS.crops)
        assert len(every) == digits().counts[label]
        best = every.max(dim=1).values.sort(descending=True).values[:4]
        torch.testing.assert_close(again[found.labels == label], best, rtol=1e-4, atol=1e-4)


def test_every_box_is_one_of_those_drawn_for_its_image_and_keeps_the_given_share(teacher):
    """A replay: class after class, its images in a random order, then the boxes of each of them."""
    cfg, rng, wanted = replace(CROPS, scale=(0.3, 0.5)), generator(4, "initial", "crops"), []
    found = made(cfg, ipc=5, teacher=teacher, seed=4)
    for label, count in enumerate(digits().counts):
        mine = digits().indices[digits().train_labels == label][torch.randperm(count, generator=rng)]
        boxes = draw_boxes(cfg.crops * count, 16, 16, cfg.scale, (1.0, 1.0), generator=rng)
        wanted.append({(label, int(mine[row // cfg.crops]), *box) for row, box in enumerate(boxes.tolist())})
    rows = torch.cat([found.labels[:, None], found.indices[:, None], found.boxes], dim=1).tolist()
    assert {tuple(row) for row in rows} <= set.union(*wanted)
    assert {tuple(row[4:]) for row in rows} <= {(9, 9), (10, 10), (11, 11)}  # 16 times the roots of 0.3 to 0.5, rounded


def test_confidence_is_minus_the_cross_entropy(teacher):
    images, labels = fit("normalise")(digits().test_images[:20]), digits().test_labels[:20]
    wanted = -torch.nn.functional.cross_entropy(teacher(images), labels, reduction="none").detach()
    torch.testing.assert_close(confidence(teacher, images, labels), wanted)
    assert not confidence(teacher, images, labels).requires_grad


@pytest.mark.parametrize("images", ["crops", "real"])
def test_every_image_is_a_real_one_of_its_class(images, teacher):
    """No placeholder reaches a set, not even in a class that has fewer images than places."""
    scorer = teacher if images == "crops" else None
    found = made(replace(CROPS, images=images), ipc=10, teacher=scorer)
    label_of = dict(zip(digits().indices.tolist(), digits().train_labels.tolist(), strict=True))
    assert [label_of[index] for index in found.indices.tolist()] == found.labels.tolist()
    assert found.labels.tolist() == [label for label in range(10) for _ in range(10)]
    smallest = int(torch.tensor(digits().counts).argmin())
    assert digits().counts[smallest] == 6
    if images == "crops":
        assert found.images is None and composition(found)["duplicated"] == [0] * 10  # second crops, no repeats
    else:
        assert found.images is None and found.boxes is None
        assert composition(found)["duplicated"][smallest] == 4 and composition(found)["duplicated"][0] == 0
        whole = pixels(found, digits(), fit("normalise"))[found.labels == smallest]
        assert torch.equal(whole[:4], whole[6:])  # one after another, then again


def test_a_class_that_runs_out_of_crops_repeats_them_in_order(teacher):
    found = made(replace(CROPS, crops=1), ipc=14, teacher=teacher)
    mine = found.labels == 9
    rows = torch.cat([found.indices[mine, None], found.boxes[mine]], dim=1)
    assert torch.equal(rows[:6], rows[6:12]) and torch.equal(rows[:2], rows[12:])


def test_noise_is_standard_normal_and_no_real_image():
    found = made(CropConfig("noise"), ipc=30)
    assert found.images.shape == (300, 1, 16, 16) and bool((found.indices == NOT_REAL).all())
    assert abs(found.images.mean().item()) < 0.02 and found.images.std().item() == pytest.approx(1, abs=0.02)


def test_a_pool_limits_the_images_that_are_looked_at(teacher):
    seen = []
    found = made(replace(CROPS, pool=2), ipc=5, teacher=teacher)
    for label in range(10):
        mine = found.indices[found.labels == label]
        assert len(mine.unique()) == 2
        seen.append(mine.unique())
    other = made(replace(CROPS, pool=2), ipc=5, teacher=teacher, seed=1)
    assert not torch.equal(torch.cat(seen), other.indices.view(10, 5)[:, :2].sort(dim=1).values.flatten())
    assert len(made(replace(CROPS, pool=500), ipc=5, teacher=teacher)) == 50


@pytest.mark.parametrize("images", ["crops", "real", "noise"])
def test_the_seed_decides_and_progress_counts_classes(images, teacher):
    cfg, scorer, told = replace(CROPS, images=images), teacher if images == "crops" else None, []
    watch = {"initial set": told.append}.__getitem__
    one, again, other = (content_hash(made(cfg, teacher=scorer, seed=seed, watch=watch)) for seed in (0, 0, 1))
    assert one == again != other
    assert told[:10] == ([] if images == "noise" else [{"done": n, "total": 10} for n in range(1, 11)])


def test_what_no_set_can_be_made_of_is_refused(teacher):
    with pytest.raises(ValueError, match=r"^ipc is 0; a distilled set needs at least 1 image per class$"):
        made(ipc=0, teacher=teacher)
    keep = digits().train_labels != 4
    parts = {name: getattr(digits(), name)[keep] for name in ("train_images", "train_labels", "indices")}
    line = r"^class 4 \(4\) has no image; leave it out or lower the imbalance factor$"
    for cfg, scorer in ((CROPS, teacher), (CropConfig("real"), None)):
        with pytest.raises(ValueError, match=line):
            made(cfg, teacher=scorer, data=replace(digits(), **parts))
