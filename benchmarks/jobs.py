"""Processes side by side against one process, by whole commands as users call them; rounds alternate.

Each round runs every way once in fresh folders, in an order that turns; a table has the wall time of each way, its
median and its spread, and the ratio of the medians to today's way. The preprocessing is fitted before, unmeasured: it
is one unit, and made once for a data set. All ways must give the same scores where their threads are equal.

    python benchmarks/jobs.py digits-students
    python benchmarks/jobs.py cifar-students --data /data --rounds 3
    python benchmarks/jobs.py campaign --rounds 5 --csv results/benchmarks/jobs.csv
"""

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PLAN = """
scale = "tiny"
[[block]]
title = "two"
methods = ["damed", "datm"]
datasets = ["digits"]
students = {students}
set = [{changes}]
"""
CIFAR = "run random_cifar10 --imbalance-factor 100 --ipc 10 --scale cpu --students 5 --set evaluate.train.epochs=60"
# What is measured: the command, and the one that fits its preprocessing before.
WORK = {
    "digits-students": (
        "run random_digits --students 5",
        "run random_digits --students 1 --set evaluate.train.epochs=1",
    ),
    "cifar-students": (CIFAR, f"{CIFAR} --students 1 --set evaluate.train.epochs=1"),
    "campaign": ("campaign run --plan {plan}", "run random_digits --students 1 --set evaluate.train.epochs=1"),
}
# Ways to do it; the first one is today's: one process with all cores.
WAYS = {
    "one process": ["--jobs", "1", "--threads", "{cores}"],
    "one process, 1 thread": ["--jobs", "1", "--threads", "1"],
    "side by side": ["--jobs", "{cores}", "--threads", "1"],
}
# Of a campaign: a job of an existing engine for each stage. They need `make cluster`, and the second one a SLURM.
ENGINE = ["--engine", "snakemake", "--jobs", "{cores}", "--threads", "1", "--profile"]
ENGINES = {"engine, local": [*ENGINE, "local"], "engine, SLURM": [*ENGINE, "slurm"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table."""
    options = _parser().parse_args(arguments)
    rows: dict[str, list[float]] = {way: [] for way in options.ways}
    with tempfile.TemporaryDirectory(prefix="ltdd-jobs-") as place:
        fitted = Path(place) / "fitted"
        _command(WORK[options.work][1], [], fitted, options)
        for number in range(options.rounds):
            ways = [*options.ways[number % len(options.ways) :], *options.ways[: number % len(options.ways)]]
            scores = {}
            for way in ways:
                folder = Path(place) / "round"
                shutil.copytree(fitted / "work" / "preprocess", folder / "work" / "preprocess")
                seconds = _command(WORK[options.work][0], _words(way, options), folder, options)
                rows[way].append(seconds)
                scores[way] = _scores(folder)
                shutil.rmtree(folder)
                print(f"round {number + 1}: {way}: {seconds:.1f} s", file=sys.stderr, flush=True)
            one = [scores[way] for way in ways if way != "one process"]  # the ways of one thread
            if any(score != one[0] for score in one):
                raise SystemExit("the scores differ although the threads are equal")
    table = _table(rows, options)
    print(json.dumps(table, indent=2) if options.json else _text(table))
    if options.csv is not None:
        _append(options.csv, table)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", choices=WORK)
    parser.add_argument("--ways", nargs="+", choices=[*WAYS, *ENGINES], default=list(WAYS), help="compared")
    parser.add_argument("--cores", type=int, default=2, help="that the ways share")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--students", type=int, default=2, help="of each run of the campaign")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="settings of the campaign's runs"
    )
    parser.add_argument("--data", type=Path, help="folder of the data sets; else $LTDD_DATA, else data/")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--csv", type=Path, help="append the table to a file")
    return parser


def _words(way: str, options: argparse.Namespace) -> list[str]:
    return [word.format(cores=options.cores) for word in (WAYS | ENGINES)[way]]


def _command(text: str, words: Sequence[str], folder: Path, options: argparse.Namespace) -> float:
    """Run a command of ``ltdd`` in folders of its own; seconds of wall time."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = folder / "plan.toml"
    plan.write_text(PLAN.format(students=options.students, changes=json.dumps(options.set)))
    places = ["--work", str(folder / "work"), "--results", str(folder / "results"), "--device", "cpu", "--quiet"]
    places += [] if options.data is None else ["--data", str(options.data)]
    command = [sys.executable, "-m", "ltdd_utils", *text.format(plan=plan).split(), *words, *places]
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    environment.pop("OMP_NUM_THREADS", None)  # an upper bound of the threads
    begun = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return time.monotonic() - begun


def _scores(folder: Path) -> dict[str, object]:
    """The scores of all records, and the hashes of their sets."""
    found = {}
    for path in sorted((folder / "results").rglob("*.json")):
        record = json.loads(path.read_text())
        found[path.name] = record["metrics"], record["provenance"]["distilled_sha256"]
    return found


def _table(rows: dict[str, list[float]], options: argparse.Namespace) -> list[dict[str, object]]:
    first = statistics.median(rows[options.ways[0]])
    found = []
    for way, seconds in rows.items():
        middle = statistics.median(seconds)
        facts = {
            "work": options.work,
            "way": way,
            "cores": options.cores,
            "n": len(seconds),
            "seconds": round(middle, 1),
        }
        facts |= {"least": round(min(seconds), 1), "most": round(max(seconds), 1), "ratio": round(middle / first, 3)}
        found.append(facts)
    return found


def _text(table: list[dict[str, object]]) -> str:
    lines = [f"{'way':24}{'n':>3}{'seconds':>9}{'least':>8}{'most':>8}{'ratio':>7}"]
    for row in table:
        numbers = f"{row['n']:3}{row['seconds']:9.1f}{row['least']:8.1f}{row['most']:8.1f}{row['ratio']:7.2f}"
        lines.append(f"{row['way']:24}{numbers}")
    return "\n".join(lines)


def _append(path: Path, table: list[dict[str, object]]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        if is_new:
            writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    sys.exit(main())
