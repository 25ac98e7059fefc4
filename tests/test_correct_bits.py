"""Which test images a student answers correctly: one bit each, in every new record."""

import base64

import numpy as np
import pytest
import torch
from toy_records import record
from toy_sets import context, digits, quick

from ltdd_utils import runs
from ltdd_utils.records import load_record, save_record, validate_record
from ltdd_utils.records.schema import unpacked
from ltdd_utils.training.confusion import packed


@pytest.mark.parametrize("tests", [1, 7, 8, 9, 20])
def test_bits_come_back_in_order(tests):
    right = torch.rand(tests, generator=torch.Generator().manual_seed(tests)) > 0.5
    text = base64.b64encode(packed(right).numpy().tobytes()).decode()
    assert unpacked(text, tests).tolist() == right.tolist()
    with pytest.raises(ValueError, match=f"{tests + 8} test images take"):
        unpacked(text, tests + 8)


@pytest.mark.float32
def test_the_bits_of_a_run_give_its_accuracies(tmp_path):
    found = runs.run(quick(epochs=1), 0, 2, context(tmp_path))
    labels = digits().test_labels.numpy()
    for student in found["students"]:
        right = unpacked(student["correct"], len(labels))
        assert right.mean() == pytest.approx(student["overall"])
        per_class = np.bincount(labels, weights=right, minlength=10) / np.bincount(labels, minlength=10)
        assert per_class.tolist() == pytest.approx(student["per_class"])


def bits(right, tests=20):
    return base64.b64encode(np.packbits([True] * right + [False] * (tests - right)).tobytes()).decode()


def test_a_record_may_lack_bits_and_its_bits_must_agree(tmp_path):
    saved = record([(4, 2), (4, 3)])
    saved["students"][1]["correct"] = bits(7)  # the other student is of an earlier version
    assert load_record(save_record(tmp_path, saved)) == saved
    assert load_record(save_record(tmp_path, saved)).students[0].correct is None
    saved["students"][1]["correct"] = bits(8)
    with pytest.raises(ValueError, match=r"overall of a student is given as 0\.35, its parts give 0\.4"):
        validate_record(saved)


@pytest.mark.parametrize("text", ["no base64!", 7, bits(7, tests=28), bits(7, tests=8)])
def test_other_bits_are_refused(text):
    saved = record([(4, 2), (4, 3)])
    saved["students"][1]["correct"] = text
    with pytest.raises(ValueError, match="correct of a student"):
        validate_record(saved)
