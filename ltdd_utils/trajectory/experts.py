"""Expert trajectories: representation experts on the long tail, classifier experts on their frozen backbones.

Expert decoupling is section 3 of "Distilling Long-tailed Datasets" (arXiv 2408.14506); the experts of MTT and DATM are
representation experts alone. All epochs are trained; only the snapshots that something reads are kept, as flat vectors
in one memory-mapped file per expert, and the frozen backbone of a classifier expert is that of its representation
expert's last snapshot, stored there.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.config import ExpertConfig, to_dict
from ltdd_utils.experts import label_objective
from ltdd_utils.images import LongTailedData
from ltdd_utils.losses import logit_adjustment
from ltdd_utils.networks import Network, build
from ltdd_utils.parameters import Layout, flat_parameters
from ltdd_utils.preprocess import Preprocess, tensor_hash
from ltdd_utils.seeds import generator
from ltdd_utils.store import Bundle, Checkpoint, Store, Watch
from ltdd_utils.training import train
from ltdd_utils.trajectory.gsam import gsam_backward
from ltdd_utils.trajectory.sampling import class_aware_order

__all__ = ["Experts", "Stage", "classifier_expert", "new_network", "representation_expert"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
SECOND_STAGE = ("classifier_epochs", "classifier_lr", "classifier_images", "samples_per_class", "max_norm")


@dataclass(frozen=True)
class Stage:
    """What the experts of one run have in common."""

    cfg: ExpertConfig
    data: LongTailedData
    preprocess: Preprocess
    run_seed: int
    store: Store
    device: torch.device

    @property
    def seed(self) -> int:
        """Of the experts: the run's, unless the settings share experts between runs."""
        return self.run_seed if self.cfg.seed is None else self.cfg.seed

    def key(self, index: int) -> dict[str, Any]:
        """What a representation expert depends on: not on how many there are, nor on what is kept of it."""
        settings = to_dict(self.cfg)
        first = {name: value for name, value in settings.items() if name not in (*SECOND_STAGE, "count", "seed")}
        parts = {"data": self.data.sha256, "preprocess": self.preprocess.describe()}
        return {"expert": first, **parts, "seed": self.seed, "index": index}

    def classifier_key(self, index: int) -> dict[str, Any]:
        """What a classifier expert depends on: its representation expert, and the settings of its own stage."""
        return self.key(index) | {"second": {name: getattr(self.cfg, name) for name in SECOND_STAGE}}

    def images(self) -> tuple[Tensor, Tensor]:
        """Preprocessed train images and labels on the device."""
        return self.preprocess(self.data.train_images.to(self.device)), self.data.train_labels.to(self.device)


def new_network(cfg: ExpertConfig, data: LongTailedData, rng: torch.Generator) -> Network:
    """A fresh network of an expert's (and a student's) architecture, on the CPU."""
    return build(cfg.network, data.classes, data.image_size, data.channels, rng)


def representation_expert(stage: Stage, index: int, keep: Sequence[int], watch: Watch | None = None) -> Bundle:
    """One expert on the long tail, all parameters trained: its snapshots, one row per kept epoch.

    Args:
        stage: settings, data, seed.
        index: which of the independent experts, from 0.
        keep: epochs to keep, 0 (before training) to ``cfg.train.epochs``.
        watch: told the progress.

    Returns:
        ``tensors["snapshots"]`` ``[len(epochs), P]``, memory-mapped, and ``meta["epochs"]``.

    Raises:
        ValueError: an epoch that is never trained.
        FileNotFoundError: the expert was trained before, and an epoch was not kept.
        Stopped: the deadline passed; the same call goes on from there.
    """
    cfg, seed = stage.cfg, stage.seed

    def compute(checkpoint: Checkpoint) -> Bundle:
        network = new_network(cfg, stage.data, generator(seed, "trajectory", index, "weights")).to(stage.device)
        images, labels = stage.images()
        rng = generator(seed, "trajectory", index, "batches")
        shift = None
        if cfg.logit_adjustment:
            shift = logit_adjustment(stage.data.prior, cfg.logit_adjustment).float().to(stage.device)
        objective = label_objective(images, labels, cfg.augment, rng, shift)
        kept = _Snapshots(checkpoint, lambda: flat_parameters(network), keep, DTYPES[cfg.stored])
        options = {} if cfg.gsam is None else {"backward": gsam_backward(cfg.gsam, rng)}
        options |= {"each_epoch": kept.take, "watch": watch, "checkpoint": kept}
        train(network, len(labels), objective, cfg.train, rng, **options)
        return kept.bundle()

    _trained(keep, cfg.train.epochs, "a representation expert")
    bundle = stage.store.stage("representation", stage.key(index), compute)
    return _holding(bundle, keep, f"representation expert {index}")


