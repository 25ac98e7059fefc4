"""The distilled set: what every method returns, what every protocol trains on, and one file that describes itself.

Synthetic images are stored in the space of the preprocessing they were made in. Unmodified real images are stored as positions in the training set (and crop
boxes), never as pixels, so that a committed set holds no data.
"""

import hashlib
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.views import crop_boxes
from ltdd_utils.images import LongTailedData
from ltdd_utils.preprocess import Preprocess
from ltdd_utils.store import Bundle, load_bundle, save_bundle

__all__ = ["SCHEMA", "DistilledSet", "composition", "content_hash", "from_bundle", "load_set", "pixels", "save_set", "to_bundle", "translate", "uint8_pixels"]

SCHEMA = 1
NOT_REAL = -1  # in `indices`: this image is synthetic


@dataclass(frozen=True)
class DistilledSet:
    """M labelled images.

    An image with a position in ``indices`` is that real training image (or the part of it in ``boxes``); the others, marked -1, lie in ``images`` in order.
    ``targets`` hold one stored soft label per image, as logits or as probabilities (``info["targets"]`` says which).
    """

    labels: Tensor  # integers [M]
    indices: Tensor  # positions in the full training set, or -1 [M]
    images: Tensor | None = None  # the synthetic ones, preprocessed, float [S, Ch, H, W]
    boxes: Tensor | None = None  # top, left, height, width in pixels of the real image [M, 4]; None: whole images
    targets: Tensor | None = None  # stored soft labels [M, C]
    lr: float | None = None  # learned step size of the student
    info: dict[str, Any] = field(default_factory=dict)  # method, settings, seeds, data, preprocessing, class names and counts

    def __post_init__(self) -> None:
        """Check shapes, ranges and that every number is finite."""
        count, classes = len(self.labels), len(self.info.get("class_names", ())) or math.inf
        if count == 0:
            raise ValueError("the distilled set has no image; it needs at least 1")
        if self.indices.shape != self.labels.shape:
            raise ValueError(f"indices have shape {list(self.indices.shape)}; expected one for each of the {count} labels")
        if int(self.labels.min()) < 0 or int(self.labels.max()) >= classes:
            raise ValueError(f"labels run from {int(self.labels.min())} to {int(self.labels.max())}; expected 0 to {classes - 1}")
        synthetic = int((self.indices == NOT_REAL).sum())
        stored = 0 if self.images is None else len(self.images)
        if stored != synthetic or (self.images is not None and self.images.ndim != 4):
            shape = None if self.images is None else list(self.images.shape)
            raise ValueError(f"images have shape {shape}; expected [{synthetic}, channels, height, width]")
        if self.targets is not None and (self.targets.ndim != 2 or len(self.targets) != count):
            raise ValueError(f"targets have shape {list(self.targets.shape)}; expected [{count}, classes]")
        if self.boxes is not None and self.boxes.shape != (count, 4):
            raise ValueError(f"boxes have shape {list(self.boxes.shape)}; expected [{count}, 4]")
        for name in ("images", "targets"):
            tensor = getattr(self, name)
            if tensor is not None and not bool(tensor.isfinite().all()):
                raise ValueError(f"{int((~tensor.isfinite()).sum())} values of the set's {name} are not finite; make the set again")
        if self.lr is not None and not 0 < self.lr < math.inf:
            raise ValueError(f"the learned step size is {self.lr}; it must be positive and finite")

    def __len__(self) -> int:
        """Number of images, M."""
        return len(self.labels)

    def target_probabilities(self) -> Tensor:
        """Stored labels as probabilities ``[M, C]``: soft ones if the set has any, else one-hot."""
        if self.targets is None:
            return torch.nn.functional.one_hot(self.labels, len(self.info["class_names"])).float()
        return self.targets.softmax(dim=1) if self.info.get("targets") == "logits" else self.targets


def composition(distilled: DistilledSet) -> dict[str, list[int]]:
    """For each class, how many of its images are real, repeated real ones, and synthetic."""
    rows: dict[str, list[int]] = {"real": [], "duplicated": [], "synthetic": []}
    for label in range(len(distilled.info["class_names"])):
        mine = distilled.labels == label
        positions = distilled.indices[mine & (distilled.indices != NOT_REAL)]
        parts = positions[:, None] if distilled.boxes is None else distilled.boxes[mine & (distilled.indices != NOT_REAL)]
        distinct = len(torch.cat([positions[:, None].double(), parts.double()], dim=1).unique(dim=0)) if len(positions) else 0
        rows["real"].append(distinct)
        rows["duplicated"].append(len(positions) - distinct)
        rows["synthetic"].append(int(mine.sum()) - len(positions))
    return rows


