"""Recovery: synthetic images that give an observer's layers the statistics of the real data."""

import math
import time
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.augment.crops import crop_boxes, draw_boxes
from ltdd_utils.core.progress import Watch
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.methods.alignment.alignment import Smoothed, Targets
from ltdd_utils.methods.alignment.monitor import Monitor
from ltdd_utils.methods.alignment.settings import RecoverConfig, StatisticsConfig
from ltdd_utils.methods.alignment.statistics import Statistics
from ltdd_utils.training.allocator import keep_freed_memory

__all__ = ["Observer", "batches", "recover"]

Observer = tuple[nn.Module, Statistics]
"""A network in eval mode, and what its layers see of the real data."""
SQUARE = (1.0, 1.0)  # width over height of a crop
LOOK_EVERY_S = 1.0
CURVES = ("distance", "cross_entropy")


def batches(labels: Tensor, size: int) -> list[Tensor]:
    """Rows of the images that are optimised together: first image of every class, second image of every class, ...

    So a batch holds all classes as equally often as its size allows.

    Args:
        labels: integers, ``[M]``.
        size: images of a batch; the last one may be smaller.
    """
    turn = torch.empty_like(labels)
    for label in labels.unique():
        mine = labels == label
        turn[mine] = torch.arange(int(mine.sum()), device=labels.device)
    order = torch.argsort(turn * (labels.max() + 1) + labels, stable=True).cpu()
    return list(order.split(int(size)))


