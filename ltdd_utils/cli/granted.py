"""What a scheduler gave to this process: threads, and one of several GPUs."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ltdd_utils.core.deadline import Deadline, Stopped, is_over
from ltdd_utils.core.locks import Busy, locked
from ltdd_utils.jobs.share import GRANTED

__all__ = ["claimed", "free_device", "threads"]

EVERY_S = 1.0  # between two looks at GPUs that are all taken


def threads(asked: int | None) -> int | None:
    """The threads to use: as asked, else as the scheduler says; None: nobody says.

    Raises:
        ValueError: fewer than one is asked for.
    """
    if asked is not None and asked < 1:
        raise ValueError(f"--threads is {asked}; at least 1 is needed")
    return asked or next((int(value) for name in GRANTED if (value := os.environ.get(name, "")).isdecimal()), None)


@contextmanager
def free_device(name: str, wanted: bool, deadline: Deadline = None) -> Iterator[str]:
    """A device for a stage: where a process sees several GPUs, one that no other stage of this user holds.

    Args:
        name: of ``--device``.
        wanted: whether the stage wants a GPU.
        deadline: until when to wait for one that is free.

    Raises:
        Stopped: the deadline passed.
    """
    import torch  # late: the help does without

    count = torch.cuda.device_count() if wanted and name in ("auto", "cuda") else 0
    if count < 2:
        yield name
        return
    shown = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    names = shown if len(shown) == count else [str(number) for number in range(count)]
    with claimed(names, _folder(), deadline) as number:
        yield f"cuda:{number}"


@contextmanager
def claimed(names: Sequence[str], folder: Path, deadline: Deadline = None) -> Iterator[int]:
    """Hold the first of several things that no other process holds; gives its position.

    Raises:
        Stopped: the deadline passed.
    """
    while True:
        for number, name in enumerate(names):
            hold = locked(folder / f"{name}.lock", deadline=0.0)
            try:
                hold.__enter__()
            except Busy:
                continue
            try:
                yield number
            finally:
                hold.__exit__(None, None, None)
            return
        if is_over(deadline):
            raise Stopped("stopped as asked while all GPUs were taken")
        time.sleep(EVERY_S)


def _folder() -> Path:
    """On this machine's own disk, for this user."""
    return Path(tempfile.gettempdir()) / f"ltdd-gpus-{getattr(os, 'getuid', lambda: 0)()}"
