"""The commands ``ltdd import`` and ``ltdd export``: sets in the layouts of other codes."""

import argparse
from dataclasses import fields
from pathlib import Path

from ltdd_utils import recipes
from ltdd_utils.cli.common import as_json
from ltdd_utils.cli.context import context_of, require_file
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.files import load_set, save_set
from ltdd_utils.interchange.forms import HUB
from ltdd_utils.interchange.reading import Reading
from ltdd_utils.records.folders import folders_to_read
from ltdd_utils.runs.exports import export_set
from ltdd_utils.runs.imports import import_set
from ltdd_utils.runs.publish import CARD, publish_set

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
    """A set from a file, in a form that other codes and loaders read."""
    distilled, preprocess = load_set(options.distilled)
    where = context_of(options, gentle=False)
    try:
        if options.form == HUB:
            folders, terms = folders_to_read(options.results), options.license
            paths, clamped = publish_set(
                distilled, preprocess, options.folder, where, results=folders, license_name=terms
            )
        else:
            paths, clamped = export_set(distilled, preprocess, options.folder, where, form=options.form)
    except ValueError as error:
        raise ValueError(f"{options.distilled}: {error}") from error
    if options.json:
        return as_json({"files": [str(path) for path in paths], "clamped": clamped})
    if options.form == HUB:
        return "\n".join([*map(str, paths), *_upload(options)])
    return "; ".join([_written(paths, options.form), *_notes(distilled, options.form, clamped)])


def _upload(options: argparse.Namespace) -> list[str]:
    """How the folder is published: by a command of the user's, with a name and terms of the user's."""
    target = f"YOUR_NAME/{options.distilled.stem.replace('_', '-')}"
    terms = [] if options.license else [f"say the licence in {options.folder / CARD} (or --license NAME)"]
    return [*terms, f"publish it with: hf upload {target} {options.folder} . --repo-type dataset"]


def _written(paths: list[Path], form: str) -> str:
    if form == "png":
        return f"{len(paths) - 1} pictures in class folders\n{paths[0]}"
    space = {"pt": "in the space that MTT, DATM and LTDD train in", "ddranking": "normalised as with use_zca=False"}
    count = f"{len(paths)} file{'s' * (len(paths) != 1)}"
    return "\n".join([*map(str, paths), f"wrote {count}, images {space.get(form, 'are pixels')}"])


def _notes(distilled: DistilledSet, form: str, clamped: float) -> list[str]:
    """What was lost on the way out."""
    notes = []
    if clamped:
        notes.append(f"{100 * clamped:.1f} % of the synthetic pixel values were clamped to the range of a pixel")
    if form in ("png", "webdataset") and distilled.lr is not None:
        notes.append(f"the learned step size, {distilled.lr:g}, has no place there")
    if distilled.images is None or len(distilled.images) < len(distilled):
        notes.append("real images are in it as pixels: do not commit or publish it unless their licence lets you")
    return notes


def _scale(options: argparse.Namespace) -> str | None:
    """The scale asked for, else the papers' own where the data set has it: other code has no reduced one."""
    facts = DATASETS.get(options.recipe.rpartition("_")[2])
    return options.scale or (None if facts is None else facts.scales[-1])
