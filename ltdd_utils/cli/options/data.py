"""The command that looks after the data."""

import argparse
from pathlib import Path

from ltdd_utils.cli.options.shared import Command, data_folder
from ltdd_utils.data.facts import dataset_name

__all__ = ["COMMANDS"]


def _data_names(sub: argparse.ArgumentParser) -> None:
    actions = ["status", "fetch", "verify", "inspect"]
    names = "data sets, else all that are here; of inspect one, or a folder of your own, as PATH or PATH@SIZE"
    picture = "inspect only: draw the images of each class into FILE (.png, .pdf, .svg)"
    sub.add_argument("action", nargs="?", choices=actions, default="status", help="what to do")
    sub.add_argument("names", nargs="*", metavar="NAME", type=dataset_name, help=names)
    sub.add_argument("--picture", type=Path, metavar="FILE", help=picture)


COMMANDS = {
    "data": Command(
        "Say which data sets are here (status), fetch or verify them, or look at the images of one, or of a folder of "
        "your own, before a run: counts, sizes, what is skipped, images that are in train and test, settings that suit "
        "(inspect). Data sets: {datasets} (tiny is Tiny-ImageNet, also called tinyimagenet).",
        [
            "ltdd data",
            "ltdd data fetch cifar10",
            "ltdd data verify cifar10 tiny --data /datasets",
            "ltdd data inspect my_photos --picture tail.png",
        ],
        (_data_names, data_folder),
        "data",
    ),
}
