"""Named, independent random streams: the package never seeds a global generator."""

import hashlib

import torch

from ltdd_utils.core.settings import whole_number

__all__ = ["derive", "generator"]


def derive(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the stream called ``names``: the same on every machine, different for every name.

    Raises:
        ValueError: a negative seed, or one that is not a whole number.
    """
    seed = whole_number(seed, "seed")
    if seed < 0:
        raise ValueError(f"seed is {seed}; it must be 0 or more")
    # A digest, not a sum: generator(0, "student", 3) and generator(3, "student", 0) must not be the same stream.
    digest = hashlib.sha256("/".join(map(str, (seed, *names))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, *names: str | int) -> torch.Generator:
    """The CPU generator of one named stream, for example ``generator(0, "student", 3)``.

    Random numbers are always drawn on the CPU, so that a run has the same augmentations on every device.
    """
    return torch.Generator().manual_seed(derive(seed, *names))
