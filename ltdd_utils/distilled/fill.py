"""Classes with fewer images than the set asks for."""

import torch
from torch import Tensor

__all__ = ["fill"]


def fill(rows: Tensor, ipc: int, policy: str, refusal: str = "") -> Tensor:
    """Rows of a class's images, at most ``ipc``, after the policy for a class with too few.

    Args:
        rows: candidates in the order of preference, ``[n]``.
        ipc: images per class.
        policy: "duplicate" repeats the rows in turn; "noise" leaves them as they are, for the caller to add noise;
            "inherent" refuses.
        refusal: the message of "inherent".

    Raises:
        ValueError: too few rows under "inherent".
    """
    if len(rows) >= ipc:
        return rows[:ipc]
    if policy == "inherent":
        raise ValueError(refusal)
    if policy == "duplicate" and len(rows):
        return rows[torch.arange(ipc) % len(rows)]
    return rows
