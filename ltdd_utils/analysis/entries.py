"""The runs of one cell, put together by method, evaluator and changed settings."""

import math
import statistics
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from ltdd_utils.analysis.changes import changes_of, diff_from_recipe, format_changes
from ltdd_utils.analysis.scores import ELSEWHERE, Scores, pipelines, spread
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.methods.base import Method
from ltdd_utils.presets import Cell
from ltdd_utils.records.record import Record

__all__ = ["Entry", "entries", "in_cell", "is_here", "iterations", "with_fallbacks"]

Scored = TypeVar("Scored")  # a dataclass with ``evaluator`` and ``scores``, such as ``Entry``


@dataclass(frozen=True)
class Entry:
    """The runs of one method under one evaluator with the same settings: a record per seed."""

    method: str
    evaluator: Evaluator
    changes: Mapping[str, Any]  # settings that differ from the recipe's, by full name; {}: the recipe itself
    records: tuple[Record, ...]  # by seed
    scores: Scores

    @property
    def label(self) -> str:
        """For display: the method, and what was changed."""
        return f"{self.method}: {format_changes(self.changes)}" if self.changes else self.method

    @property
    def facts(self) -> Method:
        """The method's entry in the table of methods."""
        return self.records[0].recipe.entry

    @property
    def iterations(self) -> int | None:
        """How many iterations the images took; None where they take none by design."""
        return iterations(self.records[0])

    @property
    def seeds(self) -> list[int]:
        """Of the records."""
        return [record.seed for record in self.records]

    @property
    def students(self) -> int:
        """How many in all."""
        return sum(len(record.students) for record in self.records)

    @cached_property
    def seconds(self) -> float:
        """Seconds from nothing to one trained student, the mean over the records."""
        return statistics.fmean(record.seconds_to_student for record in self.records)

    @property
    def seconds_per_student(self) -> float:
        """Seconds of a further student, the mean over the records."""
        return statistics.fmean(record.cost.seconds["students"] / len(record.students) for record in self.records)

    @property
    def teacher_accuracy(self) -> float:
        """The accuracy of the teachers, a fraction, the mean over the records; NaN where none was scored."""
        known = [record.teacher.overall for record in self.records if record.teacher is not None]
        return statistics.fmean(known) if known else math.nan

    @property
    def adsa_tau(self) -> float:
        """The tau that ADSA chose, the mean over the students; NaN where labels are not calibrated."""
        known = [student.adsa_tau for record in self.records for student in record.students]
        return math.nan if None in known else statistics.fmean(known)

    @property
    def run(self) -> tuple[str, Evaluator, Mapping[str, Any]]:
        """The key of a board: method, evaluator, changed settings."""
        return self.method, self.evaluator, self.changes


def iterations(record: Record) -> int | None:
    """How many iterations the images of a record took; None where they take none by design."""
    return record.recipe.family.iterations(record.recipe.method)


def in_cell(record: Record, cell: Cell, network: str) -> bool:
    """Whether a record is of a cell: its sets, or the whole training set, which has no images per class.

    A run at another scale whose settings are the same at both belongs to it too (random images do not know a scale).
    The students are of one architecture. Whatever else a run changed, it stays. A record of a plugin that is not here
    is of no cell.
    """
    if not record.is_registered or record.ipc not in (cell.ipc, None):
        return False
    if (record.data.name, record.data.imbalance_factor) != (cell.dataset, cell.imbalance_factor):
        return False
    made = record.recipe
    if made.evaluate.network.name != network:
        return False
    return made.scale == cell.scale or diff_from_recipe(made) == diff_from_recipe(replace(made, scale=cell.scale))


def is_here(record: Record, cell: Cell, network: str, strict: bool) -> bool:
    """``in_cell``; a record whose settings are gone is of no cell, and a warning names it.

    Raises:
        ValueError: the settings are gone, and ``strict``.
    """
    try:
        return in_cell(record, cell, network)
    except ValueError as error:  # it names the file
        if strict:
            raise
        warnings.warn(f"{error}; the record is left out", stacklevel=3)
        return False


def entries(records: Iterable[Record]) -> list[Entry]:
    """Records put together, in the order of each one's first record."""
    groups: list[tuple[tuple[str, Evaluator, dict[str, Any]], list[Record]]] = []
    for record in records:
        key = record.recipe.entry.name, record.evaluator, changes_of(record.recipe)
        mine = next((group for known, group in groups if known == key), None)
        if mine is None:
            groups.append((key, [record]))
        else:
            mine.append(record)
    found = []
    for key, group in groups:
        ordered = tuple(sorted(group, key=lambda record: record.seed))
        found.append(Entry(*key, ordered, pipelines(ordered)))
    return found


def with_fallbacks(found: Sequence[Scored], like: Sequence[Scored]) -> tuple[Scored, ...]:
    """Entries (or what else has an ``evaluator`` and ``scores``) whose scores know a spread for too few pipelines.

    It is that of their peers, the entries of the same evaluator; where none of these has several pipelines, that of the
    same evaluator among ``like``, or of all of ``like``. One estimate is one object, also where two evaluators take it:
    so it does not count twice (``differences.contrast``).
    """
    whole = spread((one.scores for one in like), ELSEWHERE)
    spreads = {}
    for evaluator in dict.fromkeys(one.evaluator for one in found):
        peers = spread(one.scores for one in found if one.evaluator == evaluator)
        spreads[evaluator] = peers or spread((o.scores for o in like if o.evaluator == evaluator), ELSEWHERE) or whole
    return tuple(replace(one, scores=replace(one.scores, fallback=spreads[one.evaluator])) for one in found)
