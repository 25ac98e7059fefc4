"""A look at a data set before anything is run on it: how much there is, what is left out, what is doubtful."""

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.long_tailed import load, tally
from ltdd_utils.data.settings import OWN, DataConfig
from ltdd_utils.data.sources.files import DECODE_ROWS, large_images_allowed, opened, turn_of, viewed
from ltdd_utils.data.sources.folders import LabelledFiles
from ltdd_utils.data.sources.own import labelled, split_spec

__all__ = ["Inspection", "inspect"]

FINEST_ZCA = 4096  # pixel values of an image up to which ZCA takes seconds on a CPU (3,072 at 32x32; 12,288 at 64x64)
SIDES = (32, 64, 128, 224)  # usual ones, to which larger images are brought


@dataclass(frozen=True)
class Inspection:
    """All that is found; ready for JSON."""

    name: str  # for ``data.name``
    class_names: tuple[str, ...]
    train: tuple[int, ...]  # images of each class
    test: tuple[int, ...]
    sizes: dict[str, int]  # "WIDTHxHEIGHT" as a viewer shows it -> images; the most frequent first
    modes: dict[str, int]  # Pillow's name of the colours (RGB, L, P, I;16) -> images
    turned: int  # images that are stored lying, and shown upright by their EXIF orientation
    skipped: dict[str, int]  # files that are not read, by kind
    unreadable: tuple[str, ...]  # images that cannot be opened, with the reason
    duplicates: tuple[tuple[str, str], ...]  # a train image, and a test image with the same pixels
    said: tuple[str, ...]  # what reading it says
    advice: tuple[str, ...]  # settings that suit it

    @property
    def line(self) -> str:
        """How much there is, in one line."""
        return tally(self.train, sum(self.test), self.skipped)


def inspect(name: str, root: Path, watch: Watch | None = None) -> Inspection:
    """Look at all images of a data set.

    Args:
        name: one of ``DATASETS``, a folder, or ``folder:PATH``, each folder with or without ``@SIZE``.
        root: folder of the data sets; a relative path counts from the working folder, then from here.
        watch: gets ``{"stage", "done", "total"}`` while images are read.

    Raises:
        FileNotFoundError: it is absent.
        ValueError: what its reader refuses.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        found = _built_in(name, root, watch) if name in DATASETS else _own(name.removeprefix(OWN), root, watch)
        said = tuple(" ".join(str(warning.message).split()) for warning in caught)
    return Inspection(said=said, advice=tuple(_advice(found)), **found)


def _built_in(name: str, root: Path, watch: Watch | None) -> dict[str, object]:
    """The whole of a data set of the table, or its usual long tail where the rest is absent."""

    def progress(event: dict[str, Any]) -> None:
        if watch is not None and "note" not in event:  # the inspection itself says how much was read
            watch(event)

    try:
        data = load(DataConfig(name, profile="natural"), root, progress)
    except FileNotFoundError as error:
        data = load(DataConfig(name, DATASETS[name].imbalance_factor), root, progress)
        warnings.warn(f"a part of {name} alone is here, and a long tail of it is looked at: {error}", stacklevel=2)
    count, (channels, height, width) = len(data.train_images) + len(data.test_images), data.train_images.shape[1:]
    train, test = _pixel_hashes(data.train_images), _pixel_hashes(data.test_images)
    places = data.indices.tolist()
    return {
        "name": name,
        "class_names": data.class_names,
        "train": data.counts,
        "test": tuple(np.bincount(data.test_labels.numpy(), minlength=data.classes).tolist()),
        "sizes": {f"{width}x{height}": count},
        "modes": {"L" if channels == 1 else "RGB": count},
        "turned": 0,
        "skipped": {},
        "unreadable": (),
        "duplicates": _both(
            ((key, f"train image {place}") for key, place in zip(train, places, strict=True)),
            ((key, f"test image {place}") for place, key in enumerate(test)),
        ),
    }


def _own(spec: str, root: Path, watch: Watch | None) -> dict[str, object]:
    """The images of the user's own, each decoded in its own size."""
    path, size = split_spec(spec)
    here = path.resolve() if path.is_dir() else root / path
    if not here.is_dir():
        known = f"a folder, or one of {', '.join(DATASETS)}"
        raise FileNotFoundError(f"no data set {spec!r}, and no folder {path} or {here}: name {known}")
    found = labelled(here)
    looks = _looks([path for _, path in (*found.train, *found.test)], watch)
    sizes, modes = (Counter(look[part] for look in looks.values() if look[2]) for part in (0, 1))

    def keys(files: LabelledFiles) -> Iterable[tuple[str, str]]:
        return ((looks[path][2], str(path.relative_to(here))) for _, path in files if looks[path][2])

    return {
        "name": f"{OWN}{here}" + (f"@{size}" if size else ""),
        "class_names": tuple(found.names),
        "train": _counts(found.train, len(found.names)),
        "test": _counts(found.test, len(found.names)),
        "sizes": dict(sizes.most_common()),
        "modes": dict(modes.most_common()),
        "turned": sum(look[3] for look in looks.values()),
        "skipped": dict(found.skipped.most_common()),
        "unreadable": tuple(look[0] for look in looks.values() if not look[2]),
        "duplicates": _both(keys(found.train), keys(found.test)),
    }


