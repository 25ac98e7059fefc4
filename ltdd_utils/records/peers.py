"""Runs on the same data that were not judged alike."""

from collections.abc import Iterable

from ltdd_utils.records.record import Record
from ltdd_utils.records.text import students_of

__all__ = ["unequal_students"]


def unequal_students(record: Record, others: Iterable[Record]) -> str:
    """One line if runs on the same data, under the same protocol, have other students than this one; else "".

    At scale cpu a recipe has the students of the method's own published code, wide or narrow; of two methods on a
    user's own data a part of the difference would then be the students'.
    """
    own, sha = students_of(record), record.provenance.data_sha256
    alike = [one for one in others if (one.provenance.data_sha256, one.protocol) == (sha, record.protocol)]
    unequal = sorted({f"{one.name} {students_of(one)}" for one in alike if students_of(one) != own})
    if not unequal:
        return ""
    return (
        f"unequal students on this data: {record.name} {own}, {', '.join(unequal)}; a part of a difference is theirs, "
        "so give all runs the same: --set evaluate.network.width=N"
    )
