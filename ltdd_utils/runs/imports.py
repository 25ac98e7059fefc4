"""Sets that other code wrote, as sets of a recipe, or as images that any method made."""

from dataclasses import replace
from pathlib import Path

from ltdd_utils.core.context import RunContext
from ltdd_utils.data.long_tailed import LongTailedData, load
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.run import Run, fitted
from ltdd_utils.data.settings import PreprocessConfig
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.given import facts
from ltdd_utils.evaluation.protocols import stored_space
from ltdd_utils.interchange.layouts import Stored, assembled, decoded, read_layout
from ltdd_utils.interchange.reading import Reading
from ltdd_utils.interchange.spaces import Spaces, kind_of
from ltdd_utils.methods.registry import method_names
from ltdd_utils.methods.trajectory.family import TRAJECTORY
from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.runs.sets import described

__all__ = ["given_set", "import_set"]


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
    reading, data = reading or Reading(), load(recipe.data, context.data, context.reading())
    stored = read_layout(Path(place), reading, data)
    if stored.matched and recipe.family is not TRAJECTORY:
        known = ", ".join(method_names(TRAJECTORY))
        raise ValueError(f"{recipe.name} matches no trajectories; name one of {known}")
    if recipe.ipc is None:
        raise ValueError(f"{recipe.name} trains on the whole set; name the recipe of a method")
    found, wanted = len(stored.images), recipe.ipc * data.classes
    if found != wanted:
        remedy = _other(found, data.classes)
        raise ValueError(f"{place} has {found} images; {recipe.ipc} per class are {wanted}, {remedy}")
    own = fitted(recipe.space, data, context)
    distilled = _in_space(stored, data, own, context, reading)
    _check_sizes(place, distilled, recipe.ipc * stored.factor**2, reading)
    known = described(distilled, recipe, Run(data, own, 0, context))
    # The method's settings are the recipe's, and not known to be those of the other code; nor is a seed.
    return replace(known, info={**known.info, "seed": None, "imported": True})


def given_set(
    place: Path,
    data: LongTailedData,
    context: RunContext,
    reading: Reading | None = None,
    *,
    ipc: int | None = None,
    like: str | None = None,
    scale: str | None = None,
) -> DistilledSet:
    """Images that any method made, from a folder or file, ready to be scored: no recipe is needed.

    Whitened images stay as they are; all others become pixels, not clamped.

    Args:
        place: in one of the layouts of ``ltdd_utils.interchange.layouts.read_layout``.
        data: the long tail that they stand for, with the test set.
        context: where the work is done.
        reading: what the files do not say.
        ipc: images per class; None takes what is there, also where classes differ.
        like: as ``DistilledSet.of_pixels``.
        scale: the same.

    Raises:
        FileNotFoundError: no set is there.
        ValueError: as ``import_set``.
    """
    reading, place = reading or Reading(), Path(place)
    if place.suffix == ".safetensors":
        raise ValueError(f"{place} is a set of this package: `ltdd evaluate {place}` scores it")
    stored = read_layout(place, reading, data)
    name = reading.space or stored.space or stored_space(data.config.name).kind
    own = fitted(PreprocessConfig("zca" if name == "zca" else "none"), data, context)
    distilled = _in_space(stored, data, own, context, reading)
    if ipc is not None:
        _check_sizes(place, distilled, ipc * stored.factor**2, reading)
    known = facts(distilled.labels, data, like=like, scale=scale, preprocess=own.describe())
    return replace(distilled, info={**distilled.info, **known})


def _in_space(
    stored: Stored, data: LongTailedData, own: Preprocess, context: RunContext, reading: Reading
) -> DistilledSet:
    """The stored set with its images in the space ``own``; ``info["read_as"]`` says what they were taken for."""
    name, whole = reading.space or stored.space, decoded(stored)
    whitened = own if own.kind == "zca" else fitted(PreprocessConfig("zca"), data, context) if name == "zca" else None
    spaces = Spaces.of(data, whitened, stored.moments)
    space = own if name is None else spaces.known[name]
    images = spaces.read(whole.images, space, own, str(stored.where))
    info = {"class_names": list(data.class_names), "preprocess": own.describe()}
    distilled = assembled(replace(whole, images=images), info, reading)
    read_as = {"space": kind_of(space), "targets": distilled.info["targets"], "factor": stored.factor}
    return replace(distilled, info={**distilled.info, "read_as": read_as})


def _check_sizes(place: Path, distilled: DistilledSet, each: int, reading: Reading) -> None:
    sizes = distilled.labels.bincount(minlength=len(distilled.info["class_names"]))
    if (sizes != each).any() and not reading.unequal:
        raise ValueError(
            f"{place} has {sizes.tolist()} images of the classes; expected {each} of each: if the set is meant to be "
            "so, say --unequal"
        )


def _other(found: int, classes: int) -> str:
    """What to do about another number of images than the recipe's."""
    each, rest = divmod(found, classes)
    if rest or not each:
        return f"and {found} is no multiple of {classes} classes: complete the set, or `ltdd score` it as it is"
    return f"so another --ipc is needed: say --ipc {each}"
