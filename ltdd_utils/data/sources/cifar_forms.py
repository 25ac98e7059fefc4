"""A CIFAR in another form than torchvision's folder: Keras' arrays, Hugging Face's parquet, Keras' folders.

What is read is the original or refused: pixels and labels of each file of the original have a known hash, and such
blocks in another order are put back. Hugging Face's train split begins with ``data_batch_4``, as the archive does, so
that an index list would mean other images there.
"""

import hashlib
import io
import os
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ltdd_utils.data.sources.dataset import FETCH

__all__ = ["FORMS", "Form", "elsewhere", "folder_of", "read_file"]


@dataclass(frozen=True)
class Form:
    """What is known of a CIFAR, whatever file it is in."""

    folder: str  # torchvision's name of it
    first: str  # a file of it, by which it is found
    label: str  # column of the labels in a parquet file
    class_names: tuple[str, ...]
    known: dict[str, tuple[str, ...]]  # SHA-256 of pixels [n, 3, 32, 32] and labels, uint8, of each file of a split


_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
_CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man
maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree
plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail
snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout
tulip turtle wardrobe whale willow_tree wolf woman worm
"""
FORMS = {
    "cifar10": Form(
        "cifar-10-batches-py",
        "data_batch_1",
        "label",
        tuple(_CIFAR10.split()),
        {
            "train": (
                "ba52cb2d72c412975d7556bb26bd094956f1c002d1937053f6f1252f2ac17114",
                "350ff9000489d02f2568c0dcf4912ffdbae9e50932147905fb1b8159ad54f0ac",
                "a2b8653fc457df407af6c38b7e0d1a12530f3b5f81fce9f81516efd065daf722",
                "133e6292c377755074c305db8a684d48d5397372cb0aba34f52b4335eab35d97",
                "eb08cdc11fd1267ef871cf4790f193684b3f556d13317be68f4eb374a078ea87",
            ),
            "test": ("9a4c74f5c8b6f2c4e13d3a1dfb43a5a8cda8a9da515e99fd620d2013a1a6287a",),
        },
    ),
    "cifar100": Form(
        "cifar-100-python",
        "train",
        "fine_label",
        tuple(_CIFAR100.split()),
        {
            "train": ("4e50520a1125d045fade68001374cf6c74e360819dc08b7ecffe4e6c79e9b419",),
            "test": ("dc66669533e5da36cbeb472b8e2af54edcb17f1d9736fdbd5fede79d08f46b2f",),
        },
    ),
}


def folder_of(name: str, root: Path) -> Path:
    """The folder that holds torchvision's folder of a CIFAR: the data root, or where Keras and archivers put it.

    They are ``FOLDER-target/FOLDER`` (Keras 3), ``FOLDER/FOLDER``, ``FOLDER`` without its end "-py" or "-batches-py"
    before it, or the data root is the folder itself.
    """
    form = FORMS[name]
    short = form.folder.removesuffix("-batches-py")
    places = [root, *(root / part for part in (f"{form.folder}-target", form.folder, short, f"{short}-python"))]
    for place in places:
        if (place / form.folder / form.first).is_file():
            return place
    return root.parent if root.name == form.folder and (root / form.first).is_file() else root


def elsewhere(name: str, root: Path) -> Path | None:
    """The file or folder of a CIFAR in another form: ``NAME.npz``, or a folder ``NAME`` with parquet files."""
    short = FORMS[name].folder.removesuffix("-batches-py").removesuffix("-python")  # cifar-10, cifar-100
    for base in (name, short):
        for file in (root / f"{base}.npz", root / base / f"{base}.npz"):
            if file.is_file():
                return file
    for folder in (root / base for base in (name, short)):
        if folder.is_dir() and any(_parquet(folder, "train")):
            return folder
    return None


def read_file(name: str, place: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels uint8 ``[N, 3, 32, 32]`` and labels int64 ``[N]`` of a split, in the order of the original.

    Args:
        name: of ``FORMS``.
        place: what ``elsewhere`` found.
        split: "train" or "test".

    Raises:
        ValueError: arrays or columns that are absent, images that are not the original's, or pyarrow is not installed.
    """
    read = _of_parquet if place.is_dir() else _of_arrays
    images, labels = read(name, place, split)
    return _in_order(name, place, split, images, labels)


