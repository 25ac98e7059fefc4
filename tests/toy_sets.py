"""Small distilled sets on Digits-LT, and a quick recipe: what several test files need."""

import os
from functools import cache
from pathlib import Path

import torch

from ltdd_utils import recipes
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Store
from ltdd_utils.data import DataConfig, LongTailedData, Preprocess, PreprocessConfig, Run, load
from ltdd_utils.distilled import NOT_REAL, DistillationResult, DistilledSet
from ltdd_utils.runs import distil, start

CPU = torch.device("cpu")
NAMES = [str(digit) for digit in range(10)]
NOWHERE = Path(os.devnull) / "nowhere"  # a run that keeps a stage there fails


@cache
def digits() -> LongTailedData:
    return load(DataConfig("digits", imbalance_factor=20))


@cache
def fit(kind: str) -> Preprocess:
    return Preprocess.fit(digits().train_images, PreprocessConfig(kind))


def noise(*shape: int, name: str = "noise") -> torch.Tensor:
    return torch.rand(*shape, dtype=torch.float32, generator=generator(0, name))


def synthetic(ipc: int = 2, kind: str = "zca", **changes) -> DistilledSet:
    """``ipc`` synthetic images of each class: valid pixels under preprocessing ``kind``."""
    pixels = (255 * noise(10 * ipc, 1, 16, 16)).to(torch.uint8)
    parts = {
        "labels": torch.arange(10).repeat_interleave(ipc),
        "indices": torch.full((10 * ipc,), NOT_REAL),
        "images": fit(kind)(pixels),
        "info": {"class_names": NAMES, "preprocess": fit(kind).describe()},
    }
    return DistilledSet(**{**parts, **changes})


def mixed() -> DistilledSet:
    """Two crops of one real image, a whole real image and a synthetic one, with soft labels and a step size."""
    first, second = digits().indices[:2].tolist()
    return DistilledSet(
        labels=torch.tensor([0, 0, 0, 1]),
        indices=torch.tensor([first, first, second, NOT_REAL]),
        images=fit("zca")((255 * noise(1, 1, 16, 16)).to(torch.uint8)),
        boxes=torch.tensor([[0, 0, 16, 16], [3, 2, 9, 7], [0, 0, 16, 16], [0, 0, 16, 16]]),
        targets=noise(4, 10, name="targets"),
        lr=0.02,
        info={"class_names": NAMES, "targets": "logits", "preprocess": fit("zca").describe(), "method": {"a": [1, 2]}},
    )


def quick(
    name: str = "random_digits", epochs: int = 3, protocol: str = "dsa-stored", ipc: int = 2, **settings
) -> recipes.Recipe:
    """A recipe on Digits-LT that takes a fraction of a second."""
    changes = {"evaluate.train.epochs": epochs, "evaluate.network.width": 8, **settings}
    changes |= {"method.expert.train.epochs": 1} if name.startswith(("kcenter", "herding", "graphcut")) else {}
    changes |= {"evaluate.teacher.train.epochs": 1} if protocol != "dsa-stored" else {}
    return recipes.with_overrides(recipes.recipe(name, ipc=ipc, protocol_name=protocol), changes)


def context(folder: Path, deadline: float | None = None, **changes) -> RunContext:
    return RunContext(
        **{"store": Store(folder / "work", deadline), "device": CPU, "results": folder / "results", **changes}
    )


def toy_run(
    folder: Path = NOWHERE, data: LongTailedData | None = None, kind: str = "zca", seed: int = 0, **options
) -> Run:
    """A run on Digits-LT or on other ``data``, preprocessed as ``kind`` says; ``options`` are those of ``context``."""
    preprocess = fit(kind) if data is None else Preprocess.fit(data.train_images, PreprocessConfig(kind))
    return Run(data or digits(), preprocess, seed, context(folder, **options))


def result_of(recipe: recipes.Recipe, where: RunContext, seed: int = 0, draw: int = 0) -> DistillationResult:
    """The set that a recipe makes, and how it came about."""
    return distil(recipe, start(recipe, seed, where), draw)
