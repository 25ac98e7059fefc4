r"""Test images as a source of error: which of them each student answers correctly.

A difference of two methods holds for these test images. Had others been drawn, it would have been another one: its
standard error over images is what this module adds to the spread over pipelines.
"""

import math
from collections.abc import Sequence

import numpy as np

from ltdd_utils.records.record import Record
from ltdd_utils.records.schema import unpacked

__all__ = ["answers_of", "image_error"]


def answers_of(record: Record) -> np.ndarray | None:
    """Which test images each student of a record answers correctly, booleans ``[S, M]``; None of an earlier version."""
    texts = [student.correct for student in record.students]
    if None in texts:
        return None
    tests = round(math.fsum(map(math.fsum, record.metrics.confusion)))
    return np.stack([unpacked(text, tests) for text in texts])


def image_error(first: Sequence[np.ndarray], second: Sequence[np.ndarray] = ()) -> float:
    r"""Standard error over test images of a mean accuracy, or of the difference of two, a fraction.

    With :math:`d_i`, the share of the first one's students that answer image i correctly minus that of the second's, it
    is :math:`\mathrm{std}_i(d_i) / \sqrt{M}` (ddof 1). The luck of the students that is not averaged out is in
    :math:`d_i` too: for few students it is somewhat too large. Of one student alone it is the binomial
    :math:`\sqrt{p (1 - p) / (M - 1)}`.

    Args:
        first: ``answers_of`` one or more records of one method, each ``[S, M]``.
        second: the same of another; empty: none is taken off.

    Raises:
        ValueError: answers to unequal numbers of images, or fewer than two.
    """
    sizes = {answers.shape[1] for answers in (*first, *second)}
    if len(sizes) != 1 or min(sizes) < 2:
        raise ValueError(f"answers are to {sorted(sizes)} images; compare answers to the same two images or more")
    share = np.concatenate(first).mean(axis=0)
    if len(second):
        share = share - np.concatenate(second).mean(axis=0)
    return float(share.std(ddof=1)) / math.sqrt(len(share))
