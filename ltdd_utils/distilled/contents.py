"""The contents of a distilled set."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.distilled.given import facts, unit_pixels

__all__ = ["NOT_REAL", "TENSORS", "DistilledSet", "PartError", "composition", "content_hash", "sizes", "tensors"]

KINDS_OF_TARGETS = ("logits", "probabilities")
ROUNDING = 1e-4  # by which the probabilities of an image may miss a sum of 1
NOT_REAL = -1  # in `indices`: this image is synthetic
SMALLEST = 1e-12  # probability whose logarithm stands for that of zero
TENSORS = ("labels", "indices", "images", "boxes", "targets")  # the tensors of a set, in the order of their hash


class PartError(ValueError):
    """What is wrong with one part of a set.

    Args:
        message: the whole of it, in a line.
        part: the field of ``DistilledSet``, so that a reader of files can name the file that it came from.
    """

    def __init__(self, message: str, part: str) -> None:
        super().__init__(message, part)  # both: another process makes the error again from them
        self.part = part

    def __str__(self) -> str:
        """The message alone."""
        return self.args[0]


@dataclass(frozen=True)
class DistilledSet:
    """M labelled images.

    An image with a position in ``indices`` is that real training image (or the part of it in ``boxes``); the others,
    marked -1, lie in ``images`` in order. ``targets`` hold one stored soft label per image, as logits or as
    probabilities (``info["targets"]`` says which). ``info`` has at least ``class_names``. ``info["factor"]``, where it
    is there, says that each image is several: see ``ltdd_utils.distilled.mosaics``. Then ``targets`` hold one soft
    label per stored image, which all of its parts have, or one per part, in the order of ``mosaics.enlarged``.
    """

    labels: Tensor  # integers [M]
    indices: Tensor  # positions in the full training set, or -1 [M]
    images: Tensor | None = None  # the synthetic ones, preprocessed, float [S, Ch, H, W]
    boxes: Tensor | None = None  # top, left, height, width in pixels of the real image [M, 4]; None: whole images
    targets: Tensor | None = None  # stored soft labels [M, C]; of parts [M f^2, C]
    lr: float | None = None  # step size that the set names for its students; most are learned
    info: dict[str, Any] = field(default_factory=dict)  # method, settings, seeds, data, preprocessing, class names, ...

    @classmethod
    def of_pixels(
        cls,
        images: Tensor,
        labels: Tensor,
        data: LongTailedData,
        *,
        targets: Tensor | None = None,
        kind: str = "probabilities",
        lr: float | None = None,
        like: str | None = None,
        scale: str | None = None,
    ) -> "DistilledSet":
        """A set of images that any method made, which says all that a judge asks of it.

        ``runs.evaluate_set`` scores it under a protocol of ``runs.protocol_for``.

        Args:
            images: pixels of the data's shape, uint8 or floats in [0, 1], ``[M, Ch, H, W]``.
            labels: class of each, integers ``[M]``.
            data: the long tail that the set stands for, with the test images, of ``data.load``.
            targets: stored soft labels, ``[M, C]``.
            kind: of the targets, "probabilities" or "logits".
            lr: step size for the students.
            like: the data set of the table whose judges score it; needed where the data is not in the table.
            scale: of the judges; None: the smallest that the data set has.

        Raises:
            ValueError: images of another shape or space, or contents that are not a valid set.
        """
        pixels = unit_pixels(images, data)
        info = {"class_names": list(data.class_names), "targets": None if targets is None else kind}
        nowhere = torch.full((len(pixels),), NOT_REAL)
        made = cls(labels, nowhere, images=pixels, targets=targets, lr=lr, info=info)
        return replace(made, info={**info, **facts(labels, data, like=like, scale=scale)})

    def __repr__(self) -> str:
        """One line: how many images of which kind, and what labels them."""
        real = int((self.indices != NOT_REAL).sum())
        parts = [f"{self.labels.numel()} images of {len(self.info['class_names'])} classes"]
        parts += [f"{real} real" + (" (parts)" if self.boxes is not None else "")] if real else []
        if self.images is not None:
            parts.append(f"{len(self.images)} synthetic, {'x'.join(map(str, self.images.shape[1:]))}")
        each = "each" if self.targets is None or len(self.targets) == len(self) else "for each part"
        parts.append("class labels" if self.targets is None else f"one soft label {each}")
        parts += [] if self.lr is None else [f"step size {self.lr:g}"]
        parts += [] if self.factor == 1 else [f"{self.seen} for a student: {self.factor} x {self.factor} parts of each"]
        return f"DistilledSet({'; '.join(parts)})"

    def __post_init__(self) -> None:
        """Check types, shapes, ranges and that every number is finite."""
        if not isinstance(self.info, Mapping):
            raise ValueError(f"info is {self.info!r:.40}; it must be named facts, such as {{'class_names': [...]}}")
        names = self.info.get("class_names")
        if not isinstance(names, list | tuple) or not names:
            raise ValueError("the set does not name its classes; give info['class_names'], a list of words")
        count, classes = self.labels.numel(), len(names)
        if count == 0:
            raise ValueError("the distilled set has no image; it needs at least 1")
        for name in ("labels", "indices"):
            tensor = getattr(self, name)
            if tensor.shape != (count,) or not _whole_numbers(tensor):
                found = f"{tensor.dtype} {list(tensor.shape)}"
                raise PartError(f"{name} are {found}; expected integers [{count}]", name)
        if int(self.labels.min()) < 0 or int(self.labels.max()) >= classes:
            span = f"{int(self.labels.min())} to {int(self.labels.max())}"
            asked = f"expected 0 to {classes - 1}: give each image the number of its class, counted from 0"
            raise PartError(f"labels run from {span}; {asked}", "labels")
        if int(self.indices.min()) < NOT_REAL:
            raise ValueError(f"position {int(self.indices.min())} is invalid; use 0 or more, or -1 if synthetic")
        self._check_images()
        self._check_boxes(count)
        if self.targets is not None and self.targets.shape not in {(count, classes), (self.seen, classes)}:
            parts = "" if self.factor == 1 else f", or [{self.seen}, {classes}] with one of each part"
            found = f"targets have shape {list(self.targets.shape)}"
            raise PartError(f"{found}; expected [{count}, {classes}]{parts}", "targets")
        for name in ("images", "targets"):
            tensor = getattr(self, name)
            broken = 0 if tensor is None else int((~tensor.isfinite()).sum())
            if broken:
                raise PartError(f"{broken} values of the set's {name} are not finite; make the set again", name)
        self._check_targets()
        if self.lr is not None and not (isinstance(self.lr, int | float) and 0 < self.lr < math.inf):
            asked = "it must be a number, positive and finite; leave it out, and the protocol's own counts"
            raise PartError(f"the learned step size is {self.lr!r}; {asked}", "lr")

    def _check_images(self) -> None:
        synthetic = int((self.indices == NOT_REAL).sum())
        stored = 0 if self.images is None else len(self.images)
        if stored != synthetic or (self.images is not None and self.images.ndim != 4):
            shape = None if self.images is None else list(self.images.shape)
            raise PartError(f"images have shape {shape}; expected [{synthetic}, channels, height, width]", "images")
        factor = self.factor
        if isinstance(factor, bool) or not isinstance(factor, int) or factor < 1:
            raise ValueError(f"info['factor'] is {factor!r}; it is the whole number of parts along an image's side")
        if factor > 1 and (stored < self.labels.numel() or any(side % factor for side in self.images.shape[2:])):
            what = f"info['factor'] is {factor}, which cuts synthetic images into {factor} x {factor} equal parts"
            raise ValueError(f"{what}; this set's images are real ones, or have other sides")

    def _check_boxes(self, count: int) -> None:
        if self.boxes is None:
            return
        if self.boxes.shape != (count, 4) or not _whole_numbers(self.boxes):
            raise ValueError(f"boxes are {self.boxes.dtype} {list(self.boxes.shape)}; expected integers [{count}, 4]")
        empty = ((self.boxes[:, :2] < 0) | (self.boxes[:, 2:] < 1)).any(dim=1)
        if bool(empty.any()):
            box = self.boxes[empty][0].tolist()
            raise ValueError(f"box {box} holds no part of an image; top and left are at least 0, height and width 1")

    def _check_targets(self) -> None:
        if self.targets is None:
            return
        kind = self.info.get("targets")
        if kind not in KINDS_OF_TARGETS:
            raise ValueError(f"info['targets'] is {kind!r}; say whether they are {' or '.join(KINDS_OF_TARGETS)}")
        values = self.targets.double()
        if kind == "probabilities" and bool((values < 0).any() | ((values.sum(dim=1) - 1).abs() > ROUNDING).any()):
            raise PartError("a row of targets holds no probabilities; they are 0 or more and sum to 1", "targets")

    def with_images(self, images: Tensor) -> "DistilledSet":
        """A set of synthetic images ``[M, Ch, H, W]`` with the labels of this one; its soft labels and step size go."""
        nowhere, info = torch.full_like(self.indices, NOT_REAL), dict(self.info)
        info.pop("targets", None)
        return DistilledSet(self.labels, nowhere, images=images.detach().cpu(), info=info)

    def __len__(self) -> int:
        """Number of images, M, as they are stored."""
        return len(self.labels)

    @property
    def factor(self) -> int:
        """Parts along the side of each stored image, which a student sees one by one; 1: whole images."""
        return self.info.get("factor", 1)

    @property
    def seen(self) -> int:
        """Number of images that a student sees."""
        return len(self.labels) * self.factor**2

    def target_probabilities(self) -> Tensor:
        """Stored labels as probabilities, float32: soft ones if the set has any, as ``targets``, else one-hot ones."""
        if self.targets is None:
            return torch.nn.functional.one_hot(self.labels.long(), len(self.info["class_names"])).float()
        return self.targets.softmax(dim=1) if self.info.get("targets") == "logits" else self.targets

    def target_logits(self) -> Tensor:
        """Stored soft labels as logits, those of probabilities by their logarithms, as ``targets``; a set has some."""
        return self.targets if self.info.get("targets") == "logits" else self.targets.clamp_min(SMALLEST).log()


def _whole_numbers(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)


def composition(distilled: DistilledSet) -> dict[str, list[int]]:
    """For each class, how many of its images are real, repeated real ones, and synthetic; lists of length C."""
    rows: dict[str, list[int]] = {"real": [], "duplicated": [], "synthetic": []}
    for label in range(len(distilled.info["class_names"])):
        members = distilled.labels == label
        real = members & (distilled.indices != NOT_REAL)
        identities = distilled.indices[real][:, None]
        if distilled.boxes is not None:  # two crops of one image are two images
            identities = torch.cat([identities, distilled.boxes[real]], dim=1)
        distinct = len(identities.unique(dim=0))
        rows["real"].append(distinct)
        rows["duplicated"].append(len(identities) - distinct)
        rows["synthetic"].append(int(members.sum()) - len(identities))
    return rows


def sizes(distilled: DistilledSet) -> dict[str, Any]:
    """The size of a set: ``images``, their number; ``labels``, of which kind; ``image_bytes`` and ``label_bytes``.

    An image counts as its uint8 pixels if it is synthetic, and as the position (4 bytes) and box (4 bytes) that stand
    for it if it is real. A stored soft label counts as its C numbers, a class number as the bytes that C classes take.
    """
    classes, count = len(distilled.info["class_names"]), len(distilled)
    synthetic = 0 if distilled.images is None else distilled.images.numel()
    real = int((distilled.indices != NOT_REAL).sum()) * (4 if distilled.boxes is None else 8)
    hard = count * (1 if classes <= 256 else 2)
    return {
        "images": count,
        "labels": "class numbers" if distilled.targets is None else distilled.info["targets"],
        "image_bytes": synthetic + real,
        "label_bytes": hard if distilled.targets is None else distilled.targets.nbytes,
    }


def content_hash(distilled: DistilledSet) -> str:
    """SHA-256 over everything a student sees: images, positions, boxes, labels, targets, the step size, a factor."""
    digest = hashlib.sha256()
    for name, tensor in tensors(distilled).items():
        tensor = tensor.detach().cpu().contiguous()
        digest.update(f"{name}{tensor.dtype}{list(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    digest.update(f"{distilled.lr}{distilled.info.get('targets')}".encode())
    if distilled.factor > 1:
        digest.update(f"{distilled.factor}x{distilled.factor}".encode())
    return digest.hexdigest()


def tensors(distilled: DistilledSet) -> dict[str, Tensor]:
    """The tensors that a set has, by name, always in the same order."""
    return {name: getattr(distilled, name) for name in TENSORS if getattr(distilled, name) is not None}
