"""Images of the user's own whose labels stand in a table: a folder of images and a CSV file."""

import csv
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ltdd_utils.core.files import text_of
from ltdd_utils.data.sources.folders import Labelled
from ltdd_utils.data.sources.listing import SUFFIXES, image_files

__all__ = ["labels_of_table", "table_of"]

IMAGES = "images"  # folder beside the table where images may lie
SEVERAL = re.compile(r"[|;,\[\]]")  # what stands between several labels of one image
WANTED = "want the columns file,label, and split (train or test) where the test images are chosen"

Row = tuple[int, Path, str, str]  # line, path, label, split ("" without that column)


def table_of(top: Path) -> Path | None:
    """The CSV file right below a folder; None: there is none.

    Raises:
        ValueError: there are several.
    """
    found = sorted(path for path in top.glob("*.[cC][sS][vV]") if not path.name.startswith(".")) if top.is_dir() else []
    if len(found) > 1:
        raise ValueError(f"{top} has {found[0].name} and {found[1].name}: leave one; {WANTED}")
    return found[0] if found else None


def labels_of_table(table: Path, splits: Mapping[str, Sequence[str]]) -> Labelled:
    """Class names in string order, train and test images of a table; in order of class and path, not of its lines.

    Args:
        table: a CSV file with the columns file, label and, if it has test images, split; others are not read. Fields
            are divided by ",", ";" or tabs. A file is relative to the table's folder, or to ``images`` in it; its
            suffix may be left out where one image alone has the name.
        splits: the names of ``train`` and ``test`` in the column split; of several for test, the first found counts.

    Raises:
        FileNotFoundError: an image is absent.
        ValueError: no UTF-8, a column is absent or there twice, a field is empty or unknown, an image that is not read,
            is named twice (however it is spelled), or has several labels.
    """
    rows = list(_rows(table))
    if not rows:
        raise ValueError(f"{table} names no image; {WANTED}")
    names = sorted({label for _, _, label, _ in rows})
    unnamed = _tell_unnamed(table, [path for _, path, _, _ in rows])
    found = {split for _, _, _, split in rows}
    unknown = [row for row in rows if row[3] not in ("", *splits["train"], *splits["test"])]
    if unknown:
        raise ValueError(f"{table}, line {unknown[0][0]}: split is {unknown[0][3]!r}; use train or test")
    tests = [split for split in splits["test"] if split in found]
    if len(tests) > 1:
        warnings.warn(f"{table}: split {tests[0]} serves as test set; {', '.join(tests[1:])} is not read", stacklevel=2)
    label_of = {name: label for label, name in enumerate(names)}
    pick = {"train": ("", *splits["train"]), "test": tests[:1]}
    train, test = (
        sorted((label_of[label], path) for _, path, label, split in rows if split in pick[part]) for part in pick
    )
    for part, files in (("train", train), ("test", test)):
        empty = sorted(set(range(len(names))) - {label for label, _ in files})
        if empty and (files or part == "train"):
            raise ValueError(f"{table} has no {part} image of class {names[empty[0]]!r}: add some, or remove its lines")
    unread = [split for _, _, _, split in rows if split in tests[1:]]
    return Labelled(names, train, test, +Counter({"not in the table": unnamed, "of another split": len(unread)}))


def _rows(table: Path) -> Iterator[Row]:
    """The rows of a table, each checked by itself and for a path that was there before."""
    lines = text_of(table).splitlines()
    columns, divider = _columns(lines[0] if lines else "", table)
    seen: dict[Path, int] = {}
    stems = _Stems()
    for line, fields in enumerate(csv.reader(lines[1:], delimiter=divider), start=2):
        if not any(field.strip() for field in fields):
            continue
        cell = {name: fields[place].strip() if place < len(fields) else "" for name, place in columns.items()}
        where = f"{table}, line {line}"
        _check_label(cell["file"], cell["label"], where)
        path = _plainly(_image(table.parent, cell["file"], stems, where))
        known = path.resolve()
        if known in seen:
            first = seen[known]
            raise ValueError(f"{where}: {cell['file']} stands in line {first} too: leave one of the two lines")
        seen[known] = line
        if "split" in columns and not cell["split"]:
            raise ValueError(f"{where}: split is empty; use train or test")
        yield line, path, cell["label"], cell.get("split", "").lower()


