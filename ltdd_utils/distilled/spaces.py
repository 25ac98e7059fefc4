"""A set's images as pixels, as a protocol's inputs, and moved from one protocol's space to another's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.augment.crops import crop_boxes
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet
from ltdd_utils.distilled.mosaics import expanded

__all__ = ["pixels", "translate", "uint8_pixels"]


def uint8_pixels(distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess) -> tuple[Tensor, float]:
    """The images as pixels, as the online protocols need them, and the share of synthetic values that were clamped.

    Args:
        distilled: a set on ``data``.
        data: where the real images are.
        preprocess: the transform that the synthetic images were made in.

    Returns:
        Images ``[M, Ch, H, W]`` uint8, and a fraction (0 where nothing is synthetic).

    Raises:
        ValueError: the synthetic images were made under another preprocessing, the set is not of this data, or its
            images are mosaics.
    """
    _check_space(distilled, data, preprocess)
    _require_whole(distilled)
    images = torch.empty(len(distilled), *data.train_images.shape[1:], dtype=torch.uint8)
    synthetic, clamped = distilled.indices == NOT_REAL, 0.0
    images[~synthetic] = (_real_pixels(distilled, data) * 255).round().to(torch.uint8)
    if distilled.images is not None:
        raw = preprocess.inverse(distilled.images)
        # Half a pixel value beyond the range still rounds to 0 or 255: that is not clamping, nor is rounding noise.
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
        ValueError: the synthetic images were made under another preprocessing, the set is not of this data, or its
            images are mosaics.
    """
    _check_space(distilled, data, preprocess)
    _require_whole(distilled)
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

    A set of mosaics is ``expanded`` first where the space changes: its parts are images there, its whole is not.

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
    distilled = expanded(distilled)
    images, clamped = uint8_pixels(distilled, data, own)
    info = {**distilled.info, "preprocess": other.describe()}
    return replace(distilled, images=other(images[distilled.indices == NOT_REAL]), info=info), clamped


def _check_space(distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess) -> None:
    """Raise unless the synthetic images have the size of the data's and were made under ``preprocess``."""
    if distilled.images is None:
        return
    shape, expected = list(distilled.images.shape[1:]), list(data.train_images.shape[1:])
    if shape != expected:
        raise ValueError(
            f"the set's images are {shape}, those of {data.config.name} are {expected}; load the set's own data"
        )
    made_under: Mapping[str, Any] | None = distilled.info.get("preprocess")
    if made_under is not None and not preprocess.matches(made_under):
        raise ValueError(
            f"the set's images were made under another preprocessing ({made_under.get('kind')!r}) than this one "
            f"({preprocess.kind!r}, fitted on other images or with another eps); translate the set first"
        )


def _require_whole(distilled: DistilledSet) -> None:
    """Raise where stored images are no images that a student sees."""
    if distilled.factor > 1:
        parts = f"{distilled.factor} x {distilled.factor} parts"
        raise ValueError(f"each image of the set is {parts}; distilled.expanded(set) gives those that a student sees")


def _real_pixels(distilled: DistilledSet, data: LongTailedData) -> Tensor:
    """The set's real images, cropped where it says so, float32 in [0, 1]."""
    positions = distilled.indices[distilled.indices != NOT_REAL]
    rows = data.rows_of(positions)
    absent = positions[(rows < 0).to(positions.device)]
    if len(absent):
        raise ValueError(
            f"training image {int(absent[0])} of the set is not in this long tail; load the set's own data"
        )
    images = data.train_images[rows].float() / 255
    if distilled.boxes is None:
        return images
    boxes = distilled.boxes[distilled.indices != NOT_REAL]
    outside = (boxes[:, :2] + boxes[:, 2:] > data.image_size).any(dim=1)
    if bool(outside.any()):
        box, side = boxes[outside][0].tolist(), data.image_size
        raise ValueError(f"box {box} of the set reaches beyond images of {side} x {side} pixels; make the set again")
    return crop_boxes(images, boxes, data.image_size)
