"""Tiny-ImageNet-200, in the layout of its archive and in those that people's scripts turn it into."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.data.sources.dataset import FETCH, Presence, Source, SourceDataset
from ltdd_utils.data.sources.files import CACHE
from ltdd_utils.data.sources.folders import LabelledFiles, population
from ltdd_utils.data.sources.listing import class_folders, has_images, image_files, lines_of

__all__ = ["presence", "source", "source_dataset"]

FOLDER = "tiny-imagenet-200"
SIZE = 64  # pixels
TRAIN_IMAGES = 500  # of each class
ARCHIVE_BYTES = 248_100_043
REMEDY = f"run `{FETCH.format(name='tiny')}`"


def source_dataset(root: Path) -> SourceDataset:
    """Tiny-ImageNet-200: 500 train images of each class, 64x64; its validation set serves as test set.

    A class's train images are all names in its ``<wnid>_boxes.txt``, in string order, whether the files are there or
    not: so a position means the same image on a machine that holds only some of them. Classes are in wnid order. Test
    images are in class order, then name order, whether ``val`` is flat or sorted into class folders.

    Raises:
        FileNotFoundError: the data set, or a test image, is absent.
        ValueError: a test set with unequal classes.
    """
    top = _top(root)
    if not top.is_dir():
        raise FileNotFoundError(f"no tiny in {root}: {REMEDY}, or set LTDD_DATA to the folder that has it")
    wnids = class_folders(top / "train")
    train = [(label, path) for label, wnid in enumerate(wnids) for path in _train_files(top / "train" / wnid)]
    words = dict(line.split("\t", 1) for line in lines_of(top / "words.txt")) if (top / "words.txt").is_file() else {}
    names = tuple(words.get(wnid, wnid).split(",")[0].strip() for wnid in wnids)
    whole = population("tiny", names, (train, _test_files(top, wnids)), (SIZE, 3), cache=root / CACHE)

    def read_train(positions: np.ndarray, watch: Watch | None = None) -> Tensor:
        _need_files(train, positions)
        return whole.read_train(positions, watch)

    return replace(whole, read_train=read_train)


def source() -> Source:
    """Where Tiny-ImageNet-200 comes from: its usual address; the MD5 is the one that public loaders of it agree on."""
    url = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
    return Source(url, "90528d7ca1a48142e341f4ef8d21d0de", FOLDER, {}, ARCHIVE_BYTES)


def presence(root: Path) -> Presence:
    """How many images of Tiny-ImageNet are there.

    Raises:
        FileNotFoundError: a file that must be there is absent.
        ValueError: an empty file, or a test set with unequal classes.
    """
    top = _top(root)
    wnids = class_folders(top / "train")
    total = sum(len(_train_files(top / "train" / wnid)) for wnid in wnids)
    places = [_place(top / "train" / wnid) for wnid in wnids]
    paths = [place / file for place in places for file in image_files(place)]
    tests = [path for _, path in _test_files(top, wnids)]
    for path in [*paths, *tests]:
        if path.stat().st_size == 0:
            raise ValueError(f"{path} is empty: {REMEDY}")
    each = len(tests) // len(wnids)
    whole, trained = len(paths) == total, f"{len(paths):,} of {total:,} train images"
    words = f"present: {len(wnids)} classes, {trained}" if whole else f"partial ({trained}): {len(wnids)} classes"
    return Presence(f"{words}, {len(tests):,} test images ({each} a class)", whole=whole)


def _top(root: Path) -> Path:
    """The folder that holds ``train``: some programs unpack an archive into a folder of its own name."""
    top = root / FOLDER
    return top / FOLDER if (top / FOLDER / "train").is_dir() and not (top / "train").is_dir() else top


def _place(folder: Path) -> Path:
    """Where the train images of a class lie: in its ``images``, else right below its folder."""
    return folder / "images" if (folder / "images").is_dir() else folder


def _train_files(folder: Path) -> list[Path]:
    """Paths of all train images of a class, in string order: from its ``<wnid>_boxes.txt``, or all 500 by themselves.

    The list holds every image once, so where all 500 lie there, their sorted names are the sorted list.

    Raises:
        FileNotFoundError: there is no list, and some images are absent.
    """
    boxes, place = folder / f"{folder.name}_boxes.txt", _place(folder)
    if boxes.is_file():
        return [place / name for name in sorted(line.split("\t")[0] for line in lines_of(boxes))]
    found = image_files(place) if place.is_dir() else []
    if {Path(name).stem for name in found} != {f"{folder.name}_{k}" for k in range(TRAIN_IMAGES)}:
        raise FileNotFoundError(
            f"no {boxes}, which names the images of the class, and {place} holds {len(found)} images, "
            f"not the {TRAIN_IMAGES} that would do without it ({folder.name}_0 to _{TRAIN_IMAGES - 1}): {REMEDY}"
        )
    return [place / name for name in found]


def _test_files(top: Path, wnids: Sequence[str]) -> LabelledFiles:
    """Label and path of the validation images, by class and name; flat with annotations, or in class folders.

    Class folders count if every class has an image there: some scripts make them, and move nothing.

    Raises:
        FileNotFoundError: no layout is whole, or an image that the annotations name is absent.
        ValueError: classes with unequal numbers of images.
    """
    val = top / "val"
    for pattern in ("images/{}", "{}/images", "{}"):
        if all(has_images(val / pattern.format(wnid)) for wnid in wnids):
            found = [(label, val / pattern.format(wnid)) for label, wnid in enumerate(wnids)]
            files = [(label, folder / name) for label, folder in found for name in image_files(folder)]
            break
    else:
        files = _annotated_files(val, wnids)
    counts = Counter({label: 0 for label in range(len(wnids))})
    counts.update(label for label, _ in files)
    (most, usual), (least, few) = counts.most_common(1)[0], counts.most_common()[-1]
    if usual != few:
        raise ValueError(
            f"{val} is not balanced: class {wnids[least]} has {few} images, {wnids[most]} has {usual}; {REMEDY}"
        )
    return files


def _annotated_files(val: Path, wnids: Sequence[str]) -> LabelledFiles:
    """Label and path of the images in ``val/images`` that ``val_annotations.txt`` names."""
    if not (val / "val_annotations.txt").is_file():
        patterns = ("images/{}", "{}/images", "{}")
        empty = [w for w in wnids if not any(has_images(val / pattern.format(w)) for pattern in patterns)]
        what = f"no image of {len(empty)} of the classes ({empty[0]})" if empty else "class folders in several places"
        raise FileNotFoundError(f"{val} has {what} and no val_annotations.txt: {REMEDY}")
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    rows = [line.split("\t")[:2] for line in lines_of(val / "val_annotations.txt")]
    wanted = sorted((label_of[wnid], name) for name, wnid in rows if wnid in label_of)
    there = set(image_files(val / "images")) if (val / "images").is_dir() else set()
    absent = [(wnids[label], name) for label, name in wanted if name not in there]
    if absent:
        wnid, name = absent[0]
        raise FileNotFoundError(
            f"{val / 'images' / name} of class {wnid} is absent, as are {len(absent)} of the {len(wanted)} images that "
            f"val_annotations.txt names, and class folders do not hold images of every class either: {REMEDY}"
        )
    return [(label, val / "images" / name) for label, name in wanted]


def _need_files(train: LabelledFiles, positions: np.ndarray) -> None:
    """Raise unless every train image that a long tail needs is there."""
    absent = [train[position][1] for position in positions if not train[position][1].is_file()]
    if absent:
        raise FileNotFoundError(
            f"{absent[0]} is absent, as are {len(absent)} of the {len(positions)} train images of this long tail: "
            f"{REMEDY}, or use an imbalance factor and index list that the images cover"
        )
