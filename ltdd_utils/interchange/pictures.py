"""A folder of pictures, one folder for each class, read and written."""

import csv
import io
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ltdd_utils.core.files import text_of, write_atomic
from ltdd_utils.core.hints import did_you_mean
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.sources.files import BACKGROUND, has_alpha, is_deep, opened, viewed
from ltdd_utils.data.sources.listing import class_folders, has_images, image_files
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.spaces import uint8_pixels

__all__ = ["export_pictures", "has_pictures", "png", "read_pictures"]

LABELS = "labels.csv"
OPAQUE = 255  # alpha of a pixel that hides what is below it
COLUMNS = ["file", "label", "class"]  # of the table, before the probabilities

Row = tuple[int, list[float]]  # class number and probabilities of a picture


def has_pictures(folder: Path) -> bool:
    """Whether a folder has a folder with a picture in it."""
    return folder.is_dir() and any(has_images(inside) for inside in folder.iterdir())


def read_pictures(folder: Path, class_names: Sequence[str]) -> tuple[Tensor, Tensor, Tensor | None]:
    """The pictures of a folder with one folder for each class, class by class, each in the order of their names.

    The folders are named as the classes are, or numbered from 0 (``00000`` or ``0``); where that may mean several
    classes, it is refused. A ``labels.csv``, as ``export_pictures`` writes it, says the class and the soft label of
    each picture, and its rows are their order.

    Args:
        folder: with a folder for each class.
        class_names: of the data, in label order.

    Returns:
        Images uint8 ``[M, Ch, H, W]``, of one channel if all pictures are grey; class numbers ``[M]`` and None, or
        probabilities ``[M, C]`` and class numbers ``[M]``.

    Raises:
        ValueError: other folders, or such as may be names or numbers, pictures of several sizes, a damaged picture, or
            a table that does not list them, or says other classes than the folders.
    """
    names = class_folders(folder)
    readings = _readings(folder, names, class_names)
    files = {f"{name}/{path.name}": path for name in names for path in _pictures(folder / name)}
    table = _table(folder, class_names)
    if table is None:
        labels = _only(folder, readings)
        rows: dict[str, Row] = {key: (labels[path.parent.name], []) for key, path in files.items()}
        rows = dict(sorted(rows.items(), key=lambda item: item[1][0]))  # class by class; files stay in their order
    else:
        rows = {key: row for key, row in table.items() if key in files}
        _check_rows(folder, files, rows, readings)
    pixels = _stacked(folder, [files[key] for key in rows])
    classes = torch.tensor([label for label, _ in rows.values()])
    soft = [row for _, row in rows.values()]
    return (pixels, torch.tensor(soft), classes) if soft[0] else (pixels, classes, None)


def _readings(folder: Path, names: Sequence[str], class_names: Sequence[str]) -> list[dict[str, int]]:
    """The classes of folders, by what their names may be: class names, or numbers from 0; one for each meaning."""
    named = {name: class_names.index(name) for name in names if name in class_names}
    numbered = {name: int(name) for name in names if name.isdecimal() and int(name) < len(class_names)}
    whole = [labels for labels in (named, numbered) if len(labels) == len(names) == len(set(labels.values()))]
    if not whole:
        labels = max(numbered, named, key=len)  # what most folders are named by; of as many, the names
        other = next((name for name in names if name not in labels), names[0])
        wrong = f"{other!r}{did_you_mean(other, class_names)}"
        raise ValueError(
            f"{folder} has a folder {wrong}; expected one for each class, named {class_names[0]!r}, ... or 0 to "
            f"{len(class_names) - 1}"
        )
    return whole[:1] if whole[0] == whole[-1] else whole


