"""Shared by all of this room: real images by class, the initial set, and the loop over random networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor

from ltdd_utils.augment.siamese import DSAParameters, apply
from ltdd_utils.core.progress import Watch
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet
from ltdd_utils.distilled.states import Keep
from ltdd_utils.methods.condensation.settings import CondensationConfig
from ltdd_utils.methods.coresets.selection import random_set
from ltdd_utils.networks.factory import build
from ltdd_utils.networks.flat import Layout
from ltdd_utils.networks.network import Network
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.training.allocator import keep_freed_memory
from ltdd_utils.training.parts import Rows
from ltdd_utils.training.resumable import LoopState, LossLog, require_finite

__all__ = ["RealImages", "State", "condense", "new_network", "siamese", "start_images"]

EMPTY: Mapping[str, Tensor] = MappingProxyType({})


@dataclass(frozen=True)
class RealImages:
    """The long tail on the device of the work, and where the images of each class lie."""

    images: Tensor  # preprocessed, [N, Ch, H, W]
    rows: tuple[Tensor, ...]  # of each class, on the CPU, [n_c]
    deviation: float  # standard deviation of all pixels

    @classmethod
    def of(cls, images: Tensor, labels: Tensor, classes: int) -> "RealImages":
        """Preprocessed images ``[N, Ch, H, W]`` with their labels ``[N]``.

        Raises:
            ValueError: a class without images.
        """
        rows = tuple((labels.cpu() == label).nonzero().flatten() for label in range(classes))
        for label, mine in enumerate(rows):
            if len(mine) == 0:
                raise ValueError(f"class {label} has no image to condense; leave it out or lower the imbalance factor")
        return cls(images, rows, images.std().item())

    def labels(self) -> Tensor:
        """The class of every image, on the CPU, ``[N]``."""
        labels = torch.empty(len(self.images), dtype=torch.int64)
        for label, mine in enumerate(self.rows):
            labels[mine] = label
        return labels

    def choose(self, size: int, rng: torch.Generator) -> list[Tensor]:
        """Rows of at most ``size`` images of each class, without replacement, on the device."""
        chosen = [mine[torch.randperm(len(mine), generator=rng)[:size]] for mine in self.rows]
        together = torch.cat(chosen).to(self.images.device, non_blocking=True)
        return list(together.split([len(mine) for mine in chosen]))


@dataclass
class State:
    """The state that changes from one iteration to the next."""

    images: Tensor  # [C, ipc, Ch, H, W]
    velocity: Tensor
    rng: torch.Generator
    lr: float  # step size in the space of the images
    momentum: float
    pause: Callable[[], None] = lambda: None  # called before every pass of a network: where it is time to stop, it does

    def update(self, gradient: Tensor) -> None:
        """One step of gradient descent with momentum on the images."""
        self.velocity.mul_(self.momentum).add_(gradient)
        self.images.sub_(self.velocity, alpha=self.lr)


def start_images(cfg: CondensationConfig, run: Run, ipc: int, deviation: float) -> DistilledSet:
    """The set that condensation starts from, with hard labels, class by class: ``cfg.initial``.

    "real" is the random coreset of the seed, the very set that the first student of Random is trained on (a class with
    fewer images than ``ipc`` repeats them); "noise" is normal, with mean 0 and the given standard deviation, in the
    preprocessed space.

    Raises:
        ValueError: ``ipc`` below 1, or a class without images.
    """
    real = random_set(run, ipc)
    if cfg.initial == "real":
        return real
    shape = (len(real), *run.data.train_images.shape[1:])
    noise = torch.randn(shape, dtype=torch.float32, generator=run.rng("condensation", "noise"))
    return DistilledSet(real.labels, torch.full_like(real.indices, NOT_REAL), images=deviation * noise, info=real.info)


def siamese(images: Tensor, one: DSAParameters) -> Tensor:
    """Images ``[B, Ch, H, W]`` under one augmentation that is drawn for a single image: both sides can share it."""
    return apply(images, DSAParameters(one.operation, one.values.expand(-1, len(images))))


def new_network(cfg: NetworkConfig, state: State) -> Network:
    """A random network for the images, on their device; each of its passes is preceded by ``state.pause``."""
    classes, _, channels, _, size = state.images.shape
    network = build(cfg, classes, size, channels, state.rng).to(state.images.device)
    network.backbone.register_forward_pre_hook(lambda *_: state.pause())
    return network


def condense(
    cfg: CondensationConfig,
    iteration: Callable[[State], Tensor],
    start: DistilledSet,
    images: Tensor,
    real: RealImages,
    *,
    seed: int,
    watch: Watch | None,
    checkpoint: Checkpoint | None,
    keep: Keep | None = None,
    more: Mapping[str, Tensor] = EMPTY,
) -> tuple[DistilledSet, Tensor]:
    """The loop of all methods: state, progress, checkpoints. ``iteration`` moves the images and returns its losses.

    ``more`` are tensors that it changes in place, by name.
    """
    if images.device.type == "cpu":
        keep_freed_memory()
    state = _first_state(cfg, start, images, real, seed)
    Layout.of(new_network(cfg.network, replace(state, rng=generator(0, "shape"))))  # refuses norms over the batch
    losses, done = Rows(images.device), {"iteration": 0}  # the losses of each class, [C], of every iteration
    parts = {"images": state.images, "velocity": state.velocity, "losses": losses, "generator": state.rng, **more}
    kept = LoopState(parts, done, checkpoint)
    setting, facts = "method.lr_images", lambda: {**done, "iterations": cfg.iterations}
    log = LossLog("iteration {}", setting, facts, watch, done["iteration"])

    def look() -> None:
        if log.look():
            require_finite([state.images], f"an image is not finite at iteration {done['iteration']}", setting)

    def show() -> None:
        if keep is not None:
            keep(done["iteration"], state.images.flatten(0, 1), None)

    state.pause = lambda: kept.pause(look)
    show()
    while done["iteration"] < cfg.iterations:
        kept.begin("images", "velocity", "generator", *more)
        losses.append(iteration(state))
        log.add(losses[-1])
        done["iteration"] += 1
        show()
        if log.due():
            look()
        kept.keep(look)
    look()
    return start.with_images(state.images.flatten(0, 1)), losses.stacked().cpu() if losses else torch.empty(
        0, len(real.rows)
    )


def _first_state(cfg: CondensationConfig, start: DistilledSet, images: Tensor, real: RealImages, seed: int) -> State:
    classes = len(real.rows)
    ipc = len(images) // classes
    if ipc < 1 or not torch.equal(start.labels.cpu(), torch.arange(classes).repeat_interleave(ipc)):
        raise ValueError(f"the initial set has {len(images)} images; give equally many of each of {classes} classes")
    learned = images.detach().clone().unflatten(0, (classes, ipc))
    lr, rng = cfg.lr_images * real.deviation**2, generator(seed, "condensation")
    return State(learned, torch.zeros_like(learned), rng, lr, cfg.momentum_images)
