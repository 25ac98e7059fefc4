"""Confusion matrices."""

import torch
from torch import Tensor, nn

__all__ = ["confusion_matrix"]


@torch.no_grad()
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
    """
    predictions = torch.cat([network(batch).argmax(dim=1) for batch in images.split(batch_size)]).cpu()
    return torch.bincount(labels.cpu() * classes + predictions, minlength=classes**2).reshape(classes, classes)
