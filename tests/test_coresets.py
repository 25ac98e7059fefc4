"""Coresets against brute force, and what happens to classes that are too small."""

import itertools
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from toy_sets import toy_run

from ltdd_utils.core.seeds import generator
from ltdd_utils.data import DataConfig, LongTailedData, load
from ltdd_utils.distilled import NOT_REAL, composition
from ltdd_utils.methods.coresets.rules import Seen, by_graph_cut, gradient_similarity, graph_cut, herding, k_center
from ltdd_utils.methods.coresets.selection import full_set, select
from ltdd_utils.methods.coresets.settings import RULES, CoresetConfig, Rule
from ltdd_utils.networks import NetworkConfig, build
from ltdd_utils.teachers import TeacherConfig

POINTS = torch.randn(9, 3, generator=generator(0, "points"), dtype=torch.float64)
DIGITS = DataConfig("digits", imbalance_factor=20)


def radius(chosen: list[int]) -> float:
    return torch.cdist(POINTS, POINTS[chosen]).min(dim=1).values.max().item()


@pytest.mark.parametrize("first", range(9))
def test_k_center_is_within_twice_the_best_radius_and_takes_the_farthest(first):
    chosen = k_center(POINTS, 3, first)
    best = min(radius(list(subset)) for subset in itertools.combinations(range(9), 3))
    assert radius(chosen) <= 2 * best
    for step in (1, 2):
        distance = torch.cdist(POINTS, POINTS[chosen[:step]]).min(dim=1).values
        assert distance[chosen[step]] == distance.max()


def test_k_center_takes_no_row_twice_among_equal_images():
    assert sorted(k_center(torch.zeros(4, 2), 4, 2)) == [0, 1, 2, 3]


def test_herding_is_greedy_on_the_distance_of_the_means():
    chosen = herding(POINTS, 4)
    for step in range(4):
        taken = chosen[:step]
        errors = {i: (POINTS.mean(0) - POINTS[[*taken, i]].mean(0)).norm() for i in range(9) if i not in taken}
        assert chosen[step] == min(errors, key=errors.get)


def test_herding_of_everything_is_everything():
    assert sorted(herding(POINTS, 9)) == list(range(9))


def test_graph_cut_is_greedy_on_its_own_gain():
    similarity = POINTS @ POINTS.T
    chosen = graph_cut(similarity, 4)

    def value(
        subset: list[int],
    ) -> float:  # sum of similarities to the class, minus those inside the subset (i != j twice)
        inside = similarity[subset][:, subset]
        return (similarity[:, subset].sum() - inside.sum() + inside.diagonal().sum()).item()

    for step in range(4):
        taken = chosen[:step]
        gains = {i: value([*taken, i]) - value(taken) for i in range(9) if i not in taken}
        assert gains[chosen[step]] == pytest.approx(max(gains.values()))


def test_gradient_similarity_is_the_cosine_of_materialised_gradients():
    residuals = torch.randn(9, 4, generator=generator(1, "residuals"), dtype=torch.float64)
    with_bias = torch.cat([POINTS, torch.ones(9, 1, dtype=torch.float64)], dim=1)
    gradients = (residuals[:, :, None] * with_bias[:, None, :]).flatten(1)
    expected = torch.nn.functional.cosine_similarity(gradients[:, None], gradients[None], dim=2)
    torch.testing.assert_close(gradient_similarity(residuals, POINTS), expected)


def coreset(policy: str, ipc: int, seed: int = 0, draw: int = 0):
    run = toy_run(data=load(DIGITS), seed=seed)
    return run.data, select(CoresetConfig("random", policy), run, ipc, draw=draw)


