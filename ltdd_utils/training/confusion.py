"""Answers of a network to images, counted in a confusion matrix or kept as one bit an image."""

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["answered", "confusion_matrix", "counted", "packed"]

BROKEN = -1  # an answer that is not finite: argmax would count it as class 0


def confusion_matrix(network: nn.Module, images: Tensor, labels: Tensor, classes: int, batch_size: int = 500) -> Tensor:
    """Confusion matrix: rows are true classes, columns predictions, ``[C, C]``, counts.

    Args:
        network: in eval mode.
        images: preprocessed, on the network's device, ``[N, Ch, H, W]``.
        labels: integers, ``[N]``.
        classes: C.
        batch_size: images per forward pass; it changes the memory, not the result.

    Returns:
        Integer counts on the CPU, ``[C, C]``.

    Raises:
        FloatingPointError: an answer is not finite; the message has the first such image.
    """
    return counted(answered(network, images, batch_size), labels, classes)


def counted(answers: Tensor, labels: Tensor, classes: int) -> Tensor:
    """The confusion matrix of ``answered``: rows are true classes, columns predictions, counts, ``[C, C]``."""
    return torch.bincount(labels.cpu() * classes + answers, minlength=classes**2).reshape(classes, classes)


def packed(right: Tensor) -> Tensor:
    """One bit an image, the first one highest: booleans ``[N]`` to uint8 ``[ceil(N / 8)]``, the last bits 0."""
    return torch.from_numpy(np.packbits(right.cpu().numpy()))


@torch.no_grad()
def answered(network: nn.Module, images: Tensor, batch_size: int = 500) -> Tensor:
    """The class that the network answers to each image, integers on the CPU, ``[N]``.

    Args:
        network: in eval mode.
        images: preprocessed, on the network's device, ``[N, Ch, H, W]``.
        batch_size: images per forward pass; it changes the memory, not the result.

    Raises:
        FloatingPointError: an answer is not finite; the message has the first such image.
    """
    predictions = []
    for batch in images.split(batch_size):
        logits = network(batch)
        predictions.append(torch.where(logits.isfinite().all(dim=1), logits.argmax(dim=1), BROKEN))
    predictions = torch.cat(predictions).cpu()
    broken = (predictions == BROKEN).nonzero()
    if len(broken):
        raise FloatingPointError(
            f"the network's answer to image {int(broken[0])} is not finite: its weights or running statistics are "
            "broken; train it again, with a smaller lr"
        )
    return predictions
