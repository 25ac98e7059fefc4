"""What a teacher scores itself, and teachers whose classes are in another order."""

import pytest
import torch
from torch import nn
from toy_sets import context, digits, quick, toy_run

from ltdd_utils import runs
from ltdd_utils.teachers import check_class_order, teacher_scores

pytestmark = pytest.mark.float32


class Oracle(nn.Module):
    """Knows the answer of every test image by heart, under a naming of the classes."""

    def __init__(self, naming):
        super().__init__()
        self.answers, self.naming, self.at = digits().test_labels, naming, 0

    def forward(self, images):
        labels = self.answers[self.at : self.at + len(images)]
        self.at += len(images)
        return nn.functional.one_hot(self.naming[labels], 10).float()


def test_a_teacher_that_is_always_right():
    scores = teacher_scores(Oracle(torch.arange(10)), toy_run(kind="normalise"))
    assert scores == {"overall": 1.0, "per_class": [1.0] * 10}


def test_classes_in_another_order_are_refused_with_the_class():
    with pytest.raises(ValueError, match=r"right on 0\.0% .* 100\.0% .* give it the data's class order"):
        teacher_scores(Oracle(torch.arange(10).roll(1)), toy_run(kind="normalise"))


@pytest.mark.parametrize(
    "confusion",
    [
        torch.tensor([[5, 5], [5, 5]]),  # guesses
        torch.tensor([[10, 0], [10, 0]]),  # knows one class only, as a teacher of a long tail does
        torch.tensor([[9, 1], [2, 8]]),
    ],
)
def test_a_poor_or_biased_teacher_is_no_misnamed_one(confusion):
    check_class_order(confusion)


def test_a_record_holds_what_its_teacher_scores(tmp_path):
    record = runs.run(quick(protocol="online-stored", epochs=1), 0, 1, context(tmp_path))
    own = record["teacher"]
    assert own["overall"] == pytest.approx(sum(own["per_class"]) / 10)  # the test set is balanced
    assert "teacher" not in runs.run(quick(epochs=1), 0, 1, context(tmp_path))
