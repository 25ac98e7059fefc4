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

__all__ = ["BASES", "CASES", "PAGE", "SHOWN", "Case", "anatomy", "page", "row", "said", "typed"]

PAGE = Path(__file__).parents[1] / "book" / "bad_input.md"
OPENING = """# Bad input, and what is said

`ltdd` refuses input that it cannot use.
This page shows {count} such inputs, and the line that the command printed for each.
Most are inputs that people of this field really have: a Git LFS pointer in place of a file, labels that count from 1,
a table in an old encoding of Windows.

{contents}

## How to read a message

A command that refuses its input ends with the exit code 2 ([all exit codes](faults.md#exit-codes)).
It prints one line on standard error, and nothing on standard output:

> {line}

Most lines say three things, in this order:

| part | here | what it tells |
|---|---|---|
| the place | {place} | which file, line of a file, option or setting to look at |
| the value | {value} | what was found there |
| the remedy | {remedy} | what is asked for instead, or what to do |

Words such as `--targets logits` in a line are options, as they are typed.

## How to use a message

1. Read the end of the line first: it says what to do.
2. Correct the file, the option or the setting that the line names.
3. Give the same command again.
   The refused one left nothing half-written, and stages that had finished are not made again.

If the line is not enough, search this page for a word of it: beside it stands the input that it was said about.
The page can also be read beforehand, as the list of what is refused.
What is doubtful, but can be read, is not refused.
What a warning means, [What is read of your data](reading_data.md) and [Your own data](own_data.md) say.

## How to read the tables

On the left stands what was wrong, and below it what was typed.
Options alone are added to the command above the table; a row without any is that command itself.
On the right stands the line, without `ltdd: error:`.
`theirs`, `pets`, `mine.txt` and `set.safetensors` are names of these examples.

Every row is run by the tests, and the page is written from what the command said (`python tools/bad_input.py`).
Options that only make the runs short are left out.
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
    errors = dict(zip(CASES, lines, strict=True))
    groups = Counter(case.group for case in CASES)
    links = (f"- [{group}](#{group.lower().replace(' ', '-')}): {count} messages" for group, count in groups.items())
    (shown,) = (errors[case] for case in CASES if case.given == SHOWN)
    parts = [OPENING.format(count=len(CASES), contents="\n".join(links), line=_code(shown), **anatomy(shown))]
    for group in groups:
        parts.append(f"\n## {group}\n\n")
        if base := BASES[group]:
            parts.append(f"The command is {_code(typed(base))}.\n\n")
        parts.append("| what is given | what is said |\n|---|---|\n")
        parts.extend(f"{row(case, errors[case])}\n" for case in CASES if case.group == group)
    return "".join(parts)


def anatomy(error: str) -> dict[str, str]:
    """Place, value and remedy of a line that says them in this order, as code."""
    place, _, rest = error.strip().removeprefix("ltdd: error: ").partition(": ")
    value, _, remedy = rest.partition("; ")
    return {"place": _code(place), "value": _code(value), "remedy": _code(remedy)}


def row(case: Case, error: str) -> str:
    """The row of a case, from its standard error."""
    rest = typed(case.arguments).removeprefix(typed(BASES[case.group])).strip()
    own = f"<br>{_code(rest)}" if rest else ""
    return f"| {case.given}{own} | {_code(error.strip().removeprefix('ltdd: error: '))} |"


def typed(arguments: Sequence[str]) -> str:
    """A command as the page shows it, without what only makes it short; of none, nothing."""
    words = " ".join(("ltdd", *arguments)) if arguments else ""
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
SHOWN = "A class that the data do not have"  # the message that the page takes apart
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
    Case(THEIRS, "Another number of images per class", (*IMPORT, "--ipc", "10"), _theirs()),
    Case(THEIRS, "Fewer labels than images", IMPORT, _theirs(labels_best=CLASSES[:19])),
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


MINE, TABLE, LIST = "Folders of your own images", "A table of your own images", "Index lists"
FIRST = ("run", "random_digits", *OWN, "--ipc", "1")
LISTED = ("run", "random_digits", "--set", "data.profile=list", "--set", "data.list_file=mine.txt", "--ipc", "1")
GOOD = ("a.png,cat,train", "b.png,dog,train", "c.png,cat,test", "d.png,dog,test")
CASES += [
    Case(MINE, "A folder that is not there", FIRST),
    Case(MINE, "Two data sets in one folder", FIRST, _two_data_sets),
    Case(MINE, "Two spellings of one split", FIRST, _changed(lambda root: _grey(root / "Train/cat/0.png", 50))),
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
    Case(MINE, "An imbalance factor for images that are all kept", (*FIRST, "--imbalance-factor", "50")),
    Case(
        MINE,
        "More images per class than a class of yours has",
        (*FIRST, "--ipc", "10", "--set", "method.policy=inherent"),
        _changed(lambda root: None),
    ),
    Case(TABLE, "A table that names an image that is not there", FIRST, _rows("z.png,cat,train", *GOOD)),
    Case(TABLE, "A name without suffix that two images have", FIRST, _two_of_one_name),
    Case(TABLE, "An image in two rows", FIRST, _rows(GOOD[0], *GOOD)),
    Case(TABLE, "An image under two spellings", FIRST, _rows(*GOOD, "../pets/images/a.png,cat,test")),
    Case(TABLE, "Several labels for one image", FIRST, _rows("a.png,cat|dog,train", *GOOD[1:])),
    Case(TABLE, "A column for each class", FIRST, _rows("a.png,1,0", "b.png,0,1", head="file,cat,dog")),
    Case(TABLE, "Two columns of labels", FIRST, _rows(*(f"{row},x" for row in GOOD), head="file,label,split,label")),
    Case(TABLE, "A split that is neither train nor test", FIRST, _rows("a.png,cat,fold3", *GOOD[1:])),
    Case(TABLE, "A table in an old encoding of Windows", FIRST, _in_cp1252),
    Case(LIST, "An image that is named twice", LISTED, _list_of("4", "7", "4")),
    Case(LIST, "A position past the end", LISTED, _list_of("0", "5000")),
    Case(LIST, "A number past all positions", LISTED, _list_of("0", "9" * 23)),
    Case(LIST, "A number as code writes it", LISTED, _list_of("1_0")),
    Case(LIST, "Two numbers a line", LISTED, _list_of("17 0")),
    Case(LIST, "Classes without an image", LISTED, _list_of("0")),
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
    Case(SETTINGS, "A word where a number belongs", (*RUN, "--set", "evaluate.train.epochs=x")),
    Case(SETTINGS, "An imbalance factor that is a rate", (*RUN, "--imbalance-factor", "0.01")),
    Case(SETTINGS, "An imbalance factor that empties the tail", (*RUN, "--imbalance-factor", "500")),
    Case(SETTINGS, "No image per class", (*RUN, "--ipc", "0")),
    Case(SETTINGS, "More images than a class of the tail has", (*RUN, "--set", "method.policy=inherent")),
    Case(SETTINGS, "More images than the data have", (*RUN, "--set", "data.n_max=1000")),
    Case(SETTINGS, "A teacher where nothing asks for one", (*RUN, "--teacher", "plain")),
    Case(SETTINGS, "No student", (*RUN, "--students", "0")),
    Case(SETTINGS, "A negative seed", (*RUN, "--seed", "-1")),
    Case(SETTINGS, "An option that there is not", (*RUN, "--epochs", "3")),
    Case(SETTINGS, "A record that is cut short", ("table",), _record_cut_short),
]
BASES = {THEIRS: IMPORT, MINE: FIRST, TABLE: FIRST, LIST: LISTED, DATA: (), SETTINGS: RUN}  # above each group's table


if __name__ == "__main__":
    PAGE.write_text(page([said(case)[2] for case in CASES]))
    print(f"wrote {PAGE}: {len(CASES)} cases", file=sys.stderr)
