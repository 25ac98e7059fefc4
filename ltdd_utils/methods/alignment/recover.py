"""Recovery: synthetic images that give an observer's layers the statistics of the real data."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.distilled.states import Keep
from ltdd_utils.methods.alignment.alignment import Smoothed, Targets
from ltdd_utils.methods.alignment.batches import augmented, batches
from ltdd_utils.methods.alignment.monitor import Monitor
from ltdd_utils.methods.alignment.passes import Pass, observer_pass
from ltdd_utils.methods.alignment.settings import RecoverConfig, StatisticsConfig
from ltdd_utils.methods.alignment.statistics import Statistics
from ltdd_utils.training.allocator import keep_freed_memory
from ltdd_utils.training.compiling import Compiler
from ltdd_utils.training.parts import Part, Rows
from ltdd_utils.training.resumable import LoopState, LossLog, require_finite

__all__ = ["Observer", "recover"]

Observer = tuple[nn.Module, Statistics]
"""A network in eval mode, and what its layers see of the real data."""
View = tuple[Pass, Smoothed, Targets]  # an observer's pass, what its layers saw of a batch, what they should see
CURVES = ("distance", "cross_entropy")


def recover(
    cfg: RecoverConfig,
    statistics: StatisticsConfig,
    images: Tensor,
    labels: Tensor,
    observers: Sequence[Observer],
    *,
    bounds: tuple[Tensor, Tensor],
    seed: int,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    keep: Keep | None = None,
    compiler: Compiler | None = None,
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
        keep: told the images of a batch at its begin and after each of its iterations, with their rows in the set.
        compiler: of the observers' passes, where that is worth it; None: nothing is compiled.

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
    device = images.device
    if device.type == "cpu":
        keep_freed_memory()
    images, curves, done = images.clone(), Rows(), {"batch": 0, "iteration": 0}
    state = LoopState({"images": images, "curves": curves}, done, checkpoint)
    parts, every = batches(labels, cfg.batch) if cfg.iterations else [], cfg.iterations

    def facts() -> dict[str, int]:
        return {"iteration": done["batch"] * every + done["iteration"], "iterations": len(parts) * every}

    with _frozen(observers), ExitStack() as stack:
        monitors = [stack.enter_context(Monitor(network, statistics)) for network, _ in observers]
        usual, turns = images[parts[0].to(device)] if parts else images, -(-len(parts) * every // len(observers))
        passes = [
            observer_pass(network, monitor, cfg, usual, turns, compiler=compiler)
            for (network, _), monitor in zip(observers, monitors, strict=True)
        ]
        while done["batch"] < len(parts):
            number, rows = done["batch"], parts[done["batch"]].to(device)
            mine, rng = labels.to(device)[rows], generator(seed, "recover", number)
            views = [
                (look, Smoothed(cfg.ema), Targets(network, known, statistics, cfg, mine, dtype=images.dtype))
                for look, (network, known) in zip(passes, observers, strict=True)
            ]
            batch = _Batch(cfg, images[rows].requires_grad_(), mine, views, rng)
            state.add(batch.parts())
            log = LossLog(f"iteration {{}} of batch {number + 1}", "recover.lr", facts, watch, done["iteration"])
            show = (lambda *_: None) if keep is None else keep
            show(done["iteration"], batch.images, rows)
            while done["iteration"] < every:
                log.add(batch.step(done["iteration"], bounds))
                done["iteration"] += 1
                show(done["iteration"], batch.images, rows)
                if log.due():
                    log.look()
                state.keep(log.look)
            log.look()
            require_finite([batch.images], f"an image of batch {number + 1} is not finite", "recover.lr")
            images[rows] = batch.images.detach()
            curves.extend(batch.losses.stacked().double().cpu())
            done.update(batch=number + 1, iteration=0)
    means = curves.stacked().view(len(parts), every, 2).mean(dim=0) if parts else torch.empty(0, 2, dtype=torch.float64)
    return images, dict(zip(CURVES, means.T, strict=True))


class _Batch:
    """The optimisation state of one batch."""

    def __init__(
        self, cfg: RecoverConfig, images: Tensor, labels: Tensor, views: Sequence[View], rng: torch.Generator
    ) -> None:
        self.cfg, self.images, self.labels, self.views, self.rng = cfg, images, labels, views, rng
        self.optimiser = torch.optim.Adam([images], lr=cfg.lr, betas=cfg.betas)
        self.losses = Rows(images.device)  # distance and cross-entropy of every iteration

    def parts(self) -> dict[str, Part]:
        """The state that an interrupted call goes on from."""
        smoothed = {str(index): view[1] for index, view in enumerate(self.views)}
        learned = {"current": self.images, "optimiser": self.optimiser, "smoothed": smoothed}
        return {**learned, "losses": self.losses, "generator": self.rng}

    def step(self, iteration: int, bounds: tuple[Tensor, Tensor]) -> Tensor:
        """One step of Adam under the observer whose turn it is: its distance and cross-entropy, ``[2]``."""
        cfg, (look, smoothed, targets) = self.cfg, self.views[iteration % len(self.views)]
        logits, seen = look(augmented(self.images, cfg, self.rng))
        distance = targets.distance(seen, smoothed)
        fit = F.cross_entropy(logits, self.labels)
        loss = cfg.alignment * distance + cfg.cross_entropy * fit
        (self.images.grad,) = torch.autograd.grad(loss, self.images)
        self.optimiser.param_groups[0]["lr"] = cfg.lr * 0.5 * (1 + math.cos(math.pi * iteration / cfg.iterations))
        self.optimiser.step()
        with torch.no_grad():
            self.images.clamp_(*bounds)
        self.losses.append(torch.stack([distance.detach(), fit.detach()]))
        return self.losses[-1]


@contextmanager
def _frozen(observers: Sequence[Observer]) -> Iterator[None]:
    """The observers' weights have no gradients inside."""
    weights = [p for network, _ in observers for p in network.parameters() if p.requires_grad]
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)