def _counts(files: LabelledFiles, classes: int) -> tuple[int, ...]:
    return tuple(np.bincount([label for label, _ in files], minlength=classes).tolist())


def _looks(paths: Sequence[Path], watch: Watch | None) -> dict[Path, tuple[str, str, str, bool]]:
    """Size, mode, hash of the pixels, and whether EXIF turns it, of each image; of a bad one why, and no hash."""

    def look(path: Path) -> tuple[str, str, str, bool]:
        try:
            with opened(path, "damaged or cut short") as image:
                mode, picture, turned = image.mode, viewed(image, "RGB"), turn_of(image) is not None
        except ValueError as error:
            return str(error), "", "", False
        size = f"{picture.width}x{picture.height}"
        return size, mode, hashlib.sha256(size.encode() + picture.tobytes()).hexdigest(), turned

    looks = {}
    with large_images_allowed(), ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (path, found) in enumerate(zip(paths, pool.map(look, paths), strict=True), start=1):
            looks[path] = found
            if watch is not None and (done % DECODE_ROWS == 0 or done == len(paths)):
                watch({"stage": "look at images", "done": done, "total": len(paths)})
    return looks


def _pixel_hashes(images: Tensor) -> list[str]:
    return [hashlib.sha256(image.tobytes()).hexdigest() for image in images.numpy()]


def _both(train: Iterable[tuple[str, str]], test: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The pairs of a train and a test image with one key; of several equal train images the first."""
    known: dict[str, str] = {}
    for key, place in train:
        known.setdefault(key, place)
    return tuple((known[key], place) for key, place in test if key in known)


def _advice(found: dict) -> Iterable[str]:
    """Settings that suit the size of a data set, and what to mend first."""
    name, counts = found["name"], dict(zip(found["class_names"], found["train"], strict=True))
    sides = [tuple(map(int, size.split("x"))) for size in found["sizes"]]
    least = min((min(side) for side in sides), default=0)
    side = split_spec(name)[1] or least
    if name.startswith(OWN) and split_spec(name)[1] is None and len({*sum(sides, ())}) > 1:
        side = max((known for known in SIDES if known <= least), default=least)
        name += f"@{side}"
        yield f"images are of several sizes or not square: --set data.name={name} brings all to {side}x{side}"
    if len(set(found["train"])) > 1 and name not in DATASETS:
        yield "--set data.profile=natural keeps every image; without it a tail is cut from the smallest class"
    rare = min(counts, key=counts.get)
    yield f"--ipc up to {counts[rare]} repeats no image of {rare!r}, the smallest class"
    grey = set(found["modes"]) <= {"1", "L"}
    values = side * side * (1 if grey else 3)
    if values <= FINEST_ZCA:
        yield f"ZCA, which the recipes of stored labels use, suits images of {values:,} values"
    else:
        yield (
            f"ZCA of {values:,} values is slow and needs {8 * values**2 / 1e9:.1f} GB a matrix: "
            "--set evaluate.preprocess.kind=normalise, or --protocol online-teacher, which has none"
        )
    if len(set(found["test"])) > 1:
        yield "the test set is not balanced: balanced accuracy is shown beside accuracy, and is the one to compare"
    if found["duplicates"] and name in DATASETS:
        yield "the images that are in train and test are so in the published data, and every score of it counts them"
    elif found["duplicates"]:
        yield "remove the test images that are train images too: what is learned by heart scores there"
