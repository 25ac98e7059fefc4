"""The settings of each cell of paper 1's tables, as data: the released configurations, with their errors corrected."""

from collections.abc import Mapping
from dataclasses import dataclass

from ltdd_utils.data.facts import stand_in

__all__ = ["CellSettings", "released"]

CORRECT, REAL = "correct", "real"


@dataclass(frozen=True)
class CellSettings:
    """Settings that vary from cell to cell in the released files of LTDD (arXiv 2408.14506); iterations are 10,000."""

    steps: tuple[int, int]  # inner steps of the two phases
    batch: int
    lr_images: float
    window: tuple[int, int, int]  # T-, T, T+
    weights: tuple[float, float]  # lambda_rep, lambda_cls
    expand: int = 0  # iterations until T+
    lr_labels: float = 2.0
    lr_lr: float = 1e-5
    images: str = CORRECT  # how the initial images are chosen
    iterations: int = 10_000
    note: str = ""  # what the file says otherwise, or that there is none


def _cifar10(
    lr_images: float,
    last: int,
    weights: tuple[float, float],
    expand: int = 0,
    second_steps: int = 80,
    *,
    note: str = "",
) -> CellSettings:
    window = (0, last // 2, last)
    return CellSettings((80, second_steps), 500, lr_images, window, weights, expand, note=note)


def _many_classes(
    steps: tuple[int, int],
    batch: int,
    lr_images: float,
    window: tuple[int, int],
    lr_lr: float = 1e-5,
    *,
    iterations: int = 10_000,
    note: str = "",
) -> CellSettings:
    first, last = window
    common = {"lr_labels": 10.0, "lr_lr": lr_lr, "images": REAL, "iterations": iterations, "note": note}
    return CellSettings(steps, batch, lr_images, (first, last, last), (1.0, 0.1), **common)


_NO_FILE = "no file was released for this cell: the settings of the nearest released one"
_TINY_50 = {"steps": (10, 10), "batch": 1000, "lr_images": 100.0, "window": (40, 70)}
# (data set, imbalance factor, IPC) of each released file.
_CELLS: Mapping[tuple[str, float, int], CellSettings] = {
    ("cifar10", 10, 10): _cifar10(
        100, 20, (1.0, 0.1), 1000, note="file: lambda_cls 0.2, and it stops at once; the author advises 0.1 (issue 1)"
    ),
    ("cifar10", 10, 20): _cifar10(100, 40, (1.0, 0.2)),
    ("cifar10", 10, 50): _cifar10(1000, 40, (1.0, 0.2)),
    ("cifar10", 50, 10): _cifar10(100, 20, (1.0, 0.5)),
    ("cifar10", 50, 20): _cifar10(100, 20, (0.5, 1.0), 2000),
    ("cifar10", 50, 50): _cifar10(100, 40, (0.5, 1.0), 2000, note="file: imbalance factor 100, and it stops at once"),
    ("cifar10", 100, 10): _cifar10(100, 20, (0.5, 1.0)),
    ("cifar10", 100, 20): _cifar10(100, 20, (0.5, 1.0), 2000),
    ("cifar10", 100, 50): _cifar10(1000, 40, (1.0, 0.5), second_steps=60),
    ("cifar10", 200, 10): _cifar10(100, 20, (0.1, 1.0)),
    ("cifar10", 200, 20): _cifar10(1000, 40, (0.1, 1.0)),
    ("cifar10", 200, 50): _cifar10(1000, 40, (0.1, 1.0), note="file: IPC 20, a copying error"),
    ("cifar100", 10, 10): _many_classes((40, 20), 1000, 1000, (30, 50)),
    ("cifar100", 10, 20): _many_classes((40, 20), 1000, 1000, (20, 70)),
    ("cifar100", 10, 50): _many_classes((40, 20), 1000, 1000, (20, 70)),
    ("cifar100", 20, 10): _many_classes((40, 20), 1000, 1000, (20, 70)),
    ("cifar100", 20, 20): _many_classes((40, 20), 1000, 1000, (20, 70)),
    ("cifar100", 20, 50): _many_classes((40, 20), 1000, 1000, (20, 70)),
    ("tiny", 10, 10): _many_classes((25, 25), 500, 100, (10, 50), lr_lr=1e-4),
    ("tiny", 20, 10): _many_classes((25, 25), 500, 100, (10, 50), lr_lr=1e-4),
    ("tiny", 10, 20): _many_classes((20, 20), 500, 100, (10, 50), lr_lr=1e-4),
    ("tiny", 20, 20): _many_classes((20, 20), 500, 100, (10, 50), lr_lr=1e-4),
    ("tiny", 10, 50): _many_classes(**_TINY_50),
    ("tiny", 20, 50): _many_classes(**_TINY_50, iterations=1500),
    ("imagenet", 10, 10): CellSettings(
        (25, 25),
        100,
        0.1,
        (10, 50, 50),
        (1.0, 0.1),
        lr_labels=0.01,
        lr_lr=1e-7,
        images=REAL,
        iterations=500,
        note="the author's comment (issue 2); it does not give the two weights: those of Tiny-ImageNet",
    ),
}


def released(dataset: str, imbalance_factor: float, ipc: int) -> CellSettings:
    """The released settings of a cell; without a file, those of the nearest IPC, then of the nearest imbalance factor.

    A data set without any file has those of the one that it is ``like``.

    Raises:
        ValueError: a data set that the release does not know, and that is like none that it does.
    """
    name = stand_in(dataset, {key[0] for key in _CELLS}, "paper 1")
    known = [key for key in _CELLS if key[0] == name]
    nearest = min(known, key=lambda key: (abs(key[2] - ipc), abs(key[1] - imbalance_factor)))
    settings = _CELLS[nearest]
    if nearest == (dataset, imbalance_factor, ipc):
        return settings
    return CellSettings(**{**vars(settings), "note": _NO_FILE})
