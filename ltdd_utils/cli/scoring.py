"""The command ``ltdd score``: images of any method under one judge or several."""

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ltdd_utils import analysis, recipes, records
from ltdd_utils.cli.ahead import Ahead, set_tasks
from ltdd_utils.cli.common import as_json
from ltdd_utils.cli.compare import at_hand
from ltdd_utils.cli.context import context_of
from ltdd_utils.cli.following import Following
from ltdd_utils.cli.progress import Bars
from ltdd_utils.cli.running import plan_of_set, warn
from ltdd_utils.core.context import RunContext
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.long_tailed import load
from ltdd_utils.data.settings import DataConfig
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.files import save_set
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.interchange.reading import Reading
from ltdd_utils.records.evaluations import evaluation_path, load_evaluation, set_names
from ltdd_utils.records.folders import book_dir
from ltdd_utils.runs.held import held_of_set
from ltdd_utils.runs.imports import given_set
from ltdd_utils.runs.set_units import UnitsOfSet
from ltdd_utils.runs.students import evaluate_set, protocol_for

__all__ = ["against_random", "beside_lines", "score_"]

NO_SPREAD = "no interval, as a single set says nothing of the spread"


def score_(options: argparse.Namespace) -> str:
    """The scores of images under each judge asked for, with a record of each."""
    pairs = recipes.assignments(options.set, "train.epochs=10")
    context = replace(context_of(options), results=options.results)
    cfg = _data(options, {key.removeprefix("data."): pairs.pop(key) for key in list(pairs) if key.startswith("data.")})
    data = load(cfg, context.data, context.reading())
    said = {field.name: getattr(options, field.name) for field in fields(Reading)}
    arguments = {"ipc": _ipc(options.ipc), "like": options.dataset, "scale": options.scale}
    given = given_set(options.folder, data, context, Reading(**said), **arguments)
    given = replace(given, info={**given.info, "name": options.folder.name})
    texts, facts = [_about(given)], []
    for judge in list(_judges(given, options, pairs)):
        warn(plan_of_set(given, judge, options.students), context, lambda judge=judge: _held(given, judge, options))
        begun = time.monotonic()
        scores = _scores(given, judge, context, options)
        said_of_it = records.summary(scores, time.monotonic() - begun)
        known = analysis.beside(scores, (options.results, book_dir()), options.dataset)
        path = evaluation_path(options.results, scores)
        _, *earlier = set_names(load_evaluation(path))
        same = f" (the same pixels were scored as {', '.join(earlier)})" if earlier else ""
        row = against_random(path, known, options)
        texts.append("\n".join([said_of_it, *beside_lines(known, row), f"record: {path}{same}"]))
        facts.append({**scores, "beside": {**known.facts(), "against_random": row}, "path": str(path)})
    return as_json(facts) if options.json else "\n\n".join(texts)


def _scores(
    given: DistilledSet, judge: EvaluateConfig, context: RunContext, options: argparse.Namespace
) -> dict[str, Any]:
    """The scores under a judge, whose teacher and students are made side by side where that pays."""
    plan = plan_of_set(given, judge, options.students)
    arguments = {"seed": options.seed, "students": options.students}
    with tempfile.TemporaryDirectory(prefix="ltdd-", ignore_cleanup_errors=True) as place:
        file = Path(place) / "set.safetensors"
        save_set(file, given)
        following = Following(Bars(options.quiet))
        ahead = Ahead(options, following, context, set_tasks(file, given, judge, options, plan))
        there = UnitsOfSet(file, judge, options.seed, options.students, context).is_there
        context = replace(context, announce=ahead.announce)
        return evaluate_set(given, None, judge, context, **arguments, ahead=lambda: ahead.make(there))


def _held(given: DistilledSet, judge: EvaluateConfig, options: argparse.Namespace) -> Mapping[str, Any]:
    arguments = {"seed": options.seed, "students": options.students}
    return held_of_set(given, None, judge, context_of(options), **arguments)


def _data(options: argparse.Namespace, changes: Mapping[str, str]) -> DataConfig:
    """The long tail that the images stand for."""
    factor = options.imbalance_factor
    usual = DATASETS.find(options.dataset).imbalance_factor
    return recipes.with_overrides(DataConfig(options.dataset, usual if factor is None else factor), changes)


def _ipc(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"--ipc is {text!r}; give images per class, at least 1, or auto")
    return int(text)


def _judges(given: DistilledSet, options: argparse.Namespace, changes: Mapping[str, str]) -> Iterator[EvaluateConfig]:
    """Each protocol that is asked for, else all; under each teacher, where one labels."""
    for name in options.protocol or PROTOCOLS:
        teachers = (options.teacher or [None]) if PROTOCOLS.find(name).has_teacher else [None]
        for teacher in teachers:
            cfg = protocol_for(given, name, options.scale, options.network, teacher)
            fit = {key: value for key, value in changes.items() if cfg.teacher or not key.startswith("teacher.")}
            yield recipes.with_overrides(cfg, fit)


def _about(given: DistilledSet) -> str:
    """The images in a line: how many, of which classes, labelled how."""
    counts = given.labels.bincount(minlength=len(given.info["class_names"])).tolist()
    each = f"{counts[0]} of each class" if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)} of a class"
    kind = "class labels" if given.targets is None else f"one soft label each ({given.info['targets']})"
    return f"{len(given)} images, {each}, {kind}, read as {given.info['read_as']['space']}"


def against_random(path: Path, known: analysis.Beside, options: argparse.Namespace) -> dict[str, Any] | None:
    """The row that ``ltdd compare`` has of a scored set beside random images; None: there are none, or of two settings.

    Args:
        path: of the record of the scores.
        known: what stands beside them.
        options: they name the folder of records, whose runs lend their spread.
    """
    random = [one for one in map(records.load_any, map(Path, known.sources)) if not one.whole_set]
    if len({one.config_id for one in random}) != 1:
        return None
    mine, book = at_hand(options)
    table = analysis.comparison([*random, records.load_any(path)], [*mine, *book], measure=known.measure).table
    return analysis.json_rows(table[["points", "low", "high", "n", "spread", "verdict"]])[-1]


def beside_lines(known: analysis.Beside, row: Mapping[str, Any] | None = None) -> list[str]:
    """What stands beside a score, where records are at hand; ``row`` is that of ``against_random``."""
    lines, what = [], "balanced " if known.measure == "balanced" else ""
    if known.gain is not None:
        runs = f"{len(known.random)} set{'s' * (len(known.random) != 1)}"
        gain = f"{100 * known.gain:+.1f} points over random"
        lines.append(f"random images: {what}{known.random.percent:.1f} % ({runs}), so {gain}")
    if row is not None:
        interval = f"95 % interval {row['low']:+.1f} to {row['high']:+.1f}" if row["low"] is not None else NO_SPREAD
        lines.append(
            f"as `ltdd compare` has it (n: {row['n']}): {row['points']:+.1f} points, {interval}; {row['verdict']}"
        )
    if known.share is not None:
        runs = f"{len(known.whole)} run{'s' * (len(known.whole) != 1)}"
        lines.append(
            f"whole training set: {what}{known.whole.percent:.1f} % ({runs}), of which it reaches {known.share:.0%}"
        )
    sides = (("random images", known.random), ("the whole training set", known.whole))
    missing = [what for what, there in sides if not there]
    return [*lines, f"no record here of {' or '.join(missing)} under this judge"] if missing else lines
