"""The distilled set: what every method returns, what every protocol trains on, and one file that describes itself.

Synthetic images are stored in the space of the preprocessing they were made in. Unmodified real images are stored as
positions in the training set (and crop boxes), never as pixels, so that a committed set holds no data.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.images import LongTailedData
from ltdd_utils.preprocess import Preprocess
from ltdd_utils.store import Bundle, load_bundle, save_bundle
from ltdd_utils.views import crop_boxes

__all__ = [
    "NOT_REAL",
    "SCHEMA",
    "DistilledSet",
    "composition",
    "content_hash",
    "from_bundle",
    "load_set",
    "pixels",
    "save_set",
    "to_bundle",
    "translate",
    "uint8_pixels",
]

SCHEMA = 1
NOT_REAL = -1  # in `indices`: this image is synthetic
NAMES = ("labels", "indices", "images", "boxes", "targets")  # the tensors of a set, in the order of their hash


@dataclass(frozen=True)
class DistilledSet:
    """M labelled images.

    An image with a position in ``indices`` is that real training image (or the part of it in ``boxes``); the others,
    marked -1, lie in ``images`` in order. ``targets`` hold one stored soft label per image, as logits or as
    probabilities (``info["targets"]`` says which). ``info`` has at least ``class_names``.
    """

    labels: Tensor  # integers [M]
    indices: Tensor  # positions in the full training set, or -1 [M]
    images: Tensor | None = None  # the synthetic ones, preprocessed, float [S, Ch, H, W]
    boxes: Tensor | None = None  # top, left, height, width in pixels of the real image [M, 4]; None: whole images
    targets: Tensor | None = None  # stored soft labels [M, C]
    lr: float | None = None  # learned step size of the student
    info: dict[str, Any] = field(default_factory=dict)  # method, settings, seeds, data, preprocessing, class names, ...

    def __post_init__(self) -> None:
        """Check shapes, ranges and that every number is finite."""
        if not self.info.get("class_names"):
            raise ValueError("the set does not name its classes; give info['class_names']")
        count, classes = len(self.labels), len(self.info["class_names"])
        if count == 0:
            raise ValueError("the distilled set has no image; it needs at least 1")
        for name in ("labels", "indices"):
            tensor = getattr(self, name)
            if tensor.shape != (count,) or tensor.is_floating_point():
                raise ValueError(f"{name} are {tensor.dtype} {list(tensor.shape)}; expected integers [{count}]")
        if int(self.labels.min()) < 0 or int(self.labels.max()) >= classes:
            found = f"{int(self.labels.min())} to {int(self.labels.max())}"
            raise ValueError(f"labels run from {found}; expected 0 to {classes - 1}")
        if int(self.indices.min()) < NOT_REAL:
            raise ValueError(f"position {int(self.indices.min())} is none; use 0 or more, or -1 for a synthetic image")
        self._check_images()
        if self.boxes is not None and (self.boxes.shape != (count, 4) or self.boxes.is_floating_point()):
            raise ValueError(f"boxes are {self.boxes.dtype} {list(self.boxes.shape)}; expected integers [{count}, 4]")
        if self.targets is not None and self.targets.shape != (count, classes):
            raise ValueError(f"targets have shape {list(self.targets.shape)}; expected [{count}, {classes}]")
        for name in ("images", "targets"):
            tensor = getattr(self, name)
            broken = 0 if tensor is None else int((~tensor.isfinite()).sum())
            if broken:
                raise ValueError(f"{broken} values of the set's {name} are not finite; make the set again")
        if self.lr is not None and not 0 < self.lr < math.inf:
            raise ValueError(f"the learned step size is {self.lr}; it must be positive and finite")

    def _check_images(self) -> None:
        synthetic = int((self.indices == NOT_REAL).sum())
        stored = 0 if self.images is None else len(self.images)
        if stored != synthetic or (self.images is not None and self.images.ndim != 4):
            shape = None if self.images is None else list(self.images.shape)
            raise ValueError(f"images have shape {shape}; expected [{synthetic}, channels, height, width]")

    def __len__(self) -> int:
        """Number of images, M."""
        return len(self.labels)

    def target_probabilities(self) -> Tensor:
        """Stored labels as probabilities, float32 ``[M, C]``: soft ones if the set has any, else one-hot."""
        if self.targets is None:
            return torch.nn.functional.one_hot(self.labels.long(), len(self.info["class_names"])).float()
        return self.targets.softmax(dim=1) if self.info.get("targets") == "logits" else self.targets


def composition(distilled: DistilledSet) -> dict[str, list[int]]:
    """For each class, how many of its images are real, repeated real ones, and synthetic; lists of length C."""
    rows: dict[str, list[int]] = {"real": [], "duplicated": [], "synthetic": []}
    for label in range(len(distilled.info["class_names"])):
        mine = distilled.labels == label
        real = mine & (distilled.indices != NOT_REAL)
        what = distilled.indices[real][:, None]
        if distilled.boxes is not None:  # two crops of one image are two images
            what = torch.cat([what, distilled.boxes[real]], dim=1)
        distinct = len(what.unique(dim=0))
        rows["real"].append(distinct)
        rows["duplicated"].append(len(what) - distinct)
        rows["synthetic"].append(int(mine.sum()) - len(what))
    return rows


def uint8_pixels(distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess) -> tuple[Tensor, float]:
    """The images as pixels, as the online protocols need them, and the share of synthetic values that were clamped.

    Args:
        distilled: a set on ``data``.
        data: where the real images are.
        preprocess: the transform that the synthetic images were made in.

    Returns:
        Images ``[M, Ch, H, W]`` uint8, and a fraction (0 where nothing is synthetic).

    Raises:
        ValueError: the synthetic images were made under another preprocessing, or the set is not of this data.
    """
    _check_space(distilled, data, preprocess)
    images = torch.empty(len(distilled), *data.train_images.shape[1:], dtype=torch.uint8)
    synthetic, clamped = distilled.indices == NOT_REAL, 0.0
    images[~synthetic] = (_real_pixels(distilled, data) * 255).round().to(torch.uint8)
    if distilled.images is not None:
        raw = preprocess.inverse(distilled.images)
        # Half a pixel value beyond the range still rounds to 0 or 255: that is no clamping, nor is rounding noise.
        clamped = ((raw - 0.5).abs() > 0.5 + 0.5 / 255).double().mean().item()
        images[synthetic] = (raw.clamp(0, 1) * 255).round().to(torch.uint8)
    return images, clamped


def pixels(distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess) -> Tensor:
    """The images as a stored-label protocol trains on them: preprocessed, float32 ``[M, Ch, H, W]``.

    Args:
        distilled: a set on ``data``.
        data: where the real images are.
        preprocess: the protocol's transform.

    Raises:
        ValueError: the synthetic images were made under another preprocessing, or the set is not of this data.
    """
    _check_space(distilled, data, preprocess)
    images = torch.empty(len(distilled), *data.train_images.shape[1:], dtype=torch.float32)
    synthetic = distilled.indices == NOT_REAL
    if not bool(synthetic.all()):
        images[~synthetic] = preprocess(_real_pixels(distilled, data))
    if distilled.images is not None:
        images[synthetic] = distilled.images.float()
    return images


def translate(
    distilled: DistilledSet, data: LongTailedData, own: Preprocess, other: Preprocess
) -> tuple[DistilledSet, float]:
    """The set in the space of another protocol: its images go through pixels (inverted, clamped, rounded).

    Args:
        distilled: a set made under ``own``.
        data: where the real images are.
        own: the transform that the synthetic images were made in.
        other: the transform of the protocol that will use the set.

    Returns:
        The set, and the share of synthetic pixel values that had to be clamped; the set itself and 0 where the two
        transforms are one.

    Raises:
        ValueError: the synthetic images were not made under ``own``, or the set is not of this data.
    """
    _check_space(distilled, data, own)
    if distilled.images is None or other.matches(own.describe()):
        return distilled, 0.0
    images, clamped = uint8_pixels(distilled, data, own)
    info = {**distilled.info, "preprocess": other.describe()}
    return replace(distilled, images=other(images[distilled.indices == NOT_REAL]), info=info), clamped


def _check_space(distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess) -> None:
    """Raise unless the synthetic images have the size of the data's and were made under ``preprocess``."""
    if distilled.images is None:
        return
    shape, wanted = list(distilled.images.shape[1:]), list(data.train_images.shape[1:])
    if shape != wanted:
        raise ValueError(
            f"the set's images are {shape}, those of {data.config.name} are {wanted}; load the set's own data"
        )
    made_under: Mapping[str, Any] | None = distilled.info.get("preprocess")
    if made_under is not None and not preprocess.matches(made_under):
        raise ValueError(
            f"the set's images were made under another preprocessing ({made_under.get('kind')!r}) than this one "
            f"({preprocess.kind!r}, fitted on other images or with another eps); translate the set first"
        )