@pytest.mark.parametrize("policy", ["duplicate", "noise"])
def test_every_class_gets_its_images_and_the_tail_what_the_policy_says(policy):
    data, chosen = coreset(policy, ipc=10)
    made = composition(chosen)
    lacking = [max(10 - count, 0) for count in data.counts]
    assert sum(lacking) > 0
    assert chosen.labels.bincount().tolist() == [10] * 10
    assert made["real"] == [min(10, count) for count in data.counts]
    assert made["duplicated"] == (lacking if policy == "duplicate" else [0] * 10)
    assert made["synthetic"] == (lacking if policy == "noise" else [0] * 10)
    label_of = dict(zip(data.indices.tolist(), data.train_labels.tolist(), strict=True))
    real = chosen.indices != NOT_REAL
    assert [label_of[i] for i in chosen.indices[real].tolist()] == chosen.labels[real].tolist()


def test_draws_and_seeds_differ_and_repeat():
    same, again, draw, seed = (
        coreset("duplicate", 5, *arguments)[1].indices for arguments in ((0, 0), (0, 0), (0, 1), (1, 0))
    )
    assert torch.equal(same, again)
    assert not torch.equal(same, draw) and not torch.equal(same, seed)


def test_the_full_set_is_the_long_tail():
    data = load(DIGITS)
    assert full_set(data).labels.bincount().tolist() == list(data.counts)


@pytest.mark.parametrize(
    ("policy", "ipc", "message"),
    [
        (
            "inherent",
            10,
            r"ipc is 10, but class 9 \(9\), the smallest, has 6 images; use the policy 'duplicate' or 'noise', or "
            r"ipc up to 6$",
        ),
        ("duplicate", 0, "ipc is 0; a distilled set needs at least 1 image per class"),
    ],
)
def test_what_a_policy_cannot_give_is_refused(policy, ipc, message):
    with pytest.raises(ValueError, match=message):
        coreset(policy, ipc)


def in_double(network):
    """An expert that reads preprocessed images in double precision."""
    return SimpleNamespace(backbone=lambda images: network.backbone(images.double()), classifier=network.classifier)


def test_the_unbalanced_control_is_the_same_choice_over_the_whole_set():
    """It does not look at labels: with one expert, its images are those of k_center on all features at once."""
    run, cfg = toy_run(data=load(DIGITS), kind="none"), TeacherConfig(NetworkConfig(width=4))
    data, expert = run.data, in_double(build(cfg.network, 10, 16, 1, generator(0, "weights")).eval())
    chosen = select(CoresetConfig("kcenter-unbalanced", expert=cfg), run, 3, expert)
    features = expert.backbone(run.images()).detach()
    first = int(torch.randint(len(features), (1,), generator=generator(0, "coreset", "kcenter-unbalanced", 0)))
    expected = sorted(k_center(features, 30, first))
    assert chosen.indices.tolist() == data.indices[expected].tolist()
    assert chosen.labels.tolist() == data.train_labels[expected].tolist()


def linear(inputs: int, outputs: int, name: str) -> torch.nn.Linear:
    layer, rng = torch.nn.Linear(inputs, outputs), generator(0, name)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng))
    return layer


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (lambda count: [0] * count, r"chose \[0, 0, 0\]; give 3 different rows from 0 to 119"),
        (lambda count: [-1, *range(1, count)], r"chose \[-1, 1, 2\]; give 3 different rows from 0 to 119"),
        (lambda count: [120, *range(1, count)], r"chose \[120, 1, 2\]; give 3 different rows"),
        (lambda count: range(count + 1), r"gave torch.int64 \[4\]; give 3 whole numbers"),
        (lambda count: [], r"gave torch.float\d\d \[0\]; give 3 whole numbers"),
        (lambda count: [0.1 * row for row in range(count)], r"gave torch.float\d\d \[3\]; give 3 whole numbers"),
        (lambda count: torch.arange(120) < count, r"gave torch.bool \[120\]; give 3 whole numbers"),
    ],
)
def test_a_rule_that_gives_no_rows_is_refused(monkeypatch, chosen, message):
    monkeypatch.setitem(RULES, "odd", Rule(lambda seen, count, rng: chosen(count), reads_features=False))
    with pytest.raises(ValueError, match=f"the rule 'odd' {message}"):
        select(CoresetConfig("odd"), toy_run(data=load(DIGITS)), ipc=3)


