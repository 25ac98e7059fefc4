"""Single units of a run: looked for, and made from what is there."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from typing import Any

from torch import nn

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.data.long_tailed import LongTailedData, load
from ltdd_utils.data.run import Run
from ltdd_utils.data.settings import is_own
from ltdd_utils.data.sources.dataset import data_root
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.evaluation.students import student
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.recipes.stages import TEACHER, stages
from ltdd_utils.recipes.units import FIT, NETWORK, RECORD, SET, STUDENT, Unit, fit, units
from ltdd_utils.records.files import load_record, planned, record_path
from ltdd_utils.records.record import Record
from ltdd_utils.runs.checks import check
from ltdd_utils.runs.looking import Absent, looking
from ltdd_utils.runs.pipeline import refuse_early, run, start
from ltdd_utils.runs.sets import distil, fitted_job
from ltdd_utils.teachers.stage import train_teacher

__all__ = ["Missing", "UnitsOfRun"]


_LAST: dict[str, Any] = {}  # the settings, the folder and the data of the run before


class Missing(Stopped):
    """What a unit needs is not there; another process makes it."""


class UnitsOfRun:
    """The units of one run, by their ids."""

    def __init__(self, recipe: Recipe, seed: int, students: int, context: RunContext) -> None:
        """Raise ValueError on arguments that a run refuses; nothing is read before a unit is asked for."""
        self.recipe, self.context = recipe, context
        self.seed, self.students = check(seed, students, context)
        self.units = {one.id: one for one in (fit(recipe), *units(recipe, self.seed, self.students))}
        self._read: dict[str, Any] = {}  # results by id, read already

    def is_there(self, name: str) -> bool:
        """Whether the store has the result of a unit; of a record, of all its students.

        Raises:
            FileNotFoundError: the data set is not there.
            ValueError: settings that do not fit the data.
        """
        if not self.context.store.root.is_dir():
            return False
        try:
            one = self.units[name]
            for need in one.needs if one.kind == RECORD else (name,):
                self._look(need)
        except Absent:
            return False
        return True

    def make(self, name: str, keeps: Sequence[int] = (), around: AbstractContextManager[None] | None = None) -> Any:  # noqa: ANN401 (whatever the unit gives)
        """The result of a unit, made unless it is there.

        Args:
            name: the unit's id.
            keeps: epochs that an expert keeps, if other runs read more of them than this one.
            around: entered for the unit's own work, and not while what it needs is read.

        Raises:
            KeyError: no unit of the run has that id.
            Missing: a unit that it needs is not there.
            Stopped: the deadline passed; the same call goes on from there.
            ValueError, OSError, FloatingPointError, Failed: as a whole run raises them.
        """
        one, around = self.units[name], around or nullcontext()
        if one.kind == FIT:
            with around:
                return self._work
        work = self._work
        self._read.setdefault("", replace(work, context=looking(self.context)[1]))
        for need in one.needs:
            try:
                self._look(need)
            except Absent:
                raise Missing(f"{one.label} needs {self.units[need].label} ({need}), which is not there") from None
        with around:
            return self._result(one, work, keeps)

    @cached_property
    def _work(self) -> Run:
        """The run before its first stage, with all that is fitted on its data."""
        work = start(self.recipe, self.seed, self.context, self._data())
        refuse_early(self.recipe, work.data)
        work.under(self.recipe.space)  # fitted or read here, so that looking finds it
        return work

    def record(self) -> Record:
        """The record of the run, read from its units and written; see ``make``."""
        return self.make(next(one.id for one in self.units.values() if one.kind == RECORD))

    def _look(self, name: str) -> Any:  # noqa: ANN401
        """The result of a unit that is there; raises ``Absent`` if it is not."""
        if name not in self._read:
            for need in self.units[name].needs:
                self._look(need)  # a set's or a student's key is made of the contents of these
            if "" not in self._read:
                self._read[""] = start(self.recipe, self.seed, looking(self.context)[1], self._data())
                self._read[""].under(self.recipe.space)
            self._read[name] = self._result(self.units[name], self._read[""], ())
        return self._read[name]

    def _result(self, one: Unit, work: Run, keeps: Sequence[int]) -> Any:  # noqa: ANN401
        if one.kind == FIT:
            return work
        if one.kind == RECORD:
            return self._known() or run(self.recipe, self.seed, self.students, self.context)
        if one.kind == STUDENT:
            return self._student(one, work)
        if one.kind == SET:
            draws = self.students if self.recipe.family.one_draw_per_student(self.recipe.method) else 1
            return [distil(self.recipe, work, draw).set for draw in range(draws)]
        job = fitted_job(self.recipe, work)
        own = stages(replace(self.recipe, method=job.cfg))
        stage = next(stage for stage in own if stage.name == one.stages[0])
        if one.kind == NETWORK:
            return train_teacher(stage.trainings[one.number], work if stage.name == TEACHER else job.run, stage.name)
        return self.recipe.family.make_piece(stage, job, one.number, keeps)

    def _data(self) -> LongTailedData:
        """The long tail: that of the last run in this process, if it has the same; one's own data are read anew."""
        cfg, root = self.recipe.data, data_root(self.context.data)
        if _LAST.get("of") != (cfg, root) or is_own(cfg.name) or cfg.list_file is not None:
            _LAST.clear()
            _LAST.update(of=(cfg, root), data=load(cfg, self.context.data, self.context.reading()))
        return _LAST["data"]

    def _known(self) -> Record | None:
        """The record that another process made meanwhile, on the data as they are now, of as many students or more."""
        if self.context.results is None:
            return None
        data = self._work.data
        path = record_path(
            self.context.results, planned(replace(self.recipe, data=data.config), self.seed, data.sha256)
        )
        record = load_record(path) if path.is_file() else None
        return record if record is not None and len(record.students) >= self.students else None

    def _student(self, one: Unit, work: Run) -> Any:  # noqa: ANN401
        """One student, on the set and under the teacher that were read."""
        found = {self.units[need].kind: self._read[need] for need in one.needs}
        sets: list[DistilledSet] = found.get(SET) or [distil(self.recipe, work).set]
        teacher: nn.Module | None = found.get(NETWORK)
        watch = work.watch(f"student {one.number + 1}/{self.students}")
        chosen = sets[one.number if len(sets) > 1 else 0]
        return student(chosen, work, self.recipe.evaluate, one.number, teacher, watch=watch)
