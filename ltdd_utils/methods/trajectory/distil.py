"""Distillation by trajectory matching: experts and an initial set in, a distilled set and its history out.

    every iteration:
        representation expert, start epoch e     ->  student under DAM        ->  backbone of epoch e + 2
        classifier expert, from its first state  ->  student's classifier     ->  classifier of epoch 2
        gradients of both losses, weighted       ->  one step of images, label logits, step size

MTT, DATM and DAM + ED are this loop with other settings. "Distilling Long-tailed Datasets" (arXiv 2408.14506).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet
from ltdd_utils.distilled.states import Keep
from ltdd_utils.methods.trajectory.matching import Synthetic
from ltdd_utils.methods.trajectory.phases import LEARNED, Phases
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.networks.network import Network
from ltdd_utils.training.allocator import keep_freed_memory
from ltdd_utils.training.compiling import Compiler
from ltdd_utils.training.parts import Rows
from ltdd_utils.training.resumable import LoopState

__all__ = ["HISTORY", "last_start_epoch", "match_trajectories"]

HISTORY = ("first", "second", "lr", "start", "class_gradient")  # what is kept of every iteration
EXPLODED = 1e4  # matching loss of a student that ended a hundred times as far away as it started
HARD = 1e4  # logit of the true class of a hard label: its softmax is exactly one-hot in float32


def match_trajectories(
    cfg: TrajectoryConfig,
    start: DistilledSet,
    images: Tensor,
    counts: Sequence[float],
    experts: Experts,
    *,
    network: Network,
    seed: int,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    keep: Keep | None = None,
    compiler: Compiler | None = None,
) -> tuple[DistilledSet, dict[str, Tensor], dict[str, Any]]:
    """The distilled set after ``cfg.iterations`` iterations.

    Args:
        cfg: all settings of the method.
        start: the initial set; its labels, step size and soft labels are read.
        images: its images, preprocessed, on the device of the work, ``[M, Ch, H, W]``.
        counts: images of each class in the long tail, for DAM's prior, ``[C]``.
        experts: the snapshots.
        network: the experts' architecture, on the device; its own weights are neither read nor changed.
        seed: of the run.
        watch: told ``{"iteration", "iterations", "loss", "loss_classifier", "lr"}``; the loss of a phase that is left
            out is nan.
        checkpoint: where to keep the state of an interrupted run.
        keep: told the images at the begin and after every iteration.
        compiler: of the run, for the students' passes; None: PyTorch's tape.

    Returns:
        The set; its history, one tensor for each of ``HISTORY`` with a row per iteration (both losses before their
        weights, step size, start epoch, and the norm ``[C]`` of the applied gradient of each class's images: of the
        weighted sum, 0 where the iteration was skipped); and how many iterations were skipped, or ended with the step
        size set back.

    Raises:
        FloatingPointError: a gradient is no longer finite, or a matching loss is above ``EXPLODED``; with
            ``cfg.largest_loss`` such an iteration is skipped instead.
        FileNotFoundError: a snapshot that is asked for is not stored.
        Stopped: the checkpoint's deadline passed; the same call goes on from there.
    """
    if images.device.type == "cpu":
        keep_freed_memory()
    labels = start.labels.to(images.device)
    learned, rng = _learned(cfg, start, images), generator(seed, "matching")
    velocity = {name: torch.zeros_like(tensor) for name, tensor in learned.items()}
    history, done = {name: Rows() for name in HISTORY}, {"iteration": 0, "skipped": 0, "clamped": 0}
    parts = {"learned": learned, "velocity": velocity, "history": history, "generator": rng}
    state = LoopState(parts, done, checkpoint)
    _show(keep, done, learned)
    shape = (min(cfg.batch, len(images)), *images.shape[1:])
    listening = {"pause": state.pause, "compiler": compiler, "shape": shape}
    phases = Phases(cfg, counts, experts, network, images.device, **listening)
    while done["iteration"] < cfg.iterations:
        synthetic = Synthetic(*(learned[name] for name in LEARNED))
        state.begin("generator")
        epoch = _start_epoch(cfg, done["iteration"], rng)
        losses, gradients = phases.gradients(synthetic, epoch, rng)
        done["iteration"] += 1
        broken = not all(bool(gradient.isfinite().all()) for gradient in gradients.values())
        if cfg.largest_loss is not None and (broken or any(loss > cfg.largest_loss for loss in losses)):
            done["skipped"] += 1
            gradients = {name: torch.zeros_like(gradient) for name, gradient in gradients.items()}
        else:
            _require_sane(losses, broken, done["iteration"])
            done["clamped"] += _update(cfg, learned, velocity, gradients)
        by_class = _by_class(gradients["images"], labels, len(counts))
        row = (*map(torch.tensor, losses), learned["lr"], torch.tensor(float(epoch)), by_class)  # of the history
        for name, value in zip(HISTORY, row, strict=True):
            history[name].append(value.detach().cpu().clone())
        if watch is not None:
            facts = {"iteration": done["iteration"], "iterations": cfg.iterations, "lr": learned["lr"].item()}
            watch(facts | {"loss": losses[0], "loss_classifier": losses[1]})
        _show(keep, done, learned)
        state.keep()
    stacked = {name: rows.stacked() for name, rows in history.items()}
    return _result(start, learned), stacked, {"skipped": done["skipped"], "clamped": done["clamped"]}


def _show(keep: Keep | None, done: dict[str, int], learned: dict[str, Tensor]) -> None:
    if keep is not None:
        keep(done["iteration"], learned["images"], None)


def last_start_epoch(cfg: TrajectoryConfig, iteration: int) -> int:
    """The exclusive bound of the start epochs at an iteration: T, and after ``cfg.expand`` iterations T+ (DATM)."""
    _, low, high = cfg.window
    if not cfg.expand:
        return high
    return min(low + (high - low) * iteration // cfg.expand, high)


def _start_epoch(cfg: TrajectoryConfig, iteration: int, rng: torch.Generator) -> int:
    return int(torch.randint(cfg.window[0], last_start_epoch(cfg, iteration), (), generator=rng))


def _update(
    cfg: TrajectoryConfig, learned: dict[str, Tensor], velocity: dict[str, Tensor], gradients: dict[str, Tensor]
) -> bool:
    """One step of gradient descent with momentum on images, label logits and step size; whether that was set back."""
    settings = {
        "images": (cfg.lr_images, cfg.momentum_images),
        "logits": (cfg.lr_labels, cfg.momentum_labels),
        "lr": (cfg.lr_lr, cfg.momentum_lr),
    }
    for name, (step, momentum) in settings.items():
        if step:
            learned[name].sub_(velocity[name].mul_(momentum).add_(gradients[name]), alpha=step)
    if not learned["lr"] < cfg.smallest_lr:
        return False
    learned["lr"].fill_(cfg.smallest_lr)  # a student with a negative step size would climb
    velocity["lr"].zero_()
    return True


def _by_class(gradient: Tensor, labels: Tensor, classes: int) -> Tensor:
    """The norm of the gradient of each class's images, ``[C]``."""
    squares = gradient.flatten(1).square().sum(dim=1)
    return squares.new_zeros(classes).index_add_(0, labels, squares).sqrt()


