"""Runs side by side: what each scored on the same data under one judge, and how far it is from the first."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ltdd_utils.analysis.changes import flat
from ltdd_utils.analysis.differences import contrasts
from ltdd_utils.analysis.entries import with_fallbacks
from ltdd_utils.analysis.published import given
from ltdd_utils.analysis.scores import ACCURACY, BALANCED, MEASURES, Scores, has_unequal_tests
from ltdd_utils.analysis.sides import Side, distinct_labels, setting_of, sides
from ltdd_utils.data.settings import is_own
from ltdd_utils.records.record import Record
from ltdd_utils.records.text import students_of, warnings_of

__all__ = ["Comparison", "comparison"]

SPREADS = {ACCURACY: "std", BALANCED: "balanced_std"}  # the column of each measure's deviation
SAID = {
    ACCURACY: "differences of plain accuracy, though not all test classes are of one size",
    BALANCED: "differences of balanced accuracy, since test classes are of unequal sizes",
}
# Settings of a student that follow from the set or the method: no other judge.
OF_THE_SET = ("network.", "train.batch_size", "adsa")
OTHER_DATA = "other data"  # the verdict of a run that was tested on other images than the first


@dataclass(frozen=True)
class Comparison:
    """Runs side by side, each beside the first."""

    sides: Mapping[str, Side]  # by label, in the order asked for
    table: pd.DataFrame  # see ``comparison``
    notes: tuple[str, ...]  # what makes them unequal
    measure: str = ACCURACY  # of which the differences are, or BALANCED

    @property
    def first(self) -> str:
        """The label of the run that all others are compared with."""
        return next(iter(self.sides))

    def shown(self) -> tuple[str, pd.DataFrame]:
        """What all runs share, as a sentence, and the table as text."""
        table, of = self.table, {"judge": "", "data": "", "ipc": "IPC ", "network": "students "}
        shared = [name for name in of if table[name].nunique(dropna=False) == 1]
        words = [f"{of[name]}{table[name].iloc[0]}" for name in shared if not pd.isna(table[name].iloc[0])]
        scores = {ACCURACY: SPREADS[ACCURACY]}
        if table[BALANCED].notna().any():
            words.append(SAID[self.measure])
            scores = {self.measure: SPREADS[self.measure], **SPREADS}
        rows = [
            {
                "run": label,
                **{name: "all" if pd.isna(row[name]) else str(row[name]) for name in of if name not in shared},
                **{name: _score(row[name], row[std]) for name, std in scores.items()},
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
        return "; ".join(words), pd.DataFrame(rows, dtype=str)

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


def _score(mean: float, std: float) -> str:
    """A score in percent with its spread; empty where there is none."""
    return (f"{mean:.1f}" if given(mean) else "") + (f" ± {std:.1f}" if given(std) else "")


def _class_means(side: Side) -> list[float]:
    rows = [record.metrics.per_class for record in side.records]
    return [100 * statistics.fmean(column) for column in zip(*rows, strict=True)]


def comparison(
    records: Iterable[Record], peers: Iterable[Record] = (), across: bool = False, measure: str | None = None
) -> Comparison:
    """Runs side by side under one judge: each setting's score, and its difference to that of the first.

    Records of one setting are put together over their seeds. Spread and verdict are those of ``contrast``: pairs of
    seeds where there are some, else pipelines of both, else the spread of peers.

    Args:
        records: two settings or more, the first one to compare with.
        peers: further records; those of the same judge, data and images per class lend their spread to runs that have
            too few pipelines of their own.
        across: also runs under other judges, or on other data; what differs is then a column.
        measure: what is compared, "accuracy" or "balanced" accuracy, the mean of the class accuracies; None: balanced
            where the test classes of all runs are of unequal sizes, else accuracy.

    Returns:
        Its ``table`` has a row per setting, by label: ``judge`` (protocol and teacher), ``data``, ``ipc``, ``network``
        (of the students), ``measure``, ``accuracy`` and ``std``, ``balanced`` and ``balanced_std`` (NaN where the test
        set is balanced) in percent, ``pipelines``, ``students``, ``seconds`` of one run; ``points`` (the difference of
        ``measure`` to the first), ``low`` and ``high`` (its 95 % interval), ``needed``, ``n``, ``spread`` and
        ``verdict`` (as ``contrasts`` has them), which are empty of the first. A run that was tested on
        other images than the first has a score alone, and the verdict "other data".

    Raises:
        ValueError: fewer than two settings; several judges or data, unless ``across``; an unknown measure.
    """
    records = list(records)
    measure = _measure(records, measure)
    found = sides(records, measure)
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
    settings = set(map(setting_of, asked))  # a seed that was not asked for is no peer of those that were
    every = [*found, *sides((one for one in near if setting_of(one) not in settings), measure)]
    found = with_fallbacks(every, every)[: len(found)]
    named = dict(zip(distinct_labels(found), found, strict=True))
    (_, first), *others = named.items()
    elsewhere = [label for label, one in others if not _same_tests(one, first)]
    beside = contrasts({label: _pair(one, first) for label, one in others if label not in elsewhere})
    table = pd.DataFrame([one.row() for one in named.values()], index=pd.Index(named, name="run")).join(beside)
    table = table.astype({"ipc": "Int64", "points": float, "needed": float})
    table["low"], table["high"] = table["points"] - table["needed"], table["points"] + table["needed"]
    texts = ["n", "spread", "verdict"]
    table[texts] = table[texts].astype(object).fillna("")
    table.loc[elsewhere, "verdict"] = OTHER_DATA
    return Comparison(named, table, tuple(_notes(named, elsewhere)), measure)


def _measure(records: Sequence[Record], asked: str | None) -> str:
    """What is compared: accuracy on a test set with a tail of its own would hide the classes of that tail."""
    if asked not in (None, *MEASURES):
        raise ValueError(f"measure is {asked!r}; choose one of {', '.join(MEASURES)}")
    return asked or (BALANCED if records and all(map(has_unequal_tests, records)) else ACCURACY)


def _same_tests(one: Side, first: Side) -> bool:
    """Whether two runs were tested on the same images: long tails of one data set are, states of a folder may not."""
    ours, theirs = one.records[0], first.records[0]
    if ours.provenance.data_sha256 == theirs.provenance.data_sha256:
        return True
    return ours.data.name == theirs.data.name and not is_own(ours.data.name)


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


def _notes(named: Mapping[str, Side], elsewhere: Sequence[str]) -> Iterable[str]:
    """What went wrong, and what makes runs unequal: the data, the students, and other settings of theirs."""
    if elsewhere:
        yield f"{', '.join(elsewhere)}: on other test images than {next(iter(named))}, so a score alone, no difference"
    for label, one in named.items():
        yield from dict.fromkeys(f"{label}: {line}" for record in one.records for line in warnings_of(record))
    students = {label: students_of(one.records[0]) for label, one in named.items()}
    if len(set(students.values())) > 1:
        each = ", ".join(f"{name} of {label}" for label, name in students.items())
        yield f"unequal students: {each}; a part of a difference may be theirs (--set evaluate.network.width=N)"
    (first, usual), *others = ((label, _schedule(one)) for label, one in named.items() if label not in elsewhere)
    for label, own in others:
        if other := sorted(key for key in {*own, *usual} if own.get(key) != usual.get(key)):
            shown = ", ".join(f"{key} {own.get(key)} instead of {usual.get(key)}" for key in other[:3])
            more = f" and {len(other) - 3} more" if len(other) > 3 else ""
            yield f"students of {label} are trained otherwise than those of {first}: {shown}{more}"


def _schedule(side: Side) -> dict[str, Any]:
    """The settings of a judge, without those that follow from the set."""
    settings = flat(side.records[0]["config"]["evaluate"])
    return {key: value for key, value in settings.items() if not key.startswith(OF_THE_SET)}