def classifier_expert(stage: Stage, index: int, keep: Sequence[int], watch: Watch | None = None) -> Bundle:
    """The second stage of an expert: its classifier alone, trained on a re-balanced long tail.

    It starts from the last snapshot of the representation expert of the same index, whose backbone stays as it is.
    Every class comes equally often (``class_aware_order``); cross-entropy, SGD without momentum or weight decay, with
    GSAM where the first stage has it.

    Args:
        stage: settings, data, seed.
        index: which of the independent experts, from 0.
        keep: epochs of this stage to keep, 0 (the representation expert's last) to ``cfg.classifier_epochs``.
        watch: told the progress.

    Returns:
        ``tensors["snapshots"]`` ``[len(epochs), C * (F + 1)]``, the classifier's weight and bias, and
        ``meta["epochs"]``.

    Raises:
        ValueError: an epoch that is never trained.
        FileNotFoundError: an epoch, here or the last of the representation expert, was not kept.
        Stopped: the deadline passed; the same call goes on from there.
    """
    cfg, data, seed = stage.cfg, stage.data, stage.seed
    settings = replace(
        cfg.train,
        epochs=cfg.classifier_epochs,
        lr=cfg.classifier_lr,
        momentum=0.0,
        weight_decay=0.0,
        schedule="constant",
        optimiser="sgd",
    )

    def compute(checkpoint: Checkpoint) -> Bundle:
        last = representation_expert(stage, index, [cfg.train.epochs])
        network = new_network(cfg, data, generator(0, "shape"))
        layout = Layout.of(network)
        layout.load(network, _row(last, cfg.train.epochs)).to(stage.device).requires_grad_(False)
        network.classifier.requires_grad_(True)
        images, labels = stage.images()
        rng = generator(seed, "trajectory", index, "classifier")
        objective = label_objective(images, labels, cfg.augment, rng)
        length = cfg.classifier_images or max(data.counts) * data.classes
        kept = _Snapshots(checkpoint, lambda: flat_parameters(network.classifier), keep, DTYPES[cfg.stored])

        def each_epoch(done: int) -> None:
            if done and cfg.max_norm:
                _bound_rows(network.classifier.weight, cfg.max_norm)
            kept.take(done)

        order = class_aware_order(data.train_labels, cfg.samples_per_class, length)
        options = {} if cfg.gsam is None else {"backward": gsam_backward(cfg.gsam, rng)}
        options |= {"order": order, "each_epoch": each_epoch, "watch": watch, "checkpoint": kept}
        train(network, length, objective, settings, rng, **options)
        return kept.bundle()

    _trained(keep, cfg.classifier_epochs, "a classifier expert")
    bundle = stage.store.stage("classifier", stage.classifier_key(index), compute)
    return _holding(bundle, keep, f"classifier expert {index}")


