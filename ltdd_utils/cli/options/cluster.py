"""The commands that a scheduler of a cluster needs."""

import argparse

from ltdd_utils.cli.options.shared import (
    Command,
    cell,
    data_folder,
    overrides,
    protocol,
    results,
    scale,
    seed,
    students,
    work,
)
from ltdd_utils.recipes.recipe import canonical

__all__ = ["COMMANDS"]

CELL = (
    cell,
    scale("the smallest that the data set has"),
    protocol,
    overrides("evaluate.train.epochs=10"),
    students,
    seed,
)


def _runs(sub: argparse.ArgumentParser) -> None:
    each = "of one run each; else the runs of --plan"
    plan = "a campaign of this book, 'published' (every cell that the papers print), a .toml file, or a stages.json"
    sub.add_argument("recipes", nargs="*", metavar="RECIPE", type=canonical, help=each)
    sub.add_argument("--plan", metavar="PLAN", help=plan)


def _table(sub: argparse.ArgumentParser) -> None:
    fast = "how many times as fast as the machine of the records a worker is, for --workers"
    sub.add_argument("--workers", metavar="NUMBERS", help="only counts, and hours on so many workers, such as 1,8,64")
    sub.add_argument("--times-as-fast", type=float, default=1.0, metavar="F", help=fast)


def _one(sub: argparse.ArgumentParser) -> None:
    threads = "of the CPU; else what the scheduler gave ($SLURM_CPUS_PER_TASK and its like), else PyTorch's choice"
    attempt = "which try of the scheduler this is: a second one of what must fail again ends at once"
    sub.add_argument("id", metavar="ID", help="of `ltdd stages`")
    sub.add_argument("--threads", type=int, metavar="N", help=threads)
    sub.add_argument("--attempt", type=int, default=1, metavar="N", help=attempt)


COMMANDS = {
    "stages": Command(
        "The stages of runs in the pieces that a scheduler makes, each once: what each needs, whether it is there, and "
        "what it will take. The list is complete before anything has run.",
        [
            "ltdd stages damed_digits datm_digits",
            "ltdd stages --plan paper --json",
            "ltdd stages --plan published --workers 1,8,64",
        ],
        (_runs, _table, *CELL, work, results, data_folder),
        "stages",
    ),
    "stage": Command(
        "Make one stage from those that it needs: exit code 75 names one that is not there yet. A scheduler calls it.",
        [
            "ltdd stages damed_digits                      tells the ids",
            "ltdd stage 35dd6d917301 damed_digits",
            "ltdd stage 35dd6d917301 --plan cluster/stages.json --threads 2",
        ],
        (_one, _runs, *CELL, work, results, data_folder),
        "stages",
    ),
}
