"""What each command does: options in, the text for standard output out. A command's function has its name and a "_"."""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from ltdd_utils import datasets, recipes, results, tables
from ltdd_utils.cli.progress import Bars
from ltdd_utils.config import TrajectoryConfig, to_dict
from ltdd_utils.distilled import load_set, save_set
from ltdd_utils.images import load
from ltdd_utils.pipeline import (
    Place,
    distil,
    evaluate_set,
    fitted,
    pick_device,
    protocol_for,
    require_writable,
    run,
    train_experts,
)
from ltdd_utils.pipeline.trajectory import expert_files
from ltdd_utils.store import Store

__all__ = ["data_", "evaluate_", "experts_", "list_", "missing_", "run_", "show_", "table_"]


def list_(options: argparse.Namespace) -> str:
    """Every recipe, its scales, and one sentence."""
    rows = []
    for name in recipes.names():
        method, _, dataset = name.rpartition("_")
        scales = list(recipes.DATASETS[dataset].scales)
        rows.append({"recipe": name, "scales": scales, "what": (recipes.METHODS[method].__doc__ or "").splitlines()[0]})
    if options.json:
        return _json(rows)
    return "\n".join(f"{row['recipe']:30}{', '.join(row['scales']):12}{row['what']}" for row in rows)


def show_(options: argparse.Namespace) -> str:
    """Settings, published numbers, and what runs gave and cost."""
    recipe = _recipe(options)
    known = tables.facts(recipe.target, recipe.config_id)
    facts = {"recipe": recipe.name, "scale": recipe.scale, "config_id": recipe.config_id, **known}
    if options.json:
        return _json({**facts, "config": to_dict(recipe)})
    lines = [f"{recipe.name}, scale {recipe.scale}, settings {recipe.config_id}", "", "published:"]
    lines += [_published(row) for row in known["published_percent"]] or [f"  {_why_unpublished(recipe)}"]
    lines += ["", "our runs:", *([_ran(row) for row in known["runs"]] or ["  none yet: `ltdd run` with these options"])]
    if isinstance(recipe.method, TrajectoryConfig) and recipe.scale == "paper":
        note = recipes.released(recipe.data.name, recipe.data.imbalance_factor, recipe.ipc).note
        lines += ["", f"released settings of this cell: {note or 'as in the file'}"]
    return "\n".join([*lines, "", "settings:", _json(to_dict(recipe))])


def _published(row: dict[str, Any]) -> str:
    spread = "" if row["std"] is None else f" ± {row['std']:g}"
    number = "N/A" if row["mean"] is None else f"{row['mean']:g}{spread} %"
    note = f"  {row['note']}" if row["note"] else ""
    return f"  {number}  ({row['paper']}, {row['table']}, {row['protocol']}){note}"


def _why_unpublished(recipe: recipes.Recipe) -> str:
    if recipe.target is None:
        return "no number is of these settings: one or more were changed"
    return "no number for this cell"


def _ran(row: dict[str, Any]) -> str:
    seconds = "  ".join(f"{stage} {value:.0f} s" for stage, value in row["seconds_by_stage"].items())
    memory = f"{row['peak_ram_gib']:.1f} GiB RAM, {row['peak_gpu_gib']:.1f} GiB GPU"
    dirty = "  (of code that no commit holds)" if row["dirty"] else ""
    score = f"seed {row['seed']}: {100 * row['overall']:.1f} % with {row['students']} students"
    return f"  {score};  {seconds};  {memory}, {row['device']}{dirty}"


def run_(options: argparse.Namespace) -> str:
    """A recipe to its record, and its distilled set to a file if asked."""
    if options.with_preprocessing and options.save_set is None:
        raise ValueError("--with-preprocessing says what is in the file of --save-set; give --save-set FILE too")
    if options.save_set is not None:
        if options.save_set.is_dir():
            raise ValueError(f"--save-set {options.save_set} is a folder; name a file, such as set.safetensors, in it")
        require_writable(options.save_set.absolute().parent)
    recipe, place = _recipe(options), replace(_place(options), results=options.results)
    record = run(recipe, options.seed, options.students, place)
    if options.save_set is not None:
        data = load(recipe.data, place.data)
        preprocess = fitted(recipe.evaluate.preprocess, data, place) if options.with_preprocessing else None
        save_set(options.save_set, distil(recipe, data, options.seed, place).set, preprocess)
    if options.json:
        return _json(record)
    saved = "" if options.save_set is None else f"\nset: {options.save_set}"
    return f"{results.summary(record)}\nrecord: below {options.results / recipe.name}{saved}"


def experts_(options: argparse.Namespace) -> str:
    """The experts of a recipe, trained where they are not there yet, and what is on disk of them."""
    recipe, place = _recipe(options), _place(options)
    if not isinstance(recipe.method, TrajectoryConfig):
        raise ValueError(f"{recipe.name} matches no experts; mtt, datm, dam_only, ed_only and damed do")
    if options.seed < 0:
        raise ValueError(f"seed is {options.seed}; it must be 0 or more")
    require_writable(place.store.root)
    cfg, method = recipe.method.experts, recipe.method
    keep, keep_classifier, only = (
        usual if text is None else _numbers(name, text, last)
        for name, text, last, usual in (
            ("keep", options.keep, cfg.train.epochs, method.snapshots),
            ("keep-classifier", options.keep_classifier, cfg.classifier_epochs, method.classifier_snapshots),
            ("only", options.only, cfg.count - 1, tuple(range(cfg.count))),
        )
    )
    if keep_classifier:
        keep = (*keep, cfg.train.epochs)  # what classifier experts start from
    data = load(recipe.data, place.data, place.watching("read images"))
    preprocess = fitted(recipe.space, data, place)
    train_experts(cfg, keep, keep_classifier, data, preprocess, options.seed, place, only, options.renew)
    rows = [row for row in expert_files(cfg, data, preprocess, options.seed, place) if row["expert"] in only]
    totals = {name: sum(row[name] for row in rows) for name in ("bytes", "seconds")}
    if options.json:
        return _json({"recipe": recipe.name, "config_id": recipe.config_id, "experts": rows, **totals})
    lines = [f"{row['stage']:15}{row['expert']:4}  {_cost(row)}  epochs {_ranges(row['epochs'])}" for row in rows]
    return "\n".join([*lines, f"{'in all':19}  {_cost(totals)}"])


