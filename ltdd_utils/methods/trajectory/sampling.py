"""Class-aware oversampling: the order in which a classifier expert sees the long tail."""

import torch
from torch import Tensor

from ltdd_utils.training.loop import Order

__all__ = ["class_aware_order"]


def class_aware_order(labels: Tensor, samples_per_class: int, length: int) -> Order:
    """An epoch in which every class comes equally often, whatever its size.

    Classes are drawn in reshuffled cycles; each draw takes ``samples_per_class`` images of the class, and a class's
    images come in reshuffled cycles too. So after whole cycles every class was seen equally often, and within a class
    the numbers of times that two images were seen differ by one at most. LTDD's classifier experts (arXiv 2408.14506,
    released code: 4 images, ``length`` = n_max * C).

    Args:
        labels: integers of the long-tailed set, ``[N]``; every class from 0 to its largest has an image.
        samples_per_class: consecutive images of a drawn class.
        length: images in an epoch.

    Returns:
        A function from a generator to positions in the long-tailed set, ``[length]``.

    Raises:
        ValueError: a class without an image.
    """
    rows = [(labels == label).nonzero().flatten() for label in range(int(labels.max()) + 1)]
    empty = [label for label, members in enumerate(rows) if len(members) == 0]
    if empty:
        raise ValueError(f"class {empty[0]} has no image to draw; leave it out of the data set")

    def order(generator: torch.Generator) -> Tensor:
        draws = -(-length // samples_per_class)
        classes = _cycles(len(rows), draws, generator)
        images = torch.empty(draws, samples_per_class, dtype=torch.long)
        for label, members in enumerate(rows):
            places = classes == label
            count = int(places.sum()) * samples_per_class
            images[places] = members[_cycles(len(members), count, generator)].view(-1, samples_per_class)
        return images.flatten()[:length]

    return order


def _cycles(size: int, count: int, generator: torch.Generator) -> Tensor:
    """``count`` numbers below ``size``: one random permutation after the other."""
    rounds = -(-count // size)
    return torch.stack([torch.randperm(size, generator=generator) for _ in range(max(rounds, 1))]).flatten()[:count]
