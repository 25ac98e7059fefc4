"""The command that looks after the data."""

import argparse

from ltdd_utils.cli.options.shared import Command, data_folder

__all__ = ["COMMANDS"]


def _data_names(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("action", nargs="?", choices=["status", "fetch", "verify"], default="status", help="what to do")
    sub.add_argument("names", nargs="*", metavar="NAME", help="data sets; else all that are here")


COMMANDS = {
    "data": Command(
        "List, fetch or verify data sets. Data sets: {datasets}.",
        ["ltdd data", "ltdd data fetch cifar10", "ltdd data verify cifar10 tiny --data /datasets"],
        (_data_names, data_folder),
        "data",
    ),
}
