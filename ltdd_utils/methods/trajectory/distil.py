"""Distillation by trajectory matching: experts and an initial set in, a distilled set and its history out.

    every iteration:
        representation expert, start epoch e     ->  student under DAM        ->  backbone of epoch e + 2
        classifier expert, from its first state  ->  student's classifier     ->  classifier of epoch 2
        gradients of both losses, weighted       ->  one step of images, label logits, step size

MTT, DATM and DAM + ED are this loop with other settings. "Distilling Long-tailed Datasets" (arXiv 2408.14506).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet
from ltdd_utils.methods.trajectory.matching import Synthetic
from ltdd_utils.methods.trajectory.phases import LEARNED, Phases
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.networks.network import Network
from ltdd_utils.training.allocator import keep_freed_memory

__all__ = ["HISTORY", "last_start_epoch", "match_trajectories"]

HISTORY = ("first", "second", "lr", "start", "class_gradient")  # what is kept of every iteration
EXPLODED = 1e4  # matching loss of a student that ended a hundred times as far away as it started
HARD = 1e4  # logit of the true class of a hard label: its softmax is exactly one-hot in float32


@dataclass
class _State:
    """What changes from one iteration to the next."""

    learned: dict[str, Tensor]
    velocity: dict[str, Tensor]
    history: dict[str, list[Tensor]]
    rng: torch.Generator
    done: int = 0
    skipped: int = 0  # iterations that changed nothing (``largest_loss``)
    clamped: int = 0  # iterations after which the step size was set back to ``smallest_lr``


def match_trajectories(
    cfg: TrajectoryConfig,
    start: DistilledSet,
    images: Tensor,
    counts: Sequence[float],
    experts: Experts,
    network: Network,
    seed: int,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
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
    phases = Phases(cfg, counts, experts, network, images.device)
    state = _restored(_first_state(cfg, start, images, seed), checkpoint)
    while state.done < cfg.iterations:
        synthetic = Synthetic(*(state.learned[name] for name in LEARNED))
        epoch = _start_epoch(cfg, state.done, state.rng)
        losses, gradients = phases.gradients(synthetic, epoch, state.rng)
        broken = not all(bool(gradient.isfinite().all()) for gradient in gradients.values())
        if cfg.largest_loss is not None and (broken or any(loss > cfg.largest_loss for loss in losses)):
            state.skipped += 1
            gradients = {name: torch.zeros_like(gradient) for name, gradient in gradients.items()}
        else:
            _require_sane(losses, broken, state.done)
            _update(cfg, state, gradients)
        _remember(state, losses, epoch, _by_class(gradients["images"], labels, len(counts)))
        state.done += 1
        if watch is not None:
            facts = {"iteration": state.done, "iterations": cfg.iterations, "lr": state.learned["lr"].item()}
            watch(facts | {"loss": losses[0], "loss_classifier": losses[1]})
        if checkpoint is not None:
            checkpoint.tick(lambda: _bundle(state))
    return _result(cfg, start, state)


def last_start_epoch(cfg: TrajectoryConfig, iteration: int) -> int:
    """The exclusive bound of the start epochs at an iteration: T, and after ``cfg.expand`` iterations T+ (DATM)."""
    _, low, high = cfg.window
    if not cfg.expand:
        return high
    return min(low + (high - low) * iteration // cfg.expand, high)


def _start_epoch(cfg: TrajectoryConfig, iteration: int, rng: torch.Generator) -> int:
    return int(torch.randint(cfg.window[0], last_start_epoch(cfg, iteration), (), generator=rng))


def _update(cfg: TrajectoryConfig, state: _State, gradients: dict[str, Tensor]) -> None:
    """One step of gradient descent with momentum on images, label logits and step size."""
    settings = {
        "images": (cfg.lr_images, cfg.momentum_images),
        "logits": (cfg.lr_labels, cfg.momentum_labels),
        "lr": (cfg.lr_lr, cfg.momentum_lr),
    }
    for name, (step, momentum) in settings.items():
        if step:
            velocity = state.velocity[name].mul_(momentum).add_(gradients[name])
            state.learned[name].sub_(velocity, alpha=step)
    lr = state.learned["lr"]
    if lr < cfg.smallest_lr:  # a student with a negative step size would climb
        lr.fill_(cfg.smallest_lr)
        state.velocity["lr"].zero_()
        state.clamped += 1


def _by_class(gradient: Tensor, labels: Tensor, classes: int) -> Tensor:
    """The norm of the gradient of each class's images, ``[C]``."""
    squares = gradient.flatten(1).square().sum(dim=1)
    return squares.new_zeros(classes).index_add_(0, labels, squares).sqrt()