def export_pictures(
    folder: Path, distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess
) -> tuple[list[Path], float]:
    """Write a set as PNG: ``00000/0000.png``, a folder for each class, and ``labels.csv``; do not commit real images.

    The folders are numbered, since readers such as torchvision's ``ImageFolder`` number classes in the order of their
    names. The table has a row for each picture: file, class number and name and, for soft labels, the probabilities.

    Args:
        folder: new or empty.
        distilled: its images are clamped to pixels; its step size has no place here.
        data: where the real images are.
        preprocess: of the set's synthetic images.

    Returns:
        The table and the pictures, and the share of synthetic pixel values that were clamped.

    Raises:
        ValueError: the folder holds something: it would be read with this set.
        OSError: the folder cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; name a new folder")
    images, clamped = uint8_pixels(distilled, data, preprocess)
    names = distilled.info["class_names"]
    soft = None if distilled.targets is None else distilled.target_probabilities().tolist()
    header = [*COLUMNS, *([] if soft is None else [f"p{label}" for label in range(len(names))])]
    rows, counts, written = [header], [0] * len(names), []
    for row, (pixels, label) in enumerate(zip(images, distilled.labels.tolist(), strict=True)):
        name = f"{label:05d}/{counts[label]:04d}.png"
        counts[label] += 1
        write_atomic(folder / name, png(pixels))
        written.append(folder / name)
        rows.append([name, label, names[label], *([] if soft is None else map(repr, soft[row]))])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_atomic(folder / LABELS, text.getvalue())
    return [folder / LABELS, *written], clamped


def png(pixels: Tensor) -> bytes:
    """The file of an image, uint8 ``[1, H, W]`` or ``[3, H, W]``, without loss."""
    array, file = pixels.numpy(), io.BytesIO()
    Image.fromarray(array[0] if len(array) == 1 else array.transpose(1, 2, 0)).save(file, "png")
    return file.getvalue()


def _pictures(folder: Path) -> list[Path]:
    return [folder / name for name in image_files(folder)]


def _picture(path: Path) -> tuple[np.ndarray, bool]:
    """A picture as a viewer shows it, turned and opaque, and whether parts of it were transparent.

    It is uint8 ``[1, H, W]`` of a grey picture, else ``[3, H, W]``.
    """
    with opened(path, "damaged or cut short") as image:
        clear = has_alpha(image) and image.convert("RGBA").getchannel("A").getextrema()[0] < OPAQUE
        grey, readable = image.mode in ("1", "L", "LA") or is_deep(image), is_deep(image) or image.mode[0] not in "IF"
        array = np.asarray(viewed(image, "L" if grey else "RGB"), dtype=np.uint8) if readable else None
    if array is None:
        raise ValueError(f"{path} has more than 8 bits a channel (mode {image.mode}): convert it to 8 bits")
    return (array[None] if grey else array.transpose(2, 0, 1)), clear


def _only(folder: Path, readings: Sequence[Mapping[str, int]]) -> Mapping[str, int]:
    """The one meaning of the folders' names."""
    if len(readings) == 1:
        return readings[0]
    name = next(name for name, label in readings[0].items() if readings[1][name] != label)
    raise ValueError(
        f"{folder} has a folder {name!r}, which may be the class of this name (label {readings[0][name]}) or label "
        f"{readings[1][name]}, counted from 0: add a {LABELS} with the columns {','.join(COLUMNS)}, which says it"
    )


def _check_rows(
    folder: Path, files: Collection[str], rows: Mapping[str, Row], readings: Sequence[Mapping[str, int]]
) -> None:
    """Refuse a table without a row for each picture, or with other classes than the folders may mean."""
    absent = next((key for key in files if key not in rows), None)
    if absent:
        raise ValueError(f"{folder / LABELS} has no row for {absent}; add it, or remove the table")
    wrong = [[key for key, (label, _) in rows.items() if labels[key.split("/")[0]] != label] for labels in readings]
    if all(wrong):
        key = wrong[-1][0]
        raise ValueError(f"{folder / LABELS} says label {rows[key][0]} of {key}, and its folder another one: move it")


def _stacked(folder: Path, paths: Sequence[Path]) -> Tensor:
    """Pictures of one size, uint8 ``[M, Ch, H, W]``."""
    images, clear = zip(*map(_picture, paths), strict=True)
    if any(clear):
        what = f"of {len(paths)} pictures, {sum(clear)} have transparent pixels"
        warnings.warn(f"{folder}: {what}: what is transparent becomes {BACKGROUND}", stacklevel=2)
    sizes = {image.shape[1:] for image in images}
    if len(sizes) > 1:
        first, second = sorted(sizes)[:2]
        raise ValueError(f"{folder} has pictures of {first} and of {second} pixels; a set has one size")
    channels = max(len(image) for image in images)
    return torch.from_numpy(np.stack([np.broadcast_to(image, (channels, *image.shape[1:])) for image in images]))


def _table(folder: Path, class_names: Sequence[str]) -> dict[str, Row] | None:
    """Class number and probabilities (none of a set without soft labels) by file, if the folder has such a table."""
    path, classes = folder / LABELS, len(class_names)
    rows = [row for row in csv.reader(io.StringIO(text_of(path), newline="")) if row] if path.is_file() else []
    first = len(COLUMNS)
    if not rows or (len(rows[0]) <= first and rows[0] != COLUMNS):
        return None
    wanted = f"expected file, label, class and {classes} probabilities, or none of them"
    wrong = next((row for row in rows if len(row) not in (first, first + classes) or len(row) != len(rows[0])), None)
    if wrong is not None:
        raise ValueError(f"{path} has a row of {len(wrong)} columns, {wrong[0]!r} first; {wanted}")
    found: dict[str, Row] = {}
    for file, number, name, *values in rows[1:]:
        label = int(number) if number.isdecimal() else classes
        if label >= classes or (name in class_names and class_names[label] != name):
            raise ValueError(
                f"{path} says label {number!r}, class {name!r} of {file}; the data has {classes} classes, from 0, "
                f"{class_names[0]!r}, to {classes - 1}, {class_names[-1]!r}"
            )
        if file in found:
            raise ValueError(f"{path} names {file} twice; leave one of the two lines")
        try:
            found[file] = label, [float(value) for value in values]
        except ValueError as error:
            raise ValueError(f"{path}: {error}; {wanted}") from error
    return found
