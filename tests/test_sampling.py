"""Class-aware oversampling: how often classes and images come, and in what order."""

import pytest
import torch

from ltdd_utils.core.seeds import generator
from ltdd_utils.methods.trajectory.sampling import class_aware_order

COUNTS = (7, 4, 1)
LABELS = torch.arange(len(COUNTS)).repeat_interleave(torch.tensor(COUNTS))


@pytest.mark.parametrize("samples_per_class", [1, 3, 4])
def test_after_whole_cycles_every_class_came_equally_often_and_its_images_differ_by_one_at_most(samples_per_class):
    cycles = 5
    order = class_aware_order(LABELS, samples_per_class, cycles * samples_per_class * len(COUNTS))
    seen = order(generator(0)).bincount(minlength=len(LABELS))
    for label in range(len(COUNTS)):
        mine = seen[label == LABELS]
        assert mine.sum() == cycles * samples_per_class
        assert mine.max() - mine.min() <= 1


def test_images_come_in_runs_of_a_class_and_classes_in_shuffled_cycles():
    order = class_aware_order(LABELS, 4, 4 * len(COUNTS) * 20)(generator(0))
    runs = LABELS[order].view(-1, 4)
    assert (runs == runs[:, :1]).all()
    cycles = runs[:, 0].view(-1, len(COUNTS))
    assert (cycles.sort(dim=1).values == torch.arange(len(COUNTS))).all()
    assert len(cycles.unique(dim=0)) > 1  # reshuffled


def test_every_image_of_a_class_comes_once_before_one_comes_twice():
    order = class_aware_order(LABELS, 4, 4 * len(COUNTS) * 7)(generator(1))
    head = order[LABELS[order] == 0]
    for cycle in head.split(COUNTS[0]):
        assert len(cycle.unique()) == len(cycle)


@pytest.mark.parametrize("length", [1, 5, 13, 24])
def test_an_epoch_has_the_length_that_is_asked_for(length):
    order = class_aware_order(LABELS, 4, length)(generator(0))
    assert len(order) == length and order.min() >= 0 and order.max() < len(LABELS)


def test_the_generator_alone_decides():
    order = class_aware_order(LABELS, 2, 40)
    first, again, other = (order(generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    rng = generator(3)
    assert not torch.equal(order(rng), order(rng))  # every epoch is drawn anew


def test_a_class_without_an_image_is_refused():
    with pytest.raises(ValueError, match="class 1 has no image to draw; leave it out"):
        class_aware_order(torch.tensor([0, 0, 2]), 4, 12)
