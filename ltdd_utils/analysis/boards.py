"""The board of one cell: what every method scored under every evaluator, and what follows from it."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from ltdd_utils.analysis.changes import full_names, run_command
from ltdd_utils.analysis.differences import NOT_RUN, Contrast, Ladder, contrast, contrasts, indexed, stepwise
from ltdd_utils.analysis.entries import Entry, entries, is_here, iterations, with_fallbacks
from ltdd_utils.analysis.scores import Scores, percent, pipelines
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.presets import Cell, architecture
from ltdd_utils.recipes.recipe import recipe
from ltdd_utils.records.folders import default_records_dir
from ltdd_utils.records.parts import Teacher
from ltdd_utils.records.record import Record
from ltdd_utils.records.table import load

__all__ = ["Board", "Boards", "RunKey", "board", "for_display", "only_run"]

RunKey = tuple[str, Evaluator] | tuple[str, Evaluator, Mapping[str, Any]]  # method, evaluator, changed settings


def board(
    dataset: str,
    *,
    imbalance_factor: float | None = None,
    ipc: int = 10,
    scale: str = "cpu",
    network: str = "convnet",
    records: pd.DataFrame | None = None,
    like: "Board | None" = None,
) -> "Board":
    """The board of one cell, and with it the whole training set, which has no images per class.

    Args:
        dataset: by name.
        imbalance_factor: None: the data set's usual one.
        ipc: images per class.
        scale: a run at another scale whose settings are the same at both counts too.
        network: architecture of the students.
        records: as ``records.load`` gives them; None: the book's own. One whose settings are gone is left out with a
            warning, unless it is the book's.
        like: the board of another cell, to take a spread from where an evaluator scored nothing twice here; None: this.
    """
    books_own = records is None
    if records is None:
        records = load(default_records_dir(), allow_mixed=True, committed_only=True)
    factor = DATASETS[dataset].imbalance_factor if imbalance_factor is None else imbalance_factor
    cell = Cell(dataset, scale, factor, ipc)
    strict = [] if records.empty else (records["committed"].fillna(False) | books_own)
    pairs = zip([] if records.empty else records["record"], strict, strict=True)
    found = entries([record for record, own in pairs if is_here(record, cell, network, own)])
    return Board(cell, network, with_fallbacks(found, found if like is None else like.entries))


@dataclass(frozen=True)
class Board:
    """The scores of every method under every evaluator in one cell, records read once.

    ``board["damed", STORED]`` are the scores of the recipe itself, ``board["damed", STORED, {"dam.prior": "uniform"}]``
    those of a run with changed settings; both are empty, and falsy, where nothing was run.
    """

    where: Cell
    network: str  # architecture of the students
    entries: tuple[Entry, ...] = field(repr=False)

    def __getitem__(self, run: RunKey) -> Scores:
        found = self.entry(*run)
        return Scores() if found is None else found.scores

    @property
    def cell(self) -> tuple[str, float, int]:
        """Data set, imbalance factor, images per class: under which papers print a number."""
        return self.where.dataset, self.where.imbalance_factor, self.where.ipc

    @property
    def records(self) -> list[Record]:
        """All records of the cell."""
        return [record for one in self.entries for record in one.records]

    @property
    def usual(self) -> list[Entry]:
        """Entries of the recipes themselves, nothing changed."""
        return [one for one in self.entries if not one.changes]

    def entry(self, method: str, evaluator: Evaluator, changes: Mapping[str, Any] | None = None) -> Entry | None:
        """The runs of a method under an evaluator, with exactly these settings changed; None if there are none."""
        asked = method, evaluator, full_names(changes)
        return next((one for one in self.entries if (one.method, one.evaluator, one.changes) == asked), None)

    def methods(self, evaluator: Evaluator | None = None) -> list[str]:
        """Methods whose recipe itself was run, by name: under an evaluator, or under any."""
        return list(dict.fromkeys(one.method for one in self.usual if evaluator in (None, one.evaluator)))

    def default_evaluator(self, method: str) -> Evaluator:
        """The evaluator that a method's recipe has if nobody names another."""
        return Evaluator.of(recipe(f"{method}_{self.where.dataset}", scale=self.where.scale))

    def with_students(self, evaluator: Evaluator) -> Evaluator:
        """The same protocol and teacher with the students of this board: its architecture, as the recipes have it."""
        if self.network == evaluator.network:
            return evaluator
        usual = architecture(self.network, self.where.dataset, self.where.scale)
        return replace(evaluator, network=usual.name, width=usual.width)

    def accuracies(self, methods: Iterable[str], evaluators: Iterable[Evaluator]) -> pd.DataFrame:
        """A row per method, a column per evaluator: mean accuracy in percent, NaN where nothing was run."""
        names = list(methods)
        return pd.DataFrame(
            {evaluator: [self[name, evaluator].percent for name in names] for evaluator in evaluators}, index=names
        )

    def contrast(self, first: str, second: str, evaluator: Evaluator) -> Contrast:
        """Whether one method scores other than another under an evaluator.

        Raises:
            ValueError: one of them was not run.
        """
        return contrast(self[first, evaluator], self[second, evaluator])

    def contrasts(self, pairs: Iterable[tuple[str, str]], evaluator: Evaluator) -> pd.DataFrame:
        """A row "a - b" per pair of methods under one evaluator; columns as those of ``analysis.contrasts``."""
        return contrasts({f"{a} - {b}": (self[a, evaluator], self[b, evaluator]) for a, b in pairs})

    def differences(self, pairs: Mapping[Any, tuple[RunKey, RunKey]]) -> pd.DataFrame:
        """A row per pair of runs, whatever their evaluators; columns as those of ``analysis.contrasts``."""
        return contrasts({name: (self[first], self[second]) for name, (first, second) in pairs.items()})

    def ladder(self, steps: Mapping[str, RunKey]) -> Ladder:
        """Runs as steps from one to the next; the first of them that was run is the start."""
        scores = {name: self[run] for name, run in steps.items()}
        return Ladder(scores, stepwise(scores))

    def controls(self, asked: Mapping[Any, RunKey]) -> pd.DataFrame:
        """Runs with some settings changed, beside the recipe itself on the same seeds.

        Returns:
            ``accuracy``, and ``recipe itself`` on the seeds of the run, in percent; the columns of ``contrasts``; and
            ``command`` of what is not run.
        """
        table = {}
        for name, run in asked.items():
            ours, itself = self[run], self[run[:2]]
            row = contrasts({0: (ours, itself)}).iloc[0].to_dict()
            if ours and not itself:
                row |= {"n": str(len(ours)), "verdict": "recipe itself not run"}
            beside = (itself.on(ours.seeds) if ours else itself) or itself
            command = "" if ours else self.command(*run)
            table[name] = {"accuracy": ours.percent, "recipe itself": beside.percent, **row, "command": command}
        return indexed(table)

    @cached_property
    def _initial(self) -> dict[tuple[str, EvaluateConfig], Record]:
        """The runs without iterations, by their set and the settings of their students."""
        return {(one.sets[0], one.recipe.evaluate): one for one in self.records if iterations(one) == 0}

    def start_of(self, record: Record) -> Record | None:
        """The run that scored the initial set of a distillation with such students, whichever recipe's it is.

        None if there is none, or if the record's set has no iterations.
        """
        history = record.distillation
        return None if history is None else self._initial.get((history.initial_sha256, record.recipe.evaluate))

    def before(self, method: str, evaluator: Evaluator, changes: Mapping[str, Any] | None = None) -> list[float | None]:
        """Accuracy of the initial set of each distillation, a fraction; None where no such student scored it."""
        found = self.entry(method, evaluator, changes)
        runs = [record for record in (found.records if found else ()) if record.distillation is not None]
        starts = [self.start_of(record) for record in runs]
        return [None if start is None else pipelines([start])[0] for start in starts]

    def gains(self, asked: Mapping[Any, RunKey]) -> pd.DataFrame:
        """The gain of the iterations, means over the distillations, in percent: ``before``, ``after``, ``gain``.

        ``gain`` is over the distillations whose initial set was scored; ``distillations`` counts all.
        """
        table = {}
        for name, run in asked.items():
            after = self[run]
            pairs = [(first, last) for first, last in zip(self.before(*run), after, strict=True) if first is not None]
            gain = percent([last - first for first, last in pairs])
            table[name] = (percent([first for first, _ in pairs]), after.percent, gain, len(after))
        return indexed(table, ["before", "after", "gain", "distillations"])

    def teachers(self, kind: str) -> dict[int, Teacher]:
        """The accuracies of the teachers of a kind ("plain", "debiased"), by seed."""
        mine = [record for one in self.usual if one.evaluator.teacher == kind for record in one.records]
        return {record.seed: record.teacher for record in mine if record.teacher is not None}

    def teacher_mean(self, kind: str) -> float:
        """Their mean accuracy, a fraction."""
        return statistics.fmean(teacher.overall for teacher in self.teachers(kind).values())

    def command(self, method: str, evaluator: Evaluator, changes: Mapping[str, Any] | None = None) -> str:
        """The command that makes a run of this cell."""
        at = {"imbalance_factor": self.where.imbalance_factor, "ipc": self.where.ipc}
        return run_command(method, evaluator, self.where.dataset, self.where.scale, changes, **at)

    def missing(self, methods: Iterable[str], evaluators: Iterable[Evaluator]) -> pd.DataFrame:
        """The ``command`` of each method's recipe under each evaluator that was not run."""
        asked = [(name, evaluator) for name in methods for evaluator in evaluators if not self[name, evaluator]]
        rows = [(name, str(evaluator), self.command(name, evaluator)) for name, evaluator in asked]
        return pd.DataFrame(rows, columns=["method", "evaluator", "command"]).set_index(["method", "evaluator"])


