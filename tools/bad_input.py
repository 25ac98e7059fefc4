"""The page of bad inputs, and what the command says of each: ``python tools/bad_input.py`` writes it anew.

Each case is a small input that people of this field really have, made in an empty folder, and one command. The page
shows the line that the command prints; the tests run the same cases and compare.
"""

import io
import json
import os
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import torch
from PIL import Image, PngImagePlugin

from ltdd_utils.cli import main

__all__ = ["CASES", "PAGE", "Case", "page", "row", "said"]

PAGE = Path(__file__).parents[1] / "book" / "bad_input.md"
OPENING = """# Bad input, and what is said

A command ended with one line that begins `ltdd: error:`.
Search this page for a word of it: beside it stands what was wrong with the input.
Or read the page beforehand, as the list of what is refused:

{contents}

Each of these commands ends with the exit code 2.
It prints one line on standard error and nothing on standard output, and leaves nothing half-written.
Every row is run by the tests, and the page is written from what the command said (`python tools/bad_input.py`).

Left out of the rows are `ltdd: error:` and options that only make the run short.
Where most rows of a table share a command, it stands above the table.
`theirs`, `pets` and `set.safetensors` are names of these examples.

What is doubtful, but can be read, is not refused: [your own data](own_data.md) tells what is read, and what is said.
"""
QUICK = ("--students", "1", "--set", "evaluate.train.epochs=1", "--set", "evaluate.network.width=8")
OWN = (*QUICK, "--set", "data.name=folder:pets", "--set", "data.profile=natural")


@dataclass(frozen=True)
class Case:
    """One bad input.

    Attributes:
        group: heading of the page.
        given: what is wrong, in words; no two cases share them.
        arguments: of the command ``ltdd``.
        build: makes the input below the current folder; None: the command alone is wrong.
    """

    group: str
    given: str
    arguments: tuple[str, ...]
    build: Callable[[], None] | None = None


def said(case: Case) -> tuple[int, str, str, list[str]]:
    """Run a case in an empty folder: exit code, standard output, standard error, names of the files that came.

    Without the lines of progress: how much was read of somebody's own images, which stage begins.
    """
    out, err = io.StringIO(), io.StringIO()
    folders = {f"LTDD_{name}": name.lower() for name in ("WORK", "RESULTS", "DATA")}
    with tempfile.TemporaryDirectory() as folder, chdir(folder), patch.dict(os.environ, folders):
        if case.build is not None:
            with redirect_stdout(io.StringIO()):
                case.build()
        before = _files()
        with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                status = main(list(case.arguments))
            except SystemExit as stop:  # argparse
                status = stop.code
        return (
            status,
            out.getvalue(),
            "".join(_without_progress(err.getvalue())).replace(os.path.realpath(folder), "HERE"),
            sorted(_files() - before),
        )


def _without_progress(text: str) -> list[str]:
    return [line for line in text.splitlines(keepends=True) if not line.startswith(("ltdd: folder:", "stage "))]


def page(lines: Sequence[str]) -> str:
    """The page in Markdown, from the standard error of each case."""
    rows = {case: row(case, line) for case, line in zip(CASES, lines, strict=True)}
    groups = Counter(case.group for case in CASES)
    links = (f"- [{group}](#{group.lower().replace(' ', '-')}): {count} messages" for group, count in groups.items())
    parts = [OPENING.format(contents="\n".join(links))]
    for group in groups:
        parts.append(f"\n## {group}\n\n")
        if usual := _usual(group):
            parts.append(f"The command is {_code(usual)}, where no other one is named.\n\n")
        parts.append("| what is given | what is said |\n|---|---|\n")
        parts.extend(f"{rows[case]}\n" for case in CASES if case.group == group)
    return "".join(parts)


def row(case: Case, error: str) -> str:
    """The row of a case, from its standard error."""
    command = _command(case)
    own = "" if command == _usual(case.group) else f"<br>by {_code(command)}"
    return f"| {case.given} | {_code(error.strip().removeprefix('ltdd: error: '))}{own} |"


def _usual(group: str) -> str | None:
    """The command that most cases of a group share."""
    (command, count), *_ = Counter(_command(case) for case in CASES if case.group == group).most_common(1)
    return command if count > 1 else None


