"""The context of a run: its folders, its device, the callback for its progress."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from ltdd_utils.core.progress import Announce, Watch
from ltdd_utils.core.store import Store

__all__ = ["Compile", "RunContext", "pick_device", "require_writable"]

Compile = Literal["auto", "on", "off"]  # what to compile: long work, all that can be, nothing


@dataclass(frozen=True)
class RunContext:
    """Store, device and folders of a run: never part of its settings."""

    store: Store
    device: torch.device
    results: Path | None = None  # folder of the records; None: keep no record
    data: Path | None = None  # folder of the data sets; None: LTDD_DATA, or data/
    watch: Callable[[str], Watch] | None = None  # watch(stage's name) is told the stage's progress
    announce: Announce | None = None  # is told when runs and their stages begin and end
    keep_images: int = 0  # how many states of a set on its way are kept beside its stage; 0: none
    compile: Compile = "auto"  # functions of the work: the same to rounding (``training.Compiler``)

    def watching(self, stage: str) -> Watch | None:
        """The progress callback of a stage."""
        return None if self.watch is None else self.watch(stage)

    def reading(self) -> Watch:
        """The progress callback of reading images, which stops while they are decoded; what was read is lost then."""
        watch = self.watching("read images")

        def tell(event: dict[str, Any]) -> None:
            if "done" in event:
                self.store.pause()
            if watch is not None:
                watch(event)

        return tell


def pick_device(name: str) -> torch.device:
    """The device called ``name``; "auto" is a GPU if there is one.

    Raises:
        ValueError: a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        is_torch_type = name.partition(":")[0] in ("cpu", "cuda")
        reason = str(error).splitlines()[0]
        if not is_torch_type:
            raise ValueError(f"unknown device {name!r}; choose auto, cpu, cuda or cuda:N") from error
        raise ValueError(f"device {name!r} cannot be used here ({reason}); try --device auto or cpu") from error
    return device


def require_writable(folder: Path) -> None:
    """Check, before hours of work, that files can be written below ``folder``; nothing is made.

    Raises:
        OSError: a part of the path is a file, or may not be written.
    """
    nearest = next(path for path in (Path(folder).absolute(), *Path(folder).absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        reason = "it may not be written" if nearest.is_dir() else "it is a file"
        raise OSError(f"cannot write to {folder}: {nearest}: {reason}; name another folder")