def test_a_rule_may_give_a_tensor(monkeypatch):
    monkeypatch.setitem(RULES, "first", Rule(lambda seen, count, rng: torch.arange(count), reads_features=False))
    data = load(DIGITS)
    assert select(CoresetConfig("first"), toy_run(data=data), ipc=2).indices[:2].tolist() == data.indices[:2].tolist()


@pytest.mark.parametrize("method", ["kcenter", "herding", "graphcut"])
def test_every_class_chooses_among_its_own_images_by_its_own_features_and_labels(method):
    """Classes that lie interleaved, and an expert whose gradients in the last layer are those of autograd."""
    labels, names = torch.tensor([0, 1, 2, 0, 2, 0] * 8), ("a", "b", "c")
    pixels = torch.randint(256, (48, 1, 2, 2), generator=generator(0, "images"), dtype=torch.uint8)
    indices = 7 * torch.arange(48).flip(0)
    data = LongTailedData(DIGITS, pixels, labels, indices, pixels, labels, names, (24, 8, 16))
    run, network = toy_run(data=data, kind="normalise"), torch.nn.Module()
    network.backbone = torch.nn.Sequential(torch.nn.Flatten(), linear(4, 5, "backbone"))
    network.classifier = linear(5, 3, "classifier")
    images, expert = run.images(), in_double(network)
    chosen = select(CoresetConfig(method, expert=TeacherConfig()), run, 5, expert, draw=2)
    for label in range(3):
        rows, rng = (labels == label).nonzero().flatten(), generator(0, "coreset", method, 2, label)
        features = expert.backbone(images[rows]).detach()
        losses = F.cross_entropy(expert.classifier(features), labels[rows], reduction="none")
        each = [torch.autograd.grad(loss, list(expert.classifier.parameters()), retain_graph=True) for loss in losses]
        slopes = F.normalize(torch.stack([torch.cat([part.flatten() for part in parts]) for parts in each]))
        expected = {
            "kcenter": k_center(features, 5, int(torch.randint(len(rows), (1,), generator=rng))),
            "herding": herding(features, 5),
            "graphcut": graph_cut(slopes @ slopes.T, 5),
        }[method]
        assert chosen.indices[chosen.labels == label].tolist() == indices[rows[expected]].tolist()


def test_graph_cut_still_sees_the_gradients_of_an_expert_that_is_sure():
    """A residual is p (-1, q), with p = 1e-48 the mistaken share and q its softmax over the other classes."""
    rows = 2 * torch.randn(12, 3, generator=generator(3, "sure"), dtype=torch.float32)
    sure = torch.cat([torch.full((12, 1), 110.0), rows], dim=1)
    chosen = by_graph_cut(Seen(12, torch.zeros(12).long(), rows, sure), 5, generator(0))
    residuals = torch.cat([-torch.ones(12, 1), rows.double().softmax(dim=1)], dim=1)
    expected = graph_cut(gradient_similarity(residuals, rows), 5)
    assert chosen == expected
    unlabelled = torch.cat([torch.zeros(12, 1), residuals[:, 1:]], dim=1)  # what softmax - 1 would leave
    assert expected != graph_cut(gradient_similarity(unlabelled, rows), 5) and expected != list(range(5))


def test_an_image_without_a_gradient_is_like_no_other():
    residuals = torch.tensor([[0.5, -0.5], [0.0, 0.0], [-1e-200, 1e-200]])
    similarity = gradient_similarity(residuals, torch.ones(3, 2))
    torch.testing.assert_close(similarity, torch.tensor([[1.0, 0, -1], [0, 0, 0], [-1, 0, 1]]))
