"""Sets in files: the data and the preprocessing they were made with, and the layout of the released codes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ltdd_utils.core.context import RunContext, require_writable
from ltdd_utils.core.settings import from_dict
from ltdd_utils.data.long_tailed import LongTailedData, load
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.run import Run, fitted
from ltdd_utils.data.settings import DataConfig, PreprocessConfig
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.spaces import pixels, translate
from ltdd_utils.evaluation.protocols import stored_space
from ltdd_utils.methods.registry import method_names
from ltdd_utils.methods.trajectory.family import TRAJECTORY
from ltdd_utils.methods.trajectory.interchange import export_trajectory, import_trajectory
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.runs.sets import described

__all__ = ["data_of", "export_set", "import_set", "refitted"]


def data_of(distilled: DistilledSet, context: RunContext) -> LongTailedData:
    """The data that a set from a file was made from.

    Raises:
        ValueError: the set does not say which data, or what is here is other data.
    """
    missing = [key for key in ("data", "data_sha256") if not distilled.info.get(key)]
    if missing:
        raise ValueError(
            f"the set does not say which data it was made from: fill in info[{missing[0]!r}] (the settings of "
            "`LongTailedData.config` by `config.to_dict`, and `LongTailedData.sha256`)"
        )
    data = load(from_dict(DataConfig, distilled.info["data"]), context.data, context.watching("read images"))
    made_from = distilled.info["data_sha256"]
    if data.sha256 != made_from:
        raise ValueError(
            f"the set was made from other data ({made_from[:12]}) than what is here ({data.sha256[:12]}); "
            "use the same files and index list"
        )
    return data


def refitted(distilled: DistilledSet, data: LongTailedData, context: RunContext) -> Preprocess:
    """The transform that a set describes, fitted again on the data it was made from.

    Raises:
        ValueError: the set does not describe it.
    """
    made_under = distilled.info.get("preprocess")
    if not isinstance(made_under, Mapping) or not {"kind", "eps"} <= set(made_under):
        raise ValueError(
            "the set does not describe the preprocessing of its images; write it with --with-preprocessing"
        )
    return fitted(PreprocessConfig(made_under["kind"], made_under["eps"]), data, context)


def import_set(folder: Path, recipe: Recipe, context: RunContext) -> DistilledSet:
    """A set that the code of MTT, DATM or LTDD wrote, as if ``recipe`` had made it.

    Its images are taken to be whitened as the recipe's are: with ZCA fitted on the recipe's own long tail.

    Args:
        folder: with ``images_best.pt``, ``labels_best.pt`` and, where a step size was learned, ``lr_best.pt``.
        recipe: of the trajectory family; it says which data, how many images per class, which preprocessing.
        context: where the data is.

    Raises:
        FileNotFoundError: the images or the labels are absent.
        ValueError: no recipe of the family, damaged files, or images of another size or number than the recipe's, in
            all or in a class.
    """
    if recipe.family is not TRAJECTORY:
        known = ", ".join(method_names(TRAJECTORY))
        raise ValueError(f"{recipe.name} matches no trajectories; name one of {known}")
    data = load(recipe.data, context.data, context.watching("read images"))
    own = fitted(recipe.space, data, context)
    distilled = import_trajectory(folder, {"class_names": list(data.class_names), "preprocess": own.describe()})
    found, wanted = len(distilled), recipe.ipc * len(data.class_names)
    if found != wanted:
        raise ValueError(
            f"{folder} has {found} images; {recipe.ipc} per class are {wanted}, so another --ipc is needed"
        )
    sizes = distilled.labels.bincount(minlength=len(data.class_names))
    if (sizes != recipe.ipc).any():
        raise ValueError(f"{folder} has {sizes.tolist()} images of the classes; expected {recipe.ipc} of each")
    try:
        pixels(distilled, data, own)  # refuses images of another size
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error
    known = described(distilled, recipe, Run(data, own, 0, context))
    # The method's settings are the recipe's, and not known to be those of the other code; nor is a seed.
    return replace(known, info={**known.info, "seed": None, "imported": True})


def export_set(
    distilled: DistilledSet, own: Preprocess | None, folder: Path, context: RunContext
) -> tuple[list[Path], float]:
    """Write a set from a file as the code of MTT, DATM or LTDD reads it: in the space that their students train in.

    The layout does not name the space, so synthetic images of another one go through pixels (``distilled.translate``).

    Args:
        distilled: a set that says which data it was made from.
        own: the preprocessing of its images; None fits it again as the set describes it.
        folder: made if it is absent.
        context: where the data is.

    Returns:
        The files, and the share of synthetic pixel values that had to be clamped on the way.

    Raises:
        ValueError: the data here is not what the set was made from, its preprocessing cannot be had again, or it has
            soft labels and classes of different sizes.
        OSError: the folder cannot be written.
    """
    data = data_of(distilled, context)
    whitened, clamped = fitted(stored_space(data.config.name), data, context), 0.0
    if distilled.images is not None:
        distilled, clamped = translate(distilled, data, own or refitted(distilled, data, context), whitened)
    require_writable(folder)
    return export_trajectory(folder, distilled, data, whitened), clamped
