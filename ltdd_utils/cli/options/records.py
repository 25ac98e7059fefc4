"""The commands that read records."""

import argparse
from pathlib import Path

from ltdd_utils.cli.options.shared import Command, results
from ltdd_utils.data.facts import DATASETS, SCALES, dataset_name
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.networks.settings import ARCHITECTURES
from ltdd_utils.presets import TEACHERS
from ltdd_utils.recipes.recipe import canonical

__all__ = ["COMMANDS"]


def _tables(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--dataset", type=dataset_name, choices=list(DATASETS), help="only this data set")


def _missing_scale(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--scale", choices=SCALES[1:], default=SCALES[-1], help="of the commands")


def _one_recipe(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("recipe", nargs="?", metavar="RECIPE", type=canonical, help="only of this recipe")


def _everything(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--all", action="store_true", help="also the numbers that were never run")
    sub.add_argument("--commands", action="store_true", help="the command of each number, too")


def _runs(sub: argparse.ArgumentParser) -> None:
    meant = (
        "a record (FILE.json), RECIPE/CONFIG_ID as `ltdd records` prints it, a RECIPE that was run, or a set that "
        "`ltdd score` or `ltdd evaluate` scored, by its name"
    )
    sub.add_argument("runs", nargs="+", metavar="RUN", type=canonical, help=meant)
    sub.add_argument("--imbalance-factor", type=float, metavar="IF", help="of the records of a RECIPE")
    sub.add_argument("--ipc", type=int, help="images per class of the records of a RECIPE; else 10, if there are any")
    sub.add_argument("--scale", choices=SCALES, help="of the records of a RECIPE")
    sub.add_argument("--protocol", choices=list(PROTOCOLS), help="the judge; else that of the first RECIPE")
    sub.add_argument("--teacher", choices=TEACHERS, help="that labels, in the online protocols")
    sub.add_argument("--network", choices=list(ARCHITECTURES), help="of the students")
    sub.add_argument("--width", type=int, help="of the students")
    sub.add_argument(
        "--across", action="store_true", help="also under other judges or on other data: of a RECIPE, its usual"
    )
    usual = "what is compared; else balanced accuracy where test classes are of unequal sizes, and accuracy elsewhere"
    sub.add_argument("--measure", choices=["accuracy", "balanced"], help=usual)


def _shown(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--per-class", action="store_true", help="the accuracy of each class, too (with --csv: alone)")
    sub.add_argument("--figure", type=Path, metavar="FILE", help="draw the differences, .png, .pdf, .svg, ...")


def _forms(sub: argparse.ArgumentParser) -> None:
    forms = sub.add_mutually_exclusive_group()
    forms.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    forms.add_argument("--csv", action="store_true", help="print CSV, numbers in full")


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
    "compare": Command(
        "Runs side by side under one judge: the score of each, and its difference to the first, with the interval that "
        "the spread of its pipelines leaves open. Seeds of one setting are put together; of a RECIPE the judge, data "
        "and size are taken that all of them share. Runs under several judges are refused without --across.",
        [
            "ltdd compare random_cifar10 damed_cifar10 unilevel_cifar10",
            "ltdd compare random_cifar10 damed_cifar10 --protocol online-teacher --teacher plain --markdown",
            "ltdd compare rded_digits random_digits --results mine --per-class --figure mine.png",
            "ltdd compare damed_cifar10/cac04d6bea10 damed_cifar10/f7620d2efdd5 --csv",
        ],
        (_runs, _shown, _forms, results),
        "compare",
    ),
    "table": Command(
        "Published numbers beside ours, each once, with the papers and tables that print it: difference, number of "
        "students, cost. Notes say where a record of ours is not committed, or is from uncommitted code.",
        ["ltdd table", "ltdd table --dataset cifar10 --all --commands", "ltdd table --csv > table.csv"],
        (_tables, _everything, _forms, results),
        "records",
    ),
}