def uint8_pixels(distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess) -> tuple[Tensor, float]:
    """The images as pixels, as the online protocols need them, and the share of synthetic values that had to be clamped.

    Args:
        distilled: a set on ``data``.
        data: where the real images are.
        preprocess: the transform that the synthetic images were made in.

    Returns:
        Images ``[M, Ch, H, W]`` uint8, and a fraction (0 where nothing is synthetic).
    """
    images = torch.empty(len(distilled), *data.train_images.shape[1:], dtype=torch.uint8)
    synthetic, clamped = distilled.indices == NOT_REAL, 0.0
    real = _real_pixels(distilled, data)
    images[~synthetic] = (real * 255).round().to(torch.uint8)
    if distilled.images is not None:
        raw = preprocess.inverse(distilled.images)
        clamped = ((raw < 0) | (raw > 1)).float().mean().item()
        images[synthetic] = (raw.clamp(0, 1) * 255).round().to(torch.uint8)
    return images, clamped


def pixels(distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess) -> Tensor:
    """The images as a stored-label protocol trains on them: preprocessed, float ``[M, Ch, H, W]``.

    Args:
        distilled: a set on ``data``.
        data: where the real images are.
        preprocess: the protocol's transform.

    Raises:
        ValueError: the synthetic images were made under another preprocessing.
    """
    made_under = distilled.info.get("preprocess")
    if distilled.images is not None and made_under is not None and not preprocess.matches(made_under):
        raise ValueError("the set's images were made under another preprocessing than this one; invert theirs first (uint8_pixels)")
    images = torch.empty(len(distilled), *data.train_images.shape[1:])
    synthetic = distilled.indices == NOT_REAL
    if not bool(synthetic.all()):
        images[~synthetic] = preprocess(_real_pixels(distilled, data))
    if distilled.images is not None:
        images[synthetic] = distilled.images
    return images


def translate(distilled: DistilledSet, data: LongTailedData, own: Preprocess, other: Preprocess) -> tuple[DistilledSet, float]:
    """The set in the space of another protocol: its images go through pixels (inverted, clamped, rounded) into ``other``.

    Args:
        distilled: a set made under ``own``.
        data: where the real images are.
        own: the transform that the synthetic images were made in.
        other: the transform of the protocol that will use the set.

    Returns:
        The set, and the share of synthetic pixel values that had to be clamped.
    """
    if distilled.images is None or other.matches(own.describe()):
        return distilled, 0.0
    images, clamped = uint8_pixels(distilled, data, own)
    info = {**distilled.info, "preprocess": other.describe()}
    return replace(distilled, images=other(images[distilled.indices == NOT_REAL]), info=info), clamped


def _real_pixels(distilled: DistilledSet, data: LongTailedData) -> Tensor:
    """The set's real images, cropped where it says so, floats in [0, 1]."""
    wanted = distilled.indices[distilled.indices != NOT_REAL]
    position = {int(index): row for row, index in enumerate(data.indices)}
    absent = [index for index in wanted.tolist() if index not in position]
    if absent:
        raise ValueError(f"training image {absent[0]} of the set is not in this long-tailed subset; load the data the set was made from")
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
    names = ("labels", "indices", "images", "boxes", "targets")
    return {name: getattr(distilled, name) for name in names if getattr(distilled, name) is not None}


def to_bundle(distilled: DistilledSet) -> Bundle:
    """The set as tensors and facts, for a file or the store."""
    return Bundle(_tensors(distilled), {"schema": SCHEMA, "lr": distilled.lr, "info": distilled.info})


def from_bundle(bundle: Bundle) -> DistilledSet:
    """The set in a bundle.

    Raises:
        ValueError: another schema, or contents that are no valid set.
    """
    if bundle.meta.get("schema") != SCHEMA or "labels" not in bundle.tensors or "indices" not in bundle.tensors:
        raise ValueError(f"no distilled set of schema {SCHEMA} (found {bundle.meta.get('schema')!r}); write it again with this version")
    known = {name: bundle.tensors[name] for name in ("labels", "indices", "images", "boxes", "targets") if name in bundle.tensors}
    return DistilledSet(**known, lr=bundle.meta.get("lr"), info=bundle.meta["info"])


def save_set(path: Path, distilled: DistilledSet, preprocess: Preprocess | None = None) -> None:
    """Write a set as one safetensors file; with ``preprocess`` the file stands alone (38 MB more for ZCA on CIFAR)."""
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
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    if "preprocess" not in bundle.meta:
        return distilled, None
    fitted = {name.removeprefix("preprocess."): t for name, t in bundle.tensors.items() if name.startswith("preprocess.")}
    return distilled, Preprocess.from_bundle(Bundle(fitted, bundle.meta["preprocess"]))
