"""A teacher's own test accuracy: students rarely exceed it."""

from typing import Any

from torch import Tensor, nn

from ltdd_utils.data.run import Run
from ltdd_utils.training.confusion import confusion_matrix
from ltdd_utils.training.pauses import pausing

__all__ = ["check_class_order", "teacher_scores"]

SURE = 0.3  # accuracy under another naming of the classes, from which on that naming is believed
FRACTION = 0.5  # of that accuracy, which the classes' own names must reach


def teacher_scores(teacher: nn.Module, run: Run) -> dict[str, Any]:
    """Accuracy of a teacher in eval mode on the test set, fractions: ``overall``, and ``per_class`` ``[C]``.

    Raises:
        ValueError: it names the classes in another order.
        Stopped: the store's deadline passed.
    """
    with pausing(teacher, run.context.store.pause):
        confusion = confusion_matrix(teacher, run.test_images(), run.data.test_labels, run.data.classes)
    check_class_order(confusion)
    right = confusion.diagonal().double()
    return {
        "overall": (right.sum() / confusion.sum()).item(),
        "per_class": (right / confusion.sum(dim=1).clamp_min(1)).tolist(),
    }


def check_class_order(confusion: Tensor) -> None:
    """Refuse a teacher that would be right far more often if its classes were named otherwise.

    Labels of such a teacher make a student fail without any other sign: the cause of several failed reproductions of
    RDED.

    Args:
        confusion: rows are true classes, columns predictions, counts, ``[C, C]``.

    Raises:
        ValueError: naming each answer by the class that it is mostly given to would make at least 30 % right, and the
            classes' own names less than half of that.
    """
    count, named = int(confusion.sum()), confusion.max(dim=0)
    own, best = int(confusion.trace()) / count, int(named.values.sum()) / count
    if best >= SURE and own < FRACTION * best:
        answers = confusion.sum(dim=0)
        wrong = max((a for a, name in enumerate(named.indices.tolist()) if a != name), key=lambda a: int(answers[a]))
        raise ValueError(
            f"the teacher is right on {own:.1%} of the test images, and on {best:.1%} if its answers are named "
            f"otherwise (what it calls class {wrong} is mostly class {int(named.indices[wrong])}); "
            "give it the data's class order"
        )
