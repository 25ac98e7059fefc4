"""Random streams are named, repeatable and independent."""

import pytest
import torch

from ltdd_utils.seeds import derive, generator


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
