"""The commands ``ltdd import`` and ``ltdd export``: sets in the layout of the released codes."""

import argparse

from ltdd_utils import recipes
from ltdd_utils.cli.common import place_of
from ltdd_utils.distilled import content_hash, load_set, save_set
from ltdd_utils.pipeline import export_set, import_set, require_writable

__all__ = ["export_", "import_"]


def import_(options: argparse.Namespace) -> str:
    """A set that other code wrote, as a file that ``ltdd evaluate`` reads."""
    recipe = recipes.recipe(
        options.recipe, imbalance_factor=options.imbalance_factor, ipc=options.ipc, scale=_scale(options)
    )
    require_writable(options.save_set.absolute().parent)
    made = import_set(options.folder, recipe, place_of(options))
    save_set(options.save_set, made)
    labels = "integer labels" if made.targets is None else "one soft label each"
    step = "" if made.lr is None else f", student's step size {made.lr:g}"
    return f"{len(made)} images, {labels}{step}\nset: {options.save_set}, {content_hash(made)[:12]}"


def export_(options: argparse.Namespace) -> str:
    """A set from a file, as the code of MTT, DATM and LTDD reads it."""
    distilled, preprocess = load_set(options.distilled)
    require_writable(options.folder)
    try:
        export_set(distilled, preprocess, options.folder, place_of(options))
    except ValueError as error:
        raise ValueError(f"{options.distilled}: {error}") from error
    return "\n".join(str(path) for path in sorted(options.folder.glob("*_best.pt")))


def _scale(options: argparse.Namespace) -> str | None:
    """The scale asked for, else the papers' own where the data set has it: other code knows no reduced one."""
    known = recipes.DATASETS.get(options.recipe.rpartition("_")[2])
    return options.scale or (None if known is None else known.scales[-1])