def _command(case: Case) -> str:
    words = " ".join(("ltdd", *case.arguments))
    return words.replace(" ".join(QUICK), "").replace("  ", " ").strip()


def _code(text: str) -> str:
    """A code span of a table, whatever backticks and bars the text has."""
    text = " ".join(text.replace("|", r"\|").split())
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


# --- Sets of other codes ----------------------------------------------------------------------------------------------

CLASSES = torch.arange(10).repeat_interleave(2)
IMPORT = ("import", "mtt_digits", "theirs", "--ipc", "2", "--save-set", "set.safetensors")


def _theirs(**files: object) -> Callable[[], None]:
    """A folder in the layout of MTT, DATM and LTDD: whole, but for what is given (bytes: what is in the file)."""

    def build() -> None:
        folder = Path("theirs")
        folder.mkdir()
        contents = {"images_best": torch.randn(20, 1, 16, 16, generator=_generator()), "labels_best": CLASSES, **files}
        for name, content in contents.items():
            path = folder / f"{name}.pt"
            path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)

    return build


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=_generator())


def _with_nan() -> torch.Tensor:
    images = _images(20, 1, 16, 16)
    images[3, 0, 5] = float("nan")
    return images


def _numbered() -> None:
    """Classes of one's own that are called 1, 2 and 3, and a set of two folders."""
    for name in ("1", "2", "3"):
        for split, count in (("train", 3), ("test", 1)):
            for k in range(count):
                _grey(Path("data/pets") / split / name / f"{k}.png", 60 * int(name) + k)
    for name in ("1", "2"):
        _grey(Path("theirs") / name / "0.png", 60)


def _cut_set() -> None:
    main(["run", "random_digits", *QUICK, "--ipc", "1", "--save-set", "set.safetensors", "--quiet"])
    path = Path("set.safetensors")
    path.write_bytes(path.read_bytes()[:900])


THEIRS = "Sets of other codes"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
CASES = [
    Case(THEIRS, "A Git LFS pointer in place of the images", IMPORT, _theirs(images_best=POINTER)),
    Case(
        THEIRS, "A web page in place of the images", IMPORT, _theirs(images_best=b"<!DOCTYPE html><html>Sign in</html>")
    ),
    Case(THEIRS, "A file that torch did not write", IMPORT, _theirs(labels_best=b"no torch file at all")),
    Case(THEIRS, "No file of images", IMPORT, lambda: Path("theirs").mkdir()),
    Case(THEIRS, "Images without height and width", IMPORT, _theirs(images_best=_images(20, 256))),
    Case(THEIRS, "Images of another size", IMPORT, _theirs(images_best=_images(20, 1, 8, 8))),
    Case(
        THEIRS,
        "Pixels from 0 to 255 where whitened values belong",
        IMPORT,
        _theirs(images_best=_images(20, 1, 16, 16) * 255),
    ),
    Case(THEIRS, "Values that are not finite", IMPORT, _theirs(images_best=_with_nan())),
    Case(
        THEIRS,
        "Two classes for each image",
        IMPORT,
        _theirs(labels_best=torch.eye(10)[CLASSES] + torch.eye(10)[9 - CLASSES]),
    ),
    Case(THEIRS, "Probabilities that do not sum to 1", IMPORT, _theirs(labels_best=torch.full((20, 10), 0.2))),
    Case(THEIRS, "A class that the data do not have", IMPORT, _theirs(labels_best=CLASSES + 1)),
    Case(THEIRS, "Class numbers between two classes", IMPORT, _theirs(labels_best=CLASSES + 0.5)),
    Case(THEIRS, "Another number of images", IMPORT, _theirs(images_best=_images(19, 1, 16, 16))),
    Case(THEIRS, "Unequal classes", IMPORT, _theirs(labels_best=torch.tensor([0] * 11 + list(range(1, 10))))),
    Case(
        THEIRS,
        "Class folders that may be names or numbers",
        ("score", "theirs", "--dataset", "digits", "--set", "data.name=folder:pets", "--set", "data.profile=natural"),
        _numbered,
    ),
    Case(THEIRS, "A step size below 0", IMPORT, _theirs(lr_best=-0.5)),
    Case(THEIRS, "An iteration that was not kept", (*IMPORT, "--iteration", "7"), _theirs()),
    Case(THEIRS, "A set that is cut short", ("evaluate", "set.safetensors"), _cut_set),
    Case(THEIRS, "A file that is not there", ("evaluate", "set.safetensors")),
]


