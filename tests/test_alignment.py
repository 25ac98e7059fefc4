"""The distance of statistics: zero where it must be, and otherwise the sum that the equation says."""

import itertools

import pytest
import torch
from toy_observer import inputs, long_tail, observer, pooled

from ltdd_utils.core.seeds import generator
from ltdd_utils.methods.alignment.alignment import Smoothed, Targets, class_variance
from ltdd_utils.methods.alignment.monitor import Monitor
from ltdd_utils.methods.alignment.settings import RecoverConfig, StatisticsConfig
from ltdd_utils.methods.alignment.statistics import collect

MIXTURE, MEAN, RUNNING = StatisticsConfig(), StatisticsConfig(variance="mean"), StatisticsConfig(source="running")
GLOBAL, CLASSES = RecoverConfig(global_share=1, class_share=0), RecoverConfig(global_share=0, class_share=1)


def pooled_classes(**changes):
    return RecoverConfig(**{"global_share": 0, "class_share": 1, "class_variance": "pooled", **changes})


def close(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def distance(network, real, batch, cfg, recover, smoothed=None):
    """Of a batch ``(images, labels)`` from the statistics of ``real``."""
    statistics = collect(network, *real, int(real[1].max()) + 1, cfg)
    targets = Targets(network, statistics, cfg, recover, batch[1], dtype=torch.float64)
    with Monitor(network, cfg) as monitor:
        network(batch[0])
        return targets.distance(monitor.take(), smoothed or Smoothed(0.0)).item()


def test_balanced_real_data_as_one_batch_are_at_no_distance_in_the_mixture_form():
    network, real = observer(), long_tail(4, 4, 4)
    assert distance(network, real, real, MIXTURE, GLOBAL) < 1e-12
    statistics = collect(network, *real, 3, MEAN)
    spreads = [layer.mean.var(dim=0, correction=0).norm().item() for layer in statistics.layers]
    literal = distance(network, real, real, MEAN, GLOBAL)
    assert literal == pytest.approx(GLOBAL.first_layer * spreads[0] + spreads[1]) and literal > 0.1


def test_an_unbalanced_batch_is_at_a_distance_from_balanced_targets():
    network, real = observer(), long_tail(6, 2, 2)
    assert distance(network, real, real, MIXTURE, GLOBAL) > 0.1
    rows = torch.cat([torch.arange(6), *[torch.arange(6, 10)] * 3])  # the tail three times: six images of each class
    assert distance(network, real, (real[0][rows], real[1][rows]), MIXTURE, GLOBAL) < 1e-12


@pytest.mark.parametrize("cfg", [MIXTURE, StatisticsConfig(layers="bn+conv", patch=2)], ids=["bn", "blocks"])
def test_each_class_s_own_images_are_at_no_distance(cfg):
    network, real = observer(), long_tail(5, 5, 5)
    for kind in ("expected", "pooled"):  # "expected" of all n_c images is "pooled"
        assert distance(network, real, real, cfg, pooled_classes(class_variance=kind)) < 1e-12
    assert distance(network, real, real, cfg, pooled_classes(class_variance="within-image")) > 0.1
    long = long_tail(6, 3, 1)
    assert distance(network, long, long, cfg, pooled_classes()) < 1e-12  # whatever the sizes
    rows = torch.randperm(10, generator=generator(0, "rows"))
    assert distance(network, long, (long[0][rows], long[1][rows]), cfg, pooled_classes()) < 1e-12
    one = long[1] == 1
    assert distance(network, long, (long[0][one], long[1][one]), cfg, pooled_classes()) < 1e-12  # a batch of one class


def test_images_of_another_class_are_at_a_distance():
    network, (images, labels) = observer(), long_tail(4, 4)
    assert distance(network, (images, labels), (images, 1 - labels), MIXTURE, pooled_classes()) > 1


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_the_expected_variance_is_the_average_over_all_draws_of_so_many_images(number):
    network, (images, labels) = observer(), long_tail(5, 3)
    statistics = collect(network, images, labels, 2, MIXTURE)
    seen = inputs(network, images[:5])
    for name, layer in zip(statistics.names, statistics.layers, strict=True):
        draws = [pooled(seen[name][list(rows)])[1] for rows in itertools.combinations(range(5), number)]
        expected = class_variance(layer, statistics.counts, "expected", number)[0]
        close(expected, torch.stack(draws).mean(dim=0))
    assert bool((layer.between[0] > 0.01).all())  # so the five cases differ


def test_the_ends_of_the_expected_variance_and_a_class_of_one_image():
    network, (images, labels) = observer(), long_tail(5, 1)
    statistics = collect(network, images, labels, 2, MIXTURE)
    layer, counts = statistics.layers[1], statistics.counts
    close(class_variance(layer, counts, "expected", 1), layer.within)
    close(class_variance(layer, counts, "within-image", 3), layer.within)
    close(class_variance(layer, counts, "expected", 5)[0], layer.variance[0])
    close(class_variance(layer, counts, "pooled", 3), layer.variance)
    close(class_variance(layer, counts, "expected", 3)[1], layer.within[1])


@pytest.mark.parametrize(("sizes", "images"), [((3, 1, 2), 1), ((2, 4, 5), 2), ((3, 0, 5), 3)])
def test_the_expected_variance_is_that_of_so_many_images_as_the_smallest_class_of_the_batch_has(sizes, images):
    """Of the classes that are there."""
    network, real, batch = observer(), long_tail(6, 4, 7), long_tail(*sizes, name="batch")
    statistics = collect(network, *real, 3, MIXTURE)
    targets = Targets(
        network, statistics, MIXTURE, pooled_classes(class_variance="expected"), batch[1], dtype=torch.float64
    )
    present = batch[1].unique()
    for layer, (mean, variance) in zip(statistics.layers, targets.classes, strict=True):
        close(mean, layer.mean[present])
        close(variance, class_variance(layer, statistics.counts, "expected", images)[present])


def wanted_distance(network, real, batch, recover, goals):
    """The equation written out for the BatchNorms, from feature maps; ``goals`` are the global targets."""
    seen, total = {name: inputs(network, images[0]) for name, images in (("real", real), ("batch", batch))}, 0.0
    for index, name in enumerate(("norm1", "norm2")):
        weight = recover.first_layer if index == 0 else 1.0
        mean, variance = pooled(seen["batch"][name])
        total += weight * recover.global_share * (
            (mean - goals[name][0]).norm() + (variance - goals[name][1]).norm()
        )  # fmt: skip
        present = batch[1].unique().tolist()
        for label in present:
            found = pooled(seen["batch"][name][batch[1] == label])
            goal = pooled(seen["real"][name][real[1] == label])
            apart = (found[0] - goal[0]).norm() + (found[1] - goal[1]).norm()
            total += weight * recover.class_share / len(present) * apart
    return total


@pytest.mark.parametrize("source", ["running", "classes"])
@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.0, 1.0), (0.3, 0.6)])
def test_the_distance_is_the_equation(source, shares):
    network, real, batch = observer(), long_tail(6, 3, 2), long_tail(2, 0, 3, name="batch")
    recover = pooled_classes(global_share=shares[0], class_share=shares[1], first_layer=7.0)
    if source == "running":
        goals = {
            name: (norm.running_mean, norm.running_var) for name, norm in network.named_children() if "norm" in name
        }
    else:
        here = [inputs(network, real[0][real[1] == label]) for label in batch[1].unique()]  # classes of the batch alike
        goals = {}
        for name in ("norm1", "norm2"):
            moments = [pooled(maps[name]) for maps in here]
            goals[name] = tuple(torch.stack(part).mean(dim=0) for part in zip(*moments, strict=True))
    cfg = RUNNING if source == "running" else MEAN
    wanted = wanted_distance(network, real, batch, recover, goals).item()
    assert distance(network, real, batch, cfg, recover) == pytest.approx(wanted, rel=1e-9)


