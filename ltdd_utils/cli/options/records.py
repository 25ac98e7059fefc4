"""The commands that read records."""

import argparse

from ltdd_utils.cli.options.shared import Command, results
from ltdd_utils.data.facts import DATASETS, SCALES

__all__ = ["COMMANDS"]


def _tables(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--dataset", choices=list(DATASETS), help="only this data set")


def _missing_scale(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--scale", choices=SCALES[1:], default=SCALES[-1], help="of the commands")


def _one_recipe(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("recipe", nargs="?", metavar="RECIPE", help="only of this recipe")


def _everything(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--all", action="store_true", help="also the numbers that were never run")


COMMANDS = {
    "missing": Command(
        "The command for every published number that a recipe makes and no record has yet; what follows a # says that "
        "a run of another scale, or from uncommitted code, exists.",
        ["ltdd missing --dataset cifar10", "ltdd missing --scale cpu"],
        (_tables, _missing_scale, results),
        "records",
    ),
    "records": Command(
        "What was run here: an entry per record, with its score, its cost, its file, and the settings that are not the "
        "recipe's own.",
        ["ltdd records --results mine", "ltdd records random_cifar10 --json"],
        (_one_recipe, results),
        "records",
    ),
    "table": Command(
        "Published numbers beside ours: difference, number of students, cost, command. The note says where a record of "
        "ours is not committed, or is from uncommitted code.",
        ["ltdd table", "ltdd table --dataset cifar10 --all"],
        (_tables, _everything, results),
        "records",
    ),
}
