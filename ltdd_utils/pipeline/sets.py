"""From a recipe and its data to a distilled set that describes itself."""

from dataclasses import replace

from torch import Tensor

from ltdd_utils.baselines.coresets import full_set, select
from ltdd_utils.config import CondensationConfig, FullDataConfig, TrajectoryConfig, UnilevelConfig, to_dict
from ltdd_utils.distilled import DistilledSet, composition, from_bundle, to_bundle, translate
from ltdd_utils.images import LongTailedData
from ltdd_utils.pipeline.condensation import condensed_set
from ltdd_utils.pipeline.made import Distilled
from ltdd_utils.pipeline.place import Place, expert_stage, fitted
from ltdd_utils.pipeline.trajectory import matched_set
from ltdd_utils.pipeline.unilevel import recovered_set
from ltdd_utils.preprocess import Preprocess, tensor_hash
from ltdd_utils.recipes import Recipe

__all__ = ["Distilled", "described", "distil"]


def distil(recipe: Recipe, data: LongTailedData, seed: int, place: Place, draw: int = 0) -> Distilled:
    """The distilled set of a recipe; finished stages are read, not repeated.

    Args:
        recipe: what to run.
        data: the recipe's long tail.
        seed: of the run.
        place: device, folders, progress.
        draw: which of several independent sets this is, from 0.

    Raises:
        ValueError: settings that do not fit the data.
        FileNotFoundError: a snapshot of an expert that an earlier run did not keep.
        Stopped: the deadline passed; the same call goes on from there.
    """
    if isinstance(recipe.method, FullDataConfig):
        return Distilled(described(full_set(data), recipe, data, seed, draw, None), {})
    own, wanted = (fitted(cfg, data, place) for cfg in (recipe.space, recipe.evaluate.preprocess))
    if isinstance(recipe.method, UnilevelConfig):
        made = recovered_set(recipe, data, own, seed, place)
    elif isinstance(recipe.method, TrajectoryConfig):
        made = matched_set(recipe, data, own, seed, place)
    elif isinstance(recipe.method, CondensationConfig):
        made = condensed_set(recipe, data, own, seed, place)
    else:
        made = _coreset(recipe, data, own, seed, place, draw)
    # Described here and not in the store, where recipes of two scales can share one set.
    named = described(made.set, recipe, data, seed, draw, own)
    translated, clamped = translate(named, data, own, wanted)
    return replace(made, set=translated, clamped=clamped)


def _coreset(
    recipe: Recipe, data: LongTailedData, preprocess: Preprocess, seed: int, place: Place, draw: int
) -> Distilled:
    method, expert, seconds = recipe.method, None, {}
    if method.policy == "duplicate" and recipe.ipc > max(data.counts):
        raise ValueError(f"ipc is {recipe.ipc}, but no class has more than {max(data.counts)} images; choose fewer")
    if method.expert is not None:
        expert, seconds["expert"] = expert_stage(method.expert, data, preprocess, seed, place)

    def images(rows: Tensor) -> Tensor:
        return preprocess(data.train_images[rows].to(place.device))

    key = {
        "method": method,
        "ipc": recipe.ipc,
        "data": data.sha256,
        "preprocess": preprocess.describe(),
        "seed": seed,
        "draw": draw,
    }
    bundle = place.store.stage(
        "coreset", key, lambda _: to_bundle(select(method, data, recipe.ipc, seed, expert, images, draw))
    )
    seconds["selection"] = bundle.meta["seconds"]
    return Distilled(from_bundle(bundle), seconds)


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