def test_layers_without_running_statistics_get_those_of_all_images():
    """Under the "running" targets the inputs of convolutions have the long tail's own moments."""
    cfg = StatisticsConfig(source="running", layers="bn+conv")
    network, real = observer(), long_tail(6, 3, 2)
    targets = Targets(network, collect(network, *real, 3, cfg), cfg, GLOBAL, real[1], dtype=torch.float64)
    seen = inputs(network, real[0])
    for index, name in ((2, "first"), (3, "second")):
        for found, wanted in zip(targets.whole[index], pooled(seen[name]), strict=True):
            close(found, wanted)


def test_the_released_class_term_on_a_balanced_batch_is_equation_nine_once_more():
    network, real = observer(), long_tail(6, 3, 2)
    batch = long_tail(2, 2, 2, name="batch")
    again = distance(network, real, batch, MEAN, pooled_classes(class_wise="batch"))
    assert again == pytest.approx(distance(network, real, batch, MEAN, GLOBAL)) and again > 1
    uneven = long_tail(4, 1, 1, name="batch")
    own = distance(network, real, uneven, MEAN, pooled_classes(class_wise="batch"))
    assert own != pytest.approx(distance(network, real, uneven, MEAN, GLOBAL), rel=0.01)


def test_the_released_class_term_weighs_classes_by_the_labels_of_the_batch():
    network, real, batch = observer(), long_tail(6, 3, 2), long_tail(4, 0, 1, name="batch")
    statistics = collect(network, *real, 3, MEAN)
    targets = Targets(network, statistics, MEAN, pooled_classes(class_wise="batch"), batch[1], dtype=torch.float64)
    for layer, (mean, variance) in zip(statistics.layers, targets.classes, strict=True):
        close(mean, 0.8 * layer.mean[0] + 0.2 * layer.mean[2])
        close(variance, 0.8 * layer.variance[0] + 0.2 * layer.variance[2])


