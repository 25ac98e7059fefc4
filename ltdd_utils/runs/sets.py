"""From a recipe and a run to a distilled set that describes itself."""

from dataclasses import replace

from ltdd_utils.core.hashing import tensor_hash
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import DistilledSet, composition
from ltdd_utils.distilled.result import DistillationResult
from ltdd_utils.distilled.spaces import translate
from ltdd_utils.methods.base import Job
from ltdd_utils.recipes.recipe import Recipe

__all__ = ["described", "distil", "fitted_job"]


def distil(recipe: Recipe, run: Run, draw: int = 0) -> DistillationResult:
    """The distilled set of a recipe, in the space of the run; finished stages are read, not repeated.

    Args:
        recipe: what to run.
        run: the recipe's long tail in the space of its protocol, and the seed.
        draw: which of several independent sets this is, from 0.

    Raises:
        ValueError: settings that do not fit the data, or a family whose stages make no set.
        FileNotFoundError: a snapshot of an expert that an earlier run did not keep.
        Stopped: the deadline passed; the same call goes on from there.
    """
    inside = run.under(recipe.space)
    result = recipe.family.distil(Job(recipe.method, recipe.ipc, inside, draw))
    # Described here and not in the store, where recipes of two scales can share one set.
    described_set = described(result.set, recipe, inside, draw)
    if recipe.family.whole_set:  # positions of images, in no space
        return replace(result, set=replace(described_set, info={**described_set.info, "preprocess": None}))
    translated, clamped = translate(described_set, run.data, inside.preprocess, run.preprocess)
    return replace(result, set=translated, clamped=clamped)


def fitted_job(recipe: Recipe, run: Run) -> Job:
    """The arguments of single stages, with the settings that ``distil`` would run them with on this data."""
    inside = run.under(recipe.space)
    return Job(recipe.family.fitting(recipe.method, inside.data)[0], recipe.ipc, inside)


def described(distilled: DistilledSet, recipe: Recipe, run: Run, draw: int = 0) -> DistilledSet:
    """The set with what a later reader needs to know of it."""
    data = run.data
    info = {
        **distilled.info,
        "recipe": recipe.name,
        "scale": recipe.scale,
        "method": to_dict(recipe.method),
        "ipc": recipe.ipc,
        "seed": run.seed,
        "draw": draw,
        "data": to_dict(data.config),
        "data_sha256": data.sha256,
        "index_list_sha256": tensor_hash(data.indices),
        "class_names": list(data.class_names),
        "class_counts": list(data.counts),
        "composition": composition(distilled),
        "preprocess": run.preprocess.describe(),
    }
    return replace(distilled, info=info)
