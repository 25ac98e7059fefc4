"""The units of ``ltdd experts``: each expert with both of its stages."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.settings import config_id, to_dict
from ltdd_utils.data.long_tailed import load
from ltdd_utils.data.run import Run
from ltdd_utils.methods.trajectory.settings import ExpertConfig
from ltdd_utils.methods.trajectory.small import for_images
from ltdd_utils.methods.trajectory.training import expert_files, renew_experts, train_experts
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.recipes.stages import PREPROCESS
from ltdd_utils.recipes.units import FIT, Unit
from ltdd_utils.runs.looking import Absent, looking

__all__ = ["UnitsOfExperts", "expert_units"]

EXPERT = "expert"


def expert_units(recipe: Recipe, asked: Mapping[str, Any]) -> list[Unit]:
    """The fit, and each expert that is asked for; what is asked is as ``UnitsOfExperts`` takes it."""
    base = config_id({"recipe": recipe, **asked})
    first = Unit(config_id([FIT, base]), FIT, 0, (PREPROCESS,), PREPROCESS)
    stages, count = ("experts", "classifier experts"), recipe.method.experts.count
    stages = stages if asked["keep_classifier"] else stages[:1]
    labels = {number: f"expert {number + 1}/{count}" for number in asked["only"]}
    share = 1 / count
    return [
        first,
        *(
            Unit(config_id([base, number]), EXPERT, number, stages, label, (first.id,), share=share)
            for number, label in labels.items()
        ),
    ]


class UnitsOfExperts:
    """Experts of one recipe and seed, by the ids of their units."""

    def __init__(self, recipe: Recipe, asked: Mapping[str, Any], context: RunContext) -> None:
        """Nothing is read yet.

        Args:
            recipe: whose experts they are.
            asked: ``seed``; the epochs ``keep`` and ``keep_classifier`` that are wanted; the numbers ``only``; whether
                to ``renew`` those that lack one.
            context: of the work.
        """
        self.recipe, self.asked, self.context = recipe, to_dict(asked), context
        self.units = {one.id: one for one in expert_units(recipe, self.asked)}

    @cached_property
    def run(self) -> Run:
        """The run of the experts."""
        data = load(self.recipe.data, self.context.data, self.context.reading())
        return Run.start(data, self.recipe.space, self.asked["seed"], self.context)

    @property
    def cfg(self) -> ExpertConfig:
        """Of the experts, on this data."""
        return for_images(self.recipe.method, self.run.data)[0].experts

    def is_there(self, name: str) -> bool:
        """Whether an expert holds the wanted epochs."""
        one, look = self.units[name], UnitsOfExperts(self.recipe, self.asked, looking(self.context)[1])
        try:
            rows = expert_files(look.cfg, look.run)
        except Absent:  # not even the fit
            return False
        held = {row["stage"]: row["epochs"] for row in rows if row["expert"] == one.number}
        wanted = {"representation": self.asked["keep"], "classifier": self.asked["keep_classifier"]}
        return one.kind == FIT or all(set(epochs) <= set(held.get(stage, ())) for stage, epochs in wanted.items())

    def make(self, name: str, keeps: Sequence[int] = (), around: AbstractContextManager[None] | None = None) -> Any:  # noqa: ANN401
        """The result of a unit; arguments and errors are those of ``UnitsOfRun.make``."""
        del keeps
        one, around = self.units[name], around or nullcontext()
        with around:
            return self.run if one.kind == FIT else self.train((one.number,))

    def train(self, only: Sequence[int], again: bool = True) -> Any:  # noqa: ANN401
        """Experts by their numbers; ``again``: those that lack an epoch are renewed where that is asked for."""
        train = renew_experts if self.asked["renew"] and again else train_experts
        return train(self.cfg, self.run, self.asked["keep"], self.asked["keep_classifier"], only)
