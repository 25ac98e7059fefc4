"""Runs side by side: what each scored on the same data under one judge, and how far it is from the first."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from ltdd_utils.analysis.changes import changes_of, flat, format_changes
from ltdd_utils.analysis.differences import contrasts
from ltdd_utils.analysis.entries import with_fallbacks
from ltdd_utils.analysis.published import given
from ltdd_utils.analysis.scores import Scores, pipelines
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.records.record import Record
from ltdd_utils.records.scored import ScoredSet
from ltdd_utils.records.text import long_tail, students_of, warnings_of

__all__ = ["Comparison", "Side", "comparison", "sides"]

# Settings of a student that follow from the set or the method: no other judge.
OF_THE_SET = ("network.", "train.batch_size", "adsa")


@dataclass(frozen=True)
class Side:
    """The runs of one setting on the same data, over all their seeds."""

    records: tuple[Record, ...]  # by seed
    scores: Scores

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
        return f"{method}: {changed}" if changed else method

    def row(self) -> dict[str, Any]:
        """What it scored and cost: accuracies in percent, ``std`` over pipelines (NaN of a single one)."""
        first = self.records[0]
        return {
            "judge": self.evaluator.label,
            "data": self.data,
            "ipc": first.ipc,
            "network": students_of(first),
            "accuracy": self.scores.percent,
            "std": 100 * self.scores.deviation,
            "pipelines": len(self.scores),
            "students": sum(len(record.students) for record in self.records),
            "seconds": statistics.fmean(record.cost.total_seconds for record in self.records),
        }


def sides(records: Iterable[Record]) -> list[Side]:
    """Records put together by settings and data, in the order of each one's first record; of equal seeds the first."""
    groups: dict[tuple[str, str, str], dict[int, Record]] = {}
    for record in records:
        groups.setdefault(_setting(record), {}).setdefault(record.seed, record)
    ordered = (tuple(group[seed] for seed in sorted(group)) for group in groups.values())
    return [Side(group, pipelines(group)) for group in ordered]


def _setting(record: Record) -> tuple[str, str, str]:
    name = "" if isinstance(record, ScoredSet) else record.name  # files of the same pixels are one set
    return name, record.config_id, record.provenance.data_sha256


@dataclass(frozen=True)
class Comparison:
    """Runs side by side, each beside the first."""

    sides: Mapping[str, Side]  # by label, in the order asked for
    table: pd.DataFrame  # see ``comparison``
    notes: tuple[str, ...]  # what makes them unequal

    @property
    def first(self) -> str:
        """The label of the run that all others are compared with."""
        return next(iter(self.sides))

    def shown(self) -> tuple[str, pd.DataFrame]:
        """What all runs share, as a sentence, and the table as text."""
        table, of = self.table, {"judge": "", "data": "", "ipc": "IPC ", "network": "students "}
        shared = [name for name in of if table[name].nunique(dropna=False) == 1]
        said = "; ".join(f"{of[name]}{table[name].iloc[0]}" for name in shared if not pd.isna(table[name].iloc[0]))
        rows = [
            {
                "run": label,
                **{name: "all" if pd.isna(row[name]) else str(row[name]) for name in of if name not in shared},
                "accuracy": f"{row['accuracy']:.1f}" + (f" ± {row['std']:.1f}" if given(row["std"]) else ""),
                "pipelines": str(row["pipelines"]),
                "students": str(row["students"]),
                "minutes": f"{row['seconds'] / 60:.1f}",
                "difference": f"{row['points']:+.1f}" if given(row["points"]) else "",
                "interval": f"{row['low']:+.1f} to {row['high']:+.1f}" if given(row["needed"]) else "",
                "n": row["n"],
                "spread": row["spread"],
                "verdict": row["verdict"],
            }
            for label, row in zip(self.sides, table.to_dict("records"), strict=True)
        ]
        return said, pd.DataFrame(rows, dtype=str)

    def classes(self) -> pd.DataFrame:
        """Accuracy of each class in percent, means over the records: a row per class in label order.

        ``images`` are its train images (no column where the first run's record is of an earlier version, which does not
        say them), and each run has a column.
        """
        counts = next((one.records[0].provenance.class_counts for one in self.sides.values()), None)
        columns = {label: pd.Series(_class_means(one)) for label, one in self.sides.items()}
        table = pd.DataFrame({"images": pd.Series(counts), **columns} if counts else columns)
        table.index.name = "class"
        return table


def _class_means(side: Side) -> list[float]:
    rows = [record.metrics.per_class for record in side.records]
    return [100 * statistics.fmean(column) for column in zip(*rows, strict=True)]


