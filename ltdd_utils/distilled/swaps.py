"""Sets put together from the images of one set, the labels of another and the step size of a third."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.mosaics import expanded

__all__ = ["part_name", "swapped"]

MADE_ON = ("data_sha256", "class_names")  # facts that the sets must share


def swapped(
    images: DistilledSet, labels: DistilledSet | None = None, step: DistilledSet | float | None = None
) -> DistilledSet:
    """One set from parts of several; what a student gains or loses by a part tells where a result comes from.

    ``info["parts"]`` says which set each part is from, by its name and hash, and ``info["name"]`` says it in words.

    Args:
        images: gives the images, their classes and positions.
        labels: gives the stored soft labels, or class labels where it has no others; None: class labels. Soft labels of
            parts of images stand at those parts, be they stored as mosaics or one by one (``distilled.expanded``).
        step: gives the learned step size, or is the step size; None: none, so that the protocol's counts.

    Returns:
        The set. Of one and the same set three times it is that set: its hash is equal.

    Raises:
        ValueError: sets of other data, of other classes in another order, or of other parts of each image.
    """
    for other in (labels, step):
        if isinstance(other, DistilledSet):
            _require_same(images, other)
    lr = step.lr if isinstance(step, DistilledSet) else step
    made_by = part_name(step) if isinstance(step, DistilledSet) else step
    words = [part_name(images), "class numbers" if labels is None else part_name(labels)]
    name = f"images of {words[0]}, labels of {words[1]}" if labels is not None else f"images of {words[0]}, hard labels"
    name += ", the protocol's step size" if step is None else f", step size {made_by}"
    parts: dict[str, Any] = {
        "images": _part(images),
        "labels": None if labels is None else _part(labels),
        "lr": _part(step) if isinstance(step, DistilledSet) else step,
    }
    kind = None if labels is None else labels.info.get("targets")
    info = {**images.info, "targets": kind, "parts": parts, "name": name}
    info.pop("labelled_by", None)  # of the labels that these images had
    if labels is not None and "labelled_by" in labels.info:
        info["labelled_by"] = labels.info["labelled_by"]
    return replace(images, targets=None if labels is None else _targets(images, labels), lr=lr, info=info)


def part_name(distilled: DistilledSet) -> str:
    """The name of a set in words: its own, or its recipe's; "RECIPE, initial" of one whose images nothing changed."""
    name = distilled.info.get("name") or distilled.info.get("recipe") or content_hash(distilled)[:12]
    method = distilled.info.get("method") or {}
    images = method.get("images")  # settings of the images alone, where a method has such
    told = images.get("iterations") if isinstance(images, Mapping) else method.get("iterations")
    return f"{name}, initial" if told == 0 else name


def _targets(images: DistilledSet, labels: DistilledSet) -> Tensor | None:
    """The soft labels of one set for the images of another, one for each image or for each of its parts."""
    targets = labels.targets if len(labels) == len(images) else expanded(labels).targets
    if targets is None or len(targets) in (len(images), images.seen):
        return targets
    what = f"{part_name(labels)} has {len(targets)} soft labels, {part_name(images)} has {len(images)} images"
    parts = f" of {images.factor} x {images.factor} parts" if images.factor > 1 else ""
    raise ValueError(f"{what}{parts}: swap labels of parts between sets of as many parts, or label by `ltdd relabel`")


def _part(distilled: DistilledSet) -> dict[str, str]:
    return {"name": part_name(distilled), "sha256": content_hash(distilled)}


def _require_same(images: DistilledSet, other: DistilledSet) -> None:
    for key in MADE_ON:
        mine, theirs = images.info.get(key), other.info.get(key)
        if mine != theirs:
            raise ValueError(
                f"{part_name(other)} has {key} {theirs!r:.60}, {part_name(images)} has {mine!r:.60}: "
                "swap parts of sets of the same data"
            )
    if images.labels.tolist() != other.labels.tolist() and _of_parts(images) != _of_parts(other):
        raise ValueError(
            f"{part_name(other)} and {part_name(images)} hold other classes, or in another order: a label must stand "
            "at an image of its class"
        )


def _of_parts(distilled: DistilledSet) -> list[int]:
    """The class of every image that a student sees."""
    return distilled.labels.repeat_interleave(distilled.factor**2).tolist()
