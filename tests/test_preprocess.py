"""The preprocessing against closed forms: whitened covariance, round trips, exact sums, one map for train and test."""

import json
import weakref

import numpy as np
import pytest
import torch

from ltdd_utils.core.store import Bundle, load_bundle, save_bundle
from ltdd_utils.data import Preprocess, PreprocessConfig, channel_moments, pixel_covariance, preprocess

KINDS = ["none", "normalise", "zca"]


def pictures(count, seed=0, channels=3, size=4):
    """Correlated uint8 images: smooth, channels alike, as photographs are."""
    rng = torch.Generator().manual_seed(seed)
    base = torch.rand(count, 1, size, size, generator=rng)
    noise = torch.rand(count, channels, size, size, generator=rng)
    mean = base.mean(dim=(2, 3), keepdim=True)
    return ((0.4 * base + 0.35 * mean + 0.25 * noise) * 255).to(torch.uint8)


@pytest.fixture
def train():
    return pictures(2500)


def test_moments_and_covariance_match_numpy(train):
    unit = train.numpy().astype(np.float64) / 255
    mean, std = channel_moments(train)
    np.testing.assert_allclose(mean, unit.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, unit.std(axis=(0, 2, 3)), rtol=1e-12)
    flat = unit.reshape(len(unit), -1)
    mean, covariance = pixel_covariance(train)
    np.testing.assert_allclose(mean, flat.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(flat, rowvar=False), rtol=1e-9, atol=1e-15)


def test_sums_are_exact_for_extreme_pixels():
    """Integers give the reference; order and the sizes of the parts must not matter to the last bit."""
    rng = torch.Generator().manual_seed(0)
    images = torch.tensor([0, 1, 254, 255], dtype=torch.uint8)[torch.randint(4, (5000, 1, 2, 2), generator=rng)]
    whole = images.flatten(1).long() - 128
    scatter = len(whole) * (whole.T @ whole) - torch.outer(whole.sum(dim=0), whole.sum(dim=0))
    covariance = pixel_covariance(images)[1]
    expected = scatter.double() / (len(whole) * (len(whole) - 1) * 255**2)
    torch.testing.assert_close(covariance, expected, rtol=1e-14, atol=1e-15)
    order = torch.randperm(len(images), generator=rng)
    assert torch.equal(pixel_covariance(images[order])[1], covariance)


def test_zca_whitens_to_the_closed_form(train):
    """In the eigenbasis the covariance of the whitened train set is S / (S + eps), and nothing off the diagonal."""
    eps = 0.01
    flat = train.numpy().reshape(len(train), -1).astype(np.float64) / 255
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    white = Preprocess.fit(train, PreprocessConfig("zca", eps))(train).numpy().reshape(len(train), -1)
    found = vectors.T @ np.cov(white.astype(np.float64), rowvar=False) @ vectors
    np.testing.assert_allclose(found, np.diag(values / (values + eps)), atol=2e-5)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-5)


def test_zca_matches_the_direct_formula(train):
    flat = train.numpy().reshape(len(train), -1).astype(np.float64) / 255
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    matrix = vectors @ np.diag(1 / np.sqrt(values + 0.1)) @ vectors.T
    fitted = Preprocess.fit(train, PreprocessConfig("zca", 0.1))
    test = pictures(30, seed=9)
    expected = (test.numpy().reshape(30, -1) / 255 - flat.mean(axis=0)) @ matrix
    np.testing.assert_allclose(fitted(test).reshape(30, -1), expected, atol=2e-5)
    unscale = vectors @ np.diag(np.sqrt(values + 0.1)) @ vectors.T
    back = expected @ unscale + flat.mean(axis=0)
    np.testing.assert_allclose(fitted.inverse(fitted(test)).reshape(30, -1), back, atol=1e-5)


def test_normalise_and_none(train):
    out = Preprocess.fit(train, PreprocessConfig("normalise"))(train).double()
    torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(3, dtype=torch.float64), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        out.var(dim=(0, 2, 3), correction=0).sqrt(), torch.ones(3, dtype=torch.float64), atol=1e-5, rtol=0
    )
    assert torch.equal(Preprocess.fit(train, PreprocessConfig("none"))(train), train.float() / 255)


def test_a_constant_channel_stays_finite():
    images = pictures(20)
    images[:, 1] = 7
    fitted = Preprocess.fit(images, PreprocessConfig("normalise"))
    assert fitted(images)[:, 1].abs().max() < 1e-6
    torch.testing.assert_close(fitted.inverse(fitted(images)), images.float() / 255)


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip_and_types(train, kind):
    fitted = Preprocess.fit(train, PreprocessConfig(kind))
    test = pictures(5000, seed=4)
    out = fitted(test)
    assert out.dtype == torch.float32
    assert out.shape == test.shape
    torch.testing.assert_close(fitted.inverse(out), test.float() / 255, atol=1e-5, rtol=0)
    torch.testing.assert_close(fitted(test.double() / 255), out, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.cat([fitted(test[:7]), fitted(test[7:50])]), out[:50], atol=1e-5, rtol=0)
    beyond = fitted.inverse(out * 3)
    assert beyond.min() < 0 or beyond.max() > 1  # not clamped


