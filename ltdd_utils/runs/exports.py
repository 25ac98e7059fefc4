"""Sets from files in the forms that other codes and loaders read."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ltdd_utils.core.context import RunContext, require_writable
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.run import fitted
from ltdd_utils.data.settings import PreprocessConfig
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.mosaics import expanded
from ltdd_utils.distilled.spaces import translate
from ltdd_utils.evaluation.protocols import stored_space
from ltdd_utils.interchange.arrays import export_arrays, export_webdataset
from ltdd_utils.interchange.pictures import export_pictures
from ltdd_utils.interchange.spaces import TRAJECTORY_MOMENTS, normalised_by
from ltdd_utils.methods.trajectory.interchange import export_trajectory
from ltdd_utils.runs.files import data_of, refitted

__all__ = ["export_set"]

Written = tuple[list[Path], float]
Writer = Callable[[Path, DistilledSet, LongTailedData, Preprocess], Written]
PIXELS: Mapping[str, Writer] = {"png": export_pictures, "webdataset": export_webdataset, "npz": export_arrays}
TENSORS = {"pt": "_best", "ddranking": ""}  # the end of the files' names


def export_set(
    distilled: DistilledSet, own: Preprocess | None, folder: Path, context: RunContext, *, form: str = "pt"
) -> Written:
    """Write a set from a file in a form that other codes and loaders read.

    ``pt`` is the layout of MTT, DATM and LTDD, in the space that their students train in (ZCA, which the files do not
    name). ``ddranking`` has the files that the demonstrations of DD-Ranking 0.2.0 load, normalised as its
    ``use_zca=False`` does its test images. Synthetic images of another space go through pixels
    (``distilled.translate``), and of mosaics every part is written (``distilled.expanded``). ``png``, ``webdataset``
    and ``npz`` hold pixels.

    Args:
        distilled: a set that says which data it was made from.
        own: the preprocessing of its images; None fits it again as the set describes it.
        folder: made if it is absent; for pictures new or empty.
        context: where the data is.
        form: pt, ddranking, png, webdataset or npz.

    Returns:
        The files, and the share of synthetic pixel values that had to be clamped on the way.

    Raises:
        ValueError: another form, the data here is not what the set was made from, its preprocessing cannot be had
            again, its classes are of different sizes (``ddranking``; ``pt`` with soft labels), or the folder is not
            empty (``png``).
        OSError: the folder cannot be written.
    """
    if form not in {**PIXELS, **TENSORS}:
        raise ValueError(f"form is {form!r}; choose one of {', '.join([*TENSORS, *PIXELS])}")
    require_writable(folder)
    data = data_of(distilled, context)
    if distilled.images is None:
        own = fitted(PreprocessConfig("none"), data, context)  # of no image
    own, distilled = own or refitted(distilled, data, context), expanded(distilled)
    if form in PIXELS:
        return PIXELS[form](folder, distilled, data, own)
    if form == "pt":
        space = fitted(stored_space(data.config.name), data, context)
    else:
        _refuse_unequal(distilled)
        space = normalised_by(TRAJECTORY_MOMENTS, data)
    distilled, clamped = translate(distilled, data, own, space)
    return export_trajectory(folder, distilled, data, space, TENSORS[form]), clamped


def _refuse_unequal(distilled: DistilledSet) -> None:
    """DD-Ranking gives the images of a set the classes 0, 0, ..., 1, 1, ...: the same number of each."""
    sizes = distilled.labels.bincount(minlength=len(distilled.info["class_names"]))
    if len(sizes.unique()) > 1:
        raise ValueError(f"classes have {sizes.tolist()} images; DD-Ranking counts on the same number of each")