def _require_sane(losses: tuple[float, float], broken: bool, iteration: int) -> None:
    """Stop where a gradient is not finite (``broken``), or a student went astray: a loss above ``EXPLODED``."""
    if not broken and not any(loss > EXPLODED for loss in losses):  # nan: a phase that is left out
        return
    raise FloatingPointError(
        f"matching broke down at iteration {iteration}: losses {losses[0]:g} and {losses[1]:g}, gradients "
        f"{'not finite' if broken else 'finite'}; try a smaller method.lr_images, method.lr_lr or method.lr"
    )


def _learned(cfg: TrajectoryConfig, start: DistilledSet, images: Tensor) -> dict[str, Tensor]:
    """Where the iterations begin: images, label logits and step size, on the images' device."""
    logits = HARD * start.target_probabilities() if start.targets is None else start.targets
    lr = torch.tensor(cfg.lr, dtype=torch.float32)
    return {"images": images.clone(), "logits": logits.to(images.device).clone(), "lr": lr.to(images.device)}


def _result(start: DistilledSet, learned: dict[str, Tensor]) -> DistilledSet:
    return DistilledSet(
        labels=start.labels,
        indices=torch.full_like(start.labels, NOT_REAL),
        images=learned["images"].cpu(),
        targets=None if start.targets is None else learned["logits"].cpu(),
        lr=float(learned["lr"]),
        info=start.info,
    )
