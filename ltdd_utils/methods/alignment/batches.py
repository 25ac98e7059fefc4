"""Which images are optimised together, and how an observer sees them in a step."""

import torch
from torch import Tensor

from ltdd_utils.augment.crops import crop_boxes, draw_boxes
from ltdd_utils.methods.alignment.settings import RecoverConfig

__all__ = ["augmented", "batches"]

SQUARE = (1.0, 1.0)  # width over height of a crop


def batches(labels: Tensor, size: int) -> list[Tensor]:
    """Rows of the images that are optimised together: first image of every class, second image of every class, ...

    So a batch holds all classes as equally often as its size allows.

    Args:
        labels: integers, ``[M]``.
        size: images of a batch; the last one may be smaller.
    """
    turn = torch.empty_like(labels)
    for label in labels.unique():
        mine = labels == label
        turn[mine] = torch.arange(int(mine.sum()), device=labels.device)
    order = torch.argsort(turn * (labels.max() + 1) + labels, stable=True).cpu()
    return list(order.split(int(size)))


def augmented(images: Tensor, cfg: RecoverConfig, rng: torch.Generator) -> Tensor:
    """The batch under one random crop, flip and circular shift, the same for all its images."""
    side = images.shape[-1]
    if cfg.crop_scale != (1.0, 1.0):
        box = draw_boxes(1, side, side, cfg.crop_scale, SQUARE, generator=rng)
        images = crop_boxes(images, box.expand(len(images), 4), side)
    if cfg.flip and bool(torch.rand((), dtype=torch.float32, generator=rng) < 0.5):
        images = images.flip(3)
    if cfg.shift:
        across, down = torch.randint(-cfg.shift, cfg.shift + 1, (2,), generator=rng).tolist()
        images = images.roll((down, across), dims=(2, 3))
    return images