def _cost(row: dict[str, Any]) -> str:
    return f"{row['bytes'] / 1e6:9.2f} MB  {row['seconds']:7.0f} s"


def _numbers(name: str, text: str, last: int) -> tuple[int, ...]:
    """The numbers of a text such as ``0,2-3`` or ``all``, from 0 to ``last``, in rising order."""
    if text == "all":
        return tuple(range(last + 1))
    found: set[int] = set()
    for part in text.split(","):
        first, _, end = part.strip().partition("-")
        if not (first.isdecimal() and (end or first).isdecimal() and int(first) <= int(end or first) <= last):
            raise ValueError(f"--{name} {text!r}: {part!r} is no number or range from 0 to {last}; write 0,2-3 or all")
        found |= set(range(int(first), int(end or first) + 1))
    return tuple(sorted(found))


def _ranges(numbers: Sequence[int]) -> str:
    """Rising numbers as they are given to ``--keep``: ``0-21,40``."""
    runs = [[n for _, n in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def evaluate_(options: argparse.Namespace) -> str:
    """Students on a distilled set from a file."""
    distilled, preprocess = load_set(options.distilled)
    with _about(options.distilled):
        cfg = protocol_for(distilled, options.protocol, options.scale, options.network, options.teacher)
    pairs = _pairs(options.set, "train.epochs=10")
    for key in pairs:
        if key.startswith("evaluate."):
            raise ValueError(f"--set {key}: these are the settings of the protocol alone; drop the leading 'evaluate.'")
    cfg = recipes.with_overrides(cfg, pairs)
    place = _place(options)
    with _about(options.distilled):
        scores = evaluate_set(distilled, preprocess, cfg, options.seed, options.students, place)
    return _json(scores) if options.json else results.summary(scores)


@contextmanager
def _about(file: Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def missing_(options: argparse.Namespace) -> str:
    """The commands that no record answers yet."""
    records = results.load(options.results, allow_dirty=True, allow_mixed=True)
    rows = tables.missing(records, recipes.names(), options.dataset, scale=options.scale)
    if options.json:
        return _json(rows)
    lines = [row["command"] + (f"  # {row['note']}" if row["note"] else "") for row in rows]
    return "\n".join(lines) or "nothing is missing"


def table_(options: argparse.Namespace) -> str:
    """Published numbers beside ours."""
    records = results.load(options.results, allow_dirty=True, allow_mixed=True)
    table = tables.compare(records, results.targets(), recipes.names(), options.dataset, everything=options.all)
    if options.json:
        return _json(tables.plain(table))
    if table.empty:
        return "no published number was run yet; `ltdd missing` prints the commands, and --all the published numbers"
    said, shown = tables.compact(tables.formatted(table))
    with pd.option_context("display.max_colwidth", None):
        text = shown.to_string(index=False)
    return f"{said}\n\n{text}" if said else text


def data_(options: argparse.Namespace) -> str:
    """What data is here, after fetching or verifying it if asked."""
    root = datasets.data_root(options.data)
    if options.action == "fetch" and not options.names:
        raise ValueError("fetch what? name one or more of cifar10, cifar100, tiny")
    if options.action == "fetch":
        for name in options.names:
            datasets.fetch(name, root, Bars(options.quiet)(name))
    rows = datasets.status(root, options.names)
    if options.action == "verify":
        for name in options.names or [row["name"] for row in rows if row["present"]]:
            datasets.verify(name, root)
    return _json(rows) if options.json else "\n".join(f"{row['name']:10}{row['state']}" for row in rows)


def _json(value: object) -> str:
    return json.dumps(to_dict(value), indent=2, allow_nan=False)


def _recipe(options: argparse.Namespace) -> recipes.Recipe:
    base = recipes.recipe(
        options.recipe,
        imbalance_factor=options.imbalance_factor,
        ipc=options.ipc,
        scale=options.scale,
        protocol_name=options.protocol,
        network=options.network,
        teacher=options.teacher,
    )
    return recipes.with_overrides(base, _pairs(options.set, "evaluate.train.epochs=10"))


def _pairs(items: Sequence[str], example: str) -> dict[str, str]:
    pairs = [item.partition("=") for item in items]
    for key, sign, _ in pairs:
        if not sign:
            raise ValueError(f"--set {key!r} has no value; write KEY=VALUE, for example --set {example}")
    return {key: value for key, _, value in pairs}


def _place(options: argparse.Namespace) -> Place:
    minutes = options.stop_after
    if minutes is not None and not 0 <= minutes < float("inf"):
        raise ValueError(f"--stop-after is {minutes}; give minutes, 0 or more")
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    store = Store(options.work, deadline)
    return Place(store, pick_device(options.device), data=options.data, watch=Bars(options.quiet))
