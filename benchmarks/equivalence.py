"""Whether bf16 changes a result: the same students and pipelines in both precisions, on the same seeds, pair by pair.

A pair is one student of a set of the book, trained on the same random streams in fp32 and in bf16, or one whole
pipeline (observer, teacher, recovery and students, all in fp32 or all in bf16) with one seed. Two one-sided tests at
5 % with a margin of 1 point say whether bf16 is equivalent; where they do not, fp32 stays.

    python benchmarks/equivalence.py                     # all that are listed in WORK; resumes where it was
    python benchmarks/equivalence.py --only dsa-stored --pairs 8
    python benchmarks/equivalence.py --table             # the tests over the rows that are there
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch

from ltdd_utils.analysis.equivalence import equivalence
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.provenance import code, machine
from ltdd_utils.core.store import Store
from ltdd_utils.distilled import load_set
from ltdd_utils.recipes import recipe, with_overrides
from ltdd_utils.records.folders import find_set
from ltdd_utils.runs import evaluate_set, protocol_for, run

CSV = Path(__file__).resolve().parent.parent / "results" / "benchmarks" / "equivalence.csv"
PRECISIONS = ("fp32", "bf16")
Score = tuple[float, float, bool]  # accuracy in percent, seconds, whether a stage was compiled


@dataclass(frozen=True)
class Work:
    """What is compared, pair by pair."""

    name: str
    pairs: int
    score: Callable[["Work", int, str, RunContext], Score]  # of a pair's number, in a precision
    of: str  # a set of the book, or a recipe
    protocol: str | None = None
    changes: tuple[str, ...] = ()  # KEY=VALUE, in both precisions
    students: int = 1  # of a pair


def student(work: Work, number: int, precision: str, context: RunContext) -> Score:
    """One student of a set; its seed is the number of the pair, and so is that of the teacher that labels."""
    distilled, space = load_set(find_set(work.of))
    cfg = protocol_for(distilled, work.protocol)
    cfg = with_overrides(cfg, dict(change.split("=", 1) for change in work.changes))
    cfg = replace(cfg, train=replace(cfg.train, precision=precision))
    found = evaluate_set(distilled, space, cfg, context, seed=number, students=1)
    return (
        100 * found["metrics"]["overall"]["mean"],
        found["seconds"][0],
        "student" in found["cost"].get("compiled", ()),
    )


def pipeline(work: Work, number: int, precision: str, context: RunContext) -> Score:
    """A run of a recipe with that seed, every training and the recovery in one precision."""
    keys = (
        "method.observer.train",
        "method.teacher.train",
        "method.recover",
        "evaluate.train",
        "evaluate.teacher.train",
    )
    changes = dict(change.split("=", 1) for change in work.changes) | {f"{key}.precision": precision for key in keys}
    scale, _, name = work.of.partition("/")
    found = run(with_overrides(recipe(name, scale=scale), changes), number, work.students, context)
    seconds = found.cost.total_seconds
    return 100 * found.metrics.overall.mean, seconds, bool(found.cost.compiled)


def matched(work: Work, number: int, precision: str, context: RunContext) -> Score:
    """A run of a recipe of trajectory matching with that seed, the matching alone in the precision; its seconds."""
    changes = dict(change.split("=", 1) for change in work.changes) | {"method.precision": precision}
    scale, _, name = work.of.partition("/")
    found = run(with_overrides(recipe(name, scale=scale), changes), number, work.students, context)
    return 100 * found.metrics.overall.mean, found.cost.seconds["matching"], "matching" in found.cost.compiled


SHORT = ("method.iterations=20", "evaluate.train.epochs=300")  # of 150 and 1000: reduced further

WORK = (
    Work("DAM + ED, dsa-stored, width 32", 8, student, "damed_cifar10", "dsa-stored"),
    Work("uni-level, dsa-stored, width 32", 5, student, "unilevel_cifar10", "dsa-stored"),
    Work(
        "uni-level, online-teacher, width 32, shortened",
        5,
        student,
        "unilevel_cifar10",
        "online-teacher",
        ("train.epochs=100", "teacher.train.epochs=5"),
    ),
    Work("uni-level on digits, whole pipeline", 12, pipeline, "tiny/unilevel_digits", students=3),
    Work("DAM + ED on digits, matching", 15, matched, "tiny/damed_digits", students=3),
    Work("DAM + ED, CIFAR-10-LT, 20 iterations", 5, matched, "cpu/damed_cifar10", changes=SHORT, students=3),
)


def rows_of(path: Path) -> list[dict]:
    """The pairs that are there."""
    return pd.read_csv(path).to_dict("records") if path.is_file() else []


def measure(work: Work, pairs: int, path: Path, context: RunContext) -> None:
    """Add the pairs of a comparison that are missing, each as soon as it is known."""
    for number in range(pairs):
        rows = rows_of(path)
        if any((row["what"], row["pair"]) == (work.name, number) for row in rows):
            continue
        row = {"what": work.name, "pair": number}
        for precision in PRECISIONS:
            accuracy, seconds, compiled = work.score(work, number, precision, context)
            row |= {
                precision: round(accuracy, 4),
                f"{precision} s": round(seconds, 1),
                f"{precision} compiled": compiled,
            }
        row |= {"students": work.students, "device": machine(), "threads": torch.get_num_threads()}
        row |= {"torch": torch.__version__, "commit": code()["commit"], "dirty": code()["dirty"]}
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame([*rows, row]).to_csv(path.with_suffix(".tmp"), index=False)
        path.with_suffix(".tmp").replace(path)
        print(f"{work.name}, pair {number}: fp32 {row['fp32']:.2f}, bf16 {row['bf16']:.2f}", flush=True)


def main() -> None:
    """Measure what is missing, and print the tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="comparisons whose name contains this")
    parser.add_argument("--pairs", type=int, help="of each; else as many as WORK says")
    parser.add_argument("--table", action="store_true", help="only print the tests")
    parser.add_argument("--csv", type=Path, default=CSV)
    options = parser.parse_args()
    context = RunContext(Store(Path(os.environ.get("LTDD_WORK") or "work")), torch.device("cpu"))
    for work in WORK if not options.table else ():
        if options.only in work.name:
            measure(work, options.pairs or work.pairs, options.csv, context)
    print(equivalence(pd.DataFrame(rows_of(options.csv))).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
