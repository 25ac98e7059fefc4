"""Networks: published parameter counts, shapes, initial weights and the split into backbone and heads."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ltdd_utils.core.seeds import generator
from ltdd_utils.networks import NetworkConfig, build


def make(cfg=NetworkConfig(), classes=10, image_size=32, channels=3, seed=0):  # noqa: B008 (frozen)
    return build(cfg, classes, image_size, channels, generator(seed, "weights"))


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


SMALL = {
    "convnet": NetworkConfig(width=8),
    "resnet32": NetworkConfig("resnet32", width=4),
    "resnet18": NetworkConfig("resnet18", width=4),
    "vgg11": NetworkConfig("vgg11", width=4),
    "alexnet": NetworkConfig("alexnet", width=8, norm="none"),
}


@pytest.mark.parametrize(
    ("depth", "classes", "image_size", "backbone", "total"),
    [
        (3, 10, 32, 299_520, 320_010),  # CIFAR-10
        (3, 100, 32, 299_520, 504_420),  # CIFAR-100
        (4, 200, 64, 447_360, 857_160),  # Tiny-ImageNet
        (4, 1000, 64, 447_360, 2_496_360),  # ImageNet-LT
    ],
)
def test_convnets_have_the_parameters_of_the_release(depth, classes, image_size, backbone, total):
    network = make(NetworkConfig(depth=depth), classes, image_size)
    assert (count(network.backbone), count(network)) == (backbone, total)
    assert network.features_size == 2048


def test_residual_networks_have_their_published_parameters():
    assert count(make(NetworkConfig("resnet18")).backbone) == 11_168_832  # the release's constant
    assert count(make(NetworkConfig("resnet32", width=16, norm="batch"))) == 464_154  # He et al., table 6: 0.46 M
    assert make(NetworkConfig("resnet32")).features_size == 256


@pytest.mark.parametrize(("name", "published"), [("resnet50", 25_557_032), ("resnext50", 25_028_904)])
def test_torchvisions_networks_have_their_documented_parameters(name, published):
    with torch.random.fork_rng(devices=[]):
        before = torch.get_rng_state()
        network = make(NetworkConfig(name, norm="batch"), classes=1000, image_size=64)
        assert torch.equal(torch.get_rng_state(), before)
    assert count(network) == published
    weight = network.backbone.layer1[0].conv3.weight
    assert weight.std().item() == pytest.approx(
        math.sqrt(2 / weight.shape[0]), rel=0.03
    )  # fan-out of a 1x1 convolution
    grey = make(NetworkConfig(name, norm="instance"), image_size=64, channels=1).float().eval()
    assert grey(torch.zeros(1, 1, 64, 64, dtype=torch.float32)).shape == (1, 10)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("image_size", "channels"), [(16, 1), (32, 3), (64, 3)])
def test_every_network_reads_every_image_size(name, image_size, channels):
    network = make(SMALL[name], image_size=image_size, channels=channels)
    images = torch.rand(3, channels, image_size, image_size, generator=generator(0, "images"))
    logits = network(images)
    assert logits.shape == (3, 10)
    assert network.backbone(images).shape == (3, network.features_size)
    # A norm of single pixels would make every image look alike.
    assert (logits[0] - logits[1]).abs().max() > 1e-4


def test_vgg11_and_alexnet_end_as_published_at_32_pixels():
    vgg, alexnet = make(NetworkConfig("vgg11")), make(NetworkConfig("alexnet", norm="none"))
    assert (vgg.features_size, alexnet.features_size) == (512, 192 * 4 * 4)
    assert sum(isinstance(module, nn.MaxPool2d) for module in vgg.modules()) == 5
    # VGG's column A, biases and the two numbers of each norm included.
    channels = [3, 64, 128, 256, 256, 512, 512, 512, 512]
    layers = sum(9 * a * b + 3 * b for a, b in pairwise(channels))
    assert count(vgg.backbone) == layers


def normed(maps, weight, bias, over):
    mean, variance = maps.mean(dim=over, keepdim=True), maps.var(dim=over, keepdim=True, unbiased=False)
    return (maps - mean) / (variance + 1e-5).sqrt() * weight[:, None, None] + bias[:, None, None]


def test_a_convnet_block_is_convolution_norm_relu_pool():
    network = make(NetworkConfig(depth=1, width=2), image_size=4, channels=1).double()
    images = torch.rand(2, 1, 4, 4, generator=generator(0, "images"))
    convolution, norm = network.backbone[0], network.backbone[1]
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([2.0, 0.5]))
        norm.bias.copy_(torch.tensor([0.1, -0.2]))
    maps = nn.functional.conv2d(images, convolution.weight, convolution.bias, padding=1)
    pooled = normed(maps, norm.weight, norm.bias, (2, 3)).clamp_min(0).reshape(2, 2, 2, 2, 2, 2).mean(dim=(3, 5))
    torch.testing.assert_close(network.backbone(images), pooled.flatten(1))


def test_the_shortcut_without_weights_keeps_every_second_pixel_and_pads_channels():
    network = make(NetworkConfig("resnet32", width=4, norm="batch"))
    shortcut = network.backbone[3 + 5].shortcut  # of the first block of the second stage
    maps = torch.rand(1, 4, 6, 6, generator=generator(0, "maps"))
    expected = torch.zeros(1, 8, 3, 3)
    expected[:, 2:6] = maps[:, :, ::2, ::2]
    assert torch.equal(shortcut(maps), expected)


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize(("name", "stages", "blocks"), [("resnet32", 3, 5), ("resnet18", 4, 2)])
def test_residual_networks_are_their_published_chain_of_blocks(name, stages, blocks, norm):
    """Function by function, with the network's own weights in their order, on maps of odd and even sides."""
    network, rng = make(NetworkConfig(name, width=4, norm=norm), image_size=11), generator(0, "norms")
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim == 1:  # norms start neutral, and would hide a scale or a shift that is left out
                weight.add_(0.3 * torch.randn(weight.shape, generator=rng))
    weights, over = iter(network.backbone.parameters()), (2, 3) if norm == "instance" else (0, 2, 3)

    def convolved(maps, stride=1):
        kernel = next(weights)
        maps = F.conv2d(maps, kernel, stride=stride, padding=kernel.shape[-1] // 2)
        return normed(maps, next(weights), next(weights), over)

    images = torch.rand(3, 3, 11, 11, generator=generator(0, "images"))
    maps = convolved(images).relu()
    for stage in range(stages):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            body, shortcut = convolved(convolved(maps, stride).relu()), maps
            if stride == 2 and name == "resnet18":
                shortcut = convolved(maps, stride)
            elif stride == 2:
                shortcut = F.pad(maps[:, :, ::2, ::2], (0, 0, 0, 0, *[maps.shape[1] // 2] * 2))
            maps = (body + shortcut).relu()
    torch.testing.assert_close(network.backbone(images), maps.mean(dim=(2, 3)))
    assert next(weights, None) is None


# Initial weights


@pytest.mark.parametrize("name", SMALL)
def test_the_same_seed_gives_the_same_weights_and_the_global_generator_is_untouched(name):
    before = torch.get_rng_state()
    first, again, other = make(SMALL[name]), make(SMALL[name]), make(SMALL[name], seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    for one, two in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    assert not torch.equal(first.classifier.weight, other.classifier.weight)
    assert all(parameter.isfinite().all() for parameter in first.parameters())


def test_weights_are_distributed_as_pytorchs_own():
    network = make()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for ours, theirs in (
            (network.backbone[4], nn.Conv2d(128, 128, 3)),
            (network.classifier, nn.Linear(2048, 10)),
        ):
            for name in ("weight", "bias"):
                mine, reference = getattr(ours, name).flatten(), getattr(theirs, name).flatten()
                bound = 1 / math.sqrt(theirs.weight[0].numel())
                assert max(mine.abs().max(), reference.abs().max()) <= bound
                if name == "weight":
                    assert mine.abs().max() > 0.99 * bound
                    assert mine.std().item() == pytest.approx(reference.std().item(), rel=0.02)
                    assert abs(mine.mean()) < 0.02 * bound


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_norms_start_neutral(norm):
    network = make(NetworkConfig(norm=norm, width=8))
    layers = [module for module in network.modules() if isinstance(module, nn.GroupNorm | nn.BatchNorm2d)]
    assert len(layers) == 3
    for layer in layers:
        assert (layer.weight == 1).all()
        assert (layer.bias == 0).all()
        if norm == "batch":
            assert (layer.running_mean == 0).all()
            assert (layer.running_var == 1).all()
            assert layer.num_batches_tracked == 0


def test_instance_norm_is_the_same_in_training_and_evaluation():
    network, images = make(SMALL["convnet"]), torch.rand(2, 3, 32, 32, generator=generator(0, "images"))
    assert torch.equal(network.train()(images), network.eval()(images))


# Backbone and heads


def test_the_flat_order_is_backbone_then_classifier_then_the_rest():
    network = make(NetworkConfig(width=8, second_head=True, projection=5))
    names = [name for name, _ in network.named_parameters()]
    backbone = [name for name in names if name.startswith("backbone.")]
    heads = [
        f"{head}.{part}"
        for head in ("classifier", "second_classifier", "projection", "prediction")
        for part in ("weight", "bias")
    ]
    assert names == backbone + heads
    assert sum(p.numel() for name, p in network.named_parameters() if name in backbone) == count(network.backbone)
    assert network.projection.weight.shape == (5, network.features_size)
    assert network.prediction.weight.shape == (5, 5)


def test_forward_is_the_classifier_on_the_backbone():
    network, images = make(SMALL["convnet"]), torch.rand(2, 3, 32, 32, generator=generator(0, "images"))
    torch.testing.assert_close(network(images), network.classifier(network.backbone(images)))
    assert network.second_classifier is network.projection is network.prediction is None
    with pytest.raises(ValueError, match="second_head=True"):
        network.heads(images)


def test_the_second_head_answers_where_there_is_one():
    network = make(NetworkConfig(width=8, second_head=True))
    images = torch.rand(2, 3, 32, 32, generator=generator(0, "images"))
    plain, second = network.heads(images)
    torch.testing.assert_close(network(images), second)
    torch.testing.assert_close(plain, network.classifier(network.backbone(images)))
    assert not torch.allclose(plain, second)


# Errors


@pytest.mark.parametrize(
    ("cfg", "image_size", "message"),
    [
        (NetworkConfig(depth=5), 16, "at least 32x32 pixels, got 16x16; set depth to at most 4, not 5"),
        (NetworkConfig("alexnet"), 32, "alexnet has no norm layers, but norm is 'instance'; set norm to 'none'"),
        (NetworkConfig("alexnet", norm="none", width=7), 32, "width of alexnet is 7"),
        (NetworkConfig("resnet18"), 8, "resnet18 with norm 'instance' needs images of at least 9x9 pixels"),
        (NetworkConfig("resnet50"), 32, "set norm to 'batch'"),
        (NetworkConfig("resnet50", norm="batch", width=32), 64, "width of resnet50 is 32"),
        (NetworkConfig(), 0, "image_size is 0"),
    ],
)
def test_errors_name_the_value_and_the_remedy(cfg, image_size, message):
    with pytest.raises(ValueError, match=message) as error:
        make(cfg, image_size=image_size)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "smallest"), [("resnet32", 5), ("resnet18", 9), ("vgg11", 2), ("convnet", 8)])
def test_the_smallest_image_that_is_allowed_still_tells_images_apart(name, smallest):
    network = make(SMALL[name], image_size=smallest)
    features = network.backbone(torch.rand(2, 3, smallest, smallest, generator=generator(0, "images")))
    assert (features[0] - features[1]).abs().max() > 1e-4
    with pytest.raises(ValueError, match=f"{smallest}x{smallest} pixels"):
        make(SMALL[name], image_size=smallest - 1)
