"""The commands that train."""

import argparse
from pathlib import Path

from ltdd_utils.cli.options.shared import (
    Command,
    data_folder,
    following,
    jobs,
    overrides,
    protocol,
    recipe,
    results,
    scale,
    seed,
    set_file,
    students,
    work,
)

__all__ = ["COMMANDS"]

RECIPE_SCALE = scale("the smallest that the data set has")
RECIPE_SET = overrides("evaluate.train.epochs=10")


CAMPAIGN = """a campaign of your own is a .toml file; in a block everything is combined, and `set` is a list of lists:

  scale = "cpu"
  [[block]]
  title = "Uni-level, with and without recovery"
  methods = ["unilevel", "unilevel_no_recovery"]
  datasets = ["cifar10"]
  imbalance_factor = 100
  ipc = [10, 50]
  protocols = ["dsa-stored", "online-teacher"]
  seeds = [0, 1]
  students = 3
  set = [[], ["evaluate.train.epochs=100", "evaluate.network.width=32"]]

further keys of a block: teachers, networks"""


def _experts(sub: argparse.ArgumentParser) -> None:
    recipes_own = "such as 0-21,40, or all; else those that the recipe reads"
    keep = f"epochs of the representation experts to keep, {recipes_own}; the last one is kept for classifier experts"
    text = "train experts again that lack a wanted epoch, and keep the ones they held too"
    sub.add_argument("--only", metavar="NUMBERS", help="experts to train, from 0, such as 0,2-3; else all")
    sub.add_argument("--keep", metavar="EPOCHS", help=keep)
    sub.add_argument("--keep-classifier", metavar="EPOCHS", help=f"the same of the classifier experts, {recipes_own}")
    sub.add_argument("--renew", action="store_true", help=text)


def _campaign(sub: argparse.ArgumentParser) -> None:
    plan = "a campaign of this book (results/campaigns/), 'published' (every cell of the papers), or a .toml file"
    sub.add_argument("action", nargs="?", choices=["status", "run", "export"], default="status", help="what to do")
    sub.add_argument("--plan", default="cpu", help=plan)
    sub.add_argument("--only", metavar="TEXT", help="only blocks whose title, or runs whose command, contains TEXT")


def _engine(sub: argparse.ArgumentParser) -> None:
    folder = "of `export` and of an engine: its list, flags and logs; else one in the folder of finished stages"
    sub.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help=folder)
    sub.add_argument("--engine", choices=["snakemake"], help="of `run`: let an existing engine run the stages")
    sub.add_argument("--profile", default="local", help="of the engine: local, slurm, or a folder with a config.yaml")
    sub.add_argument("--dag", action="store_true", help="print the graph of what the engine would run, as Mermaid")


def _saving(sub: argparse.ArgumentParser) -> None:
    text = "also write the distilled set (of random: draw 0) to FILE, .safetensors"
    sub.add_argument("--save-set", type=Path, metavar="FILE", help=text)
    sub.add_argument("--with-preprocessing", action="store_true", help="put the fitted preprocessing into that file")
    text = "keep N states of the images on their way, evenly spaced iterations from the first to the last, as uint8"
    sub.add_argument("--keep-images", type=int, metavar="N", help=f"{text} pixels beside the stage that makes them")


def _kept(sub: argparse.ArgumentParser) -> None:
    text = "write a record of the evaluation into this results folder, DIR/evaluations/; else none is written"
    sub.add_argument("--results", type=Path, metavar="DIR", help=text)


COMMANDS = {
    "run": Command(
        "Run a recipe to its record. Finished stages are reused, and an interrupted run goes on where it was.",
        [
            "ltdd run random_digits",
            "ltdd run kcenter_cifar10 --imbalance-factor 100 --ipc 10 --students 2",
            "ltdd run random_digits --protocol online-teacher --network vgg11",
            "ltdd run random_cifar10 --stop-after 30        and the same command again to go on",
            "ltdd run random_digits --students 1 --set evaluate.train.epochs=10 --save-set random.safetensors",
            "ltdd run unilevel_digits --students 1 --keep-images 16",
        ],
        (
            recipe,
            RECIPE_SCALE,
            protocol,
            RECIPE_SET,
            students,
            seed,
            jobs,
            work,
            results,
            data_folder,
            following,
            _saving,
        ),
        "running",
    ),
    "experts": Command(
        "Train the experts that a recipe matches, or what is missing of them, and say what is kept of them on disk. "
        "`ltdd run` does it too; this command can keep more epochs, and share the work between processes.",
        [
            "ltdd experts damed_digits",
            "ltdd experts damed_cifar10 --only 0-1         and at the same time --only 2-3",
            "ltdd experts damed_cifar10 --keep all --keep-classifier 0,2,10",
            "ltdd experts damed_cifar10 --set method.window=[0,10,30] --renew",
        ],
        (recipe, RECIPE_SCALE, protocol, overrides("method.experts.count=2"), _experts, seed, jobs, work, data_folder),
        "experts",
    ),
    "campaign": Command(
        "Many runs in order of value, each once: what is done, running and missing, and what it would cost; or run "
        "what is missing. The same command in a second terminal shares the work. `status` writes nothing.",
        [
            "ltdd campaign",
            "ltdd campaign status --plan paper",
            "ltdd campaign run --stop-after 60              and the same command again to go on",
            "ltdd campaign run --plan mine.toml --only ablation --device cuda",
            "ltdd campaign run --plan paper --engine snakemake --profile slurm",
            "ltdd campaign export cluster --plan paper     and the line that it prints",
        ],
        (_campaign, _engine, jobs, work, results, data_folder, following),
        "campaigns",
        CAMPAIGN,
    ),
    "evaluate": Command(
        "Train students on a distilled set from a file and score them. A record of the evaluation, apart from those of "
        "recipes, is written where --results names a folder.",
        [
            "ltdd run random_digits --save-set random.safetensors",
            "ltdd evaluate random.safetensors",
            "ltdd evaluate damed_cifar10                    a set of the book, by the begin of its name",
            "ltdd evaluate random.safetensors --network vgg11 --students 2",
            "ltdd evaluate random.safetensors --protocol online-stored --set train.epochs=10 --results mine",
        ],
        (
            set_file,
            scale("the one in the file"),
            protocol,
            overrides("train.epochs=10"),
            students,
            seed,
            jobs,
            work,
            _kept,
            data_folder,
            following,
        ),
        "running",
    ),
}
