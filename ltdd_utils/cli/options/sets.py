"""The commands for sets of other codes: scored, read, written."""

import argparse
from pathlib import Path

from ltdd_utils.cli.options.shared import (
    Command,
    data_folder,
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
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.interchange.forms import FORMS, HUB
from ltdd_utils.interchange.reading import CHOICES
from ltdd_utils.networks.settings import ARCHITECTURES
from ltdd_utils.presets import TEACHERS

__all__ = ["COMMANDS"]


def _folder_to_import(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("folder", type=Path, metavar="FOLDER", help="with the set's files, or one file of it")
    sub.add_argument("--save-set", type=Path, metavar="FILE", required=True, help="file to write, .safetensors")


def _parts(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--labels", metavar="SET", help="whose stored labels are taken; else class labels")
    step = "whose learned step size is taken, or a number; else the protocol's counts"
    sub.add_argument("--lr", metavar="SET_OR_NUMBER", help=step)
    sub.add_argument("--save-set", type=Path, metavar="FILE", required=True, help="file to write, .safetensors")


def _views(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--views", type=int, default=20, help="views of an image, over which a label is the mean")
    sub.add_argument("--save-set", type=Path, metavar="FILE", required=True, help="file to write, .safetensors")


def _reading(sub: argparse.ArgumentParser) -> None:
    targets = "what rows of labels are (hard: the largest value is the class); else what their values tell"
    space = (
        "of the images (normalise: by the mean and deviation of the layout's codes); else that of the layout: the "
        "recipe's for images_*.pt, normalise for res_*.pt, pixels for data.pt and pictures"
    )
    order = "classes of images with soft labels: class by class, or the largest label; else what fits"
    factor = "images along a side of each stored one, such as 2 of IDM's mosaics; else 2 of data.pt, 1 of all others"
    unequal = "classes may have different numbers of images, ipc times the classes in all"
    sub.add_argument("--targets", choices=CHOICES["targets"], help=targets)
    sub.add_argument("--space", choices=CHOICES["space"], help=space)
    sub.add_argument("--order", choices=CHOICES["order"], help=order)
    sub.add_argument("--iteration", type=int, metavar="N", help="read images_N.pt, labels_N.pt, ... and not *_best.pt")
    sub.add_argument("--factor", type=int, metavar="N", help=factor)
    sub.add_argument("--unequal", action="store_true", help=unequal)


def _folder_to_export(sub: argparse.ArgumentParser) -> None:
    forms = "; ".join(f"{form}: {what}" for form, what in FORMS.items())
    sub.add_argument("folder", type=Path, metavar="FOLDER", help="to write into; made if it is absent")
    terms = f"of {HUB}: the licence that the card names, such as cc-by-4.0; else it is left to be said"
    sub.add_argument("--as", dest="form", choices=list(FORMS), default="pt", help=forms)
    sub.add_argument("--license", metavar="NAME", help=terms)


def _scored(sub: argparse.ArgumentParser) -> None:
    like = "that the images stand for; of your own data, add --set data.name=folder:PATH: whose judges score them"
    every = "may be given several times"
    sub.add_argument("folder", type=Path, metavar="FOLDER_OR_FILE", help="class folders of pictures, .npz, .pt, ...")
    sub.add_argument("--dataset", required=True, choices=list(DATASETS), help=like)
    sub.add_argument("--imbalance-factor", type=float, metavar="IF", help="n_max / n_min >= 1; else the data set's own")
    sub.add_argument("--ipc", default="auto", help="images per class that must be there, or auto: what is there")
    sub.add_argument("--protocol", action="append", metavar="NAME", help=f"{every}; else {', '.join(PROTOCOLS)}")
    teacher = f"that labels in the online protocols, {' or '.join(TEACHERS)}, {every}; else {TEACHERS[0]}"
    sub.add_argument("--teacher", action="append", metavar="KIND", help=teacher)
    sub.add_argument("--network", help=f"of the students, one of {', '.join(ARCHITECTURES)}; else the papers' ConvNet")


COMMANDS = {
    "score": Command(
        "Score images that any method made, in pixels or in a space that --space names, under every judge: students "
        "are trained on them and tested on the whole balanced test set. A record of each evaluation is written, apart "
        "from those of recipes. Improvement over random images, and the share of what the whole training set gives, "
        "are said where records of these are at hand. Read are class folders of pictures, .npz files (images, labels) "
        "and all that `ltdd import` reads.",
        [
            "ltdd score pictures --dataset cifar10 --imbalance-factor 100",
            "ltdd score set.npz --dataset digits --protocol dsa-stored --students 2",
            "ltdd score res_DM_CIFAR10_ConvNet_10ipc.pt --dataset cifar10 --protocol online-teacher --teacher debiased",
            "ltdd score pictures --dataset cifar10 --set data.name=folder:photos@32 --set data.profile=natural",
        ],
        (
            _scored,
            _reading,
            scale("the smallest that the data set has"),
            overrides("train.epochs=10"),
            students,
            seed,
            jobs,
            work,
            results,
            data_folder,
        ),
        "scoring",
    ),
    "import": Command(
        "Make a file for `ltdd evaluate` of a set that other code wrote. Read are the layouts of MTT, DATM and LTDD "
        "(images_best.pt, labels_best.pt and, if there is one, lr_best.pt), of DC, DSA, DM and IDM (res_*.pt), of IDC "
        "and DREAM (data.pt), and a folder of pictures for each class. Images that cannot be in the space they are "
        "taken to be in, and labels that may mean several things, are refused; the options say what they are.",
        [
            "ltdd import damed_cifar10 logged_files/run --imbalance-factor 100 --ipc 10 --save-set theirs.safetensors",
            "ltdd evaluate theirs.safetensors --protocol online-teacher --teacher debiased --scale cpu",
            "ltdd import mtt_cifar10 run --iteration 5000 --space normalise --save-set theirs.safetensors",
            "ltdd import dm_cifar10 res_DM_CIFAR10_ConvNet_10ipc.pt --save-set theirs.safetensors",
            "ltdd import idm_cifar10 res_DM_CIFAR10_ConvNet_GBN_10ipc.pt --factor 2 --save-set theirs.safetensors",
        ],
        (recipe, _folder_to_import, _reading, scale("the papers' own"), work, data_folder),
        "sets",
    ),
    "export": Command(
        "Write a set from a file in a form that other codes and loaders read: tensors of released codes, pictures, "
        "arrays. Real images are written as pixels too, so do not commit the files.",
        [
            "ltdd export results/distilled/damed_cifar10_if100_ipc10.safetensors exported",
            "ltdd export results/distilled/damed_digits_if20_ipc10.safetensors pictures --as png",
            "ltdd export results/distilled/damed_digits_if20_ipc10.safetensors shards --as webdataset",
            "ltdd export results/distilled/damed_cifar10_if100_ipc10.safetensors scored --as ddranking",
            "ltdd export results/distilled/damed_digits_if20_ipc10.safetensors published --as hub --license cc-by-4.0",
        ],
        (set_file, _folder_to_export, work, results, data_folder),
        "sets",
    ),
    "swap": Command(
        "Put a set together from the images of one set, the labels of another and the step size of a third. Scores of "
        "such sets tell which part carries a result, and a record of `ltdd evaluate` says whose parts they were.",
        [
            "ltdd swap damed_cifar10 --save-set hard.safetensors         images alone, with class labels",
            "ltdd swap ed_only_cifar10 --labels damed_cifar10 --lr ed_only_cifar10 --save-set swapped.safetensors",
            "ltdd evaluate swapped.safetensors --results mine",
        ],
        (set_file, _parts, data_folder),
        "sets",
    ),
    "relabel": Command(
        "Store with each image of a set one soft label of a teacher, the mean over views: any set can then be scored "
        "under stored labels with as many numbers as learned ones are.",
        [
            "ltdd relabel random_cifar10 --set teacher.logit_adjustment=1 --save-set soft.safetensors",
            "ltdd relabel edc_cifar10 --teacher debiased --views 50 --save-set soft.safetensors",
            "ltdd evaluate soft.safetensors --protocol dsa-stored --set train.lr=0.03 --results mine",
        ],
        (
            set_file,
            _views,
            scale("the one in the file"),
            protocol,
            overrides("teacher.logit_adjustment=1"),
            seed,
            work,
            data_folder,
        ),
        "sets",
    ),
}
