"""What every iterative stage says of itself: curves that fit into a record, and its peak of GPU memory."""

import torch
from torch import Tensor

__all__ = ["curve", "peak_gib"]

POINTS = 200  # of a curve in a record


def curve(values: Tensor) -> list[float] | None:
    """One value per iteration ``[N]`` as at most ``POINTS`` means; None if one of them is not finite."""
    means = [part.mean().item() for part in values.double().tensor_split(min(POINTS, len(values)))]
    return means if values.isfinite().all() else None


def peak_gib(device: torch.device) -> float:
    """Largest GPU memory since the last reset, in GiB; 0 on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