def _remember(state: _State, losses: tuple[float, float], epoch: int, class_gradient: Tensor) -> None:
    """Add an iteration to the history: losses, the step size after it, its start epoch, gradients by class."""
    row = (*map(torch.tensor, losses), state.learned["lr"], torch.tensor(float(epoch)), class_gradient)
    for name, value in zip(HISTORY, row, strict=True):
        state.history[name].append(value.detach().cpu().clone())


def _require_sane(losses: tuple[float, float], broken: bool, iteration: int) -> None:
    """Stop where a gradient is not finite (``broken``), or a student went astray: a loss above ``EXPLODED``."""
    if not broken and not any(loss > EXPLODED for loss in losses):  # nan: a phase that is left out
        return
    raise FloatingPointError(
        f"matching broke down at iteration {iteration}: losses {losses[0]:g} and {losses[1]:g}, gradients "
        f"{'not finite' if broken else 'finite'}; try a smaller method.lr_images, method.lr_lr or method.lr"
    )


def _first_state(cfg: TrajectoryConfig, start: DistilledSet, images: Tensor, seed: int) -> _State:
    logits = HARD * start.target_probabilities() if start.targets is None else start.targets
    lr = torch.tensor(cfg.lr, dtype=torch.float32)
    learned = {"images": images.clone(), "logits": logits.to(images.device).clone(), "lr": lr.to(images.device)}
    velocity = {name: torch.zeros_like(tensor) for name, tensor in learned.items()}
    return _State(learned, velocity, {name: [] for name in HISTORY}, generator(seed, "matching"))


def _restored(state: _State, checkpoint: Checkpoint | None) -> _State:
    """The state of the interrupted run, or the first one that is given."""
    saved = None if checkpoint is None else checkpoint.load()
    if saved is None:
        return state
    for name in LEARNED:
        state.learned[name].copy_(saved.tensors[f"learned.{name}"])
        state.velocity[name].copy_(saved.tensors[f"velocity.{name}"])
    for name in HISTORY:
        state.history[name] = list(saved.tensors[f"history.{name}"].clone())
    state.rng.set_state(saved.tensors["generator"])
    state.done, state.skipped, state.clamped = (saved.meta[name] for name in ("done", "skipped", "clamped"))
    return state


def _bundle(state: _State) -> Bundle:
    parts = {"learned": state.learned, "velocity": state.velocity, "history": _stacked(state)}
    tensors = {f"{part}.{name}": tensor for part, named in parts.items() for name, tensor in named.items()}
    counts = {"done": state.done, "skipped": state.skipped, "clamped": state.clamped}
    return Bundle(tensors | {"generator": state.rng.get_state()}, counts)


def _stacked(state: _State) -> dict[str, Tensor]:
    return {name: torch.stack(rows) if rows else torch.empty(0) for name, rows in state.history.items()}


def _result(
    cfg: TrajectoryConfig, start: DistilledSet, state: _State
) -> tuple[DistilledSet, dict[str, Tensor], dict[str, Any]]:
    made = DistilledSet(
        labels=start.labels,
        indices=torch.full_like(start.labels, NOT_REAL),
        images=state.learned["images"].cpu(),
        targets=None if start.targets is None else state.learned["logits"].cpu(),
        lr=float(state.learned["lr"]),
        info=start.info,
    )
    return made, _stacked(state), {"skipped": state.skipped, "clamped": state.clamped}