def recover(
    cfg: RecoverConfig,
    statistics: StatisticsConfig,
    images: Tensor,
    labels: Tensor,
    observers: Sequence[Observer],
    bounds: tuple[Tensor, Tensor],
    seed: int,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The images after ``cfg.iterations`` steps of Adam on distance of statistics and cross-entropy, batch by batch.

    In each step the whole batch gets one random crop, resized back, and is mirrored or not; several observers take
    turns. Memory depends on ``cfg.batch`` and not on the number of images. "Rethinking Long-tailed Dataset
    Distillation" (arXiv 2511.18858), section 3, recovery.

    Note:
        Differs from the released code: batches hold classes in turn (there: class after class), all of them alike where
        there is room, else as many as fit; the running averages of the statistics begin anew with each batch.

    Args:
        cfg: steps and weights.
        statistics: which figures are the targets.
        images: where to start, preprocessed, on the observers' device, ``[M, Ch, H, W]``; it is not changed.
        labels: integers, ``[M]``.
        observers: one or more; they are not changed.
        bounds: lowest and highest value of each channel, ``[Ch, 1, 1]`` each: images are clamped to it after each step.
        seed: of the run; it draws crops and flips.
        watch: told ``{"iteration", "iterations", "loss"}`` about once a second.
        checkpoint: where to keep the state of an interrupted call.

    Returns:
        The images ``[M, Ch, H, W]``, the last iterate, and ``distance`` and ``cross_entropy`` of each iteration, means
        over batches, ``[iterations]``.

    Raises:
        ValueError: no observer, one in training mode or without BatchNorm, or statistics of another one.
        FloatingPointError: the loss is no longer finite.
        Stopped: the checkpoint's deadline passed.
    """
    if not observers:
        raise ValueError("recovery needs at least one observer, got none")
    if any(network.training for network, _ in observers):
        raise ValueError("an observer is in training mode, in which a step would change it; call .eval() first")
    if images.device.type == "cpu":
        keep_freed_memory()
    state = _State(images.clone(), torch.zeros(0, len(CURVES), dtype=torch.float64))
    parts = batches(labels, cfg.batch) if cfg.iterations else ()
    first = state.restore(checkpoint)
    frozen = [p for network, _ in observers for p in network.parameters() if p.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        for number in range(first, len(parts)):
            batch = _Batch(cfg, statistics, observers, state, parts[number], labels, number, len(parts), seed)
            batch.run(bounds, watch, checkpoint)
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)
    curves = state.history.view(len(parts), -1, len(CURVES)).mean(dim=0) if parts else state.history
    return state.images, dict(zip(CURVES, curves.T, strict=True))


class _State:
    """All images, and the curves of the batches that are done."""

    def __init__(self, images: Tensor, history: Tensor) -> None:
        self.images, self.history, self.inner = images, history, None

    def restore(self, checkpoint: Checkpoint | None) -> int:
        """Put an interrupted call's state back; the batch to go on with."""
        saved = checkpoint.load() if checkpoint is not None else None
        if saved is None:
            return 0
        self.images.copy_(saved.tensors["images"])
        self.history, self.inner = saved.tensors["history"], saved
        return int(saved.meta["batch"])


class _Batch:
    """One batch on its way."""

    def __init__(
        self,
        cfg: RecoverConfig,
        statistics: StatisticsConfig,
        observers: Sequence[Observer],
        state: _State,
        rows: Tensor,
        labels: Tensor,
        number: int,
        count: int,
        seed: int,
    ) -> None:
        device = state.images.device
        self.cfg, self.state, self.number, self.count = cfg, state, number, count
        self.rows, self.labels = rows.to(device), labels.to(device)[rows.to(device)]
        self.rng = generator(seed, "recover", number)
        self.images = state.images[self.rows].requires_grad_(True)
        self.optimiser = torch.optim.Adam([self.images], lr=cfg.lr, betas=cfg.betas)
        self.losses: list[Tensor] = []
        self.views = [
            (network, Monitor(network, statistics), Smoothed(cfg.ema),
             Targets(network, known, statistics, cfg, self.labels, state.images.dtype))
            for network, known in observers
        ]  # fmt: skip
        self.begin, saved = 0, state.inner
        if saved is not None:
            self._restore(saved)

    def run(self, bounds: tuple[Tensor, Tensor], watch: Watch | None, checkpoint: Checkpoint | None) -> None:
        """All iterations that are left; the result goes into the state."""
        cfg, looked = self.cfg, time.monotonic()
        for iteration in range(self.begin, cfg.iterations):
            self.optimiser.param_groups[0]["lr"] = cfg.lr * 0.5 * (1 + math.cos(math.pi * iteration / cfg.iterations))
            self.losses.append(self._step(*self.views[iteration % len(self.views)]))
            with torch.no_grad():
                self.images.clamp_(*bounds)
            if time.monotonic() - looked >= LOOK_EVERY_S:
                looked = time.monotonic()
                self._look(iteration + 1, watch)
            if checkpoint is not None:
                checkpoint.tick(lambda done=iteration + 1: self._saved(done))
        self._look(cfg.iterations, watch)
        if not bool(self.images.isfinite().all()):  # the last step's doing: its loss was that of the step before
            raise FloatingPointError(f"images of batch {self.number + 1} are not finite; try a smaller recover.lr")
        self.state.images[self.rows] = self.images.detach()
        self.state.history = torch.cat([self.state.history, torch.stack(self.losses).double().cpu()])

    def _step(self, network: nn.Module, monitor: Monitor, smoothed: Smoothed, targets: Targets) -> Tensor:
        """One step of Adam; its distance and cross-entropy, ``[2]``."""
        with monitor:
            logits = network(_augmented(self.images, self.cfg, self.rng))
            distance = targets.distance(monitor.take(), smoothed)
        fit = F.cross_entropy(logits, self.labels)
        loss = self.cfg.alignment * distance + self.cfg.cross_entropy * fit
        (self.images.grad,) = torch.autograd.grad(loss, self.images)
        self.optimiser.step()
        return torch.stack([distance.detach(), fit.detach()])

    def _look(self, done: int, watch: Watch | None) -> None:
        """Tell the progress, and stop at a loss that is not finite."""
        last = self.losses[-1].sum().item()
        if not math.isfinite(last):
            raise FloatingPointError(
                f"the loss is {last} by iteration {done} of batch {self.number + 1}; try a smaller recover.lr"
            )
        if watch is not None:
            every = self.cfg.iterations
            watch({"iteration": self.number * every + done, "iterations": self.count * every, "loss": last})

    def _saved(self, done: int) -> Bundle:
        """The state of the call at an iteration of this batch."""
        inner = {f"adam.{name}": value for name, value in self.optimiser.state[self.images].items()}
        for index, (_, _, smoothed, _) in enumerate(self.views):
            inner |= {f"smoothed.{index}.{name}": value for name, value in smoothed.state().items()}
        whole = {"images": self.state.images, "history": self.state.history, "current": self.images.detach()}
        losses = {"losses": torch.stack(self.losses), "generator": self.rng.get_state()}
        return Bundle({**whole, **losses, **inner}, {"batch": self.number, "iteration": done})

    def _restore(self, saved: Bundle) -> None:
        """Put this batch back to where it was."""
        self.state.inner = None
        with torch.no_grad():
            self.images.copy_(saved.tensors["current"])
        self.begin, self.losses = int(saved.meta["iteration"]), list(saved.tensors["losses"].to(self.images.device))
        self.rng.set_state(saved.tensors["generator"])
        entries = {name.removeprefix("adam."): t for name, t in saved.tensors.items() if name.startswith("adam.")}
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": {0: entries}})
        for index, (_, _, smoothed, _) in enumerate(self.views):
            mark = f"smoothed.{index}."
            found = {n.removeprefix(mark): t for n, t in saved.tensors.items() if n.startswith(mark)}
            smoothed.restore({name: value.to(self.images.device) for name, value in found.items()})


def _augmented(images: Tensor, cfg: RecoverConfig, rng: torch.Generator) -> Tensor:
    """The batch under one random crop, flip and circular shift, the same for all its images."""
    side = images.shape[-1]
    if cfg.crop_scale != (1.0, 1.0):
        box = draw_boxes(1, side, side, cfg.crop_scale, SQUARE, rng)
        images = crop_boxes(images, box.expand(len(images), 4), side)
    if cfg.flip and bool(torch.rand((), dtype=torch.float32, generator=rng) < 0.5):
        images = images.flip(3)
    if cfg.shift:
        across, down = torch.randint(-cfg.shift, cfg.shift + 1, (2,), generator=rng).tolist()
        images = images.roll((down, across), dims=(2, 3))
    return images
