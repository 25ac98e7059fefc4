"""The commands that train: ``ltdd run`` and ``ltdd evaluate``."""

import argparse
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ltdd_utils import recipes, records
from ltdd_utils.cli.common import as_json, recipe_of
from ltdd_utils.cli.context import context_of, require_file
from ltdd_utils.distilled.files import load_set, save_set
from ltdd_utils.runs.pipeline import run, start
from ltdd_utils.runs.sets import distil
from ltdd_utils.runs.students import evaluate_set, protocol_for

__all__ = ["evaluate_", "run_"]


def run_(options: argparse.Namespace) -> str:
    """A recipe to its record, and its distilled set to a file if asked."""
    if options.with_preprocessing and options.save_set is None:
        raise ValueError("--with-preprocessing says what is in the file of --save-set; give --save-set FILE too")
    if options.save_set is not None:
        require_file(options.save_set)
    recipe, context = recipe_of(options), replace(context_of(options), results=options.results)
    record = run(recipe, options.seed, options.students, context)
    if options.save_set is not None:
        work = start(recipe, options.seed, context)
        preprocess = work.preprocess if options.with_preprocessing else None
        save_set(options.save_set, distil(recipe, work).set, preprocess)
    if options.json:
        return as_json(dict(record))
    saved = "" if options.save_set is None else f"\nset: {options.save_set}"
    path = records.record_path(options.results, record)
    return f"{records.summary(record)}\nrecord: {path}{_replaced(path)}{saved}"


def _replaced(path: Path) -> str:
    """A further line where a record replaced one that the clone tracks: how to restore it."""
    if not records.is_tracked(path):
        return ""
    here = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    back = f"`git checkout -- {shlex.quote(str(here))}` restores it, `--results mine` leaves it alone"
    return f"\nthis replaced the committed record of the run: {back}"


def evaluate_(options: argparse.Namespace) -> str:
    """Students on a distilled set from a file."""
    distilled, preprocess = load_set(options.distilled)
    with _about(options.distilled):
        cfg = protocol_for(distilled, options.protocol, options.scale, options.network, options.teacher)
    pairs = recipes.assignments(options.set, "train.epochs=10")
    for key in pairs:
        if key.startswith("evaluate."):
            raise ValueError(f"--set {key}: these are the settings of the protocol alone; drop the leading 'evaluate.'")
    cfg = recipes.with_overrides(cfg, pairs)
    context = context_of(options)
    with _about(options.distilled):
        scores = evaluate_set(distilled, preprocess, cfg, context, seed=options.seed, students=options.students)
    return as_json(scores) if options.json else records.summary(scores)


@contextmanager
def _about(file: Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
