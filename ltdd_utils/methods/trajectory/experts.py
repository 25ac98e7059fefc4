"""Expert trajectories: representation experts on the long tail, classifier experts on their frozen backbones.

Expert decoupling is section 3 of "Distilling Long-tailed Datasets" (arXiv 2408.14506); the experts of MTT and DATM are
representation experts alone. All epochs are trained; only the snapshots that something reads are kept, as flat vectors
in one memory-mapped file per expert, and the frozen backbone of a classifier expert is that of its representation
expert's last snapshot, stored there.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.data.run import Run
from ltdd_utils.methods.trajectory.gsam import gsam_backward
from ltdd_utils.methods.trajectory.sampling import class_aware_order
from ltdd_utils.methods.trajectory.settings import ExpertConfig, classifier_settings, expert_settings
from ltdd_utils.methods.trajectory.snapshots import Snapshots, holding, snapshot
from ltdd_utils.networks.flat import Layout, flat_parameters
from ltdd_utils.training.loop import train
from ltdd_utils.training.losses import logit_adjustment
from ltdd_utils.training.objectives import label_objective

__all__ = ["classifier_expert", "representation_expert"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def representation_expert(
    cfg: ExpertConfig, run: Run, index: int, keep: Sequence[int], watch: Watch | None = None
) -> Bundle:
    """One expert on the long tail, all parameters trained: its snapshots, one row per kept epoch.

    Args:
        cfg: of the experts; a seed that they name stands above the run's.
        run: the long tail, the transform of its images, the seed, where to train.
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
    run = run.pinned(cfg.seed)

    def compute(checkpoint: Checkpoint) -> Bundle:
        network = run.network(cfg.network, "trajectory", index, "weights").to(run.device)
        images, labels, rng = run.images(), run.labels(), run.rng("trajectory", index, "batches")
        shift = None
        if cfg.logit_adjustment:
            shift = logit_adjustment(run.data.prior, cfg.logit_adjustment).float().to(run.device)
        objective = label_objective(images, labels, cfg.augment, rng, shift)
        snapshots = Snapshots(checkpoint, lambda: flat_parameters(network), keep, DTYPES[cfg.stored])
        options = {} if cfg.gsam is None else {"backward": gsam_backward(cfg.gsam, rng)}
        options |= {"each_epoch": snapshots.take, "watch": watch, "checkpoint": snapshots}
        options["compiler"] = run.compiler("expert", checkpoint, passes=1 if cfg.gsam is None else 2)
        train(network, len(labels), objective, cfg.train, rng, **options)
        return snapshots.bundle()

    _trained(keep, cfg.train.epochs, "a representation expert")
    bundle = run.stage("representation", compute, **expert_settings(cfg, index))
    return holding(bundle, keep, f"representation expert {index}")


def classifier_expert(
    cfg: ExpertConfig, run: Run, index: int, keep: Sequence[int], watch: Watch | None = None
) -> Bundle:
    """The second stage of an expert: its classifier alone, trained on a re-balanced long tail.

    It starts from the last snapshot of the representation expert of the same index, whose backbone stays as it is.
    Every class comes equally often (``class_aware_order``); cross-entropy, SGD without momentum or weight decay, with
    GSAM where the first stage has it. ``max_norm`` acts once after every epoch, before that epoch's snapshot is taken.

    Args:
        cfg: of the experts; a seed that they name stands above the run's.
        run: the long tail, the transform of its images, the seed, where to train.
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
    run, data = run.pinned(cfg.seed), run.data
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
        last = representation_expert(cfg, run, index, [cfg.train.epochs])
        network = run.template(cfg.network)
        layout = Layout.of(network)
        layout.load(network, snapshot(last, cfg.train.epochs)).to(run.device).requires_grad_(False)
        network.classifier.requires_grad_(True)
        images, labels, rng = run.images(), run.labels(), run.rng("trajectory", index, "classifier")
        objective = label_objective(images, labels, cfg.augment, rng)
        length = cfg.classifier_images or max(data.counts) * data.classes
        snapshots = Snapshots(checkpoint, lambda: flat_parameters(network.classifier), keep, DTYPES[cfg.stored])

        def each_epoch(done: int) -> None:
            if done and cfg.max_norm:
                _bound_rows(network.classifier.weight, cfg.max_norm)
            snapshots.take(done)

        order = class_aware_order(data.train_labels, cfg.samples_per_class, length)
        options = {} if cfg.gsam is None else {"backward": gsam_backward(cfg.gsam, rng)}
        options |= {"order": order, "each_epoch": each_epoch, "watch": watch, "checkpoint": snapshots}
        train(network, length, objective, settings, rng, **options)
        return snapshots.bundle()

    _trained(keep, cfg.classifier_epochs, "a classifier expert")
    bundle = run.stage("classifier", compute, **classifier_settings(cfg, index))
    return holding(bundle, keep, f"classifier expert {index}")


def _trained(keep: Sequence[int], epochs: int, name: str) -> None:
    beyond = [epoch for epoch in keep if not 0 <= epoch <= epochs]
    if beyond:
        raise ValueError(f"epoch {max(beyond)} of {name} is asked for, but it trains {epochs}; narrow the window")


@torch.no_grad()
def _bound_rows(weight: Tensor, bound: float) -> None:
    """Scale the rows of ``weight`` whose norm is above ``bound`` down to it (MaxNorm)."""
    weight.mul_((bound / weight.norm(dim=1, keepdim=True)).clamp_max(1.0))