# --- Images of one's own ----------------------------------------------------------------------------------------------


def _grey(path: Path, level: int, size: tuple[int, int] = (16, 16), **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, level).save(path, **options)


def _pets() -> Path:
    """Two classes with three train images and a test image each."""
    root = Path("data/pets")
    for name, level in (("cat", 50), ("dog", 200)):
        for k in range(3):
            _grey(root / f"train/{name}/{k}.png", level + k)
        _grey(root / f"test/{name}/0.png", level + 9)
    return root


def _changed(change: Callable[[Path], object]) -> Callable[[], None]:
    return lambda: (change(_pets()), None)[1]


def _empty_class(root: Path) -> None:
    for split in ("train", "test"):
        (root / split / "fox").mkdir()


def _huge(root: Path) -> None:
    Image.new("L", (20_000, 20_000)).save(root / "train/cat/slide.png", compress_level=1)


def _large_text(root: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "x" * (PngImagePlugin.MAX_TEXT_CHUNK + 1), zip=True)
    _grey(root / "train/cat/0.png", 50, pnginfo=texts)


def _rows(*rows: str, head: str = "file,label,split") -> Callable[[], None]:
    def build() -> None:
        for k, name in enumerate(("a.png", "b.png", "c.png", "d.png")):
            _grey(Path("data/pets/images") / name, 50 * k)
        Path("data/pets/labels.csv").write_text("\n".join((head, *rows)) + "\n")

    return build


def _in_cp1252() -> None:
    _rows()()
    Path("data/pets/labels.csv").write_text("file,label\na.png,K\u00e4fer\n", encoding="cp1252")


def _two_of_one_name() -> None:
    _rows("a,cat,train", *GOOD[1:])()
    _grey(Path("data/pets/images/a.bmp"), 50)


def _two_data_sets() -> None:
    _pets()
    for name in ("mine", "yours"):
        shutil.copytree("data/pets/train", Path("data/pets") / name / "train")
    shutil.rmtree("data/pets/train")


def _list_of(*lines: str) -> Callable[[], None]:
    def build() -> None:
        Path("data").mkdir()
        Path("data/mine.txt").write_text("\n".join(lines) + "\n")

    return build


MINE = "Images of your own"
LISTED = ("run", "random_digits", "--set", "data.profile=list", "--set", "data.list_file=mine.txt", "--ipc", "1")
FIRST = ("run", "random_digits", *OWN, "--ipc", "1")
GOOD = ("a.png,cat,train", "b.png,dog,train", "c.png,cat,test", "d.png,dog,test")
CASES += [
    Case(MINE, "A folder that is not there", FIRST),
    Case(MINE, "A class without an image", FIRST, _changed(_empty_class)),
    Case(MINE, "A class that is in one split alone", FIRST, _changed(lambda root: _grey(root / "train/fox/0.png", 9))),
    Case(MINE, "Images of several sizes", FIRST, _changed(lambda root: _grey(root / "train/cat/0.png", 50, (24, 16)))),
    Case(
        MINE,
        "A text with the name of an image",
        FIRST,
        _changed(lambda root: (root / "train/cat/0.png").write_text("cat")),
    ),
    Case(MINE, "A slide of 400 million pixels", FIRST, _changed(_huge)),
    Case(MINE, "A picture with megabytes of text in it", FIRST, _changed(_large_text)),
    Case(MINE, "Two spellings of one split", FIRST, _changed(lambda root: _grey(root / "Train/cat/0.png", 50))),
    Case(MINE, "A table that names an image that is not there", FIRST, _rows("z.png,cat,train", *GOOD)),
    Case(MINE, "Several labels for one image", FIRST, _rows("a.png,cat|dog,train", *GOOD[1:])),
    Case(MINE, "A column for each class", FIRST, _rows("a.png,1,0", "b.png,0,1", head="file,cat,dog")),
    Case(MINE, "An image in two rows", FIRST, _rows(GOOD[0], *GOOD)),
    Case(MINE, "An image under two spellings", FIRST, _rows(*GOOD, "../pets/images/a.png,cat,test")),
    Case(MINE, "Two columns of labels", FIRST, _rows(*(f"{row},x" for row in GOOD), head="file,label,split,label")),
    Case(MINE, "A table in an old encoding of Windows", FIRST, _in_cp1252),
    Case(MINE, "A name without suffix that two images have", FIRST, _two_of_one_name),
    Case(MINE, "Two data sets in one folder", FIRST, _two_data_sets),
    Case(MINE, "An imbalance factor for images that are all kept", (*FIRST, "--imbalance-factor", "50")),
    Case(MINE, "An index list that names an image twice", LISTED, _list_of("4", "7", "4")),
    Case(MINE, "An index list with a position past the end", LISTED, _list_of("0", "5000")),
    Case(MINE, "An index list with a number past all positions", LISTED, _list_of("0", "9" * 23)),
    Case(MINE, "An index list with a number as code writes it", LISTED, _list_of("1_0")),
    Case(MINE, "An index list with a class left out", LISTED, _list_of("0")),
    Case(MINE, "An index list with two numbers a line", LISTED, _list_of("17 0")),
    Case(MINE, "A split that is neither train nor test", FIRST, _rows("a.png,cat,fold3", *GOOD[1:])),
    Case(
        MINE,
        "More images per class than a class of yours has",
        ("run", "random_digits", *OWN, "--set", "method.policy=inherent"),
        _changed(lambda root: None),
    ),
]


