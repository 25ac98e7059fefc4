"""What the fit of ZCA takes is known before, it can be stopped, and few images have a cheap way to the same matrix."""

import os
import time

import pytest
import torch
from PIL import Image

from ltdd_utils.cli import main
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.data import Preprocess, PreprocessConfig, eigen, fit_zca, pixel_covariance, whitening

ZCA = PreprocessConfig("zca")


def pictures(count, size=4, channels=3):
    rng = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8, generator=rng)


@pytest.mark.parametrize("count", [2, 30, 47])
def test_few_images_have_the_matrix_of_their_covariance(count, monkeypatch):
    monkeypatch.setattr(whitening, "WORTH", 1)
    monkeypatch.setattr(whitening, "pixel_covariance", None)  # the other way's
    images = pictures(count)  # 48 values each
    mean, matrix = fit_zca(images, 0.1)
    expected_mean, covariance = pixel_covariance(images)
    values, vectors = torch.linalg.eigh(covariance)
    expected = vectors @ torch.diag((values.clamp(min=0) + 0.1).rsqrt()) @ vectors.T
    torch.testing.assert_close(mean, expected_mean, rtol=1e-12, atol=0)
    torch.testing.assert_close(matrix, expected, rtol=0, atol=1e-11)


def test_strips_change_nothing(monkeypatch):
    monkeypatch.setattr(whitening, "WORTH", 1)
    few, many = pictures(40, size=6), pictures(200, size=6)
    whole = {name: fit_zca(images, 0.1) for name, images in (("few", few), ("many", many))}
    covariance = pixel_covariance(many)[1]
    monkeypatch.setattr(whitening, "STRIP", 17)
    assert torch.equal(pixel_covariance(many)[1], covariance)  # exact sums
    monkeypatch.setattr(whitening, "LARGE", 30)
    for name, images in (("few", few), ("many", many)):
        mean, matrix = fit_zca(images, 0.1)
        assert matrix.dtype == torch.float32 and torch.equal(mean, whole[name][0])
        torch.testing.assert_close(matrix.double(), whole[name][1], rtol=1e-6, atol=1e-6)


def test_a_child_gives_the_same_bits_and_ends_when_it_must(monkeypatch, tmp_path):
    monkeypatch.setattr(eigen, "ALONE", 2)
    monkeypatch.setattr(eigen.tempfile, "tempdir", str(tmp_path))
    covariance = pixel_covariance(pictures(60))[1]
    monkeypatch.setattr(eigen, "ALONE_INVERSE", 2)
    for one, other in zip(eigen.eigh(covariance), torch.linalg.eigh(covariance), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(eigen.inverse(covariance), torch.linalg.inv(covariance))
    children, real = [], eigen.subprocess.Popen

    def spy(*arguments, **options):
        children.append(real(*arguments, **options))
        return children[-1]

    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr(eigen.subprocess, "Popen", spy)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        eigen.eigh(covariance, stop)
    assert time.monotonic() - began < 10
    assert children[0].returncode is not None and not list(tmp_path.iterdir())  # no process and no file is left


def test_a_child_that_fails_is_one_error(monkeypatch):
    monkeypatch.setattr(eigen, "ALONE", 2)
    monkeypatch.setattr(eigen.sys, "executable", "/bin/false" if os.path.exists("/bin/false") else "/usr/bin/false")
    with pytest.raises(OSError, match=r"exit status 1.*without ZCA"):
        eigen.eigh(torch.eye(4, dtype=torch.float64))


def test_a_deadline_stops_the_fit_and_the_transform():
    images = pictures(60)
    with pytest.raises(Stopped, match="ZCA"):
        Preprocess.fit(images, ZCA, deadline=time.monotonic())
    with pytest.raises(Stopped, match="preprocessed"):
        Preprocess.fit(images, ZCA)(torch.cat([images] * 100), time.monotonic())


def test_the_watch_hears_of_the_fit():
    events = []
    Preprocess.fit(pictures(60), ZCA, events.append)
    assert {event["stage"] for event in events} == {"fitting ZCA"}
    assert events[0]["done"] == 0 and events[-1]["done"] == events[-1]["total"]
    assert [event["done"] for event in events] == sorted(event["done"] for event in events)


def test_a_long_fit_is_announced_with_the_way_out(monkeypatch):
    monkeypatch.setattr(whitening, "LONG_S", 0.0)
    with pytest.warns(UserWarning, match=r"768 values.* min here.*evaluate\.preprocess\.kind=normalise") as told:
        Preprocess.fit(pictures(9, size=16), ZCA)
    assert len(told) == 1 and "\n" not in str(told[0].message)


def test_more_values_than_memory_are_refused_in_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(whitening, "free_bytes", lambda device: 10**9)
    for split in ("train", "test"):
        for label in ("a", "b"):
            (tmp_path / "photos" / split / label).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(tmp_path / "photos" / split / label / "0.png")
    own = ["--set", "data.name=folder:photos@224", "--set", "data.profile=natural", "--data", str(tmp_path)]
    kept = ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    assert main(["run", "random_cifar10", "--ipc", "1", *own, *kept]) == 2
    told = capsys.readouterr().err.splitlines()
    (line,) = (one for one in told if "error" in one)
    assert "150,528 values" in line and "181.3 GB" in line and "evaluate.preprocess.kind=normalise" in line
    assert told[-1] == line and not any("Traceback" in one for one in told)
