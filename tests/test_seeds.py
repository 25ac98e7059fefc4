"""Random streams are named, repeatable and independent."""

import numpy as np
import pytest
import torch

from ltdd_utils.augment import AugmentConfig, draw, draw_boxes
from ltdd_utils.core.seeds import derive, generator
from ltdd_utils.networks import NetworkConfig, build


def test_a_stream_repeats_and_the_global_generator_is_untouched():
    before = torch.get_rng_state()
    first, again = (torch.rand(5, generator=generator(3, "student", 1)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), before)


def test_streams_differ_by_seed_name_and_number():
    streams = {derive(seed, name, number) for seed in range(3) for name in ("student", "expert") for number in range(3)}
    assert len(streams) == 18


def test_neighbouring_streams_are_uncorrelated():
    draws = torch.stack([torch.randn(20_000, generator=generator(0, "student", k)) for k in range(4)])
    correlation = torch.corrcoef(draws) - torch.eye(4)
    assert correlation.abs().max() < 5 / 20_000**0.5  # five standard errors of an uncorrelated pair


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed is -1"):
        generator(-1)


# What follows is pinned: a number that moves here is another one in every record. Nothing but a new stream, with a name
# of its own, may draw otherwise.


def test_the_seeds_of_streams_never_change():
    assert derive(0) == 3456079177858693020
    assert derive(0, "student", 3, "weights") == 9136604523218565428
    assert derive(7, "coreset", "random", 2, 9) == 9105919747831571005


def near(found, wanted):
    torch.testing.assert_close(found.double(), torch.tensor(wanted, dtype=torch.float64), rtol=0, atol=2e-6)


DRAWN = {
    "color": [[0.194855, 0.196484], [0.586124, 1.054052], [1.380432, 0.787770]],
    "crop": [[-1, -1], [-1, 3]],
    "cutout": [[27, 27], [27, 19]],
    "flip": [[0, 0]],
    "scale": [[1.088114, 1.088711], [0.940789, 1.026576]],
    "rotate": [[5.845648, 5.894510]],
}


@pytest.mark.parametrize("operation", DRAWN)
def test_the_draws_of_an_augmentation_never_change(operation):
    near(draw(operation, 2, 32, generator(0, "draw")).values, DRAWN[operation])


def test_the_choice_of_operations_never_changes():
    rng = generator(0, "draw")
    drawn = [draw(AugmentConfig().strategy, 2, 32, rng).operation for _ in range(8)]
    assert drawn == ["flip", "flip", "scale", "rotate", "flip", "crop", "cutout", "rotate"]


@pytest.mark.float32
def test_the_first_weights_of_a_network_never_change():
    network = build(NetworkConfig(width=8), 10, 16, 1, generator(0, "weights"))
    near(network.backbone[0].weight.detach().flatten()[:3], [0.296837, -0.187084, -0.273862])
    near(network.classifier.weight.detach().flatten()[:3], [0.152808, 0.045801, -0.058689])
    near(network.classifier.bias.detach()[:3], [0.056445, 0.131139, 0.039952])


def test_the_boxes_of_crops_never_change():
    boxes = draw_boxes(3, 32, 32, (0.08, 1.0), (3 / 4, 4 / 3), generator=generator(0, "views"))
    assert boxes.tolist() == [[0, 0, 30, 30], [16, 12, 12, 10], [0, 6, 29, 24]]


@pytest.mark.parametrize("seed", [3, 3.0, np.int64(3), np.int32(3), np.float64(3.0)])
def test_a_whole_number_is_one_seed_however_it_is_written(seed):
    assert derive(seed, "x") == derive(3, "x")


@pytest.mark.parametrize("seed", [3.5, "3", True, None, float("nan"), float("inf"), np.bool_(True)])
def test_anything_else_is_refused(seed):
    with pytest.raises(ValueError, match="it must be a whole number"):
        derive(seed, "x")
