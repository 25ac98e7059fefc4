"""The ``ltdd`` command: list, show, run, evaluate and compare recipes; look after the data."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ltdd_utils import datasets, recipes, results, tables
from ltdd_utils.config import NetworkConfig, to_dict
from ltdd_utils.distilled import load_set, save_set
from ltdd_utils.images import load
from ltdd_utils.pipeline import Place, distil, evaluate_set, fitted, pick_device, run
from ltdd_utils.store import Stopped, Store, Watch

__all__ = ["main"]

EXAMPLES = """examples:
  ltdd list                                            every recipe
  ltdd show kcenter_cifar10                            its settings, the published number, the cost
  ltdd run random_digits                               a first result, on embedded data, in under a minute
  ltdd run random_cifar10 --imbalance-factor 100 --ipc 10 --seed 0
  ltdd data fetch cifar10                              download a data set and check it
  ltdd table --dataset cifar10                         published numbers beside ours

`ltdd COMMAND --help` explains each command."""


class Bars:
    """One progress bar per stage, with the time left. Nothing is drawn when ``TQDM_DISABLE`` is set or stderr is no terminal."""

    def __init__(self, quiet: bool) -> None:
        """Draw nothing if ``quiet``."""
        self.quiet = quiet

    def __call__(self, stage: str) -> Watch:
        """A watch that moves the bar of ``stage``."""
        bar: list[tqdm] = []

        def watch(event: dict[str, Any]) -> None:
            done, total = event.get("epoch", event.get("done", 0)), event.get("epochs", event.get("total"))
            if not bar:
                bar.append(tqdm(total=total, desc=stage, leave=False, disable=self.quiet or None))
            bar[0].total = total
            bar[0].update(done - bar[0].n)
            if "loss" in event:
                bar[0].set_postfix(loss=f"{event['loss']:.3f}", refresh=False)
            if total is not None and done >= total:
                bar.pop().close()

        return watch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked (or stopped as asked), 2 after one line that says what was wrong."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return options.command(options)
    except Stopped as stop:
        print(f"ltdd: {stop}", file=sys.stderr)
        return 0
    except (ValueError, OSError, FloatingPointError, LookupError) as error:
        print(f"ltdd: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _emit(options: argparse.Namespace, value: Any, text: Callable[[], str]) -> int:
    print(json.dumps(to_dict(value), indent=2) if options.json else text())
    return 0


def _recipe(options: argparse.Namespace) -> recipes.Recipe:
    base = recipes.recipe(
        options.recipe,
        imbalance_factor=options.imbalance_factor,
        ipc=options.ipc,
        scale=options.scale,
        protocol_name=options.protocol,
    )
    pairs = [item.partition("=") for item in options.set]
    for key, sign, _ in pairs:
        if not sign:
            raise ValueError(f"--set {key!r} has no value; write KEY=VALUE, for example evaluate.train.epochs=10")
    return recipes.with_overrides(base, {key: value for key, _, value in pairs})


def _place(options: argparse.Namespace) -> Place:
    deadline = None if options.stop_after is None else time.monotonic() + 60 * options.stop_after
    return Place(
        store=Store(options.work, deadline),
        device=pick_device(options.device),
        results=options.results,
        data=options.data,
        watch=Bars(quiet=options.quiet),
    )


def _list(options: argparse.Namespace) -> int:
    rows = [
        {"recipe": name, "scales": list(recipes.DATASETS[name.rpartition("_")[2]].scales), "what": _what(name)}
        for name in recipes.names()
    ]
    return _emit(
        options, rows, lambda: "\n".join(f"{r['recipe']:28}{','.join(r['scales']):12}{r['what']}" for r in rows)
    )


def _what(name: str) -> str:
    return (recipes.METHODS[name.rpartition("_")[0]].__doc__ or "").split(". ")[0].rstrip(".")


def _show(options: argparse.Namespace) -> int:
    recipe = _recipe(options)
    facts = {
        "recipe": recipe.name,
        "config_id": recipe.config_id,
        **tables.facts(recipe.target, recipe.config_id),
        "config": to_dict(recipe),
    }
    return _emit(options, facts, lambda: json.dumps(facts, indent=2))


def _run(options: argparse.Namespace) -> int:
    recipe, place = _recipe(options), _place(options)
    record = run(recipe, options.seed, options.students, place)
    if options.save_set is not None:
        data = load(recipe.data, place.data)
        preprocess = fitted(recipe.evaluate.preprocess, data, place)
        save_set(
            options.save_set,
            distil(recipe, data, options.seed, place)[0],
            preprocess if options.with_preprocessing else None,
        )
    return _emit(options, record, lambda: results.summary(record))


def _evaluate(options: argparse.Namespace) -> int:
    distilled, preprocess = load_set(options.distilled)
    record = evaluate_set(
        distilled,
        preprocess,
        options.protocol,
        options.network and NetworkConfig(options.network),
        options.seed,
        options.students,
        _place(options),
    )
    return _emit(options, record, lambda: results.summary(record))


def _missing(options: argparse.Namespace) -> int:
    rows = tables.missing(results.load(options.results), set(recipes.names()), options.dataset)
    return _emit(options, rows, lambda: "\n".join(row["command"] for row in rows) or "nothing is missing")


def _table(options: argparse.Namespace) -> int:
    table = tables.compare(
        results.load(options.results), results.targets(), set(recipes.names()), options.dataset, everything=options.all
    )
    return _emit(options, table.to_dict("records"), lambda: table.to_string(index=False))


def _data(options: argparse.Namespace) -> int:
    root = datasets.data_root(options.data)
    if options.action == "fetch":
        for name in options.names or ["cifar10"]:
            datasets.fetch(name, root, watch=Bars(options.quiet)(name))
    if options.action == "verify":
        for name in options.names or [row["name"] for row in datasets.status(root) if row["present"]]:
            datasets.verify(name, root)
    rows = datasets.status(root)
    return _emit(options, rows, lambda: "\n".join(f"{row['name']:10}{row['state']}" for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ltdd",
        description="Long-tailed dataset distillation: two papers, their baselines, one evaluator.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=text, description=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        sub.set_defaults(command=function)
        sub.add_argument("--json", action="store_true", help="print JSON for scripts")
        return sub

    command("list", _list, "Every recipe, the scales it has, and what it is.")
    _recipe_options(command("show", _show, "The full settings of a recipe, the published number and what a run cost."))
    running = command(
        "run", _run, "Run a recipe to its record; finished stages are reused, an interrupted run goes on."
    )
    _recipe_options(running)
    _place_options(running)
    running.add_argument(
        "--save-set", type=Path, metavar="FILE", help="also write the distilled set to FILE (.safetensors)"
    )
    running.add_argument(
        "--with-preprocessing", action="store_true", help="put the fitted preprocessing into that file"
    )
    evaluating = command("evaluate", _evaluate, "Train students on a distilled set from a file and score them.")
    evaluating.add_argument(
        "distilled", type=Path, metavar="SET", help="a .safetensors file written by `ltdd run --save-set`"
    )
    evaluating.add_argument("--protocol", default="dsa-stored", help="dsa-stored, online-teacher or online-stored")
    evaluating.add_argument(
        "--network", help="another architecture than the protocol's: convnet, resnet18, vgg11, alexnet, ..."
    )
    _place_options(evaluating)
    for name, function, text in (
        ("missing", _missing, "The command for every published cell that has no record yet."),
        ("table", _table, "Published numbers beside ours: difference, n, cost, command."),
    ):
        sub = command(name, function, text)
        sub.add_argument("--dataset", choices=[*recipes.DATASETS], help="only this data set")
        sub.add_argument(
            "--results", type=Path, default=results.results_root(), metavar="DIR", help="folder of the records"
        )
        if name == "table":
            sub.add_argument("--all", action="store_true", help="also the cells that were never run")
    data = command("data", _data, "What data is here; fetch or verify it.")
    data.add_argument("action", nargs="?", choices=["status", "fetch", "verify"], default="status")
    data.add_argument("names", nargs="*", metavar="NAME", help="cifar10, cifar100, tiny, imagenet")
    data.add_argument("--data", type=Path, metavar="DIR", help="folder of the data sets (else $LTDD_DATA, else data/)")
    data.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def _recipe_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("recipe", metavar="RECIPE", help="METHOD_DATASET, see `ltdd list`")
    sub.add_argument(
        "--imbalance-factor", type=float, metavar="IF", help="n_max / n_min, at least 1; none: the data set's usual one"
    )
    sub.add_argument("--ipc", type=int, default=10, help="images per class of the distilled set")
    sub.add_argument("--scale", help="tiny, cpu or paper; none: the smallest that the data set has")
    sub.add_argument("--protocol", default="dsa-stored", help="dsa-stored, online-teacher or online-stored")
    sub.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one setting, e.g. evaluate.train.epochs=10",
    )


def _place_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--seed", type=int, default=0, help="of the run; the long-tailed subset has a seed of its own")
    sub.add_argument("--students", type=int, default=5, help="how many students are trained")
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    sub.add_argument(
        "--work",
        type=Path,
        default=Path(os.environ.get("LTDD_WORK", "work")),
        metavar="DIR",
        help="folder of finished stages",
    )
    sub.add_argument(
        "--results", type=Path, default=results.results_root(), metavar="DIR", help="folder of the records"
    )
    sub.add_argument("--data", type=Path, metavar="DIR", help="folder of the data sets (else $LTDD_DATA, else data/)")
    sub.add_argument(
        "--stop-after",
        type=float,
        metavar="MINUTES",
        help="keep the state and stop; the same command goes on from there",
    )
    sub.add_argument("--quiet", action="store_true", help="no progress bar")
