"""Images of the user's own whose labels are the names of folders: one folder a class, to train and to test on."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ltdd_utils.data.sources.folders import LabelledFiles, common_classes, labelled_files
from ltdd_utils.data.sources.listing import SUFFIXES, class_folders, kinds_of

__all__ = ["labels_of_folders", "named"]

NAMED = 6  # classes that a line names; it counts the others


def labels_of_folders(top: Path, splits: Mapping[str, Sequence[str]]) -> tuple[list[str], LabelledFiles, LabelledFiles]:
    """Class names in string order, train and test images, by class and name; no test image without their folder.

    Args:
        top: the folder that holds those of the splits.
        splits: the names that the folders of ``train`` and ``test`` may have; the first that is there counts.

    Raises:
        FileNotFoundError: the train folder is absent.
        ValueError: splits of different classes, a class without an image, or two spellings of a split.
    """
    train, test = _split_folders(top, splits)
    names = class_folders(train) if test is None else common_classes(train, test)
    folders = [train] if test is None else [train, test]
    _tell_others(folders, names)
    files = [_filled(folder, names) for folder in folders]
    return names, files[0], files[1] if len(files) > 1 else []


def named(top: Path, known: Sequence[str]) -> list[str]:
    """Folders below ``top`` that have one of the ``known`` names, in any case; in the order of ``known``."""
    there = class_folders(top) if top.is_dir() and kinds_of(top)["folder"] else []
    return sorted((name for name in there if name.lower() in known), key=lambda name: known.index(name.lower()))


def _split_folders(top: Path, splits: Mapping[str, Sequence[str]]) -> tuple[Path, Path | None]:
    """The folders of the train and of the test images."""
    found = {split: named(top, known) for split, known in splits.items()}
    for split, matches in found.items():
        same = [name for name in matches if name.lower() == matches[0].lower()]
        if len(same) > 1:
            raise ValueError(f"{top} has both {same[0]} and {same[1]}: leave the one that holds the {split} images")
    if not found["train"]:
        there = class_folders(top) if top.is_dir() and kinds_of(top)["folder"] else []
        deeper = [top / name for name in there if named(top / name, splits["train"])]
        hint = f"; {deeper[0]} has one: name that folder" if deeper else ""
        raise FileNotFoundError(f"no folder {top / 'train'}: put the images there, one folder a class{hint}")
    used = [matches[0] for matches in found.values() if matches]
    others = [name for name in class_folders(top) if name not in used]
    if others:
        warnings.warn(f"{top}: {' and '.join(used)} are read; not read: {', '.join(others[:NAMED])}", stacklevel=2)
    return top / found["train"][0], top / found["test"][0] if found["test"] else None


def _filled(folder: Path, names: Sequence[str]) -> LabelledFiles:
    """The images of a split; refuses a class that has none."""
    files = labelled_files(folder, names)
    empty = sorted(set(range(len(names))) - {label for label, _ in files})
    if empty:
        place = folder / names[empty[0]]
        deeper = "; its images lie deeper: move them up" if kinds_of(place)["folder"] else ""
        raise ValueError(f"{place} holds no image: add some, or remove the class from both splits{deeper}")
    return files


def _tell_others(folders: Sequence[Path], names: Sequence[str]) -> None:
    """Say what lies in the folders and is not read, by class."""
    found = {split.name: kinds_of(split) for split in folders}
    for kinds in found.values():
        del kinds["folder"]  # the classes
    for split in folders:
        for name in names:
            kinds = kinds_of(split / name)
            found[f"{split.name}/{name}"] = Counter({k: n for k, n in kinds.items() if k not in SUFFIXES})
    rows = [
        f"{place}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        for place, kinds in found.items()
        if kinds
    ]
    if rows:
        more = f"; and {len(rows) - NAMED} more folders" if len(rows) > NAMED else ""
        total = sum(kinds.total() for kinds in found.values())
        known = " ".join(sorted(SUFFIXES))
        warnings.warn(
            f"not read, {total} in all: {'; '.join(rows[:NAMED])}{more}; images are read from {known}", stacklevel=2
        )