def _of_arrays(name: str, file: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    keys = (f"x_{split}", f"y_{split}")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            if not set(keys) <= set(arrays.files):
                raise ValueError(f"has the arrays {', '.join(arrays.files)}, and not {' and '.join(keys)}")
            images, labels = (arrays[key] for key in keys)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file} cannot be read as Keras' arrays of {name}: {error}") from error
    if images.ndim == 4 and images.shape[-1] == 3:
        images = images.transpose(0, 3, 1, 2)
    if images.dtype != np.uint8:
        raise ValueError(f"{file} holds {keys[0]} as {images.dtype}; keep the pixels as they come, uint8 from 0 to 255")
    return images, labels.reshape(-1)


def _parquet(folder: Path, split: str) -> list[Path]:
    """The parquet files of a split: its name is in the name of the file, or in that of its folder."""
    found = sorted(folder.rglob("*.parquet"))
    return [path for path in found if path.name.startswith(f"{split}-") or path.parent.name == split]


def _of_parquet(name: str, folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        what = f"{folder} holds parquet files, which pyarrow reads, and it is not installed"
        raise ValueError(f"{what}: `pip install pyarrow`, or run `{FETCH.format(name=name)}`") from error
    files = _parquet(folder, split)
    if not files:
        raise ValueError(f"{folder} has no parquet file of the {split} images: get it too")
    label, cells, labels = FORMS[name].label, [], []
    for file in files:
        try:
            columns = set(parquet.read_schema(file).names)
            pixels = next((key for key in ("img", "image") if key in columns), "img")
            if not {pixels, label} <= columns:
                have = ", ".join(sorted(columns))
                raise ValueError(f"it has the columns {have}, and not img (or image) and {label}")
            table = parquet.read_table(file, columns=[pixels, label])
            cells += table[pixels].to_pylist()
            labels += table[label].to_pylist()
        except (ValueError, OSError) as error:  # of pyarrow: a damaged file, or the pointer of Git LFS in its place
            what = " ".join(str(error).split())
            raise ValueError(f"{file} cannot be read as Hugging Face's {name}: {what}; download it anew") from error
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            images = list(pool.map(_decoded, cells))
        return np.stack(images).transpose(0, 3, 1, 2), np.array(labels)
    except (ValueError, TypeError, OSError) as error:
        what = " ".join(str(error).split())
        raise ValueError(f"{folder}: its cells do not hold images of one size ({what}); download it anew") from error


def _decoded(cell: Any) -> np.ndarray:  # noqa: ANN401 (a cell of a table)
    """The pixels of a PNG in a cell, ``{"bytes", "path"}``, uint8 ``[H, W, 3]``."""
    with Image.open(io.BytesIO(cell["bytes"] if isinstance(cell, dict) else cell)) as image:
        return np.asarray(image.convert("RGB"))


def _in_order(
    name: str, place: Path, split: str, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels as the original has them; blocks of the size of its files may come in any order."""
    known = FORMS[name].known[split]
    size, rest = divmod(len(images), len(known))
    blocks = [slice(k * size, (k + 1) * size) for k in range(len(known))]
    fits = not rest and len(labels) == len(images) and labels.min(initial=0) >= 0 and labels.max(initial=0) < 256
    found = [_hash(images[block], labels[block]) for block in blocks] if fits else []
    if sorted(found) != sorted(known):
        raise ValueError(
            f"{place} does not hold the {split} images of {name} in their order, nor whole files of it in another one, "
            f"so an index list would mean other images: run `{FETCH.format(name=name)}`"
        )
    order = [found.index(key) for key in known]
    if order != sorted(order):
        _tell_order(place, split, order)
    joined = np.concatenate([images[blocks[k]] for k in order]), np.concatenate([labels[blocks[k]] for k in order])
    return np.ascontiguousarray(joined[0]), joined[1].astype(np.int64)


def _tell_order(place: Path, split: str, order: Sequence[int]) -> None:
    came = ", ".join(str(order.index(k) + 1) for k in range(len(order)))
    warnings.warn(f"{place}: the {split} batches come as {came}, and are put back into their order", stacklevel=2)


def _hash(images: np.ndarray, labels: np.ndarray) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(images).tobytes())
    digest.update(labels.astype(np.uint8).tobytes())
    return digest.hexdigest()
