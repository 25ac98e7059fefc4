"""The augmentation of a batch, as its settings name it."""

from collections.abc import Callable

import torch
from torch import Tensor

from ltdd_utils.augment.crops import random_crop_flip
from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.augment.siamese import dsa

__all__ = ["augmenter"]


def augmenter(cfg: AugmentConfig) -> Callable[[Tensor, torch.Generator], Tensor]:
    """The augmentation of a batch of preprocessed images, ``[B, Ch, H, W]`` to the same shape.

    Raises:
        ValueError: "mixed-views", which works on pixels and pairs of images: only the online protocols have it.
    """
    if cfg.kind == "dsa":
        return lambda images, rng: dsa(images, cfg.strategy, rng)
    if cfg.kind == "crop-flip":
        return lambda images, rng: random_crop_flip(images, cfg.padding, rng, flip=cfg.flip)
    if cfg.kind == "none":
        return lambda images, rng: images
    raise ValueError(f"augment.kind is {cfg.kind!r}; use 'dsa', 'crop-flip' or 'none' here")
