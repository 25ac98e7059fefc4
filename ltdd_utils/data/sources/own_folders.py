"""Images of the user's own whose labels are the names of folders: one folder a class, to train and to test on."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ltdd_utils.data.sources.folders import Labelled, LabelledFiles, common_classes
from ltdd_utils.data.sources.listing import (
    SUFFIXES,
    class_folders,
    files_below,
    has_images,
    image_files,
    kinds_of,
    sub_folders,
)

__all__ = ["labels_of_folders", "named"]

NAMED = 6  # classes that a line names; it counts the others
BELOW = "in sub-folders"  # what files are counted as that lie in folders which are not read


def labels_of_folders(top: Path, splits: Mapping[str, Sequence[str]]) -> Labelled:
    """Class names in string order, train and test images, by class and name; no test image without their folder.

    The images of a class lie right below its folder, or all of them one folder deeper. Without a train folder, and
    without one to test on, the folders of ``top`` are the classes.

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
    files = [_filled(folder, names) for folder in folders]
    return Labelled(names, files[0], files[1] if len(files) > 1 else [], _tell_others(folders, names))


def named(top: Path, known: Sequence[str]) -> list[str]:
    """Folders below ``top`` that have one of the ``known`` names, in any case; in the order of ``known``."""
    there = sub_folders(top)
    return sorted((name for name in there if name.lower() in known), key=lambda name: known.index(name.lower()))


def _split_folders(top: Path, splits: Mapping[str, Sequence[str]]) -> tuple[Path, Path | None]:
    """The folders of the train and of the test images."""
    found = {split: named(top, known) for split, known in splits.items()}
    for split, matches in found.items():
        same = [name for name in matches if name.lower() == matches[0].lower()]
        if len(same) > 1:
            raise ValueError(f"{top} has both {same[0]} and {same[1]}: leave the one that holds the {split} images")
    if not found["train"]:
        classes = sub_folders(top)
        if found["test"] or len(classes) < 2 or not all(_places(top / name) for name in classes):
            raise FileNotFoundError(f"no folder {top / 'train'}: put the images there, one folder a class")
        more = ", ..." if len(classes) > NAMED else ""
        what = f"its {len(classes)} folders are read as classes ({', '.join(classes[:NAMED])}{more})"
        warnings.warn(f"{top} has no folder train: {what}", stacklevel=2)
        return top, None
    used = [matches[0] for matches in found.values() if matches]
    others = [name for name in class_folders(top) if name not in used]
    if others:
        warnings.warn(f"{top}: {' and '.join(used)} are read; not read: {', '.join(others[:NAMED])}", stacklevel=2)
    return top / found["train"][0], top / found["test"][0] if found["test"] else None


def _places(folder: Path) -> list[Path]:
    """Where the images of a class lie: right below its folder, else in folders of it; nowhere."""
    if has_images(folder):
        return [folder]
    return [folder / name for name in sub_folders(folder) if has_images(folder / name)]


def _filled(folder: Path, names: Sequence[str]) -> LabelledFiles:
    """The images of a split; refuses a class that has none, and says which lie one folder deeper."""
    files: LabelledFiles = []
    deeper = []
    for label, name in enumerate(names):
        places = _places(folder / name)
        if not places:
            raise ValueError(f"{folder / name} holds no image: add some, or remove the class from both splits")
        deeper += [place for place in places if place != folder / name]
        files += [(label, place / file) for place in places for file in image_files(place)]
    if deeper:
        count = len({place.parent for place in deeper})
        what = f"{count} of {len(names)} classes, such as {deeper[0].relative_to(folder)}"
        warnings.warn(f"{folder}: images are read one folder deeper in {what}", stacklevel=2)
    return files


def _tell_others(folders: Sequence[Path], names: Sequence[str]) -> Counter[str]:
    """Say what lies in the folders and is not read, by class; returns the numbers of files by kind."""
    found, skipped = {split.name: kinds_of(split) for split in folders}, Counter[str]()
    for kinds in found.values():
        del kinds["folder"]  # the classes
        skipped += kinds
    for split in folders:
        for name in names:
            places = _places(split / name)
            for place in {split / name, *places}:
                kinds = Counter({kind: n for kind, n in kinds_of(place).items() if kind not in SUFFIXES})
                unread = [] if place not in places else [place / inner for inner in sub_folders(place)]
                kinds["folder"] = len(unread)
                if +kinds:
                    found[place.relative_to(split.parent).as_posix()] = +kinds
                skipped += Counter({**kinds, "folder": 0, BELOW: sum(map(files_below, unread))})
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
    return skipped