@pytest.mark.parametrize("kind", ["expected", "pooled", "within-image"])
def test_the_order_of_a_batch_does_not_matter(kind):
    network, real, (images, labels) = observer(), long_tail(6, 3, 2), long_tail(2, 3, 4, name="batch")
    recover = RecoverConfig(class_variance=kind)
    rows = torch.randperm(9, generator=generator(0, "rows"))
    shuffled = images[rows], labels[rows]
    plain = distance(network, real, (images, labels), MIXTURE, recover)
    assert distance(network, real, shuffled, MIXTURE, recover) == pytest.approx(plain)


def test_the_distance_has_the_gradient_of_a_finite_difference():
    network, real, (images, labels) = observer(), long_tail(6, 3, 2), long_tail(2, 2, 2, name="batch")
    statistics = collect(network, *real, 3, MIXTURE)
    targets = Targets(network, statistics, MIXTURE, RecoverConfig(), labels, dtype=torch.float64)

    def value(images):
        with Monitor(network, MIXTURE) as monitor:
            network(images)
            return targets.distance(monitor.take(), Smoothed(0.0))

    start = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(value(start), start)
    direction = torch.randn(images.shape, dtype=torch.float64, generator=generator(0, "direction"))
    with torch.no_grad():
        slope = (value(images + 1e-5 * direction) - value(images - 1e-5 * direction)) / 2e-5
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-6, atol=1e-8)


def test_smoothing_has_the_value_of_the_running_average_and_the_gradient_of_the_step():
    smoothed, average = Smoothed(0.8), None
    for step in range(5):
        x = torch.randn(3, dtype=torch.float64, generator=generator(step, "x"), requires_grad=True)
        found, now = smoothed((0, 1), x.square()), x.detach().square()
        average = now if average is None else 0.8 * average + 0.2 * now
        close(found.detach(), average)
        (gradient,) = torch.autograd.grad(found.sum(), x)
        close(gradient, 2 * x.detach())


def test_smoothing_keeps_its_keys_apart_and_survives_a_checkpoint():
    smoothed, values = Smoothed(0.5), torch.arange(4.0)
    smoothed((0, 0, 1), values[0]), smoothed((0, 0, 11), values[1])
    again = Smoothed(0.5)
    again.load_state_dict(smoothed.state_dict())
    for one in (smoothed, again):
        assert one((0, 0, 1), values[2]) == 1.0 and one((0, 0, 11), values[3]) == 2.0
    assert again((5,), values[3]) == 3.0  # the first value of a key, as it is


def test_without_decay_a_value_passes_as_it_is():
    x = torch.randn(3)
    assert Smoothed(0.0)((0,), x) is x


def test_the_distance_follows_the_running_average():
    """One step after the real data themselves: the distance is that of 0.8 of the way back to them."""
    network, real = observer(), long_tail(4, 4, 4)
    smoothed, batch = Smoothed(0.8), long_tail(4, 4, 4, name="batch")
    far = distance(network, real, batch, MIXTURE, GLOBAL)
    assert distance(network, real, real, MIXTURE, GLOBAL, smoothed) < 1e-12
    assert distance(network, real, batch, MIXTURE, GLOBAL, smoothed) == pytest.approx(0.2 * far)


def test_statistics_of_another_observer_are_refused():
    real = long_tail(4, 4)
    found = collect(observer(), *real, 2, MIXTURE)
    other = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3)).double().eval()
    line = r"^the statistics are of an observer with other layers; collect them with this one$"
    with pytest.raises(ValueError, match=line):
        Targets(other, found, MIXTURE, GLOBAL, real[1])
    with pytest.raises(ValueError, match=line):
        Targets(observer(), collect(other, *real, 2, MIXTURE), MIXTURE, GLOBAL, real[1])


def test_natural_shares_are_the_statistics_of_all_images():
    """The control between running and calibrated: the long tail as it is, seen without augmentation."""
    network, real = observer(), long_tail(6, 3, 1)
    assert distance(network, real, real, StatisticsConfig("natural"), GLOBAL) < 1e-12
    assert distance(network, real, real, MIXTURE, GLOBAL) > 1e-3


def test_statistics_of_the_same_architecture_with_other_weights_are_refused():
    """The likeliest mix-up: a plain and a debiased observer have the same layers."""
    network, real = observer(), long_tail(4, 4, 4)
    known = collect(network, *real, 3, MIXTURE)
    next(network.parameters()).data.add_(1.0)
    with pytest.raises(ValueError, match="an observer with other weights"):
        Targets(network, known, MIXTURE, GLOBAL, real[1], dtype=torch.float64)


def test_a_batch_without_some_class_is_drawn_to_the_classes_it_has():
    network, (images, labels) = observer(), long_tail(4, 4, 4)
    two = labels < 2
    assert distance(network, (images, labels), (images[two], labels[two]), MIXTURE, GLOBAL) < 1e-12
