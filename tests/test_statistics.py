"""Class-fair statistics: those of the concatenated activations, for any partition and order, and nobody is changed."""

import copy

import pytest
import torch
from torch import nn
from toy_observer import hooks, inputs, long_tail, observer, pooled, same_network

from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import load_bundle, save_bundle
from ltdd_utils.methods.alignment.monitor import Monitor
from ltdd_utils.methods.alignment.settings import StatisticsConfig
from ltdd_utils.methods.alignment.statistics import Statistics, collect

BN, CONV, BLOCKS = StatisticsConfig(), StatisticsConfig(layers="bn+conv"), StatisticsConfig(layers="bn+conv", patch=3)
COUNTS = (9, 4, 1)


def close(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("batch_size", [1, 3, 5, 14, 500])
@pytest.mark.parametrize("order", ["sorted", "reversed", "shuffled"])
def test_they_are_those_of_each_class_s_activations_put_together(batch_size, order):
    """The class-sorted long tail included, in which most batches lack most classes."""
    network, (images, labels) = observer(), long_tail(*COUNTS)
    rows = {"sorted": torch.arange(14), "reversed": torch.arange(14).flip(0)}.get(order)
    rows = torch.randperm(14, generator=generator(0, "order")) if rows is None else rows
    found = collect(network, images[rows], labels[rows], 3, CONV, batch_size=batch_size)
    assert found.names == ("norm1", "norm2", "first", "second") and found.counts.tolist() == list(COUNTS)
    seen = inputs(network, images)
    for name, layer in zip(found.names, found.layers, strict=True):
        for label in range(3):
            mean, variance = pooled(seen[name][labels == label])
            close(layer.mean[label], mean)
            close(layer.variance[label], variance)


def test_blocks_are_squares_of_pixels_over_all_channels():
    """Four pixels hold one block of three; the row and the column that are left over count for nothing."""
    network, (images, labels) = observer(), long_tail(*COUNTS)
    found = collect(network, images, labels, 3, BLOCKS, batch_size=4)
    assert found.names[-2:] == ("first/blocks", "second/blocks")
    seen = inputs(network, images)
    for name, layer in zip(("first", "second"), found.layers[-2:], strict=True):
        for label in range(3):
            values = seen[name][labels == label][:, :, :3, :3]
            close(layer.mean[label], values.mean()[None])
            close(layer.variance[label], values.var(correction=0)[None])


def test_blocks_of_one_pixel_are_in_reading_order_and_larger_ones_than_the_map_are_the_map():
    network, (images, labels) = observer(), long_tail(*COUNTS)
    single = collect(network, images, labels, 3, StatisticsConfig(layers="bn+conv", patch=1)).layers[-2]
    whole = collect(network, images, labels, 3, StatisticsConfig(layers="bn+conv", patch=9)).layers[-2]
    for label in range(3):
        mine = images[labels == label]
        close(single.mean[label], mine.mean(dim=(0, 1)).flatten())
        close(single.variance[label], mine.transpose(0, 1).flatten(0, 1).var(dim=0, correction=0).flatten())
        close(whole.variance[label], mine.var(correction=0)[None])


def test_the_papers_momentum_is_the_running_mean_and_loses_the_variance_between_batches():
    """Equation 8 written out, a_t = B_t / (N_{t-1} + B_t), on one class cut into uneven batches."""
    network, (images, labels) = observer(), long_tail(11, 2)
    layer = collect(network, images, labels, 2, BN).layers[1]
    seen = inputs(network, images[:11])["norm2"]
    mean, variance, number, between = 0.0, 0.0, 0, 0.0
    for batch in seen.split([2, 5, 1, 3]):
        step = len(batch) / (number + len(batch))
        own_mean, own_variance = pooled(batch)
        between = between + len(batch) / 11 * (own_mean - layer.mean[0]).square()
        mean, variance = (1 - step) * mean + step * own_mean, (1 - step) * variance + step * own_variance
        number += len(batch)
    close(layer.mean[0], mean)
    close(layer.variance[0], variance + between)
    assert bool((between > 1e-3 * layer.variance[0]).all())  # what is lost is no rounding


def test_within_and_between_are_the_two_parts_of_a_class_s_variance():
    network, (images, labels) = observer(), long_tail(*COUNTS)
    layer = collect(network, images, labels, 3, BN).layers[0]
    maps = inputs(network, images)["norm1"].flatten(2)
    for label in range(3):
        mine = maps[labels == label]
        close(layer.within[label], mine.var(dim=2, correction=0).mean(dim=0))
        close(layer.between[label], mine.mean(dim=2).var(dim=0, correction=0))
    assert bool((layer.between[2] == 0).all())  # of a class with one image


def weighted(values, weights):
    mean = (weights[:, None] * values).sum(dim=0) / weights.sum()
    return mean, (weights[:, None] * (values - mean).square()).sum(dim=0) / weights.sum()


@pytest.mark.parametrize("share", [None, (0.2, 0.5, 0.3)], ids=["balanced", "given shares"])
def test_the_mixture_is_the_moments_of_all_activations_weighted_by_class(share):
    network, (images, labels) = observer(), long_tail(*COUNTS)
    statistics = collect(network, images, labels, 3, BN)
    shares = None if share is None else torch.tensor(share)
    wanted = torch.full((3,), 1 / 3) if share is None else shares
    seen = inputs(network, images)
    for name, layer in zip(statistics.names, statistics.layers, strict=True):
        values = seen[name].permute(0, 2, 3, 1)  # [N, H, W, D]
        weights = (wanted / statistics.counts)[labels].repeat_interleave(values[0, ..., 0].numel())
        mean, variance = weighted(values.flatten(0, 2), weights)
        close(layer.balanced("mixture", shares), (mean, variance))
        only, literal = layer.balanced("mean", shares)
        close(only, mean)
        spread = weighted(layer.mean, wanted)[1]
        close(variance - literal, spread)
        assert bool((spread > 1e-3 * variance).all())


def test_the_mixture_with_the_long_tails_shares_is_the_plain_variance_of_all_images():
    network, (images, labels) = observer(), long_tail(*COUNTS)
    layer = collect(network, images, labels, 3, BN).layers[1]
    close(layer.balanced("mixture", torch.tensor(COUNTS) / 14), pooled(inputs(network, images)["norm2"]))


def test_a_large_offset_does_not_swallow_a_small_variance():
    """Activations around 1e3 with a spread of 1e-2, in single precision as users run it."""
    network = nn.Sequential(nn.BatchNorm2d(1)).eval().float()
    images = (1e3 + 1e-2 * torch.randn(40, 1, 4, 4, dtype=torch.float32, generator=generator(0, "offset"))).float()
    layer = collect(network, images, torch.arange(40) % 2, 2, BN, batch_size=7).layers[0]
    for label in range(2):
        mine = images[torch.arange(40) % 2 == label].double()
        torch.testing.assert_close(layer.variance[label, 0], mine.var(correction=0), rtol=0.05, atol=0)


@pytest.mark.parametrize("cfg", [BN, CONV, BLOCKS], ids=["bn", "conv", "blocks"])
def test_the_observer_is_not_changed(cfg):
    network, (images, labels) = observer(), long_tail(*COUNTS)
    before = copy.deepcopy(network)
    collect(network, images, labels, 3, cfg, batch_size=4)
    assert same_network(network, before)


def test_no_hook_is_left_by_a_pass_that_fails():
    network, (images, labels) = observer(), long_tail(*COUNTS)
    before = copy.deepcopy(network)
    calls = []

    def watch(state):
        calls.append(len(hooks(network)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(network, images, labels, 3, BN, batch_size=4, watch=watch)
    assert calls == [2] and same_network(network, before)
    with pytest.raises(RuntimeError):  # images of another number of channels
        collect(network, images[:, :1], labels, 3, BN)
    assert same_network(network, before)


def test_progress_counts_images():
    network, (images, labels) = observer(), long_tail(*COUNTS)
    told = []
    collect(network, images, labels, 3, BN, batch_size=6, watch=told.append)
    assert told == [{"done": done, "total": 14} for done in (6, 12, 14)]


def test_moments_of_a_batch_and_of_its_groups_are_those_of_its_pixels():
    network, (images, labels) = observer(), long_tail(4, 3, 2)
    member = (labels == torch.arange(3)[:, None]).double()
    with Monitor(network, BN) as monitor:
        network(images)
        seen = dict(zip(monitor.names, monitor.take(), strict=True))
    for name, maps in inputs(network, images).items():
        if name not in seen:
            continue
        close(seen[name].of_batch(), pooled(maps))
        means, variances = seen[name].of_groups(member / member.sum(dim=1, keepdim=True))
        for label in range(3):
            close((means[label], variances[label]), pooled(maps[labels == label]))


def test_what_a_monitor_gives_is_of_the_last_pass_and_carries_a_gradient():
    network, (images, _) = observer(), long_tail(*COUNTS)
    with Monitor(network, BN) as monitor:
        network(images[:3])
        monitor.take()
        image = images[3:5].clone().requires_grad_()
        network(image)
        (seen, _) = monitor.take()
        (gradient,) = torch.autograd.grad(seen.of_batch()[0].sum(), image)
    close(seen.of_batch()[0], pooled(network.first(images[3:5]))[0])
    assert bool(gradient.abs().sum() > 0)


def test_statistics_survive_the_store(tmp_path):
    network, (images, labels) = observer(), long_tail(*COUNTS)
    found = collect(network, images, labels, 3, BLOCKS)
    save_bundle(tmp_path / "statistics.safetensors", found.to_bundle())
    read = Statistics.from_bundle(load_bundle(tmp_path / "statistics.safetensors"))
    assert read.names == found.names and torch.equal(read.counts, found.counts)
    for mine, theirs in zip(read.layers, found.layers, strict=True):
        assert all(torch.equal(getattr(mine, part), getattr(theirs, part)) for part in ("mean", "within", "between"))


def test_what_has_no_statistics_is_refused():
    network, (images, labels) = observer(), long_tail(*COUNTS)
    with pytest.raises(ValueError, match=r"^class 3 has no image, so it has no statistics; leave the class out$"):
        collect(network, images, labels, 4, BN)
    with pytest.raises(ValueError, match=r"^the observer has no BatchNorm layer, .* use a network with norm 'batch'"):
        collect(nn.Sequential(nn.Conv2d(2, 3, 1), nn.GroupNorm(1, 3)).eval(), images, labels, 3, BN)
    before = copy.deepcopy(network)
    with pytest.raises(ValueError, match=r"^the observer is in training mode, .* call \.eval\(\) first$"):
        collect(network.train(), images, labels, 3, BN)
    assert same_network(network.eval(), before)