# --- Data sets --------------------------------------------------------------------------------------------------------


def _altered_cifar() -> None:
    folder = Path("data/cifar-10-batches-py")
    folder.mkdir(parents=True)
    for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"):
        (folder / name).write_bytes(b"not a batch")


DATA = "Data sets"
CASES += [
    Case(DATA, "A data set that was not fetched", ("run", "random_cifar10")),
    Case(DATA, "Files that were altered", ("data", "verify", "cifar10"), _altered_cifar),
    Case(DATA, "Data that only their owners give out", ("data", "fetch", "imagenet")),
    Case(DATA, "A name that is not known", ("run", "random_digits", "--set", "data.name=mnist")),
]

# --- Settings ---------------------------------------------------------------------------------------------------------


def _record_cut_short() -> None:
    folder = Path("results/random_digits")
    folder.mkdir(parents=True)
    (folder / "one.json").write_text(json.dumps({"schema": 1, "recipe": "random_digits"})[:20])


RUN = ("run", "random_digits", *QUICK)
SETTINGS = "Settings"
CASES += [
    Case(SETTINGS, "A recipe that there is not", ("run", "rondom_digits")),
    Case(SETTINGS, "A scale that the recipe does not have", (*RUN, "--scale", "paper")),
    Case(SETTINGS, "A protocol that there is not", (*RUN, "--protocol", "dsa")),
    Case(SETTINGS, "A network that there is not", (*RUN, "--network", "vit")),
    Case(SETTINGS, "A network too deep for the images", (*RUN, "--set", "evaluate.network.depth=9")),
    Case(SETTINGS, "A device that is not here", (*RUN, "--device", "cuda:99")),
    Case(SETTINGS, "A setting that there is not", (*RUN, "--set", "train.epochs=1")),
    Case(SETTINGS, "A word where a number belongs", ("run", "random_digits", "--set", "evaluate.train.epochs=x")),
    Case(SETTINGS, "An imbalance factor that is a rate", (*RUN, "--imbalance-factor", "0.01")),
    Case(SETTINGS, "An imbalance factor that empties the tail", (*RUN, "--imbalance-factor", "500")),
    Case(SETTINGS, "No image per class", (*RUN, "--ipc", "0")),
    Case(SETTINGS, "More images than a class of the tail has", (*RUN, "--set", "method.policy=inherent")),
    Case(SETTINGS, "More images than the data have", (*RUN, "--set", "data.n_max=1000")),
    Case(SETTINGS, "A teacher where nothing asks for one", (*RUN, "--teacher", "plain")),
    Case(SETTINGS, "No student", ("run", "random_digits", "--students", "0")),
    Case(SETTINGS, "A negative seed", (*RUN, "--seed", "-1")),
    Case(SETTINGS, "An option that there is not", (*RUN, "--epochs", "3")),
    Case(SETTINGS, "A record that is cut short", ("table",), _record_cut_short),
]


if __name__ == "__main__":
    PAGE.write_text(page([said(case)[2] for case in CASES]))
    print(f"wrote {PAGE}: {len(CASES)} cases", file=sys.stderr)