@dataclass(frozen=True)
class Boards:
    """Several boards by name, asked the same question; the name is the first level of each table's index."""

    boards: Mapping[str, Board]

    def controls(self, asked: Mapping[Any, RunKey]) -> pd.DataFrame:
        """``Board.controls`` of each."""
        return pd.concat({name: board.controls(asked) for name, board in self.boards.items()})

    def differences(self, pairs: Mapping[Any, tuple[RunKey, RunKey]]) -> pd.DataFrame:
        """``Board.differences`` of each."""
        return pd.concat({name: board.differences(pairs) for name, board in self.boards.items()})

    def ladders(self, steps: Mapping[str, RunKey]) -> pd.DataFrame:
        """The table of ``Board.ladder`` of each."""
        return pd.concat({name: board.ladder(steps).table for name, board in self.boards.items()})


def only_run(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of contrasts or controls that were run, without commands."""
    return table[table["verdict"] != NOT_RUN].drop(columns="command", errors="ignore")


def for_display(table: pd.DataFrame, digits: int = 1, empty: str = "") -> pd.DataFrame:
    """A copy for display: numbers rounded, and ``empty`` where there is none."""
    rounded = table.map(lambda value: float(f"{value:.{digits}f}") if isinstance(value, float) else value)
    return rounded.astype(object).where(table.notna(), empty)
