"""Which layout a folder or file of other code has, and what it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet, PartError
from ltdd_utils.distilled.mosaics import enlarged
from ltdd_utils.interchange.arrays import read_arrays
from ltdd_utils.interchange.files import contents, real_tensor, step_size, tensor_in
from ltdd_utils.interchange.labels import read_labels
from ltdd_utils.interchange.pictures import has_pictures, read_pictures
from ltdd_utils.interchange.reading import Reading
from ltdd_utils.interchange.spaces import MOMENTS, TRAJECTORY_MOMENTS, Moments

__all__ = ["Stored", "assembled", "decoded", "read_layout", "trajectory_files"]

FORMED = 2  # images along a side of each stored one, as IDC and DREAM publish them
SUBFOLDER = "Normal"  # where LTDD's code puts the files beside those of averaged images
BEST = "best"


@dataclass(frozen=True)
class Stored:
    """The contents of files of other code, nothing of it checked against data or recipe."""

    where: Path  # of the images
    images: Tensor  # [M, Ch, H, W]
    labels: Tensor  # [M], [M, 1] or [M, C]
    lr: float | None = None
    space: str | None = None  # that the layout's codes store images in; None: that of the recipe
    factor: int = 1  # images along a side of each stored one
    matched: bool = False  # of the trajectory family
    classes: Tensor | None = None  # of the images, where they are stored beside soft labels
    moments: Moments = field(default_factory=lambda: MOMENTS)  # by which the layout's codes normalise

    def place(self, part: str) -> Path:
        """The file that a part of the set came from: ``labels``, ``targets``, ``lr``, or the images' own."""
        kind = {"labels": "labels", "targets": "labels", "lr": "lr"}.get(part)
        name = self.where.name
        if kind is None or self.where.suffix != ".pt" or not name.startswith("images"):
            return self.where  # one file, or one folder of pictures, holds it all
        return self.where.with_name(f"{kind}{name.removeprefix('images')}")


def read_layout(place: Path, reading: Reading, data: LongTailedData) -> Stored:
    """The set in a folder, or in one file, of other code.

    Layouts: ``images_best.pt``, ``labels_best.pt``, ``lr_best.pt`` of the trajectory family (also in ``Normal/``);
    ``images.pt``, ``labels.pt``, ``lr.pt`` of DD-Ranking's demonstrations; ``res_*.pt`` of DC, DSA, DM and IDM;
    ``data.pt`` of IDC and DREAM; an ``.npz`` with ``images`` and ``labels``; a folder of pictures for each class.
    ``reading.iteration`` N reads ``images_N.pt`` and so on, ``data_N.pt``, ``dataN.pt``. ``reading.factor`` says how
    many images lie along a side of each stored one; no layout tells that, so it is 2 of ``data.pt`` and 1 of all others
    where nothing is said.

    Args:
        place: the folder or file.
        reading: what the files do not say.
        data: whose class names the folders of pictures have, and whose shape the images of an ``.npz``.

    Raises:
        FileNotFoundError: nothing of this.
        ValueError: damaged files, or several sets.
    """
    stored = _read(place, reading, data)
    return stored if reading.factor is None else replace(stored, factor=reading.factor)


def _read(place: Path, reading: Reading, data: LongTailedData) -> Stored:
    if not place.exists():
        raise FileNotFoundError(f"no folder or file {place}; name where the set of the other code is")
    if place.is_file() and place.suffix == ".npz":
        images, labels, classes, lr = read_arrays(place, data)
        return Stored(place, images, labels, lr, space="pixels", classes=classes)
    if place.is_file():
        return _one_file(place)
    tag = BEST if reading.iteration is None else str(reading.iteration)
    for folder in (place, place / SUBFOLDER):
        if (folder / f"images_{tag}.pt").exists():
            return trajectory_files(folder, f"_{tag}")
    if tag == BEST and (place / "images.pt").exists():
        return replace(trajectory_files(place, ""), space="normalise", matched=False)
    single = [place / f"data_{tag}.pt", place / ("data.pt" if tag == BEST else f"data{tag}.pt")]
    found = [*(path for path in single if path.exists()), *(sorted(place.glob("res_*.pt")) if tag == BEST else [])]
    if len(found) > 1:
        raise ValueError(f"{place} has several sets ({', '.join(path.name for path in found)}); name one of the files")
    if found:
        return _one_file(found[0])
    if tag == BEST and has_pictures(place):
        images, labels, classes = read_pictures(place, data.class_names)
        return Stored(place, images, labels, space="pixels", classes=classes)
    return trajectory_files(place, f"_{tag}")  # says what is missing