@dataclass(frozen=True)
class Experts:
    """The snapshots of all experts of a run, read when they are asked for; flat weights ``[P]``, float32."""

    layout: Layout
    last_epoch: int  # of the representation experts
    last_classifier_epoch: int
    representation: Sequence[Bundle]
    classifier: Sequence[Bundle]  # empty if the recipe has none

    def __len__(self) -> int:
        """Number of experts."""
        return len(self.representation)

    @property
    def sha256(self) -> str:
        """Hash of every expert's last stored snapshots: training elsewhere may give other weights for one setting."""
        rows = [bundle.tensors["snapshots"][-1] for bundle in (*self.representation, *self.classifier)]
        return hashlib.sha256("".join(tensor_hash(row.float()) for row in rows).encode()).hexdigest()

    def snapshot(self, index: int, epoch: int) -> Tensor:
        """A representation expert after ``epoch`` epochs.

        Raises:
            FileNotFoundError: that epoch is not stored.
        """
        return _row(self.representation[index], epoch, f"representation expert {index}")

    def classifier_snapshot(self, index: int, epoch: int) -> Tensor:
        """A classifier expert after ``epoch`` epochs of its own: the frozen backbone, and the classifier.

        Raises:
            FileNotFoundError: that epoch is not stored.
        """
        backbone = self.snapshot(index, self.last_epoch)[self.layout.part("backbone")]
        return torch.cat([backbone, _row(self.classifier[index], epoch, f"classifier expert {index}")])


class _Snapshots:
    """The snapshots of a training run, kept with its checkpoint: a resumed run has those it took before."""

    def __init__(
        self, checkpoint: Checkpoint, flat: Callable[[], Tensor], keep: Sequence[int], dtype: torch.dtype
    ) -> None:
        self.checkpoint, self.flat, self.keep, self.dtype = checkpoint, flat, set(keep), dtype
        saved = checkpoint.load()
        names = [] if saved is None else [name for name in saved.tensors if name.startswith("snapshot.")]
        self.taken = {int(name.partition(".")[2]): saved.tensors[name].clone() for name in names}
        passed = set() if saved is None else {epoch for epoch in self.keep if epoch <= saved.meta["epoch"]}
        self.saved = saved
        if not passed <= set(self.taken):  # the interrupted call did not keep all that this one wants: from the start
            self.saved, self.taken = None, {}

    def take(self, epoch: int) -> None:
        if epoch in self.keep:
            self.taken[epoch] = self.flat().to("cpu", self.dtype)

    def load(self) -> Bundle | None:
        return self.saved

    def tick(self, state: Callable[[], Bundle]) -> None:
        def with_snapshots() -> Bundle:
            bundle = state()
            return Bundle(bundle.tensors | {f"snapshot.{e}": row for e, row in self.taken.items()}, bundle.meta)

        self.checkpoint.tick(with_snapshots)

    def bundle(self) -> Bundle:
        epochs = sorted(self.taken)
        return Bundle({"snapshots": torch.stack([self.taken[epoch] for epoch in epochs])}, {"epochs": epochs})


def _row(bundle: Bundle, epoch: int, name: str = "the expert") -> Tensor:
    _holding(bundle, [epoch], name)
    return bundle.tensors["snapshots"][bundle.meta["epochs"].index(epoch)].to(torch.float32, copy=True)


def _holding(bundle: Bundle, keep: Sequence[int], name: str) -> Bundle:
    absent = sorted(set(keep) - set(bundle.meta["epochs"]))
    if absent:
        raise FileNotFoundError(
            f"{name} holds the epochs {bundle.meta['epochs']}, and epoch {absent[0]} is asked for: "
            "`ltdd experts RECIPE --renew` with the options of your run trains it again and keeps both"
        )
    return bundle


def _trained(keep: Sequence[int], epochs: int, name: str) -> None:
    beyond = [epoch for epoch in keep if not 0 <= epoch <= epochs]
    if beyond:
        raise ValueError(f"epoch {max(beyond)} of {name} is asked for, but it trains {epochs}; narrow the window")


@torch.no_grad()
def _bound_rows(weight: Tensor, bound: float) -> None:
    """Scale the rows of ``weight`` whose norm is above ``bound`` down to it (MaxNorm)."""
    weight.mul_((bound / weight.norm(dim=1, keepdim=True)).clamp_max(1.0))
