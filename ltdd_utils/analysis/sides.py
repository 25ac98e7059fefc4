"""The runs of one setting over all their seeds, and labels that tell several apart."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ltdd_utils.analysis.changes import changes_of, format_changes
from ltdd_utils.analysis.scores import ACCURACY, BALANCED, Scores, has_unequal_tests, pipelines
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.records.record import Record
from ltdd_utils.records.scored import ScoredSet
from ltdd_utils.records.text import long_tail, students_of

__all__ = ["Side", "distinct_labels", "setting_of", "sides"]


@dataclass(frozen=True)
class Side:
    """The runs of one setting on the same data, over all their seeds."""

    records: tuple[Record, ...]  # by seed
    scores: Scores  # of ``measure``
    measure: str = ACCURACY  # or BALANCED

    @property
    def evaluator(self) -> Evaluator:
        """Who scored it."""
        return self.records[0].evaluator

    @property
    def data(self) -> str:
        """What it was scored on, in words."""
        first = self.records[0]
        return f"{first.cell['dataset']}, {long_tail(first)}"

    @cached_property
    def changes(self) -> dict[str, Any] | None:
        """Settings that differ from the recipe's, by full name; None: nobody knows, of a plugin that is not here."""
        if isinstance(self.records[0], ScoredSet):
            return {}
        try:
            found = changes_of(self.records[0].recipe)
        except ValueError:
            return None
        return {name: value for name, value in found.items() if not name.startswith("data.")}

    @property
    def label(self) -> str:
        """The method, and what was changed."""
        method = self.records[0].cell["method"]
        changed = "settings unknown here" if self.changes is None else format_changes(self.changes)
        return f"{method} ({changed})" if changed else method

    def row(self) -> dict[str, Any]:
        """What it scored and cost: accuracies in percent, ``std`` over pipelines (NaN of a single one).

        ``balanced`` and ``balanced_std`` are NaN where the test set is balanced: they are ``accuracy`` there.
        """
        first = self.records[0]
        plain, balanced = pipelines(self.records), Scores()
        if has_unequal_tests(first):
            balanced = pipelines(self.records, BALANCED)
        return {
            "judge": self.evaluator.label,
            "data": self.data,
            "ipc": first.ipc,
            "network": students_of(first),
            "measure": self.measure,
            "accuracy": plain.percent,
            "std": 100 * plain.deviation,
            "balanced": balanced.percent,
            "balanced_std": 100 * balanced.deviation,
            "pipelines": len(self.scores),
            "students": sum(len(record.students) for record in self.records),
            "seconds": statistics.fmean(record.cost.total_seconds for record in self.records),
        }


def sides(records: Iterable[Record], measure: str = ACCURACY) -> list[Side]:
    """Records put together by settings and data, in the order of each one's first record; of equal seeds the first."""
    groups: dict[tuple[str, str, str], dict[int, Record]] = {}
    for record in records:
        groups.setdefault(setting_of(record), {}).setdefault(record.seed, record)
    ordered = (tuple(group[seed] for seed in sorted(group)) for group in groups.values())
    return [Side(group, pipelines(group, measure), measure) for group in ordered]


def setting_of(record: Record) -> tuple[str, str, str]:
    """What records of one setting share: name, settings and data."""
    name = "" if isinstance(record, ScoredSet) else record.name  # files of the same pixels are one set
    return name, record.config_id, record.provenance.data_sha256


def distinct_labels(found: Sequence[Side]) -> list[str]:
    """Labels that tell the runs apart: with students, scale, judge, data or settings where the method does not."""
    further = (
        lambda one: students_of(one.records[0]),
        lambda one: f"IPC {one.records[0].ipc}",
        lambda one: one.evaluator.label,
        lambda one: one.data,
        lambda one: one.records[0].scale,
        lambda one: one.records[0].config_id,
        lambda one: one.records[0].provenance.data_sha256[:8],
    )
    labels = [one.label for one in found]
    for tell in further:
        words = [tell(one) for one in found]
        alike = [labels.count(label) > 1 for label in labels]
        if not any(alike):
            break
        if len({word for word, more in zip(words, alike, strict=True) if more}) > 1:
            labels = [f"{a}, {b}" if more else a for a, b, more in zip(labels, words, alike, strict=True)]
    return labels
