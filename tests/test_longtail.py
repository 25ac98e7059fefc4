"""Counts, index lists and groups against independent references: exact decimals, plain loops, published tables."""

from decimal import Decimal, getcontext
from math import isclose

import numpy as np
import pytest

from ltdd_utils.data import (
    DataConfig,
    class_counts,
    class_prior,
    group_accuracy,
    label_counts,
    long_tailed_indices,
    rank_thirds,
    ranked_classes,
    shot_groups,
)

PUBLISHED = {  # per-class counts of CIFAR-10-LT: tables of both papers' settings
    10: [5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500],
    50: [5000, 3237, 2096, 1357, 878, 568, 368, 238, 154, 100],
    100: [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50],
    200: [5000, 2775, 1540, 854, 474, 263, 146, 81, 45, 25],
}


@pytest.mark.parametrize("factor", PUBLISHED)
def test_counts_of_cifar10(factor):
    assert class_counts(5000, factor, 10) == PUBLISHED[factor]


@pytest.mark.parametrize(
    ("n_max", "factor", "classes", "total", "tail"),
    [
        (500, 10, 100, 19573, 50),
        (500, 20, 100, 15907, 25),
        (500, 50, 100, 12608, 10),
        (500, 10, 200, 39072, 50),
        (500, 20, 200, 31711, 25),
        (500, 100, 200, 21549, 5),
        (1281, 5, 1000, 636370, 256),
        (1281, 10, 1000, 500399, 128),
    ],
)
def test_totals_of_the_larger_sets(n_max, factor, classes, total, tail):
    counts = class_counts(n_max, factor, classes)
    assert (sum(counts), counts[0], counts[-1]) == (total, n_max, tail)


def exact_counts(n_max, factor, classes):
    """The formula in 50-digit decimals, where nothing but a whole number can look like one."""
    getcontext().prec = 50
    powers = [Decimal(factor) ** (Decimal(-rank) / (classes - 1)) for rank in range(classes)]
    return [int(n_max * power + Decimal("1e-40")) for power in powers]


def test_counts_match_exact_arithmetic():
    draw = np.random.RandomState(1)
    for _ in range(60):
        n_max, classes = int(draw.randint(50, 6000)), int(draw.randint(2, 120))
        factor = int(draw.randint(1, n_max + 1))
        assert class_counts(n_max, factor, classes) == exact_counts(n_max, factor, classes), (n_max, factor, classes)


def test_a_whole_number_is_not_lost_to_rounding():
    assert int(49 * 49**-1.0) == 0  # what plain truncation makes of one image
    assert class_counts(49, 49, 2) == [49, 1]
    for n in range(1, 3000):
        assert class_counts(n, n, 2)[-1] == 1


def test_counts_do_not_increase_and_edge_cases():
    counts = class_counts(777, 37.5, 23)
    assert counts == sorted(counts, reverse=True)
    assert class_counts(8, 1, 4) == [8, 8, 8, 8]
    assert class_counts(8, 3, 1) == [8]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((100, 0.01, 10), r"at least 1, got 0\.01"),
        ((100, float("nan"), 10), "got nan"),
        ((100, float("inf"), 10), "got inf"),
        ((100, 101, 10), "leaves the rarest class no image: use at most n_max, here 100"),
        ((0, 1, 10), "n_max=0"),
        ((10, 1, 0), "classes=0"),
    ],
)
def test_counts_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        class_counts(*arguments)


def test_class_orders():
    assert ranked_classes(DataConfig(), 4) == [0, 1, 2, 3]
    assert ranked_classes(DataConfig(class_order="reversed"), 4) == [3, 2, 1, 0]
    orders = [ranked_classes(DataConfig(class_order="permuted", class_order_seed=s), 30) for s in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) == list(range(30))


def test_label_counts_follow_the_order():
    ranks = class_counts(120, 20, 10)
    assert label_counts(DataConfig(), 10, 120) == ranks
    assert label_counts(DataConfig(class_order="reversed"), 10, 120) == ranks[::-1]
    permuted = DataConfig(class_order="permuted", class_order_seed=3)
    counts = label_counts(permuted, 10, 120)
    assert [counts[label] for label in ranked_classes(permuted, 10)] == ranks
    assert label_counts(DataConfig(n_max=60), 10, 120)[0] == 60


@pytest.fixture
def labels():
    return np.random.RandomState(7).permutation(np.repeat(np.arange(6), [90, 60, 75, 60, 61, 80]))


def positions_of(labels, label):
    return [place for place, value in enumerate(labels.tolist()) if value == label]


def test_ltdd_list_is_a_fresh_draw_for_each_class(labels):
    counts = [60, 41, 30, 20, 11, 5]
    expected = []
    for label, count in enumerate(counts):
        own = positions_of(labels, label)
        # The legacy draw without replacement is the start of a permutation.
        expected += [own[k] for k in np.random.RandomState(42).permutation(len(own))[:count]]
    found = long_tailed_indices(labels, counts)
    assert found.dtype == np.int64
    assert found.tolist() == expected


