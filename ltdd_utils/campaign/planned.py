"""One run of a campaign."""

import functools
from dataclasses import dataclass

from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.records.files import planned
from ltdd_utils.records.schema import run_name

__all__ = ["PlannedRun"]


@dataclass(frozen=True)
class PlannedRun:
    """One run of a recipe, as `ltdd run` would make it."""

    block: str  # title
    recipe: Recipe
    seed: int
    students: int
    command: str

    @functools.cached_property
    def name(self) -> str:
        """What tells it from other runs, whatever its data: ``RECIPE/CONFIG_ID-sSEED``."""
        return run_name(planned(self.recipe, self.seed))
