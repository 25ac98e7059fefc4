"""The commands ``ltdd import`` and ``ltdd export``: sets in the layouts of other codes."""

import argparse
from dataclasses import fields

from ltdd_utils import recipes
from ltdd_utils.cli.common import as_json
from ltdd_utils.cli.context import context_of, require_file
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.distilled.contents import content_hash
from ltdd_utils.distilled.files import load_set, save_set
from ltdd_utils.interchange.reading import Reading
from ltdd_utils.runs.files import export_set, import_set

__all__ = ["export_", "import_"]


def import_(options: argparse.Namespace) -> str:
    """A set that other code wrote, as a file that ``ltdd evaluate`` reads."""
    recipe = recipes.recipe(
        options.recipe, imbalance_factor=options.imbalance_factor, ipc=options.ipc, scale=_scale(options)
    )
    require_file(options.save_set)
    said = {field.name: getattr(options, field.name) for field in fields(Reading)}
    distilled = import_set(options.folder, recipe, context_of(options, gentle=False), Reading(**said))
    save_set(options.save_set, distilled)
    name = content_hash(distilled)
    if options.json:
        facts = {"images": len(distilled), "lr": distilled.lr}
        return as_json({"set": str(options.save_set), "distilled_sha256": name, **facts})
    kind = distilled.info["targets"]
    labels = "integer labels" if kind is None else f"one soft label each ({kind})"
    step = "" if distilled.lr is None else f", student's step size {distilled.lr:g}"
    read_as = f"read as {distilled.info['read_as']['space']}"
    return f"{len(distilled)} images, {labels}, {read_as}{step}\nset: {options.save_set}, {name[:12]}"


def export_(options: argparse.Namespace) -> str:
    """A set from a file, as the code of MTT, DATM and LTDD reads it, or as pictures."""
    distilled, preprocess = load_set(options.distilled)
    try:
        where, pictures = context_of(options, gentle=False), options.form == "png"
        paths, clamped = export_set(distilled, preprocess, options.folder, where, pictures=pictures)
    except ValueError as error:
        raise ValueError(f"{options.distilled}: {error}") from error
    if options.json:
        return as_json({"files": [str(path) for path in paths], "clamped": clamped})
    share = (
        f"; {100 * clamped:.1f} % of the synthetic pixel values were clamped to the range of a pixel" if clamped else ""
    )
    if pictures:
        step = "" if distilled.lr is None else f"; the learned step size, {distilled.lr:g}, has no place there"
        return f"{len(paths) - 1} pictures in class folders\n{paths[0]}{share}{step}"
    return "\n".join([*map(str, paths), f"space: {options.folder} is whitened as the released codes expect{share}"])


def _scale(options: argparse.Namespace) -> str | None:
    """The scale asked for, else the papers' own where the data set has it: other code has no reduced one."""
    facts = DATASETS.get(options.recipe.rpartition("_")[2])
    return options.scale or (None if facts is None else facts.scales[-1])