def test_ltdd_list_keeps_the_same_places_in_classes_of_one_size(labels):
    found = long_tailed_indices(labels, [20] * 6)
    places = [[positions_of(labels, label).index(i) for i in found[20 * label : 20 * label + 20]] for label in (1, 3)]
    assert places[0] == places[1]  # classes 1 and 3 both have 60 images


def test_ldam_list_is_one_stream_through_the_classes(labels):
    counts = [60, 41, 30, 20, 11, 5]
    state = np.random.get_state()
    try:
        np.random.seed(0)
        expected = []
        for label, count in enumerate(counts):
            own = np.array(positions_of(labels, label))
            np.random.shuffle(own)
            expected += own[:count].tolist()
    finally:
        np.random.set_state(state)
    assert long_tailed_indices(labels, counts, "ldam", seed=0).tolist() == expected


@pytest.mark.parametrize("rule", ["ltdd", "ldam"])
def test_lists_are_nested_and_seeded(labels, rule):
    most, some = class_counts(60, 2, 6), class_counts(60, 12, 6)
    full, part = (long_tailed_indices(labels, counts, rule, seed=5) for counts in (most, some))
    for label in range(6):
        own, fewer = full[labels[full] == label], part[labels[part] == label]
        assert own[: len(fewer)].tolist() == fewer.tolist()
        assert (len(own), len(fewer)) == (most[label], some[label])
    assert labels[full].tolist() == sorted(labels[full].tolist())
    assert len(set(full.tolist())) == len(full)
    assert full.tolist() != long_tailed_indices(labels, most, rule, seed=6).tolist()


@pytest.mark.parametrize(
    ("labels", "counts", "rule", "message"),
    [
        ([0, 0, 1], [3, 1], "ltdd", "class 0 has 2 images, but 3 were requested"),
        ([0, 0, 1], [2, 0], "ltdd", "class 1 has 1 images, but 0 were requested"),
        ([0, 0], [1, 1], "ltdd", "class 1 has 0 images, but 1 were requested"),
        ([0, 2], [1, 1], "ltdd", r"within 0\.\.1, got 0\.\.2"),
        ([-1, 0], [1, 1], "ltdd", r"got -1\.\.0"),
        ([], [1], "ltdd", "got none"),
        ([0, 1], [1, 1], "mine", "'mine' is unknown: use ltdd, ldam or glmc"),
    ],
)
def test_lists_refuse(labels, counts, rule, message):
    with pytest.raises(ValueError, match=message):
        long_tailed_indices(np.array(labels, dtype=np.int64), counts, rule)


def test_prior():
    assert class_prior([6, 3, 1]).tolist() == [0.6, 0.3, 0.1]
    with pytest.raises(ValueError, match="at least one image"):
        class_prior([3, 0])


def test_thresholds_are_sharp():
    groups = shot_groups([101, 100, 20, 19, 1])
    assert groups == {"many": [0], "medium": [1, 2], "few": [3, 4]}
    assert shot_groups([5, 2, 1], many=4, few=2) == {"many": [0], "medium": [1], "few": [2]}
    with pytest.raises(ValueError, match="few=3, many=2"):
        shot_groups([1], many=2, few=3)


@pytest.mark.parametrize(
    ("n_max", "factor", "classes", "sizes"),
    [
        (5000, 10, 10, (10, 0, 0)),
        (5000, 50, 10, (9, 1, 0)),
        (5000, 100, 10, (8, 2, 0)),
        (5000, 200, 10, (7, 3, 0)),
        (500, 10, 100, (69, 31, 0)),
        (500, 20, 100, (53, 47, 0)),
        (500, 10, 200, (139, 61, 0)),
        (500, 20, 200, (107, 93, 0)),
    ],
)
def test_the_few_shot_group_of_ltdd_is_empty(n_max, factor, classes, sizes):
    groups = shot_groups(class_counts(n_max, factor, classes))
    assert tuple(map(len, groups.values())) == sizes
    assert group_accuracy([0.5] * classes, groups)["few"] is None


def test_thirds():
    assert rank_thirds([7, 9, 7, 1, 5, 5, 2]) == {"head": [1, 0, 2], "mid": [4, 5], "tail": [6, 3]}
    assert rank_thirds([3, 4]) == {"head": [1], "mid": [0], "tail": []}
    for classes in range(1, 20):
        sizes = [len(group) for group in rank_thirds([5] * classes).values()]
        assert sum(sizes) == classes
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("split", [shot_groups, rank_thirds])
def test_groups_recombine_to_overall(split):
    draw = np.random.RandomState(2)
    counts, accuracies = draw.randint(1, 300, size=50).tolist(), draw.rand(50)
    groups = split(counts)
    assert sorted(label for labels in groups.values() for label in labels) == list(range(50))
    means = group_accuracy(accuracies.tolist(), groups)
    assert isclose(sum(means[name] * len(labels) for name, labels in groups.items()) / 50, accuracies.mean())


def test_group_accuracy_refuses_a_class_without_accuracy():
    with pytest.raises(ValueError, match="class 2, but there are 2"):
        group_accuracy([0.1, 0.2], {"many": [0, 2]})
