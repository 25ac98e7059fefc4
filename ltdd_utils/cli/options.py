"""The command line of ``ltdd``: commands, options, their help and examples."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from ltdd_utils.core.provenance import version_of
from ltdd_utils.data.facts import DATASETS, SCALES
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.interchange.reading import CHOICES
from ltdd_utils.networks.settings import ARCHITECTURES
from ltdd_utils.presets import TEACHERS
from ltdd_utils.records.folders import results_root

__all__ = ["MODULES", "build_parser"]

EXAMPLES = """examples:
  ltdd list                            every recipe
  ltdd show kcenter_cifar10            its settings, the published number, what it cost
  ltdd run random_digits               a first result on embedded data, in under a minute
  ltdd data fetch cifar10              download a data set and check it
  ltdd run random_cifar10 --imbalance-factor 100 --ipc 10 --seed 0
  ltdd table --dataset cifar10         published numbers beside ours

`ltdd COMMAND --help` explains each command."""

# Command: what it does, and examples.
COMMANDS = {
    "list": ("Every recipe, the scales it has, and what it is.", ["ltdd list", "ltdd list --json"]),
    "show": (
        "The full settings of a recipe, the published number, and what its runs gave and cost.",
        [
            "ltdd show random_cifar10",
            "ltdd show random_digits --results mine",
            "ltdd show kcenter_cifar10 --ipc 20 --scale paper --json",
        ],
    ),
    "run": (
        "Run a recipe to its record. Finished stages are reused, and an interrupted run goes on where it was.",
        [
            "ltdd run random_digits",
            "ltdd run kcenter_cifar10 --imbalance-factor 100 --ipc 10 --students 2",
            "ltdd run random_digits --protocol online-teacher --network vgg11",
            "ltdd run random_cifar10 --stop-after 30        and the same command again to go on",
            "ltdd run random_digits --students 1 --set evaluate.train.epochs=10 --save-set random.safetensors",
        ],
    ),
    "experts": (
        "Train the experts that a recipe matches, or what is missing of them, and say what is kept of them on disk. "
        "`ltdd run` does it too; this command can keep more epochs, and share the work between processes.",
        [
            "ltdd experts damed_digits",
            "ltdd experts damed_cifar10 --only 0-1         and at the same time --only 2-3",
            "ltdd experts damed_cifar10 --keep all --keep-classifier 0,2,10",
            "ltdd experts damed_cifar10 --set method.window=[0,10,30] --renew",
        ],
    ),
    "campaign": (
        "Many runs in order of value, each once: what is done, running and missing, and what it would cost; or run "
        "what is missing. The same command in a second terminal shares the work. `status` writes nothing.",
        [
            "ltdd campaign",
            "ltdd campaign status --plan paper",
            "ltdd campaign run --stop-after 60              and the same command again to go on",
            "ltdd campaign run --plan mine.toml --only ablation --device cuda",
        ],
    ),
    "evaluate": (
        "Train students on a distilled set from a file and score them; no record is written.",
        [
            "ltdd run random_digits --save-set random.safetensors",
            "ltdd evaluate random.safetensors",
            "ltdd evaluate random.safetensors --network vgg11 --students 2",
            "ltdd evaluate random.safetensors --protocol online-stored --set train.epochs=10",
        ],
    ),
    "import": (
        "Make a file for `ltdd evaluate` of a set that other code wrote. Read are the layouts of MTT, DATM and LTDD "
        "(images_best.pt, labels_best.pt and, if there is one, lr_best.pt), of DC, DSA, DM and IDM (res_*.pt), of IDC "
        "and DREAM (data.pt), and a folder of pictures for each class. Images that cannot be in the space they are "
        "taken to be in, and labels that may mean several things, are refused; the options say what they are.",
        [
            "ltdd import damed_cifar10 logged_files/run --imbalance-factor 100 --ipc 10 --save-set theirs.safetensors",
            "ltdd evaluate theirs.safetensors --protocol online-teacher --teacher debiased",
            "ltdd import mtt_cifar10 run --iteration 5000 --space normalise --save-set theirs.safetensors",
            "ltdd import dm_cifar10 res_DM_CIFAR10_ConvNet_10ipc.pt --save-set theirs.safetensors",
        ],
    ),
    "export": (
        "Write a set from a file in the layout of MTT, DATM and LTDD, for the released code to read: images in the "
        "space that its students train in (ZCA), real ones as pixels too, so do not commit the files. Or as PNG.",
        [
            "ltdd export results/distilled/damed_cifar10_if100_ipc10.safetensors exported",
            "ltdd export results/distilled/damed_digits_if20_ipc10.safetensors pictures --as png",
        ],
    ),
    "missing": (
        "The command for every published number that a recipe makes and no record has yet; what follows a # says that "
        "a run of another scale, or from uncommitted code, exists.",
        ["ltdd missing --dataset cifar10", "ltdd missing --scale cpu"],
    ),
    "records": (
        "What was run here: an entry per record, with its score, its cost, its file, and the settings that are not the "
        "recipe's own.",
        ["ltdd records --results mine", "ltdd records random_cifar10 --json"],
    ),
    "table": (
        "Published numbers beside ours: difference, number of students, cost, command. The note says where a record of "
        "ours is not committed, or is from uncommitted code.",
        ["ltdd table", "ltdd table --dataset cifar10 --all"],
    ),
    "data": (
        "List, fetch or verify data sets. Data sets: {datasets}.",
        ["ltdd data", "ltdd data fetch cifar10", "ltdd data verify cifar10 tiny --data /datasets"],
    ),
}


PLUGIN = "a file of yours that registers methods, networks, data sets or protocols; may be given several times"


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Examples as they are written, and the default of an option where it has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        unset = action.default is None or action.default is False or action.default == []
        return action.help if unset else super()._get_help_string(action)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        """Say what was wrong and where help is; exit status 2."""
        print(f"ltdd: error: {message}; see `{self.prog} --help`", file=sys.stderr)
        sys.exit(2)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the ``ltdd`` command; ``command`` of its result names the function in ``commands``."""
    about = "Long-tailed dataset distillation: two papers, their baselines, one evaluator."
    parser = _Parser(prog="ltdd", description=about, epilog=EXAMPLES, formatter_class=_Help)
    version = version_of("ltdd-utils") or "that is not installed"
    parser.add_argument("--version", action="version", version=f"ltdd {version}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, (text, examples) in COMMANDS.items():
        epilog = "examples:\n  " + "\n  ".join(examples)
        text = text.format(datasets=", ".join(DATASETS))
        sub = subparsers.add_parser(name, help=text, description=text, epilog=epilog, formatter_class=_Help)
        sub.set_defaults(command=name)
        sub.add_argument("--json", action="store_true", help="print JSON for scripts")
        sub.add_argument("--plugin", action="append", default=[], metavar="FILE.py", type=Path, help=PLUGIN)
        for add in OPTIONS.get(name, ()):
            add(sub)
    return parser


def _recipe(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("recipe", metavar="RECIPE", help="METHOD_DATASET, see `ltdd list`")
    sub.add_argument("--imbalance-factor", type=float, metavar="IF", help="n_max / n_min >= 1; else the data set's own")
    sub.add_argument("--ipc", type=int, default=10, help="images per class of the distilled set")


def _one_recipe(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("recipe", nargs="?", metavar="RECIPE", help="only of this recipe")


def _scale(otherwise: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--scale", help=f"{', '.join(SCALES[:-1])} or {SCALES[-1]}; else {otherwise}")

    return add


def _missing_scale(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--scale", choices=SCALES[1:], default=SCALES[-1], help="of the commands")


def _protocol(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--protocol", help=f"one of {', '.join(PROTOCOLS)}; else the one that the method is published under"
    )
    text = f"that labels in the online protocols, {' or '.join(TEACHERS)}; else the method's own"
    sub.add_argument("--teacher", help=text)
    sub.add_argument("--network", help=f"of the students, one of {', '.join(ARCHITECTURES)}; else the papers' ConvNet")


def _overrides(example: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(sub: argparse.ArgumentParser) -> None:
        text = f"change one setting, for example {example}; may be given several times"
        sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=text)

    return add


def _experts(sub: argparse.ArgumentParser) -> None:
    recipes_own = "such as 0-21,40, or all; else those that the recipe reads"
    keep = f"epochs of the representation experts to keep, {recipes_own}; the last one is kept for classifier experts"
    text = "train experts again that lack a wanted epoch, and keep the ones they held too"
    sub.add_argument("--only", metavar="NUMBERS", help="experts to train, from 0, such as 0,2-3; else all")
    sub.add_argument("--keep", metavar="EPOCHS", help=keep)
    sub.add_argument("--keep-classifier", metavar="EPOCHS", help=f"the same of the classifier experts, {recipes_own}")
    sub.add_argument("--renew", action="store_true", help=text)


def _students(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--students", type=int, default=5, help="how many students are trained")


def _seed(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--seed", type=int, default=0, help="of the run; the long tail has a seed of its own")


def _campaign(sub: argparse.ArgumentParser) -> None:
    plan = "a campaign of this book (results/campaigns/), or a .toml file"
    sub.add_argument("action", nargs="?", choices=["status", "run"], default="status", help="what to do")
    sub.add_argument("--plan", default="cpu", help=plan)
    sub.add_argument("--only", metavar="TEXT", help="only blocks whose title, or runs whose command, contains TEXT")


def _work(sub: argparse.ArgumentParser) -> None:
    work = Path(os.environ.get("LTDD_WORK") or "work")
    text = "folder of finished stages ($LTDD_WORK); a relative one counts from the current folder"
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    sub.add_argument("--work", type=Path, default=work, metavar="DIR", help=text)
    sub.add_argument("--stop-after", type=float, metavar="MINUTES", help="keep the state and stop; run again to go on")


def _data_folder(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--data", type=Path, metavar="DIR", help="folder of the data sets; else $LTDD_DATA, else data/")
    sub.add_argument("--quiet", action="store_true", help="no progress bar, and no progress lines in a log")


def _results(sub: argparse.ArgumentParser) -> None:
    text = "folder of the records ($LTDD_RESULTS, else results/ of the clone); a relative one, from the current folder"
    sub.add_argument("--results", type=Path, default=results_root(), metavar="DIR", help=text)


def _saving(sub: argparse.ArgumentParser) -> None:
    text = "also write the distilled set (of random: draw 0) to FILE, .safetensors"
    sub.add_argument("--save-set", type=Path, metavar="FILE", help=text)
    sub.add_argument("--with-preprocessing", action="store_true", help="put the fitted preprocessing into that file")


def _set_file(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("distilled", type=Path, metavar="SET", help="a file that --save-set wrote")


def _folder_to_import(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("folder", type=Path, metavar="FOLDER", help="with the set's files, or one file of it")
    sub.add_argument("--save-set", type=Path, metavar="FILE", required=True, help="file to write, .safetensors")


def _reading(sub: argparse.ArgumentParser) -> None:
    targets = "what rows of labels are (hard: the largest value is the class); else what their values tell"
    space = (
        "of the images (normalise: by the mean and deviation that DC and MTT use); else that of the layout: the "
        "recipe's for images_*.pt, normalise for res_*.pt, pixels for data.pt and pictures"
    )
    order = "classes of images with soft labels: class by class, or the largest label; else what fits"
    factor = "data.pt only: images along a side of each stored one (multi-formation); 1: none"
    unequal = "classes may have different numbers of images, ipc times the classes in all"
    sub.add_argument("--targets", choices=CHOICES["targets"], help=targets)
    sub.add_argument("--space", choices=CHOICES["space"], help=space)
    sub.add_argument("--order", choices=CHOICES["order"], help=order)
    sub.add_argument("--iteration", type=int, metavar="N", help="read images_N.pt, labels_N.pt, ... and not *_best.pt")
    sub.add_argument("--factor", type=int, default=2, help=factor)
    sub.add_argument("--unequal", action="store_true", help=unequal)


def _folder_to_export(sub: argparse.ArgumentParser) -> None:
    form = "pt: images_best.pt and so on; png: class folders, and labels.csv with the soft labels"
    sub.add_argument("folder", type=Path, metavar="FOLDER", help="to write into; made if it is absent")
    sub.add_argument("--as", dest="form", choices=["pt", "png"], default="pt", help=form)


def _tables(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--dataset", choices=list(DATASETS), help="only this data set")


def _everything(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--all", action="store_true", help="also the numbers that were never run")


def _data_names(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("action", nargs="?", choices=["status", "fetch", "verify"], default="status", help="what to do")
    sub.add_argument("names", nargs="*", metavar="NAME", help="data sets; else all that are here")


_RECIPE_SCALE = _scale("the smallest that the data set has")
_RECIPE_SET = _overrides("evaluate.train.epochs=10")
_EXPERTS_SET = _overrides("method.experts.count=2")
OPTIONS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], ...]] = {
    "show": (_recipe, _RECIPE_SCALE, _protocol, _RECIPE_SET, _results),
    "run": (_recipe, _RECIPE_SCALE, _protocol, _RECIPE_SET, _students, _seed, _work, _results, _data_folder, _saving),
    "experts": (_recipe, _RECIPE_SCALE, _protocol, _EXPERTS_SET, _experts, _seed, _work, _data_folder),
    "campaign": (_campaign, _work, _results, _data_folder),
    "evaluate": (
        _set_file,
        _scale("the one in the file"),
        _protocol,
        _overrides("train.epochs=10"),
        _students,
        _seed,
        _work,
        _data_folder,
    ),
    "import": (_recipe, _folder_to_import, _reading, _scale("the papers' own"), _work, _data_folder),
    "export": (_set_file, _folder_to_export, _work, _data_folder),
    "missing": (_tables, _missing_scale, _results),
    "records": (_one_recipe, _results),
    "table": (_tables, _everything, _results),
    "data": (_data_names, _data_folder),
}
# Where the function of a command is, called as the command with a "_"; the module is imported when it is asked for.
MODULES = {
    "list": "listing",
    "show": "listing",
    "run": "running",
    "evaluate": "running",
    "experts": "experts",
    "campaign": "campaigns",
    "import": "sets",
    "export": "sets",
    "missing": "records",
    "records": "records",
    "table": "records",
    "data": "data",
}
