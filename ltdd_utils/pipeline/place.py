"""Where a run happens, and the stages that every run shares."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from ltdd_utils.config import NetworkConfig, PreprocessConfig, TeacherConfig
from ltdd_utils.experts import expert
from ltdd_utils.images import LongTailedData
from ltdd_utils.networks import build
from ltdd_utils.preprocess import Preprocess
from ltdd_utils.seeds import generator
from ltdd_utils.store import Store, Watch
from ltdd_utils.unilevel.experts import loss_of

__all__ = [
    "Place",
    "check",
    "expert_stage",
    "fit_stage",
    "fitted",
    "pick_device",
    "require_networks",
    "require_writable",
]


@dataclass(frozen=True)
class Place:
    """Where a run happens: never part of its settings."""

    store: Store
    device: torch.device
    results: Path | None = None  # folder of the records; None: keep no record
    data: Path | None = None  # folder of the data sets; None: LTDD_DATA, or data/
    watch: Callable[[str], Watch] | None = None  # watch(stage's name) is told the stage's progress

    def watching(self, stage: str) -> Watch | None:
        """What to tell the progress of a stage to."""
        return None if self.watch is None else self.watch(stage)


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
        known = name.partition(":")[0] in ("cpu", "cuda")
        reason = str(error).splitlines()[0]
        if not known:
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


def check(seed: int, students: int, place: Place) -> None:
    """Refuse at once what would fail later."""
    if students < 1:
        raise ValueError(f"students is {students}; at least 1 is needed")
    if seed < 0:
        raise ValueError(f"seed is {seed}; it must be 0 or more")
    for folder in (place.store.root, place.results):
        if folder is not None:
            require_writable(folder)


def require_networks(networks: Iterable[NetworkConfig], data: LongTailedData) -> None:
    """Build networks once, before hours of work that end in training them; nothing is kept.

    Raises:
        ValueError: settings that an architecture does not have, or images too small for it.
    """
    for network in dict.fromkeys(networks):
        build(network, data.classes, data.image_size, data.channels, generator(0, "shape"))


def fitted(cfg: PreprocessConfig, data: LongTailedData, place: Place) -> Preprocess:
    """The preprocessing of a run: fitted once on the long-tailed training images, then read from the store."""
    return fit_stage(cfg, data, place)[0]


def fit_stage(cfg: PreprocessConfig, data: LongTailedData, place: Place) -> tuple[Preprocess, float]:
    """The same, and the seconds that the fit took."""
    key = {"config": cfg, "data": data.sha256}
    bundle = place.store.stage(
        "preprocess", key, lambda _: Preprocess.fit(data.train_images.to(place.device), cfg).to_bundle()
    )
    return Preprocess.from_bundle(bundle).to(place.device), bundle.meta["seconds"]


def expert_stage(
    cfg: TeacherConfig,
    data: LongTailedData,
    preprocess: Preprocess,
    seed: int,
    place: Place,
    role: str = "expert",
) -> tuple[nn.Module, float]:
    """The expert of a run, plain or debiased, in eval mode, and the seconds that its training took.

    Settings that name a seed stand above the run's: the network is the one that a run with that seed would train.
    """
    seed, cfg = seed if cfg.seed is None else cfg.seed, replace(cfg, seed=None)
    loss = loss_of(cfg, data.counts)
    return expert(cfg, data, preprocess, seed, place.store, place.device, place.watching(role), loss)
