"""A folder of pictures, one folder for each class, read and written."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ltdd_utils.core.files import write_atomic
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.sources.files import has_alpha, is_deep, opened, viewed
from ltdd_utils.data.sources.listing import class_folders, has_images, image_files
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.spaces import uint8_pixels

__all__ = ["export_pictures", "has_pictures", "png", "read_pictures"]

LABELS = "labels.csv"
OPAQUE = 255  # alpha of a pixel that hides what is below it
FIRST = 3  # columns of the table before the probabilities


def has_pictures(folder: Path) -> bool:
    """Whether a folder has a folder with a picture in it."""
    return folder.is_dir() and any(has_images(inside) for inside in folder.iterdir())


def read_pictures(folder: Path, class_names: Sequence[str]) -> tuple[Tensor, Tensor]:
    """The pictures of a folder with one folder for each class, class by class, each in the order of their names.

    The folders are named as the classes are, or numbered from 0 (``00000`` or ``0``). A ``labels.csv``, as
    ``export_pictures`` writes it, gives soft labels.

    Args:
        folder: with a folder for each class.
        class_names: of the data, in label order.

    Returns:
        Images uint8 ``[M, Ch, H, W]``, of one channel if all pictures are grey; class numbers ``[M]``, or
        probabilities ``[M, C]``.

    Raises:
        ValueError: other folders, pictures of several sizes, a damaged picture, or a table that does not list them.
    """
    names = class_folders(folder)
    numbers = {str(label): name for label, name in enumerate(class_names)}
    labels = {name: class_names.index(name) for name in names if name in class_names}
    if len(labels) < len(names):
        labels = {name: int(name) for name in names if name.isdecimal() and str(int(name)) in numbers}
    if len(labels) < len(names) or len(set(labels.values())) < len(names):
        other = next((name for name in names if name not in labels), names[0])
        raise ValueError(
            f"{folder} has a folder {other!r}; expected one for each class, named {class_names[0]!r}, ... or 0 to "
            f"{len(class_names) - 1}"
        )
    files = [(labels[name], path) for name in sorted(names, key=labels.get) for path in _pictures(folder / name)]
    images = [_picture(path) for _, path in files]
    sizes = {image.shape[1:] for image in images}
    if len(sizes) > 1:
        first, second = sorted(sizes)[:2]
        raise ValueError(f"{folder} has pictures of {first} and of {second} pixels; a set has one size")
    channels = max(len(image) for image in images)
    pixels = torch.from_numpy(np.stack([np.broadcast_to(image, (channels, *image.shape[1:])) for image in images]))
    table = _soft_labels(folder, len(class_names))
    if table is None:
        return pixels, torch.tensor([label for label, _ in files])
    keys = [path.relative_to(folder).as_posix() for _, path in files]
    absent = [key for key in keys if key not in table]
    if absent:
        raise ValueError(f"{folder / LABELS} has no row for {absent[0]}; add it, or remove the table")
    return pixels, torch.tensor([table[key] for key in keys])


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
    header = ["file", "label", "class", *([] if soft is None else [f"p{label}" for label in range(len(names))])]
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


def _picture(path: Path) -> np.ndarray:
    """uint8 ``[1, H, W]`` of a grey picture, else ``[3, H, W]``; turned as a viewer shows it."""
    with opened(path, "damaged or cut short") as image:
        clear = has_alpha(image) and image.convert("RGBA").getchannel("A").getextrema()[0] < OPAQUE
        grey, readable = image.mode in ("1", "L", "LA") or is_deep(image), is_deep(image) or image.mode[0] not in "IF"
        array = np.asarray(viewed(image, "L" if grey else "RGB"), dtype=np.uint8) if readable else None
    if array is None:
        raise ValueError(f"{path} has more than 8 bits a channel (mode {image.mode}): convert it to 8 bits")
    if clear:
        raise ValueError(f"{path} has transparent pixels, which a set cannot have: save it without")
    return array[None] if grey else array.transpose(2, 0, 1)


def _soft_labels(folder: Path, classes: int) -> dict[str, list[float]] | None:
    """Probabilities by file, if the folder has a table with them."""
    path = folder / LABELS
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or len(rows[0]) <= FIRST:
        return None
    wanted = f"expected file, label, class and {classes} probabilities"
    wrong = next((row for row in rows if row and len(row) != FIRST + classes), None)
    if wrong is not None:
        raise ValueError(f"{path} has a row of {len(wrong)} columns, {wrong[0]!r} first; {wanted}")
    try:
        return {row[0]: [float(value) for value in row[FIRST:]] for row in rows[1:] if row}
    except ValueError as error:
        raise ValueError(f"{path}: {error}; {wanted}") from error
