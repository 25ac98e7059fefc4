"""The recipes of paper 1: trajectory matching, with and without DAM and expert decoupling.

The paper does not define the four rows of its component table (DATM, + DAM, + ED, both). Here they are:

============ =============== ====== =================== ===================== ==================================
recipe       experts         phases inner loss          compared              initial images and labels
============ =============== ====== =================== ===================== ==================================
``datm``     representation  1      soft cross-entropy  all parameters        last representation snapshots
``dam_only`` representation  1      DAM                 all parameters        last representation snapshots
``ed_only``  both            2      soft cross-entropy  backbone; classifier  last classifier snapshots
``damed``    both            2      DAM                 backbone; classifier  last classifier snapshots
============ =============== ====== =================== ===================== ==================================

So two rows can differ in the initial set as well as in the loss; and where there is a second phase, the first one has
the weight that the released file of the cell gives it, which can be below 1. The controls change one field at a time
(``--set method.KEY=VALUE``): ``initial.experts``, ``dam.weights``, ``dam.prior``, ``dam.offset``, ``first.weight``,
``second.weight``; ``experts.logit_adjustment=1`` trains debiased experts, ``evaluate.adsa.step=0.01`` calibrates the
learned labels after matching; ``method.iterations=0`` is the initial set itself.
"""

from dataclasses import replace

from ltdd_utils.methods.base import Method
from ltdd_utils.methods.trajectory.family import TRAJECTORY
from ltdd_utils.methods.trajectory.released import CellSettings, released
from ltdd_utils.methods.trajectory.settings import (
    DAMConfig,
    ExpertConfig,
    GSAMConfig,
    InitialConfig,
    MatchConfig,
    TrajectoryConfig,
)
from ltdd_utils.presets import Cell, dsa_augmentation, small_convnet
from ltdd_utils.training.settings import TrainConfig

__all__ = ["METHODS", "dam_only", "damed", "datm", "ed_only", "mtt"]


def mtt(cell: Cell) -> TrajectoryConfig:
    """MTT: trajectory matching with hard labels from real images.

    Cazenavette et al. (arXiv 2203.11932). The other settings of the cell are DATM's here, with T+ from the start.
    Published on CIFAR-10-LT, IF 100, IPC 10: 37.7 +- 0.6.
    """
    base = datm(cell)
    initial = InitialConfig("real", labels="hard")
    return replace(base, initial=initial, lr_labels=0.0, momentum_labels=0.0, expand=0)


def datm(cell: Cell) -> TrajectoryConfig:
    """DATM: trajectory matching with learned soft labels from a window of start epochs.

    Guo et al. (arXiv 2310.05773), on biased experts.

    Note:
        Differs from DATM's release: settings are LTDD's for the cell, so that most cells draw from the whole window at
        once (``expand`` 0; DATM's grows until iteration 1000 or 2000); at scale paper the gradient is TESLA's, as in
        LTDD's code; no ``largest_loss`` and no moving average.

    Published on CIFAR-10-LT, IF 100, IPC 10: 37.3 +- 0.2.
    """
    return _common(cell)


def dam_only(cell: Cell) -> TrajectoryConfig:
    """DAM alone: DATM whose student imitates the bias of the experts.

    A summary of the paper gives 57.1 on CIFAR-10-LT, IF 100, IPC 50; not checked against the paper.
    """
    return replace(_common(cell), dam=_dam(cell))


def ed_only(cell: Cell) -> TrajectoryConfig:
    """Expert decoupling alone: backbone and classifier from two kinds of experts, plain inner loss.

    A summary of the paper gives 54.8 on CIFAR-10-LT, IF 100, IPC 50; not checked against the paper.
    """
    return replace(damed(cell), dam=DAMConfig())


def damed(cell: Cell) -> TrajectoryConfig:
    """DAM + ED: paper 1's method.

    Published on CIFAR-10-LT, IF 100, IPC 10: 53.4 +- 0.1.
    """
    base, (first, second), own = _common(cell), _steps(cell), _cell(cell)
    return replace(
        base,
        match="backbone",
        dam=_dam(cell),
        initial=replace(base.initial, experts="classifier", labels=_labels(own)),
        first=MatchConfig(own.weights[0], first, base.first.epochs),
        second=MatchConfig(own.weights[1], second, base.first.epochs),
    )


def _dam(cell: Cell) -> DAMConfig:
    """Weights as released at scale paper; of mean 1 where 150 iterations must do: see chapter 05."""
    return DAMConfig("sum" if cell.scale == "paper" else "mean")


def _common(cell: Cell) -> TrajectoryConfig:
    """Settings that the recipes share: one phase on representation experts."""
    own, (steps, _) = _cell(cell), _steps(cell)
    experts, first = _experts(cell), MatchConfig(1.0, steps)
    longest = experts.train.epochs + 1 - first.epochs  # T+ that the experts have the epochs for
    base = TrajectoryConfig(
        experts=experts,
        initial=InitialConfig(own.images, "representation", "duplicate", _labels(own)),
        first=first,
        iterations=own.iterations,
        batch=own.batch,
        window=tuple(int(epoch * min(1, longest / own.window[2])) for epoch in own.window),
        expand=own.expand,
        lr_images=own.lr_images,
        lr_labels=own.lr_labels,
        lr_lr=own.lr_lr,
    )
    if cell.scale == "paper":
        return replace(base, gradient="tesla")  # as released
    if cell.scale == "cpu":
        return replace(base, iterations=150, expand=0)
    return replace(base, iterations=60, expand=0, window=(0, 5, 10), lr=0.02, lr_images=10.0)


def _labels(own: CellSettings) -> str:
    """With images chosen for being right, the mean of the experts that are; else one expert's answer (as released)."""
    return "mean-of-right" if own.images == "correct" else "one-expert"


def _steps(cell: Cell) -> tuple[int, int]:
    return _cell(cell).steps if cell.scale == "paper" else {"cpu": (20, 20), "tiny": (10, 10)}[cell.scale]


def _cell(cell: Cell) -> CellSettings:
    return released(cell.dataset, cell.imbalance_factor, cell.ipc)


def _experts(cell: Cell) -> ExpertConfig:
    """Experts as released at scale paper (100 of 100 epochs, GSAM); few, narrow and short ones otherwise.

    At scale cpu all seeds of a run share the experts of seed 0: a spread over seeds is one over distillations.
    """
    network, augment = small_convnet(cell.dataset, cell.scale), dsa_augmentation(cell.dataset)
    train = TrainConfig(epochs=100, batch_size=256, lr=0.01, momentum=0.0, weight_decay=5e-3, schedule="constant")
    if cell.scale == "paper":
        return ExpertConfig(network=network, train=train, gsam=GSAMConfig(), augment=augment)
    if cell.scale == "cpu":
        return ExpertConfig(4, network, replace(train, epochs=40), augment=augment, seed=0)
    train = replace(train, epochs=30, batch_size=32, lr=0.02)
    return ExpertConfig(3, network, train, augment=augment, classifier_epochs=5, classifier_lr=0.02)


METHODS = (
    Method("mtt", mtt, TRAJECTORY),
    Method("datm", datm, TRAJECTORY),
    Method("dam_only", dam_only, TRAJECTORY),
    Method("ed_only", ed_only, TRAJECTORY),
    Method("damed", damed, TRAJECTORY),
)
