"""The options that several commands share: a function adds one, or a few that belong together, to a parser."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ltdd_utils.data.facts import SCALES, scale_name
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.networks.settings import ARCHITECTURES
from ltdd_utils.presets import TEACHERS
from ltdd_utils.recipes.recipe import canonical
from ltdd_utils.records.folders import find_set, results_root

__all__ = [
    "Command",
    "Options",
    "cell",
    "data_folder",
    "following",
    "jobs",
    "overrides",
    "protocol",
    "recipe",
    "results",
    "scale",
    "seed",
    "set_file",
    "students",
    "work",
]

Options = Callable[[argparse.ArgumentParser], None]


@dataclass(frozen=True)
class Command:
    """One command of ``ltdd``."""

    about: str  # what it does; ``{datasets}`` stands for the names of the data sets
    examples: list[str]
    options: tuple[Options, ...]
    module: str  # of ``ltdd_utils.cli``, imported when asked for; its function is called as the command with a "_"
    notes: str = ""  # of its help, behind the examples


def recipe(sub: argparse.ArgumentParser) -> None:
    """The recipe, and the cell of it."""
    sub.add_argument("recipe", metavar="RECIPE", type=canonical, help="METHOD_DATASET, see `ltdd list`")
    cell(sub)


def cell(sub: argparse.ArgumentParser) -> None:
    """The imbalance factor and the images per class of a recipe."""
    sub.add_argument("--imbalance-factor", type=float, metavar="IF", help="n_max / n_min >= 1; else the data set's own")
    sub.add_argument("--ipc", type=int, default=10, help="images per class of the distilled set")


def scale(otherwise: str) -> Options:
    """``--scale``; ``otherwise``: what it is without."""

    def add(sub: argparse.ArgumentParser) -> None:
        words = f"{SCALES[0]} (or demo), {', '.join(SCALES[1:-1])} or {SCALES[-1]}"
        sub.add_argument("--scale", type=scale_name, help=f"{words}; else {otherwise}")

    return add


def protocol(sub: argparse.ArgumentParser) -> None:
    """The judge: protocol, who labels, and the network of the students."""
    sub.add_argument(
        "--protocol", help=f"one of {', '.join(PROTOCOLS)}; else the one that the method is published under"
    )
    text = f"that labels in the online protocols, {' or '.join(TEACHERS)}; else the method's own"
    sub.add_argument("--teacher", help=text)
    sub.add_argument("--network", help=f"of the students, one of {', '.join(ARCHITECTURES)}; else the papers' ConvNet")


def overrides(example: str) -> Options:
    """``--set``, with an example that the command takes."""

    def add(sub: argparse.ArgumentParser) -> None:
        text = f"change one setting, for example {example}; may be given several times"
        sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=text)

    return add


def students(sub: argparse.ArgumentParser) -> None:
    """``--students``."""
    sub.add_argument("--students", type=int, default=5, help="how many students are trained")


def seed(sub: argparse.ArgumentParser) -> None:
    """``--seed``."""
    sub.add_argument("--seed", type=int, default=0, help="of the run; the long tail has a seed of its own")


def work(sub: argparse.ArgumentParser) -> None:
    """Where the work is kept, on which device it is done, and when it stops."""
    usual = Path(os.environ.get("LTDD_WORK") or "work")
    text = "folder of finished stages ($LTDD_WORK); a relative one counts from the current folder"
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    sub.add_argument("--work", type=Path, default=usual, metavar="DIR", help=text)
    stop = "keep the state and stop, with exit code 75; run again to go on"
    compiled = "functions: auto does where it is expected to save more than it takes (bf16, BatchNorm); on, off"
    sub.add_argument("--compile", choices=["auto", "on", "off"], default="auto", help=compiled)
    sub.add_argument("--stop-after", type=float, metavar="MINUTES", help=stop)


def jobs(sub: argparse.ArgumentParser) -> None:
    """How many processes work side by side, and their threads."""
    usual = os.environ.get("LTDD_JOBS", "")
    many = (
        "processes that make parts of the work side by side ($LTDD_JOBS); else as many as cores and parts, on a GPU 1"
    )
    each = "of the CPU, for each part of the work; else the cores, divided among as many parts as run at a time"
    sub.add_argument("--jobs", type=int, default=int(usual) if usual.isdecimal() else None, metavar="N", help=many)
    sub.add_argument("--threads", type=int, metavar="N", help=each)


def data_folder(sub: argparse.ArgumentParser) -> None:
    """Where the data sets are, and ``--quiet``."""
    sub.add_argument("--data", type=Path, metavar="DIR", help="folder of the data sets; else $LTDD_DATA, else data/")
    sub.add_argument("--quiet", action="store_true", help="no progress bar, and no progress lines in a log")


def results(sub: argparse.ArgumentParser) -> None:
    """Where the records are."""
    text = "folder of the records ($LTDD_RESULTS, else results/ of the clone); a relative one, from the current folder"
    sub.add_argument("--results", type=Path, default=results_root(), metavar="DIR", help=text)


def following(sub: argparse.ArgumentParser) -> None:
    """What a run will take, and where its events go."""
    log = "append the events of the run to FILE, a JSON object a line: stages, losses, times"
    track = "send losses and scores to tensorboard[:FOLDER], wandb[:PROJECT] or mlflow[:EXPERIMENT], if it is installed"
    dry = "only tell the stages, which of them are there, and the time and memory of the others, by records"
    sub.add_argument("--dry-run", action="store_true", help=dry)
    sub.add_argument("--log", type=Path, metavar="FILE", help=log)
    sub.add_argument("--track", metavar="TRACKER", help=track)


def set_file(sub: argparse.ArgumentParser) -> None:
    """The file of a distilled set."""
    text = "a file that --save-set wrote, or the begin of a name in results/distilled/, such as damed_cifar10"
    sub.add_argument("distilled", type=_set, metavar="SET", help=text)


def _set(name: str) -> Path:
    try:
        return find_set(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
