"""A folder of images of the user's own: one folder a class, to train and to test on."""

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ltdd_utils.data.sources.dataset import SourceDataset
from ltdd_utils.data.sources.files import BACKGROUND, CACHE, TURNS, has_alpha, large_images_allowed, opened, turn_of
from ltdd_utils.data.sources.folders import LabelledFiles, common_classes, labelled_files, population
from ltdd_utils.data.sources.listing import SUFFIXES, class_folders, kinds_of

__all__ = ["source_dataset"]

TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("test", "testing", "val", "valid", "validation")  # the first that is there
QUARTERS = {turn for number, turn in TURNS.items() if number >= 5}  # these exchange width and height
NAMED = 6  # classes that a line names; it counts the others


def source_dataset(spec: str, root: Path) -> SourceDataset:
    """Images of the user's own: ``PATH/train/<class>/*`` and ``PATH/test/<class>/*``, labels in string order.

    ``spec`` is ``PATH`` or ``PATH@SIZE``; a relative path counts from the data root. With a size, images are resized
    and centre-cropped to it; without, they must be squares of one size. One channel if every image is grey, else RGB.
    Images are read as a viewer shows them (``read_images``). For an exponential long tail the default of n_max is the
    size of the smallest class. What is not read, or not as it lies there, is told once, as a warning.

    Raises:
        FileNotFoundError: a folder is absent.
        ValueError: a size of 0, train and test hold different classes, a class without an image, or images of several
            sizes.
    """
    path, _, size = spec.rpartition("@") if re.search(r"@\d+$", spec) else (spec, "", "")
    if size and int(size) < 1:
        raise ValueError(f"folder:{spec} asks for images of {size} pixels; name a side of at least 1, as in @32")
    top = root / Path(path).expanduser()
    folders = _splits(top)
    names = common_classes(*folders)
    _tell_order(names, top)
    _tell_others(folders, names)
    train, test = (_filled(folder, names) for folder in folders)
    form = _common_form([path for _, path in (*train, *test)], int(size) if size else None)
    whole = population("folder", names, (train, test), form, cache=root / CACHE, as_viewed=True)
    return replace(whole, n_max=int(np.bincount(whole.labels).min()))


def _splits(top: Path) -> tuple[Path, Path]:
    """The folders of the train and of the test images, whatever the case of their names; val serves as test."""
    there = class_folders(top) if top.is_dir() else []
    found = {}
    for split, known in (("train", TRAIN_NAMES), ("test", TEST_NAMES)):
        matches = sorted((name for name in there if name.lower() in known), key=lambda name: known.index(name.lower()))
        same = [name for name in matches if name.lower() == matches[0].lower()]
        if len(same) > 1:
            raise ValueError(f"{top} has both {same[0]} and {same[1]}: leave the one that holds the {split} images")
        if split == "test" and len(matches) > 1:
            warnings.warn(f"{top}: {matches[0]} serves as test set; {', '.join(matches[1:])} is not read", stacklevel=2)
        found[split] = top / (matches[0] if matches else split)
    if not found["train"].is_dir():
        deeper = [name for name in there if (top / name / "train").is_dir()]
        hint = f"; {top / deeper[0]} has one: name that folder" if deeper else ""
        raise FileNotFoundError(f"no folder {found['train']}: put the images there, one folder a class{hint}")
    return found["train"], found["test"]


def _filled(folder: Path, names: Sequence[str]) -> LabelledFiles:
    """The images of a split; refuses a class that has none."""
    files = labelled_files(folder, names)
    empty = sorted(set(range(len(names))) - {label for label, _ in files})
    if empty:
        place = folder / names[empty[0]]
        deeper = "; its images lie deeper: move them up" if "folder" in kinds_of(place) else ""
        raise ValueError(f"{place} holds no image: add some, or remove the class from both splits{deeper}")
    return files


def _tell_order(names: Sequence[str], top: Path) -> None:
    """Say that numbered classes are in the order of text, where that is not the order of their numbers."""
    if all(name.isdecimal() for name in names) and list(names) != sorted(names, key=int):
        first = ", ".join(names[:3])
        warnings.warn(
            f"{top}: numbered classes are in the order of text ({first}, ...), so label 1 is class {names[1]!r}; "
            "pad the numbers with zeros for their own order",
            stacklevel=2,
        )


def _tell_others(folders: Iterable[Path], names: Sequence[str]) -> None:
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


@dataclass
class _Forms:
    """What the headers of the images say."""

    sizes: dict[tuple[int, int], Path] = field(default_factory=dict)  # with the first image of each
    kinds: Counter[str] = field(default_factory=Counter)
    huge: Path | None = None

    def add(self, path: Path, turned: bool) -> None:
        """Read one header; ``turned``: also the side lengths that a viewer shows."""
        with opened(path, "damaged or no image") as image:
            size = image.size
            if turned and size[0] != size[1] and turn_of(image) in QUARTERS:
                size = size[::-1]
            self.sizes.setdefault(size, path)
            self.kinds["grey"] += image.mode in ("1", "L")
            self.kinds["grey, three channels"] += image.mode in ("1", "L", "LA", "La") or _grey_palette(image)
            self.kinds["alpha"] += has_alpha(image)
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or np.inf):
                self.kinds["huge"] += 1
                self.huge = self.huge or path


def _grey_palette(image: Image.Image) -> bool:
    """Whether all colours of a palette are grey."""
    palette = image.getpalette("RGB") if image.mode == "P" else None
    return bool(palette) and palette[0::3] == palette[1::3] == palette[2::3]


def _common_form(paths: Sequence[Path], size: int | None) -> tuple[int, int]:
    """Side and channels that all images get."""
    forms = _Forms()
    with large_images_allowed():
        for path in paths:
            forms.add(path, turned=size is None)
    (width, height), first = next(iter(forms.sizes.items()))
    if size is None and (len(forms.sizes) > 1 or width != height):
        other, path = list(forms.sizes.items())[-1]
        raise ValueError(
            f"images differ in size or are not square ({first}: {width}x{height}, {path}: {other[0]}x{other[1]}): "
            "name the size they should get, as in folder:PATH@64"
        )
    channels = 1 if forms.kinds["grey"] == len(paths) else 3
    _tell_forms(forms, len(paths), channels)
    return width if size is None else size, channels


def _tell_forms(forms: _Forms, total: int, channels: int) -> None:
    """Say in one line what of the images is not kept as it lies there."""
    alpha, grey, huge = (forms.kinds[kind] for kind in ("alpha", "grey, three channels", "huge"))
    parts = [f"{alpha} have an alpha channel: what is transparent becomes {BACKGROUND}"] if alpha else []
    if channels == 3 and grey:
        parts.append(f"{grey} are grey and become three equal channels")
    if huge:
        parts.append(f"{huge} are huge and slow to read (the first is {forms.huge}): smaller copies would do")
    if parts:
        warnings.warn(f"of {total} images, {'; '.join(parts)}", stacklevel=2)
