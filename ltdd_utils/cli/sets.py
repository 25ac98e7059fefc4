"""The commands that make a set of another one: imported, exported, put together of parts, labelled anew."""

import argparse
from dataclasses import fields
from pathlib import Path

from ltdd_utils import recipes
from ltdd_utils.cli.common import as_json
from ltdd_utils.cli.context import context_of, require_file
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.files import load_set, save_set
from ltdd_utils.distilled.swaps import swapped
from ltdd_utils.evaluation.evaluator import PLAIN
from ltdd_utils.interchange.forms import HUB
from ltdd_utils.interchange.reading import Reading
from ltdd_utils.records.folders import find_set, folders_to_read
from ltdd_utils.runs.exports import export_set
from ltdd_utils.runs.imports import import_set
from ltdd_utils.runs.publish import CARD, publish_set
from ltdd_utils.runs.relabel import relabel_set
from ltdd_utils.runs.students import protocol_for

__all__ = ["export_", "import_", "relabel_", "swap_"]


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


def swap_(options: argparse.Namespace) -> str:
    """A set of the images of one, the labels of another and the step size of a third."""
    require_file(options.save_set)
    images, preprocess = load_set(options.distilled)
    labels = None if options.labels is None else load_set(find_set(options.labels))[0]
    made = swapped(images, labels, _step(options.lr))
    save_set(options.save_set, made, preprocess)
    if options.json:
        facts = {"distilled_sha256": content_hash(made), "parts": made.info["parts"]}
        return as_json({"set": str(options.save_set), **facts})
    return f"{made.info['name']}\nset: {options.save_set}, {content_hash(made)[:12]}"


def _step(text: str | None) -> DistilledSet | float | None:
    """The set, or the number, that ``--lr`` names."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return load_set(find_set(text))[0]


def relabel_(options: argparse.Namespace) -> str:
    """The images of a set with stored labels of a teacher."""
    require_file(options.save_set)
    distilled, preprocess = load_set(options.distilled)
    name = options.protocol or PLAIN.protocol
    cfg = protocol_for(distilled, name, options.scale, None, options.teacher)
    cfg = recipes.with_overrides(cfg, recipes.assignments(options.set, "teacher.logit_adjustment=1"))
    made = relabel_set(distilled, preprocess, cfg, context_of(options), seed=options.seed, views=options.views)
    save_set(options.save_set, made, preprocess)
    if options.json:
        return as_json(
            {"set": str(options.save_set), "distilled_sha256": content_hash(made), **made.info["labelled_by"]}
        )
    sure = made.targets.max(dim=1).values.mean().item()
    own = made.targets.argmax(dim=1).eq(made.labels).double().mean().item()
    said = f"{len(made)} images, labels of mean confidence {sure:.2f}; {own:.0%} say the image's own class"
    return f"{said}\nset: {options.save_set}, {content_hash(made)[:12]}"


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
        notes.append(f"the set's step size, {distilled.lr:g}, has no place there")
    if distilled.images is None or len(distilled.images) < len(distilled):
        notes.append("real images are in it as pixels: do not commit or publish it unless their licence lets you")
    return notes


def _scale(options: argparse.Namespace) -> str | None:
    """The scale asked for, else the papers' own where the data set has it: other code has no reduced one."""
    facts = DATASETS.get(options.recipe.rpartition("_")[2])
    return options.scale or (None if facts is None else facts.scales[-1])
