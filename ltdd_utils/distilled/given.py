"""Images that any method made: what a set of them must say of itself, so that every evaluator takes it."""

from typing import Any

import torch
from torch import Tensor

from ltdd_utils.core.hashing import tensor_hash
from ltdd_utils.core.hints import choose
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.settings import PreprocessConfig

__all__ = ["facts", "unit_pixels"]


def facts(
    labels: Tensor,
    data: LongTailedData,
    *,
    like: str | None = None,
    scale: str | None = None,
    preprocess: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """All that a set without a recipe must say of itself, for its ``info``.

    Args:
        labels: class of each image, integers ``[M]``.
        data: the long tail that it stands for.
        like: the data set of the table whose judges score it; None: the data's own.
        scale: of the judges; None: the smallest that the data set has.
        preprocess: the description of the transform that its images are in; None: they are pixels.

    Raises:
        ValueError: a data set that is not in the table, or a scale that it does not have.
    """
    like = like or data.config.name
    if like not in DATASETS:
        raise ValueError(f"no judge is set up for {like!r}; say which data set it is like: {', '.join(DATASETS)}")
    scales = DATASETS[like].scales
    if scale not in (None, *scales):
        raise ValueError(f"{like} has no scale {scale!r}; {choose(scales)}")
    sizes = labels.long().bincount(minlength=data.classes).tolist()
    return {
        "recipe": None,
        "like": like,
        "scale": scale or scales[0],
        "ipc": sizes[0] if len(set(sizes)) == 1 else None,
        "data": to_dict(data.config),
        "data_sha256": data.sha256,
        "index_list_sha256": tensor_hash(data.indices),
        "class_names": list(data.class_names),
        "class_counts": list(data.counts),
        "preprocess": preprocess or Preprocess.fit(data.train_images, PreprocessConfig("none")).describe(),
    }


def unit_pixels(images: Tensor, data: LongTailedData) -> Tensor:
    """Pixels ``[M, Ch, H, W]``, uint8 or floats in [0, 1], as floats in [0, 1] on the CPU.

    Raises:
        ValueError: another shape than the data's, or other numbers.
    """
    wanted = list(data.train_images.shape[1:])
    if images.ndim != 4 or list(images.shape[1:]) != wanted or not len(images):
        raise ValueError(
            f"images are {list(images.shape)}; expected [M, {', '.join(map(str, wanted))}], as those of "
            f"{data.config.name} are, and at least one"
        )
    if images.dtype == torch.uint8:
        return images.cpu().float() / 255
    low, high = float(images.min()), float(images.max())
    if not (images.is_floating_point() and low >= 0 and high <= 1):
        raise ValueError(
            f"images are {images.dtype}, {low:.4g} to {high:.4g}; pixels are uint8, or floats in [0, 1]. `ltdd score` "
            "and `ltdd import` read images of other spaces (--space)"
        )
    return images.detach().cpu().float()
