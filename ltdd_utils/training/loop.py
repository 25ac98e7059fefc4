"""The only supervised loop of the package: experts, observers, teachers and students all train here."""

import math
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.training.allocator import keep_freed_memory
from ltdd_utils.training.averages import Average
from ltdd_utils.training.compiling import Compiler
from ltdd_utils.training.fused import Fused
from ltdd_utils.training.parts import Grown
from ltdd_utils.training.resumable import LoopState, LossLog, require_finite
from ltdd_utils.training.settings import TrainConfig

__all__ = ["Backward", "Forward", "Objective", "Order", "learning_rate", "train"]

Forward = Callable[[Tensor], Tensor]
Objective = Callable[[Forward, Tensor], Tensor]
"""``objective(network, indices)`` is the scalar loss of one batch; ``indices`` ``[B]`` are its images in the set."""
Order = Callable[[torch.Generator], Tensor]
"""``order(generator)`` are the images of one epoch, in the order in which they come."""
Backward = Callable[[Callable[[], Tensor], nn.Module], Tensor]
"""``backward(loss, network)`` evaluates ``loss()``, puts a gradient into every trained parameter, returns the loss."""

DROP = 5 / 6  # of the epochs, where "cosine-half-drop" drops


def learning_rate(cfg: TrainConfig, epoch: int) -> float:
    """The step size of an epoch (0-based).

    "steps" multiplies by ``gamma`` once a milestone (a fraction of the epochs) has passed; "cosine" goes to 0;
    "cosine-half" is the slow half cosine of EDC and RDED (zeta = 2), which ends at half the first step size;
    "cosine-half-drop" (EDC's "cos2") follows it for 5/6 of the epochs, then drops to 1/6 of where it was and falls in a
    straight line to 0.
    """
    done = epoch / max(cfg.epochs, 1)
    if cfg.schedule == "steps":
        return cfg.lr * cfg.gamma ** sum(done >= milestone for milestone in cfg.milestones)
    if cfg.schedule == "constant":
        return cfg.lr
    if cfg.schedule == "cosine-half-drop" and done >= DROP:
        return cfg.lr * 0.5 * (1 + math.cos(math.pi / 2 * DROP)) * (1 - done)
    angle = math.pi * done / (1 if cfg.schedule == "cosine" else 2)
    return cfg.lr * 0.5 * (1 + math.cos(angle))


def train(
    network: nn.Module,
    count: int,
    objective: Objective,
    cfg: TrainConfig,
    generator: torch.Generator,
    *,
    order: Order | None = None,
    backward: Backward | None = None,
    before_epoch: Callable[[int], None] | None = None,
    each_epoch: Callable[[int], None] | None = None,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    compiler: Compiler | None = None,
) -> nn.Module:
    """Train ``network`` in place for ``cfg.epochs`` passes over ``count`` images.

    Args:
        network: on the device where it is to be trained.
        count: images in an epoch.
        objective: the loss of a batch of indices.
        cfg: step size, schedule, epochs.
        generator: draws the order of the images; the objective may draw its augmentations from it too.
        order: of the images of an epoch; None visits each of ``count`` images once, in a random order.
        backward: None is ordinary backpropagation; sharpness-aware training takes two gradients.
        before_epoch: called with the number of the epoch that begins, from 0, in a resumed run too: a loss that changes
            with the epochs listens to it.
        each_epoch: called with the number of epochs done: 0 before the first step, and after every epoch.
        watch: told ``{"epoch", "epochs", "loss"}`` about once a second.
        checkpoint: where to keep the state of an interrupted run, which goes on at the same step of the same epoch.
        compiler: of the backbone, where that is worth it; None: nothing is compiled.

    Returns:
        The network to evaluate, in eval mode: the last weights, or their moving average if ``cfg.ema`` is set.

    Raises:
        ValueError: an empty set.
        FloatingPointError: the loss is no longer finite, and the message has the first such step; or a weight is not.
        Stopped: the checkpoint's deadline passed.
    """
    if count < 1:
        raise ValueError(f"the training set has {count} images; at least 1 is needed")
    device = next(network.parameters()).device
    if device.type == "cpu":
        keep_freed_memory()
    optimiser, done = _optimiser(network, cfg), {"epoch": 0, "step": 0}
    visits = Grown()  # the images of the epoch that runs, in their order
    average = Average(network, cfg.ema) if cfg.ema else None
    parts = {"network": network, "average": average, "optimiser": optimiser, "generator": generator}
    state = LoopState(parts | {"visits": visits}, done, checkpoint, newer=("visits", "step"))
    steps = done["epoch"] * -(-count // cfg.batch_size) + done["step"]
    log = LossLog(
        "step {}", "lr", lambda: {"epoch": done["epoch"], "epochs": cfg.epochs}, watch, steps, summary=torch.mean
    )
    precision = torch.autocast(device.type, torch.bfloat16) if cfg.precision == "bf16" else nullcontext()
    order, backward = order or (lambda rng: torch.randperm(count, generator=rng)), backward or _backward
    seen = network if compiler is None else Fused(network, compiler, cfg, count)
    network.train()
    if each_epoch is not None and not any(done.values()):
        each_epoch(0)
    for epoch in range(done["epoch"], cfg.epochs):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(cfg, epoch)
        if before_epoch is not None:
            before_epoch(epoch)
        if not visits:
            visits["order"] = order(generator)
        batches = visits["order"].to(device, non_blocking=True).split(cfg.batch_size)
        for indices in batches[done["step"] :]:

            def loss(indices: Tensor = indices) -> Tensor:
                with precision:
                    return objective(seen, indices)

            optimiser.zero_grad(set_to_none=True)
            value = backward(loss, network)
            optimiser.step()
            if average is not None:
                average.update(network)
            if log.due():  # before the loss is added, so that the last step's is left for the last report
                log.look()
            log.add(value.detach())
            done["step"] += 1
            if done["step"] < len(batches):
                state.keep(log.look)
        visits.clear()
        done.update(epoch=epoch + 1, step=0)
        if each_epoch is not None:
            each_epoch(epoch + 1)
        state.keep(log.look)
    log.look()
    trained = average.module if average is not None else network
    values = (*trained.parameters(), *trained.buffers())  # running statistics too
    require_finite(values, "a weight is not finite after the last step", "lr")  # that step overflowed
    return trained.eval()


def _backward(loss: Callable[[], Tensor], network: nn.Module) -> Tensor:
    value = loss()
    value.backward()
    return value


def _optimiser(network: nn.Module, cfg: TrainConfig) -> torch.optim.Optimizer:
    parameters = [p for p in network.parameters() if p.requires_grad]
    plain = [] if cfg.decay_norms else [p for p in parameters if p.ndim < 2]  # biases, and the norms' scales and shifts
    exempt = {id(p) for p in plain}
    groups = [
        {"params": [p for p in parameters if id(p) not in exempt], "weight_decay": cfg.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if cfg.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=cfg.lr)
    return torch.optim.SGD(groups, lr=cfg.lr, momentum=cfg.momentum)
