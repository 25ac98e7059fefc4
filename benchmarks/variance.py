"""A variance budget: one recipe in a balanced nested design, subsets > experts > distillations > students.

Each group draws its own luck: every subset of the data, all experts (of the uni-level family: observer and teacher
together), every distillation and every student have seeds that no other group has. Finished stages are read from
``--work``, so a call that was stopped goes on from there, and a larger design keeps the runs of a smaller one. The
scores go into one file, with the commit of the code that computed them and whether it was changed (``dirty``).

    python benchmarks/variance.py --recipe unilevel_digits
    python benchmarks/variance.py --recipe damed_digits --set method.iterations=20 --stop-after 30
    python benchmarks/variance.py --design 3 2 2 2 --out budget.csv
"""

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from ltdd_utils import analysis, recipes, records, runs
from ltdd_utils.core.context import RunContext, pick_device
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.files import write_atomic
from ltdd_utils.core.store import Store
from ltdd_utils.data import load, rank_thirds
from ltdd_utils.recipes import Recipe

FIRST_SUBSET = 42  # the usual one
STRIDE = 10  # seeds of a level; so larger designs keep the seeds of smaller ones
DESIGN = (5, 2, 2, 2)


def drawn(base: Recipe, subset: int, experts: int) -> Recipe:
    """The recipe on another subset, with experts of their own seed, whatever the run's.

    Raises:
        ValueError: a recipe without experts.
    """
    seed = STRIDE * subset + experts
    changes = {"data.subset_seed": FIRST_SUBSET + subset}
    pinned = base.family.training_seeds(base.method)
    if not pinned:
        raise ValueError(f"{base.name} has no experts; take a recipe that matches trajectories or aligns statistics")
    changes |= {f"method.{name}": seed for name in pinned}
    changes |= {"evaluate.teacher.seed": seed} if base.evaluate.teacher else {}
    return recipes.with_overrides(base, {key: str(value) for key, value in changes.items()})


def scores(
    base: Recipe, counts: Sequence[int], context: RunContext, changed: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One row per student of the whole design.

    Raises:
        Stopped: the deadline passed; the same call goes on from there.
    """
    rows = []
    rarest = rank_thirds(load(base.data).counts)["tail"]  # every subset has the same counts
    for number in itertools.product(*map(range, counts[:3])):
        subset, experts, distillation = number
        recipe = drawn(base, subset, experts)
        seed = STRIDE * (STRIDE * subset + experts) + distillation
        record = runs.run(recipe, seed, counts[3], context)
        code = record["provenance"]
        common = {"recipe": recipe.name, "config_id": recipe.config_id, "seed": seed}
        common |= dict(zip(analysis.LEVELS, number, strict=False))
        origin = {"commit": "+".join(sorted(code["stages"])), "dirty": code["dirty"]}
        origin["changed"] = " ".join(f"{key}={value}" for key, value in changed.items())
        for student, found in enumerate(record["students"]):
            tail = statistics.fmean(found["per_class"][label] for label in rarest)
            score = {"student": student, "accuracy": found["overall"], "tail": round(tail, 6)}
            rows.append({**common, **score, **origin})
        print(f"{number}: {record['metrics']['overall']['mean']:.3f}", file=sys.stderr, flush=True)
    return rows


def main() -> int:
    """Run what is missing, write the file, print the components; 3 if it was stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="unilevel_digits", help="with experts (default: unilevel_digits)")
    names = [f"{name.upper()}S".replace("SS", "S") for name in analysis.LEVELS]
    parser.add_argument(
        "--design", type=int, nargs=4, default=DESIGN, metavar=tuple(names), help=f"2 to {STRIDE} each (5 2 2 2)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the recipe"
    )
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder of finished stages (default: work)")
    parser.add_argument("--out", type=Path, help="(default: results/variance/RECIPE.csv)")
    parser.add_argument("--stop-after", type=float, metavar="MINUTES", help="stop cleanly; the same call goes on")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="(default: all cores)")
    options = parser.parse_args()
    if not all(2 <= count <= STRIDE for count in options.design):
        parser.error(f"--design {options.design}: each level takes 2 to {STRIDE}")
    torch.set_num_threads(options.threads)
    deadline = None if options.stop_after is None else time.monotonic() + 60 * options.stop_after
    context = RunContext(Store(options.work, deadline), pick_device("cpu"))
    try:
        changed = recipes.assignments(options.set)
        base = recipes.with_overrides(recipes.recipe(options.recipe), changed)
        table = pd.DataFrame(scores(base, options.design, context, changed))
    except ValueError as error:
        parser.error(str(error))
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return 3
    out = options.out or records.results_root() / "variance" / f"{options.recipe}.csv"
    write_atomic(out, table.to_csv(index=False))
    print(analysis.components(table)[["groups", "df", "variance", "variance_error", "std", "share"]].to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