def comparison(records: Iterable[Record], peers: Iterable[Record] = (), across: bool = False) -> Comparison:
    """Runs side by side under one judge: each setting's score, and its difference to that of the first.

    Records of one setting are put together over their seeds. Spread and verdict are those of ``contrast``: pairs of
    seeds where there are some, else pipelines of both, else the spread of peers.

    Args:
        records: two settings or more, the first one to compare with.
        peers: further records; those of the same judge, data and images per class lend their spread to runs that have
            too few pipelines of their own.
        across: also runs under other judges, or on other data; what differs is then a column.

    Returns:
        Its ``table`` has a row per setting, by label: ``judge`` (protocol and teacher), ``data``, ``ipc``, ``network``
        (of the students), ``accuracy`` and ``std`` in percent, ``pipelines``, ``students``, ``seconds`` of one run;
        ``points`` (the difference to the first), ``low`` and ``high`` (its 95 % interval), ``needed``, ``n``,
        ``spread`` and ``verdict`` (as ``contrasts`` has them), which are empty of the first.

    Raises:
        ValueError: fewer than two settings; several judges or data, unless ``across``.
    """
    found = sides(records)
    if len(found) < 2:
        what = f"{found[0].label} alone" if found else "nothing"
        raise ValueError(f"there is {what} to compare; seeds of one setting are put together, so name another setting")
    if not across:
        _require_one(found, "judge", [one.evaluator.label for one in found])
        hashes = [one.records[0].provenance.data_sha256 for one in found]
        _require_one(found, "data", [f"{one.data} ({sha[:8]})" for one, sha in zip(found, hashes, strict=True)])
    asked = [record for one in found for record in one.records]
    where = [(record.provenance.data_sha256, record.ipc) for record in asked]
    near = [one for one in peers if (one.provenance.data_sha256, one.ipc) in where]
    settings = set(map(_setting, asked))  # a seed that was not asked for is no peer of those that were
    every = [*found, *sides(one for one in near if _setting(one) not in settings)]
    found = with_fallbacks(every, every)[: len(found)]
    named = dict(zip(_labels(found), found, strict=True))
    (_, first), *others = named.items()
    beside = contrasts({label: _pair(one, first) for label, one in others})
    table = pd.DataFrame([one.row() for one in named.values()], index=pd.Index(named, name="run")).join(beside)
    table["low"], table["high"] = table["points"] - table["needed"], table["points"] + table["needed"]
    texts = ["n", "spread", "verdict"]
    table[texts] = table[texts].fillna("")
    return Comparison(named, table.astype({"ipc": "Int64"}), tuple(_notes(named)))


def _pair(one: Side, first: Side) -> tuple[Scores, Scores]:
    """The scores of two runs; on other data, equal seeds have nothing in common and make no pairs."""
    same = one.records[0].provenance.data_sha256 == first.records[0].provenance.data_sha256
    return (one.scores, first.scores) if same else (replace(one.scores, seeds=()), replace(first.scores, seeds=()))


def _require_one(found: Sequence[Side], what: str, values: Sequence[str]) -> None:
    if len(set(values)) > 1:
        each = ", ".join(f"{one.label} {value}" for one, value in zip(found, values, strict=True))
        raise ValueError(
            f"these runs do not have one {what}: {each}; name runs that share it, or add --across to set them side by "
            "side all the same"
        )


def _labels(found: Sequence[Side]) -> list[str]:
    """Labels that tell the runs apart: with students, scale, judge, data or settings where the method does not."""
    further = (
        lambda one: students_of(one.records[0]),
        lambda one: f"IPC {one.records[0].ipc}",
        lambda one: one.evaluator.label,
        lambda one: one.records[0].scale,
        lambda one: one.data,
        lambda one: one.records[0].config_id,
        lambda one: one.records[0].provenance.data_sha256[:8],
    )
    labels = [one.label for one in found]
    for tell in further:
        words = [tell(one) for one in found]
        alike = [labels.count(label) > 1 for label in labels]
        if not any(alike):
            break
        if len(set(words)) > 1:
            labels = [f"{a}, {b}" if more else a for a, b, more in zip(labels, words, alike, strict=True)]
    return labels


def _notes(named: Mapping[str, Side]) -> Iterable[str]:
    """What went wrong, and what makes runs unequal under one judge: the students, and other settings of theirs."""
    for label, one in named.items():
        yield from dict.fromkeys(f"{label}: {line}" for record in one.records for line in warnings_of(record))
    students = {label: students_of(one.records[0]) for label, one in named.items()}
    if len(set(students.values())) > 1:
        each = ", ".join(f"{label} {name}" for label, name in students.items())
        yield f"unequal students: {each}; a part of a difference may be theirs (--set evaluate.network.width=N)"
    (first, usual), *others = ((label, _schedule(one)) for label, one in named.items())
    for label, own in others:
        if other := sorted(key for key in {*own, *usual} if own.get(key) != usual.get(key)):
            shown = ", ".join(f"{key} {own.get(key)} (of {first} {usual.get(key)})" for key in other[:3])
            more = f" and {len(other) - 3} more" if len(other) > 3 else ""
            yield f"students of {label} are trained otherwise: {shown}{more}"


def _schedule(side: Side) -> dict[str, Any]:
    """The settings of a judge, without those that follow from the set."""
    settings = flat(side.records[0]["config"]["evaluate"])
    return {key: value for key, value in settings.items() if not key.startswith(OF_THE_SET)}
