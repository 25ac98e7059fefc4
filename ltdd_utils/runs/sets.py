"""From a recipe and its data to a distilled set that describes itself."""

from dataclasses import replace

from torch import Tensor

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.hashing import tensor_hash
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.fitting import fitted
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.distilled.contents import DistilledSet, composition
from ltdd_utils.distilled.files import from_bundle, to_bundle
from ltdd_utils.distilled.made import DistillationResult
from ltdd_utils.distilled.spaces import translate
from ltdd_utils.methods.alignment.settings import UnilevelConfig
from ltdd_utils.methods.alignment.stages import recovered_set
from ltdd_utils.methods.condensation.settings import CondensationConfig
from ltdd_utils.methods.condensation.stages import condensed_set
from ltdd_utils.methods.coresets.selection import full_set, select
from ltdd_utils.methods.full import FullDataConfig
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig
from ltdd_utils.methods.trajectory.stages import matched_set
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.teachers.stage import expert_stage

__all__ = ["DistillationResult", "described", "distil"]


def distil(recipe: Recipe, data: LongTailedData, seed: int, context: RunContext, draw: int = 0) -> DistillationResult:
    """The distilled set of a recipe; finished stages are read, not repeated.

    Args:
        recipe: what to run.
        data: the recipe's long tail.
        seed: of the run.
        context: device, folders, progress.
        draw: which of several independent sets this is, from 0.

    Raises:
        ValueError: settings that do not fit the data.
        FileNotFoundError: a snapshot of an expert that an earlier run did not keep.
        Stopped: the deadline passed; the same call goes on from there.
    """
    if isinstance(recipe.method, FullDataConfig):
        return DistillationResult(described(full_set(data), recipe, data, seed, draw, None), {})
    own, wanted = (fitted(cfg, data, context) for cfg in (recipe.space, recipe.evaluate.preprocess))
    if isinstance(recipe.method, UnilevelConfig):
        made = recovered_set(recipe, data, own, seed, context)
    elif isinstance(recipe.method, TrajectoryConfig):
        made = matched_set(recipe, data, own, seed, context)
    elif isinstance(recipe.method, CondensationConfig):
        made = condensed_set(recipe, data, own, seed, context)
    else:
        made = _coreset(recipe, data, own, seed, context, draw)
    # Described here and not in the store, where recipes of two scales can share one set.
    named = described(made.set, recipe, data, seed, draw, own)
    translated, clamped = translate(named, data, own, wanted)
    return replace(made, set=translated, clamped=clamped)


def _coreset(
    recipe: Recipe, data: LongTailedData, preprocess: Preprocess, seed: int, context: RunContext, draw: int
) -> DistillationResult:
    method, expert, seconds = recipe.method, None, {}
    if method.policy == "duplicate" and recipe.ipc > max(data.counts):
        raise ValueError(f"ipc is {recipe.ipc}, but no class has more than {max(data.counts)} images; choose fewer")
    if method.expert is not None:
        expert, seconds["expert"] = expert_stage(method.expert, data, preprocess, seed, context)

    def images(rows: Tensor) -> Tensor:
        return preprocess(data.train_images[rows].to(context.device))

    key = {
        "method": method,
        "ipc": recipe.ipc,
        "data": data.sha256,
        "preprocess": preprocess.describe(),
        "seed": seed,
        "draw": draw,
    }
    bundle = context.store.stage(
        "coreset", key, lambda _: to_bundle(select(method, data, recipe.ipc, seed, expert, images, draw))
    )
    seconds["selection"] = bundle.meta["seconds"]
    return DistillationResult(from_bundle(bundle), seconds)


def described(
    distilled: DistilledSet,
    recipe: Recipe,
    data: LongTailedData,
    seed: int | None,
    draw: int,
    preprocess: Preprocess | None,
) -> DistilledSet:
    """The set with what a later reader needs to know of it; no seed where other code made it."""
    info = {
        **distilled.info,
        "recipe": recipe.name,
        "scale": recipe.scale,
        "method": to_dict(recipe.method),
        "ipc": recipe.ipc,
        "seed": seed,
        "draw": draw,
        "data": to_dict(data.config),
        "data_sha256": data.sha256,
        "index_list_sha256": tensor_hash(data.indices),
        "class_names": list(data.class_names),
        "class_counts": list(data.counts),
        "composition": composition(distilled),
        "preprocess": None if preprocess is None else preprocess.describe(),
    }
    return replace(distilled, info=info)
