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
from ltdd_utils.distilled.spaces import translate
from ltdd_utils.evaluation.protocols import stored_space
from ltdd_utils.interchange.layouts import assembled, decoded, read_layout
from ltdd_utils.interchange.pictures import export_pictures
from ltdd_utils.interchange.reading import Reading
from ltdd_utils.interchange.spaces import MOMENTS, TRAJECTORY_MOMENTS, Spaces, kind_of
from ltdd_utils.methods.registry import method_names
from ltdd_utils.methods.trajectory.family import TRAJECTORY
from ltdd_utils.methods.trajectory.interchange import export_trajectory
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


def import_set(place: Path, recipe: Recipe, context: RunContext, reading: Reading | None = None) -> DistilledSet:
    """A set that other code wrote, as if ``recipe`` had made it: its images are carried to the recipe's space.

    The space they are in is that of ``reading``, else that of the layout: of the trajectory family the recipe's own
    (ZCA fitted on its long tail), of DC, DM and IDM normalised by mean and deviation, of IDC and of pictures pixels.

    Args:
        place: a folder or a file in one of the layouts of ``ltdd_utils.interchange.layouts.read_layout``.
        recipe: it says which data, how many images per class, which preprocessing.
        context: where the data is.
        reading: what the files do not say.

    Raises:
        FileNotFoundError: no set is there.
        ValueError: files of the trajectory family and a recipe of another one, damaged files, images that cannot be in
            the space, labels that may mean several things, or images of another size or number than the recipe's, in
            all or (unless ``reading.unequal``) in a class.
    """
    reading, data = reading or Reading(), load(recipe.data, context.data, context.watching("read images"))
    stored = read_layout(Path(place), reading, data.class_names)
    if stored.matched and recipe.family is not TRAJECTORY:
        known = ", ".join(method_names(TRAJECTORY))
        raise ValueError(f"{recipe.name} matches no trajectories; name one of {known}")
    if recipe.ipc is None:
        raise ValueError(f"{recipe.name} trains on the whole set; name the recipe of a method")
    found, wanted = len(stored.images), recipe.ipc * data.classes
    if found != wanted:
        raise ValueError(f"{place} has {found} images; {recipe.ipc} per class are {wanted}, so another --ipc is needed")
    own = fitted(recipe.space, data, context)
    name, whole = reading.space or stored.space, decoded(stored)
    whitened = own if own.kind == "zca" else fitted(PreprocessConfig("zca"), data, context) if name == "zca" else None
    spaces = Spaces.of(data, whitened, TRAJECTORY_MOMENTS if stored.matched else MOMENTS)
    space = own if name is None else spaces.known[name]
    images = spaces.read(whole.images, space, own, str(stored.where))
    info = {"class_names": list(data.class_names), "preprocess": own.describe()}
    distilled = assembled(replace(whole, images=images), info, reading)
    sizes = distilled.labels.bincount(minlength=data.classes)
    each = recipe.ipc * stored.factor**2
    if (sizes != each).any() and not reading.unequal:
        raise ValueError(
            f"{place} has {sizes.tolist()} images of the classes; expected {each} of each, or --unequal with it"
        )
    known = described(distilled, recipe, Run(data, own, 0, context))
    # The method's settings are the recipe's, and not known to be those of the other code; nor is a seed.
    read_as = {"space": kind_of(space), "targets": distilled.info["targets"], "factor": stored.factor}
    return replace(known, info={**known.info, "seed": None, "imported": True, "read_as": read_as})


def export_set(
    distilled: DistilledSet, own: Preprocess | None, folder: Path, context: RunContext, *, pictures: bool = False
) -> tuple[list[Path], float]:
    """Write a set from a file as the code of MTT, DATM or LTDD reads it, or as pictures in class folders.

    The layout does not name the space: it is that in which their students train, and synthetic images of another one
    go through pixels (``distilled.translate``).

    Args:
        distilled: a set that says which data it was made from.
        own: the preprocessing of its images; None fits it again as the set describes it.
        folder: made if it is absent; for pictures new or empty.
        context: where the data is.
        pictures: write PNG files and ``labels.csv`` (``interchange.export_pictures``).

    Returns:
        The files, and the share of synthetic pixel values that had to be clamped on the way.

    Raises:
        ValueError: the data here is not what the set was made from, its preprocessing cannot be had again, it has
            soft labels and classes of different sizes (in the layout), or the folder is not empty (pictures).
        OSError: the folder cannot be written.
    """
    data = data_of(distilled, context)
    if pictures:
        if distilled.images is None:
            own = fitted(PreprocessConfig("none"), data, context)  # of no image
        return export_pictures(folder, distilled, data, own or refitted(distilled, data, context))
    whitened, clamped = fitted(stored_space(data.config.name), data, context), 0.0
    if distilled.images is not None:
        distilled, clamped = translate(distilled, data, own or refitted(distilled, data, context), whitened)
    require_writable(folder)
    return export_trajectory(folder, distilled, data, whitened), clamped