def _columns(head: str, table: Path) -> tuple[dict[str, int], str]:
    """The places of the columns by their names in lower case, and what divides the fields."""
    for divider in ",;\t":
        names = [name.strip().lower() for name in next(csv.reader([head], delimiter=divider))]
        if {"file", "label"} <= set(names):
            break
    else:
        raise ValueError(
            f"{table} has the columns {head.strip()[:80]!r}; {WANTED}. A table with one column of 0 and 1 for each "
            "class may give an image several classes: name one class for each"
        )
    twice = next((name for name in ("file", "label", "split") if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"{table} has {names.count(twice)} columns {twice!r}: leave one, or rename the others")
    return {name: place for place, name in enumerate(names)}, divider


def _check_label(file: str, label: str, where: str) -> None:
    """Refuse a row that does not name one image and one class."""
    if not file or not label:
        raise ValueError(f"{where}: {'label' if file else 'file'} is empty; fill it in, or remove the line")
    if SEVERAL.search(label):
        raise ValueError(
            f"{where}: {label!r} looks like several labels, and a class of a long tail is one label for each image: "
            "name one, or name the combination without any of | ; , [ ]"
        )


class _Stems:
    """Images by their names without suffix; every folder is listed once."""

    def __init__(self) -> None:
        self._known: dict[Path, dict[str, list[Path]]] = {}

    def __call__(self, place: Path) -> list[Path]:
        """The images whose path is ``place`` and a suffix."""
        folder = place.parent
        if folder not in self._known:
            found = self._known[folder] = {}
            for name in image_files(folder) if folder.is_dir() else []:
                found.setdefault(Path(name).stem, []).append(folder / name)
        return self._known[folder].get(place.name, [])


def _image(folder: Path, file: str, stems: _Stems, where: str) -> Path:
    """The path of an image, which may be named without its suffix."""
    places = (folder / file, folder / IMAGES / file)
    there = [path for path in places if path.is_file()]
    if there and there[0].suffix.lower() in SUFFIXES:
        return there[0]
    found = [path for place in places for path in stems(place)]
    if len(found) > 1:
        names = " or ".join(str(path.relative_to(folder)) for path in found[:2])
        raise ValueError(f"{where}: {file} may be {names}; write the suffix too")
    if found:
        return found[0]
    if there or Path(file).suffix:
        if Path(file).suffix.lower() not in SUFFIXES:
            raise ValueError(f"{where}: {file} is not read; convert it to one of {' '.join(sorted(SUFFIXES))}")
        raise FileNotFoundError(f"{where}: no {file} in {folder} or its folder {IMAGES}; add it, or remove the line")
    known = " ".join(sorted(SUFFIXES))
    raise FileNotFoundError(
        f"{where}: no {file} with one of {known} in {folder} or its folder {IMAGES}; add it, or remove the line"
    )


def _plainly(path: Path) -> Path:
    """A path without ``..``, where that is the same file: the order of images follows it."""
    plain = Path(os.path.normpath(path))
    return plain if plain.resolve() == path.resolve() else path


def _tell_unnamed(table: Path, paths: Sequence[Path]) -> int:
    """Say how many images lie beside those of the table and are not read; returns their number."""
    named = {path.resolve() for path in paths}
    places = {path.parent.resolve(): path.parent for path in sorted(paths)}.values()  # each folder once
    unnamed = [place / name for place in places for name in image_files(place) if (place / name).resolve() not in named]
    if unnamed:
        warnings.warn(f"not read, {len(unnamed)} images that {table} does not name, such as {unnamed[0]}", stacklevel=2)
    return len(unnamed)
