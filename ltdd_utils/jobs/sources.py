"""What a process can make units of: described in plain JSON by whoever asks, and read again in the process."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.settings import from_dict
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.runs.expert_units import UnitsOfExperts
from ltdd_utils.runs.set_units import UnitsOfSet
from ltdd_utils.runs.units import UnitsOfRun

__all__ = ["SOURCES", "Source"]


class Source(Protocol):
    """Makes units by their ids."""

    def make(self, name: str, keeps: Sequence[int] = (), around: AbstractContextManager[None] | None = None) -> Any:  # noqa: ANN401
        """The result of a unit; ``around`` is entered for its own work."""


def _run(facts: Mapping[str, Any], context: RunContext) -> UnitsOfRun:
    return UnitsOfRun(Recipe.from_dict(facts["config"]), facts["seed"], facts["students"], context)


def _set(facts: Mapping[str, Any], context: RunContext) -> UnitsOfSet:
    judge = from_dict(EvaluateConfig, facts["evaluate"])
    return UnitsOfSet(Path(facts["file"]), judge, facts["seed"], facts["students"], context)


def _experts(facts: Mapping[str, Any], context: RunContext) -> UnitsOfExperts:
    return UnitsOfExperts(Recipe.from_dict(facts["config"]), facts["asked"], context)


SOURCES: dict[str, Callable[[Mapping[str, Any], RunContext], Source]] = {
    "run": _run,
    "set": _set,
    "experts": _experts,
}
