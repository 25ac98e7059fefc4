"""The units that score a set from a file: the fit, the teacher, each student."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.settings import config_id
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.files import load_set
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.evaluation.students import student
from ltdd_utils.recipes.stages import PREPROCESS, STUDENTS, TEACHER
from ltdd_utils.recipes.units import FIT, NETWORK, STUDENT, Unit
from ltdd_utils.runs.looking import Absent, looking
from ltdd_utils.runs.students import carried_over, prepared
from ltdd_utils.runs.units import Missing
from ltdd_utils.teachers.stage import train_teacher

__all__ = ["UnitsOfSet", "set_units"]


def set_units(distilled: DistilledSet, cfg: EvaluateConfig, seed: int, students: int) -> list[Unit]:
    """The units of ``evaluate_set``, each behind what it needs."""
    scored = config_id({"set": content_hash(distilled), "evaluate": cfg, "seed": seed})
    found = [Unit(config_id([FIT, scored]), FIT, 0, (PREPROCESS,), PREPROCESS)]
    if cfg.teacher is not None:
        found.append(Unit(config_id([NETWORK, scored]), NETWORK, 0, (TEACHER,), TEACHER, (found[0].id,)))
    needs, share = tuple(one.id for one in found), 1 / max(students, 1)
    for number in range(students):
        label = f"student {number + 1}/{students}"
        name = config_id([STUDENT, scored, number])
        found.append(Unit(name, STUDENT, number, (STUDENTS,), label, needs, share=share))
    return found


class UnitsOfSet:
    """The units of one set under one judge, by their ids."""

    def __init__(self, file: Path, cfg: EvaluateConfig, seed: int, students: int, context: RunContext) -> None:
        """Read the set; the arguments are as ``evaluate_set`` takes them, which refuses what is wrong."""
        self.distilled, self.space = load_set(file)
        self.cfg, self.seed, self.students, self.context = cfg, seed, students, context
        self.units = {one.id: one for one in set_units(self.distilled, cfg, seed, students)}

    def is_there(self, name: str) -> bool:
        """Whether the store has the result of a unit."""
        try:
            self._looking.make(name)
        except (Absent, Missing):
            return False
        return True

    @cached_property
    def _looking(self) -> "UnitsOfSet":
        """The same units in a store that only looks."""
        other = object.__new__(UnitsOfSet)
        other.__dict__.update(self.__dict__, context=looking(self.context)[1])
        return other

    def make(self, name: str, keeps: Sequence[int] = (), around: AbstractContextManager[None] | None = None) -> Any:  # noqa: ANN401
        """The result of a unit, made unless it is there; arguments and errors are those of ``UnitsOfRun.make``."""
        del keeps
        one, around = self.units[name], around or nullcontext()
        if one.kind == FIT:
            with around:
                return self._run
        run, distilled = self._run, self._set
        if one.kind == NETWORK:
            with around:
                return train_teacher(self.cfg.teacher, run)
        teacher = self._teacher
        with around:
            watch = run.watch(one.label)
            return student(distilled, run, self.cfg, one.number, teacher, watch=watch)

    @cached_property
    def _run(self) -> Run:
        """The run of the students, with all that is fitted."""
        run, self._before = prepared(self.distilled, self.space, self.cfg, self.context, seed=self.seed)
        return run

    @cached_property
    def _set(self) -> DistilledSet:
        """The set in the space of its judge."""
        return carried_over(self.distilled, self._before, self._run)[0]

    @cached_property
    def _teacher(self) -> nn.Module | None:
        """The teacher, read."""
        if self.cfg.teacher is None:
            return None
        try:
            return train_teacher(self.cfg.teacher, replace(self._run, context=looking(self.context)[1]))
        except Absent:
            raise Missing("a student needs its teacher, which is not there") from None
