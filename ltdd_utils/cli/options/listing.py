"""The commands that only tell of recipes."""

import argparse

from ltdd_utils.cli.options.shared import Command, overrides, protocol, recipe, results, scale

__all__ = ["COMMANDS"]


def _names(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--names", action="store_true", help="the names alone, one a line, for scripts")


def _key(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("key", nargs="?", metavar="KEY", help="only settings whose key has this in it")


COMMANDS = {
    "list": Command(
        "Every method by family, and the data sets: each method has a recipe, METHOD_DATASET, on each of them.",
        ["ltdd list", "ltdd list --names", "ltdd list --json"],
        (_names,),
        "listing",
    ),
    "settings": Command(
        "Every single setting of a recipe, as --set takes it: its value, and what its source says of it. A KEY, or a "
        "part of one, chooses some.",
        ["ltdd settings damed_cifar10", "ltdd settings damed_cifar10 experts", "ltdd settings random_digits --json"],
        (recipe, _key, scale("the smallest that the data set has"), protocol, overrides("evaluate.train.epochs=10")),
        "listing",
    ),
    "show": Command(
        "The full settings of a recipe, the published number, and what its runs gave and cost.",
        [
            "ltdd show random_cifar10",
            "ltdd show random_digits --results mine",
            "ltdd show kcenter_cifar10 --ipc 20 --scale paper --json",
        ],
        (recipe, scale("the smallest that the data set has"), protocol, overrides("evaluate.train.epochs=10"), results),
        "listing",
    ),
}
