"""The instance norm and the 2x2 pool against PyTorch's own: values, gradients, gradients of gradients, precisions."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call
from torch.nn import functional as F

from ltdd_utils.core.seeds import generator
from ltdd_utils.networks import NetworkConfig, build
from ltdd_utils.networks.blocks import HalvingPool, normaliser
from ltdd_utils.networks.instance_norm import InstanceNorm

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def draw(*shape: int, name: str = "values", dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=generator(0, name), dtype=torch.float64).to(dtype)


def make_norm(channels: int, dtype: torch.dtype = torch.float64) -> InstanceNorm:
    norm = InstanceNorm(channels).to(dtype)
    with torch.no_grad():
        norm.weight.copy_(draw(channels, name="weight"))
        norm.bias.copy_(draw(channels, name="bias"))
    return norm


def theirs(norm: InstanceNorm) -> nn.GroupNorm:
    reference = nn.GroupNorm(norm.num_channels, norm.num_channels).to(norm.weight.dtype)
    reference.load_state_dict(norm.state_dict())
    return reference


def first_and_second(module: nn.Module, maps: Tensor) -> list[Tensor]:
    """Value, gradients, and gradients of a projection of those gradients, for maps and parameters."""
    maps, *parameters = inputs = [maps.clone().requires_grad_(), *module.parameters()]
    value = module(maps)
    upstream = draw(*value.shape, name="upstream", dtype=maps.dtype).to(maps.device).requires_grad_()
    first = torch.autograd.grad(value, inputs, upstream, create_graph=True)
    along = [draw(*g.shape, name="along", dtype=g.dtype).to(g.device) for g in first]
    second = torch.autograd.grad(first, [upstream, maps, *parameters[:1]], along)
    return [value, *first, *second]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("shape", [(3, 4, 6, 5), (1, 2, 2, 2), (2, 3, 9), (2, 3, 4, 1)])
def test_the_norm_is_a_group_norm_with_one_channel_per_group(shape, dtype, device):
    norm, maps = make_norm(shape[1], dtype).to(device), (2 * draw(*shape, dtype=dtype) + 1).to(device)
    ours, reference = norm(maps), theirs(norm).to(device)(maps)
    assert torch.equal(ours, reference)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-13
    ours, reference = first_and_second(norm, maps), first_and_second(theirs(norm).to(device), maps)
    for one, two in zip(ours, reference, strict=True):
        torch.testing.assert_close(one, two, rtol=tolerance, atol=tolerance * max(1, two.abs().max().item()))


def test_the_first_gradient_is_pytorchs_own():
    norm, maps, grads = make_norm(4, torch.float32), draw(3, 4, 6, 5, dtype=torch.float32).requires_grad_(), []
    for module in (norm, theirs(norm)):
        grads.append(torch.autograd.grad((module(maps) ** 2).sum(), [maps, *module.parameters()]))
    for one, two in zip(*grads, strict=True):
        assert torch.equal(one, two)


def test_the_norm_passes_the_numerical_checks_of_both_derivatives():
    norm = make_norm(3)

    def call(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional_call(norm, {"weight": weight, "bias": bias}, (maps,))

    inputs = [draw(2, 3, 3, 4), draw(3, name="other weight"), draw(3, name="other bias")]
    inputs = [tensor.requires_grad_() for tensor in inputs]
    assert gradcheck(call, inputs)
    assert gradgradcheck(call, inputs)
    torch.testing.assert_close(call(*inputs), F.group_norm(inputs[0], 3, inputs[1], inputs[2]))


def test_a_scale_of_zero_and_a_flat_channel_have_finite_second_derivatives():
    norm, maps = make_norm(3), draw(2, 3, 4, 4)
    with torch.no_grad():
        norm.weight[0] = 0
    maps[:, 1] = 0.5
    for one, two in zip(first_and_second(norm, maps), first_and_second(theirs(norm), maps), strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9 * max(1, two.abs().max().item()))


def test_the_norm_has_one_scale_and_one_shift_per_channel():
    norm = normaliser("instance", 5)
    assert isinstance(norm, nn.GroupNorm)
    assert {name: tuple(value.shape) for name, value in norm.state_dict().items()} == {"weight": (5,), "bias": (5,)}
    maps = draw(2, 5, 4, 4)
    out = norm(maps)
    torch.testing.assert_close(out.mean((2, 3)), torch.zeros(2, 5))
    assert (norm(3 * maps + 7) - out).abs().max() < 1e-4  # eps alone keeps it from being invariant


def test_other_memory_layouts_give_the_same():
    module, maps = nn.Sequential(HalvingPool(), make_norm(4), HalvingPool()), draw(2, 4, 12, 8)
    expected = first_and_second(module, maps)
    for one, two in zip(first_and_second(module, maps.to(memory_format=torch.channels_last)), expected, strict=True):
        torch.testing.assert_close(one, two)
    spread = nn.Sequential(module, nn.AdaptiveAvgPool2d(1), nn.Flatten(0))  # its gradient is one value per channel
    reference = nn.Sequential(nn.AvgPool2d(2), theirs(module[1]), nn.AvgPool2d(2), *spread[1:])
    for one, two in zip(first_and_second(spread, maps), first_and_second(reference, maps), strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [(6, 4), (2, 2), (5, 7), (6, 3)])
def test_the_pool_is_an_average_pool(size, device):
    maps = draw(2, 3, *size).to(device)
    ours, reference = HalvingPool(), nn.AvgPool2d(2)
    maps.requires_grad_()
    torch.testing.assert_close(ours(maps), reference(maps))
    upstream = draw(*reference(maps).shape, name="upstream").to(device)
    expected, actual = (torch.autograd.grad(pool(maps), maps, upstream)[0] for pool in (reference, ours))
    torch.testing.assert_close(actual, expected)
    assert gradcheck(ours, maps)
    assert gradgradcheck(ours, maps)


@pytest.mark.parametrize("enabled", [False, True])
def test_a_convnet_is_the_one_of_pytorchs_layers_also_under_autocast(enabled):
    network = build(NetworkConfig(width=8), 10, 32, 3, generator(0, "weights")).float()
    assert sum(isinstance(layer, InstanceNorm) for layer in network.backbone) == 3
    assert sum(isinstance(layer, HalvingPool) for layer in network.backbone) == 3
    plain = copy.deepcopy(network)
    for at, layer in enumerate(plain.backbone):
        if isinstance(layer, InstanceNorm):
            plain.backbone[at] = theirs(layer)
        elif isinstance(layer, HalvingPool):
            plain.backbone[at] = nn.AvgPool2d(2)
    images, labels, losses, grads = draw(4, 3, 32, 32, dtype=torch.float32), torch.arange(4), [], []
    for each in (network, plain):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            logits = each(images)
            assert logits.dtype == (torch.bfloat16 if enabled else torch.float32)
            losses.append(F.cross_entropy(logits.float(), labels))
        grads.append(torch.autograd.grad(losses[-1], list(each.parameters())))
    assert torch.equal(*losses) if enabled else torch.allclose(*losses, rtol=1e-6)
    for one, two in zip(*grads, strict=True):
        assert torch.equal(one, two) if enabled else torch.allclose(one, two, rtol=1e-4, atol=1e-6)


def test_the_second_derivative_can_be_differentiated():
    norm = make_norm(2)

    def slope(maps: Tensor, weight: Tensor) -> Tensor:
        out = functional_call(norm, {"weight": weight}, (maps,))
        return torch.autograd.grad((out**3).sum(), maps, create_graph=True)[0]

    assert gradgradcheck(slope, [draw(1, 2, 2, 3).requires_grad_(), draw(2, name="other weight").requires_grad_()])
