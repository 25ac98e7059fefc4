"""Flat weights: the order, the round trip, and what a layout refuses."""

import pytest
import torch

from ltdd_utils.core.seeds import generator
from ltdd_utils.networks import Layout, NetworkConfig, build, flat_parameters

TINY = NetworkConfig(depth=2, width=3)


def network(seed=0, cfg=TINY):
    return build(cfg, 4, 8, 1, generator(seed, "network"))


def images():
    return torch.randn(5, 1, 8, 8, generator=generator(0, "images"))


def test_the_backbone_comes_first_and_then_the_classifiers_weight_and_bias():
    made = network()
    layout, flat = Layout.of(made), flat_parameters(made)
    assert layout.names[-2:] == ("classifier.weight", "classifier.bias")
    assert layout.size == len(flat) == sum(parameter.numel() for parameter in made.parameters())
    assert torch.equal(flat[layout.part("all")], flat)
    assert torch.equal(flat[layout.part("backbone")], flat_parameters(made.backbone))
    classifier = torch.cat([made.classifier.weight.detach().flatten(), made.classifier.bias.detach()])
    assert torch.equal(flat[layout.part("classifier")], classifier)
    covered = [list(range(layout.size))[layout.part(name)] for name in ("backbone", "classifier")]
    assert covered[0] + covered[1] == list(range(layout.size))


def test_split_gives_back_every_parameter_as_a_view():
    made = network()
    flat = flat_parameters(made)
    parts = Layout.of(made).split(flat)
    assert list(parts) == [name for name, _ in made.named_parameters()]
    for name, parameter in made.named_parameters():
        assert torch.equal(parts[name], parameter)
    flat.zero_()
    assert all(not part.any() for part in parts.values())


def test_loaded_weights_come_back_and_are_no_alias():
    layout, other, flat = Layout.of(network()), network(seed=1), flat_parameters(network())
    assert not torch.equal(flat_parameters(other), flat)
    assert layout.load(other, flat) is other
    assert torch.equal(flat_parameters(other), flat)
    kept = flat.clone()
    flat.zero_()
    assert torch.equal(flat_parameters(other), kept)


def test_a_snapshot_stays_when_training_goes_on():
    made = network()
    snapshot = flat_parameters(made)
    kept = snapshot.clone()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(1.0)
    assert torch.equal(snapshot, kept) and not snapshot.requires_grad
    assert torch.equal(flat_parameters(made), kept + 1)


def test_a_single_parameter_is_copied_too():
    """One tensor needs no joining, and must not be handed out itself."""
    layer = torch.nn.Linear(3, 2, bias=False)
    snapshot = flat_parameters(layer)
    before = snapshot.clone()
    with torch.no_grad():
        layer.weight.add_(1.0)
    assert torch.equal(snapshot, before)


def test_the_function_is_the_network_and_its_own_weights_do_not_matter():
    made, other = network(), network(seed=1)
    layout, flat = Layout.of(made), flat_parameters(made)
    own = flat_parameters(other)
    expected = made(images())
    torch.testing.assert_close(layout.apply(made)(flat, images()), expected)
    torch.testing.assert_close(layout.apply(other)(flat, images()), expected)
    assert torch.equal(flat_parameters(other), own)


def test_features_are_the_backbones_whatever_the_classifier_holds():
    made = network()
    layout, flat = Layout.of(made), flat_parameters(made)
    flat[layout.part("classifier")] = torch.nan
    torch.testing.assert_close(layout.features(network(seed=1))(flat, images()), made.backbone(images()))


def test_the_gradient_at_the_flat_weights_is_that_of_the_parameters():
    made = network()
    layout, flat = Layout.of(made), flat_parameters(made).requires_grad_()
    (gradient,) = torch.autograd.grad(layout.apply(made)(flat, images()).square().sum(), flat)
    expected = torch.autograd.grad(made(images()).square().sum(), list(made.parameters()))
    torch.testing.assert_close(gradient, torch.cat([part.flatten() for part in expected]))


def test_batch_norm_is_refused():
    with pytest.raises(ValueError, match=r"keeps statistics \(backbone.*set its norm to 'instance' or 'none'"):
        Layout.of(network(cfg=NetworkConfig(depth=2, width=3, norm="batch")))


@pytest.mark.parametrize("heads", [{"second_head": True}, {"projection": 4}], ids=lambda heads: next(iter(heads)))
def test_further_heads_are_refused(heads):
    with pytest.raises(ValueError, match="trajectories know a backbone and one classifier"):
        Layout.of(network(cfg=NetworkConfig(depth=2, width=3, **heads)))


@pytest.mark.parametrize("change", [-1, 1])
def test_weights_of_another_network_are_refused(change):
    layout = Layout.of(network())
    with pytest.raises(ValueError, match=rf"shape \[{layout.size + change}\]; this network needs \[{layout.size}\]"):
        layout.split(torch.zeros(layout.size + change))


def test_an_unknown_part_is_refused():
    with pytest.raises(ValueError, match="unknown part 'head'; choose one of all, backbone, classifier"):
        Layout.of(network()).part("head")