def trajectory_files(folder: Path, tag: str = f"_{BEST}") -> Stored:
    """The set in files of the trajectory family, of the best iteration or of those whose names end in ``tag``.

    Raises:
        FileNotFoundError: the images or the labels are absent.
        ValueError: a file holds something else.
    """
    paths = [folder / f"{name}{tag}.pt" for name in ("images", "labels", "lr")]
    for path in paths[:2]:
        if not path.is_file():
            known = f"a set of the trajectory family has images{tag}.pt and labels{tag}.pt"
            raise FileNotFoundError(f"no file {path}; {known}: {_absent(folder, tag)}")
    images, labels = tensor_in(paths[0], (4,)), tensor_in(paths[1], (1, 2))
    lr = step_size(paths[2]) if paths[2].is_file() else None
    return Stored(paths[0], images, labels, lr, matched=True, moments=TRAJECTORY_MOMENTS)


def _absent(folder: Path, tag: str) -> str:
    """What to do about a set that is not there: which others are."""
    if tag in ("", f"_{BEST}"):
        return "name the folder that has both"
    both = {path.stem.removeprefix("images_") for path in folder.glob("images_*.pt")}
    kept = {name for name in both if (folder / f"labels_{name}.pt").is_file()}
    numbers = sorted(int(name) for name in kept if name.isdecimal())
    remedy = f"--iteration names one whose files are there, of {', '.join(map(str, numbers))}" if numbers else ""
    best = f"leave --iteration out, which reads images_{BEST}.pt" if BEST in kept else ""
    return "; or ".join(part for part in (remedy, best) if part) or "the folder has none of any iteration"


def _one_file(path: Path) -> Stored:
    """``{"data": [[images, labels], ...]}``, normalised, of which the last pair counts; or ``[images, targets]``."""
    held = contents(path)
    if isinstance(held, dict) and isinstance(held.get("data"), list | tuple) and held["data"]:
        pair, space, factor = held["data"][-1], "normalise", 1
    else:
        pair, space, factor = held, "pixels", FORMED
    if not isinstance(pair, list | tuple) or len(pair) < 2:
        raise ValueError(
            f"{path} holds a {type(held).__name__}; expected {{'data': [[images, labels], ...]}} as DC and DM write "
            "it, or [images, targets] as IDC does. For images_*.pt name the folder"
        )
    images, labels = (real_tensor(value, dims, str(path)) for value, dims in zip(pair, ((4,), (1, 2)), strict=False))
    return Stored(path, images, labels, space=space, factor=factor)


def decoded(stored: Stored) -> Stored:
    """The contents after multi-formation: each stored image is cut into ``factor^2`` parts of equal size.

    Each part is resized to the whole image's size, bilinearly with ``align_corners=False`` as IDC does; the parts of a
    stored image, row by row, follow each other and have its label. IDC (arXiv 2205.14959), section 3.1.

    Raises:
        ValueError: a side that the factor does not divide.
    """
    factor, images = stored.factor, stored.images
    if factor == 1:
        return stored
    height, width = images.shape[2:]
    if height % factor or width % factor:
        raise ValueError(f"{stored.where} has images of {height} x {width} pixels, which {factor} does not divide")
    labels = stored.labels.repeat_interleave(factor**2, dim=0)
    return replace(stored, images=enlarged(images.float(), factor), labels=labels, factor=1)


def assembled(stored: Stored, info: Mapping[str, Any], reading: Reading) -> DistilledSet:
    """The set that the contents are, its images in the space that ``info`` describes.

    Raises:
        ValueError: contents that are not a valid set, or that may mean several things.
    """
    if not stored.images.is_floating_point():
        raise ValueError(f"{stored.where} holds {stored.images.dtype} images: pixels; --space pixels reads them")
    place = stored.place("labels")
    labels = read_labels(stored.labels, reading, str(place), stored.classes)
    found, wanted = len(labels.classes), len(stored.images)
    if found != wanted:
        raise ValueError(f"{place} has {found} labels for {wanted} images: give one label for each image")
    try:
        return DistilledSet(
            labels=labels.classes,
            indices=torch.full((len(labels.classes),), NOT_REAL),
            images=stored.images.float(),
            targets=labels.targets,
            lr=stored.lr,
            info={**info, "targets": labels.kind},
        )
    except PartError as error:
        raise ValueError(f"{stored.place(error.part)}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{stored.where}: {error}") from error