@pytest.mark.parametrize("way", ["__call__", "inverse"])
def test_the_parts_of_a_large_set_are_not_held_beside_the_result(train, way, monkeypatch):
    fitted, alive = Preprocess.fit(train, PreprocessConfig("normalise")), []
    images = train if way == "__call__" else fitted(train)
    whole = getattr(fitted, way)(images)
    name = "_forward" if way == "__call__" else "_backward"
    real = getattr(Preprocess, name)

    def spy(self, part):
        assert all(other() is None for other in alive[:-1])  # of the parts before, at most the last one lives
        made = real(self, part)
        alive.append(weakref.ref(made))
        return made

    monkeypatch.setattr(Preprocess, name, spy)
    monkeypatch.setattr(preprocess, "APPLY_ROWS", 300)
    assert torch.equal(getattr(fitted, way)(images), whole) and len(alive) == 9
    pixels = (train[:700].float() / 255).requires_grad_()
    alive.clear()
    monkeypatch.setattr(Preprocess, name, lambda self, part: part * 2)
    (gradient,) = torch.autograd.grad(getattr(fitted, way)(pixels).sum(), pixels)  # parts that need a gradient
    assert torch.equal(gradient, torch.full_like(pixels, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_pass_through(train, kind):
    fitted = Preprocess.fit(train, PreprocessConfig(kind))
    pixels = (train[:2].float() / 255).requires_grad_()
    weights = torch.rand(pixels.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    (gradient,) = torch.autograd.grad((fitted(pixels) * weights).sum(), pixels)
    shift = torch.zeros_like(pixels)
    shift[1, 2, 3, 1] = 0.25
    with torch.no_grad():
        change = ((fitted(pixels + shift) - fitted(pixels)) * weights).sum() / 0.25
    torch.testing.assert_close(gradient[1, 2, 3, 1], change, rtol=1e-3, atol=1e-4)


def test_fitted_on_the_train_images_alone(train):
    first = Preprocess.fit(train, PreprocessConfig())
    before = first(pictures(4, seed=1))
    first(pictures(300, seed=2))
    assert torch.equal(first(pictures(4, seed=1)), before)
    other = Preprocess.fit(pictures(2500, seed=8), PreprocessConfig())
    assert not torch.equal(other(pictures(4, seed=1)), before)


@pytest.mark.parametrize("kind", KINDS)
def test_bundle_round_trip(train, kind, tmp_path):
    fitted = Preprocess.fit(train, PreprocessConfig(kind))
    save_bundle(tmp_path / "map.safetensors", fitted.to_bundle())
    again = Preprocess.from_bundle(load_bundle(tmp_path / "map.safetensors"))
    assert torch.equal(again(train), fitted(train))
    assert again.describe() == fitted.describe()
    assert again.matches(json.loads(json.dumps(fitted.describe())))


def test_descriptions_tell_maps_apart(train):
    own = Preprocess.fit(train, PreprocessConfig("zca", 0.1))
    others = [
        Preprocess.fit(train, PreprocessConfig("zca", 0.2)),
        Preprocess.fit(train, PreprocessConfig("normalise")),
        Preprocess.fit(train, PreprocessConfig("none")),
        Preprocess.fit(train[:-1], PreprocessConfig("zca", 0.1)),
        Preprocess.fit(pictures(2500, channels=1), PreprocessConfig("zca", 0.1)),
    ]
    assert own.matches(own.describe())
    assert not any(own.matches(other.describe()) or other.matches(own.describe()) for other in others)
    assert not own.matches({})
    rounded = {**own.describe(), "probe": [value + 1e-4 for value in own.probe]}
    assert own.matches(rounded)  # a refit on another machine
    assert not own.matches({**own.describe(), "probe": [value + 0.1 for value in own.probe]})


def test_none_is_the_same_map_whatever_it_was_fitted_on(train):
    one, other = (Preprocess.fit(images, PreprocessConfig("none")) for images in (train, pictures(9, seed=5)))
    assert one.matches(other.describe())


def test_damaged_bundles_are_refused(train):
    fitted = Preprocess.fit(train, PreprocessConfig("zca"))
    whole = fitted.to_bundle()
    with pytest.raises(ValueError, match="lacks 'scale'"):
        Preprocess.from_bundle(Bundle({"mean": whole.tensors["mean"]}, whole.meta))
    with pytest.raises(ValueError, match="does not transform the probe"):
        Preprocess.from_bundle(Bundle({**whole.tensors, "scale": whole.tensors["scale"] * 2}, whole.meta))
    with pytest.raises(ValueError, match="wrong shapes"):
        Preprocess.from_bundle(Bundle({**whole.tensors, "mean": whole.tensors["mean"][:5]}, whole.meta))


def test_refusals(train):
    with pytest.raises(ValueError, match=r"uint8 images \[N, Ch, H, W\], got torch\.float32"):
        Preprocess.fit(train.float(), PreprocessConfig())
    with pytest.raises(ValueError, match="two or more"):
        Preprocess.fit(train[:1], PreprocessConfig())
    fitted = Preprocess.fit(train, PreprocessConfig())
    with pytest.raises(ValueError, match=r"must be \[B, 3, 4, 4\].*got \[2, 1, 4, 4\]"):
        fitted(train[:2, :1])
    with pytest.raises(ValueError, match="must be"):
        fitted.inverse(train[:2, :, :2].float())
    with pytest.raises(ValueError, match=r"got torch\.int64"):
        fitted(train.long())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_the_device_does_not_matter(train, kind):
    here = Preprocess.fit(train, PreprocessConfig(kind))
    there = Preprocess.fit(train.cuda(), PreprocessConfig(kind))
    assert there.matches(here.describe())
    torch.testing.assert_close(there(train.cuda()).cpu(), here(train), atol=1e-4, rtol=1e-4)
    assert here.to("cuda")(train).device.type == "cpu"  # the result lies where the images lie
