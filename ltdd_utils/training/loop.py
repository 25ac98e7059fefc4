"""The only supervised loop of the package: experts, observers, teachers and students all train here."""

import copy
import math
import time
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.training.allocator import keep_freed_memory
from ltdd_utils.training.averages import Average
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
LOOK_EVERY_S = 1.0  # seconds between two looks at the loss: each look waits for the device


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
        checkpoint: where to keep the state of an interrupted run.

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
    optimiser = _optimiser(network, cfg)
    average = Average(network, cfg.ema) if cfg.ema else None
    first = _restore(checkpoint, network, average, optimiser, generator)
    precision = torch.autocast(device.type, torch.bfloat16) if cfg.precision == "bf16" else nullcontext()
    log = _LossLog(cfg.epochs, -(-count // cfg.batch_size), first, watch)
    order, backward = order or (lambda rng: torch.randperm(count, generator=rng)), backward or _backward
    network.train()
    if each_epoch is not None and first == 0:
        each_epoch(0)
    for epoch in range(first, cfg.epochs):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(cfg, epoch)
        if before_epoch is not None:
            before_epoch(epoch)
        for indices in order(generator).to(device, non_blocking=True).split(cfg.batch_size):

            def loss(indices: Tensor = indices) -> Tensor:
                with precision:
                    return objective(network, indices)

            optimiser.zero_grad(set_to_none=True)
            value = backward(loss, network)
            optimiser.step()
            if average is not None:
                average.update(network)
            log.add(epoch, value.detach())
        if each_epoch is not None:
            each_epoch(epoch + 1)
        if checkpoint is not None:

            def state(done: int = epoch + 1) -> Bundle:
                log.look(done)  # a state that is broken already is not kept
                return _state(done, network, average, optimiser, generator)

            checkpoint.tick(state)
    log.look(cfg.epochs)
    trained = average.module if average is not None else network
    if not all(bool(parameter.isfinite().all()) for parameter in trained.parameters()):  # the last step overflowed
        raise FloatingPointError("a weight is not finite after the last step; try a smaller lr")
    return trained.eval()


def _backward(loss: Callable[[], Tensor], network: nn.Module) -> Tensor:
    value = loss()
    value.backward()
    return value


class _LossLog:
    """Looks at the losses about once a second instead of at every step, and stops at the first that is not finite."""

    def __init__(self, epochs: int, steps_per_epoch: int, first_epoch: int, watch: Watch | None) -> None:
        self.epochs, self.watch, self.step = epochs, watch, first_epoch * steps_per_epoch
        self.losses: list[Tensor] = []
        self.seen = time.monotonic()

    def add(self, epoch: int, loss: Tensor) -> None:
        if time.monotonic() - self.seen >= LOOK_EVERY_S:
            self.look(epoch)
        self.losses.append(loss)  # after the look, so that the last step's loss is left for the last report

    def look(self, epoch: int) -> None:
        if not self.losses:
            return
        losses = torch.stack(self.losses).float().cpu()
        broken = (~losses.isfinite()).nonzero()
        if len(broken):
            step = self.step + int(broken[0]) + 1
            raise FloatingPointError(f"the loss is {losses[broken[0]].item()} at step {step}; try a smaller lr")
        self.step += len(losses)
        self.losses, self.seen = [], time.monotonic()
        if self.watch is not None:
            self.watch({"epoch": epoch, "epochs": self.epochs, "loss": losses.mean().item()})


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


def _state(
    epoch: int,
    network: nn.Module,
    average: Average | None,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> Bundle:
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    for index, entries in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in entries.items() if value is not None}
    return Bundle(tensors | {"generator": generator.get_state()}, {"epoch": epoch})


def _restore(
    checkpoint: Checkpoint | None,
    network: nn.Module,
    average: Average | None,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> int:
    """Put everything back to where the interrupted run was; the first epoch still to do."""
    saved = checkpoint.load() if checkpoint is not None else None
    if saved is None:
        return 0

    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): tensor for name, tensor in saved.tensors.items() if name.startswith(prefix)}

    network.load_state_dict(part("network."))
    if average is not None:
        average.load_state_dict(part("average."))
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in part("optimiser.").items():
        index, entry = name.split(".", 1)
        state.setdefault(int(index), {})[entry] = tensor
    optimiser.load_state_dict(copy.copy(optimiser.state_dict()) | {"state": state})
    generator.set_state(saved.tensors["generator"])
    return int(saved.meta["epoch"])