def _real_pixels(distilled: DistilledSet, data: LongTailedData) -> Tensor:
    """The set's real images, cropped where it says so, float32 in [0, 1]."""
    wanted = distilled.indices[distilled.indices != NOT_REAL]
    position = {int(index): row for row, index in enumerate(data.indices)}
    absent = [index for index in wanted.tolist() if index not in position]
    if absent:
        raise ValueError(f"training image {absent[0]} of the set is not in this long tail; load the set's own data")
    images = data.train_images[[position[index] for index in wanted.tolist()]].float() / 255
    if distilled.boxes is None:
        return images
    return crop_boxes(images, distilled.boxes[distilled.indices != NOT_REAL], data.image_size)


def content_hash(distilled: DistilledSet) -> str:
    """SHA-256 over everything a student sees: images, positions, boxes, labels, targets and the step size."""
    digest = hashlib.sha256()
    for name, tensor in _tensors(distilled).items():
        tensor = tensor.detach().cpu().contiguous()
        digest.update(f"{name}{tensor.dtype}{list(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    digest.update(f"{distilled.lr}{distilled.info.get('targets')}".encode())
    return digest.hexdigest()


def _tensors(distilled: DistilledSet) -> dict[str, Tensor]:
    return {name: getattr(distilled, name) for name in NAMES if getattr(distilled, name) is not None}


def to_bundle(distilled: DistilledSet) -> Bundle:
    """The set as tensors and facts, for a file or the store."""
    return Bundle(_tensors(distilled), {"schema": SCHEMA, "lr": distilled.lr, "info": distilled.info})


def from_bundle(bundle: Bundle) -> DistilledSet:
    """The set in a bundle.

    Raises:
        ValueError: another schema, or contents that are no valid set.
    """
    schema = bundle.meta.get("schema")
    if schema != SCHEMA or not {"labels", "indices"} <= set(bundle.tensors):
        raise ValueError(f"no distilled set of schema {SCHEMA} (found {schema!r}); use the version that wrote it")
    known = {name: bundle.tensors[name] for name in NAMES if name in bundle.tensors}
    return DistilledSet(**known, lr=bundle.meta.get("lr"), info=bundle.meta.get("info", {}))


def save_set(path: Path, distilled: DistilledSet, preprocess: Preprocess | None = None) -> None:
    """Write a set as one safetensors file; with ``preprocess`` the file stands alone (38 MB more for ZCA on CIFAR).

    Raises:
        OSError: the file cannot be written.
    """
    bundle = to_bundle(distilled)
    if preprocess is not None:
        fitted = preprocess.to_bundle()
        bundle.tensors |= {f"preprocess.{name}": tensor for name, tensor in fitted.tensors.items()}
        bundle.meta["preprocess"] = fitted.meta
    save_bundle(path, bundle)


def load_set(path: Path) -> tuple[DistilledSet, Preprocess | None]:
    """Read a set, and its preprocessing if the file holds it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file, another schema, or contents that are no valid set.
    """
    bundle = load_bundle(path)
    try:
        distilled = from_bundle(bundle)
        if "preprocess" not in bundle.meta:
            return distilled, None
        fitted = {n.removeprefix("preprocess."): t for n, t in bundle.tensors.items() if n.startswith("preprocess.")}
        return distilled, Preprocess.from_bundle(Bundle(fitted, bundle.meta["preprocess"]))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
