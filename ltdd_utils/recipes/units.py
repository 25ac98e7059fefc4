"""The stages of a run in the pieces in which a scheduler of a cluster makes them, each with a name known beforehand.

The name of a unit is the hash of the settings that decide its result: two runs that share a teacher or experts share
units. The store has hashes of contents in its keys instead (of a teacher's weights, of a set), which nobody knows
before the work; so a unit's name says what is asked for, and the store what is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ltdd_utils.core.settings import config_id, to_dict
from ltdd_utils.methods.base import Stage
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.recipes.stages import PREPROCESS, STUDENTS, TEACHER, stages

__all__ = ["FIT", "NETWORK", "RECORD", "SET", "STUDENT", "Unit", "fit", "units"]

NETWORK, SET, STUDENT, RECORD = "network", "set", "student", "record"
FIT = "fit"  # no unit of the list: see ``fit``


@dataclass(frozen=True)
class Unit:
    """One piece of a run, made by one process from finished ones."""

    id: str  # of the settings: equal for equal results, whichever run asks
    kind: str  # "network", "set", "student", "record", or as a family calls its pieces ("expert", "classifier")
    number: int  # of several of a kind
    stages: tuple[str, ...]  # that it is of, as a record's ``cost.seconds`` names them
    label: str  # for people
    needs: tuple[str, ...] = ()  # units that must be there before
    keeps: tuple[int, ...] = ()  # epochs of an expert that the run reads
    share: float = 1.0  # of the seconds of its stages


def units(recipe: Recipe, seed: int, students: int) -> list[Unit]:
    """Every unit of a run, in an order in which each stands behind what it needs; nothing has to have run.

    Networks and experts stand alone; what makes the set from them (crops, statistics, matching) is one unit, and so is
    each student. The fit of the preprocessing is made on the way by whoever comes first.

    Args:
        recipe: of the run.
        seed: of the run.
        students: how many are trained.

    Raises:
        ValueError: the family declares stages that a run refuses.
    """
    listed = _Listing(recipe, seed, students)
    for stage in stages(recipe):
        listed.add(stage)
    return listed.found


def fit(recipe: Recipe) -> Unit:
    """The fit of the preprocessing, which ``units`` leaves out, as a unit; all others of the run need it.

    For whoever makes them with different numbers of threads: the last bits of the fit should not depend on who is
    first.
    """
    spaces = sorted({config_id(space) for space in (recipe.evaluate.preprocess, recipe.space)})
    name = config_id({"unit": FIT, "data": recipe.data, "spaces": spaces})
    return Unit(name, FIT, 0, (PREPROCESS,), f"{recipe.name} {PREPROCESS}")


class _Listing:
    """The units of one run, as they are gathered stage by stage."""

    def __init__(self, recipe: Recipe, seed: int, students: int) -> None:
        self.recipe, self.seed, self.students = recipe, seed, students
        self.title = f"{recipe.name} s{seed}"
        self.at = {"data": to_dict(recipe.data), "space": to_dict(recipe.space)}
        self.found: list[Unit] = []
        self.of: dict[str, tuple[str, ...]] = {}  # stage -> its units; a stage that makes the set has none of its own
        self.inside: list[Stage] = []  # stages that make the set

    def add(self, stage: Stage) -> None:
        apart = all(self.of.get(name) for name in stage.needs)
        if stage.name == STUDENTS:
            self._end()
        elif stage.pieces is not None and apart:
            self._pieces(stage)
        elif stage.trainings and apart:
            self._networks(stage)
        elif stage.name != PREPROCESS:
            self.inside.append(stage)

    def _pieces(self, stage: Stage) -> None:
        pieces, seed = stage.pieces, self.seed if stage.seed is None else stage.seed
        base = {"unit": pieces.kind, "family": self.recipe.family.name, "of": pieces.settings, "seed": seed, **self.at}
        digest, found = config_id(base), []
        for number in range(pieces.count):
            before = [self.of[name] for name in stage.needs]
            needs = tuple(of[number] if len(of) == pieces.count else of[-1] for of in before)
            name, label = config_id([digest, number]), f"{self.title} {pieces.kind} {number + 1}/{pieces.count}"
            one = Unit(name, pieces.kind, number, (stage.name,), label, needs, pieces.keeps, 1 / pieces.count)
            found.append(one)
        self._append(stage, found)

    def _networks(self, stage: Stage) -> None:
        space = to_dict(self.recipe.evaluate.preprocess) if stage.name == TEACHER else self.at["space"]
        found = []
        for number, cfg in enumerate(stage.trainings):
            seed = self.seed if cfg.seed is None else cfg.seed
            own = {"unit": NETWORK, "of": replace(cfg, seed=None), "seed": seed, **self.at, "space": space}
            several = f" {number + 1}" if len(stage.trainings) > 1 else ""
            needs, label = self._needed(stage), f"{self.title} {stage.name}{several}"
            share = 1 / len(stage.trainings)
            found.append(Unit(config_id(own), NETWORK, number, (stage.name,), label, needs, share=share))
        self._append(stage, found)

    def _append(self, stage: Stage, found: Sequence[Unit]) -> None:
        self.of[stage.name] = tuple(one.id for one in found)
        self.found += found

    def _needed(self, *inside: Stage) -> tuple[str, ...]:
        """The units that some stages need, each once."""
        return tuple(dict.fromkeys(name for stage in inside for need in stage.needs for name in self.of.get(need, ())))

    def _end(self) -> None:
        """The set, the students and the record."""
        recipe, family = self.recipe, self.recipe.family
        made: dict[str, Any] = {"unit": SET, "family": family.name, "method": to_dict(recipe.method)}
        made |= {"ipc": recipe.ipc, "seed": self.seed, **self.at}
        needs: list[str] = []
        if not family.whole_set:  # which is all images, and made at once
            draws = {"draws": self.students} if family.one_draw_per_student(recipe.method) else {}
            names = tuple(stage.name for stage in self.inside)
            label = f"{self.title} set of {recipe.ipc} per class"
            made_of = self._needed(*self.inside)
            self.found.append(Unit(config_id(made | draws), SET, 0, names, label, made_of))
            needs.append(self.found[-1].id)
        needs += self.of.get(TEACHER, ())
        judged = config_id({"unit": STUDENT, "set": made, "evaluate": to_dict(recipe.evaluate)})
        names = []
        for number in range(self.students):
            label, share = f"{self.title} student {number + 1}/{self.students}", 1 / self.students
            names.append(config_id([judged, number]))
            self.found.append(Unit(names[-1], STUDENT, number, (STUDENTS,), label, tuple(needs), share=share))
        whole = {"unit": RECORD, "recipe": recipe, "seed": self.seed, "students": self.students}
        self.found.append(Unit(config_id(whole), RECORD, 0, (), f"{self.title} record", tuple(names)))
