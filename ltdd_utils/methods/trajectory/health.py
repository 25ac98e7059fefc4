"""Whether matching worked, in words: what went wrong, what to try."""

from collections.abc import Mapping

from torch import Tensor

from ltdd_utils.methods.trajectory.settings import TrajectoryConfig

__all__ = ["complaints"]

LOST = 0.4  # share of the iterations in which a student may end farther away than it began
SLOW = 0.01  # of the first step size, below which a learned one trains no student
PHASES = {"first": "representation experts", "second": "classifier experts"}


def complaints(cfg: TrajectoryConfig, images: int, history: Mapping[str, Tensor]) -> list[str]:
    """One line for each thing that went wrong; none where matching worked.

    Args:
        cfg: of the run.
        images: real ones that experts trained on.
        history: of ``match_trajectories``: ``first`` and ``second``, matching losses, and ``lr``, ``[iterations]``.
    """
    found = [line for name in PHASES if (line := _lost(name, history[name]))]
    last = float(history["lr"][-1]) if len(history["lr"]) else cfg.lr
    if last < SLOW * cfg.lr:
        found.append(f"the learned step size ended at {last:.2g}, from {cfg.lr:g}: students that take it learn nothing")
    if not found:
        return []
    return [*found, *_unmoved(cfg, images), f"try {', '.join(_remedies(cfg, images))}"]


def _lost(name: str, losses: Tensor) -> str:
    """Whether a phase led students away from their experts: a loss of 1 is where they began."""
    known = losses[losses.isfinite()]
    if not len(known):
        return ""
    farther, least = int((known > 1).sum()), float(known.min())
    useless = "" if least < 1 else f", and its loss never fell below {least:.3g}"
    if farther <= LOST * len(known) and not useless:
        return ""
    return (
        f"matching diverged ({PHASES[name]}): the student ended farther from the expert than it began in {farther} of "
        f"{len(known)} iterations, median loss {known.median():.3g}{useless}"
    )


def _unmoved(cfg: TrajectoryConfig, images: int) -> list[str]:
    taken, student = _expert_steps(cfg, images), cfg.first.steps
    if taken >= student:
        return []
    batch = cfg.experts.train.batch_size
    return [
        f"experts hardly moved: {taken} steps between two snapshots ({-(-images // batch)} an epoch: batches of "
        f"{batch}, {images} images), against {student} of the student"
    ]


def _expert_steps(cfg: TrajectoryConfig, images: int) -> int:
    return -(-images // cfg.experts.train.batch_size) * cfg.first.epochs


def _remedies(cfg: TrajectoryConfig, images: int) -> list[str]:
    """Settings to change, as ``--set`` takes them."""
    taken, remedies = _expert_steps(cfg, images), []
    if taken < cfg.first.steps:
        remedies.append(f"method.first.steps={max(taken // 2, 1)}")
    if cfg.lr_lr:
        remedies.append("method.lr_lr=0")
    return [*remedies, f"method.lr_images={cfg.lr_images / 10:g}"]
