"""The benchmarks start, and compare like with like."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from ltdd_utils.config import AugmentConfig


@pytest.fixture
def student(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import student

    return student


def test_both_loops_are_the_same_training(student, monkeypatch):
    """Without augmentation and with one batch per epoch nothing is left to chance: the weights must agree."""
    trained, real = [], student.build
    monkeypatch.setattr(student, "build", lambda *arguments: trained.append(real(*arguments)) or trained[-1])
    monkeypatch.setattr(student, "SETTINGS", replace(student.SETTINGS, augment=AugmentConfig("dsa", strategy="none")))
    images, labels = torch.randn(40, 3, 32, 32), torch.arange(40) % 10
    for loop in (student.ours, student.plain):
        loop(images, labels, 4, 6, torch.device("cpu"))
    for ours, plain in zip(*(network.parameters() for network in trained), strict=True):
        torch.testing.assert_close(ours, plain)


def test_a_part_prints_its_rate(root):
    call = [sys.executable, root / "benchmarks" / "student.py", "--part", "ours-default", "--width", "4"]
    call += ["--images", "20", "--seconds", "0.1"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(call, capture_output=True, text=True, check=True, env=environment)
    assert float(done.stdout) > 0
