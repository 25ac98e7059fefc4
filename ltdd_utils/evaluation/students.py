"""One student: an independent job with random streams of its own, kept in the store."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from ltdd_utils.config import EvaluateConfig, TrainConfig
from ltdd_utils.distilled import DistilledSet, content_hash, pixels, uint8_pixels
from ltdd_utils.evaluation.objectives import stored_objective, view_objective
from ltdd_utils.images import LongTailedData
from ltdd_utils.networks import build
from ltdd_utils.preprocess import Preprocess
from ltdd_utils.provenance import machine
from ltdd_utils.seeds import generator
from ltdd_utils.store import Bundle, Checkpoint, Store, Watch
from ltdd_utils.training import Objective, confusion_matrix, train

__all__ = ["student"]


def student(
    distilled: DistilledSet,
    data: LongTailedData,
    preprocess: Preprocess,
    cfg: EvaluateConfig,
    *,
    seed: int,
    number: int,
    store: Store,
    device: torch.device,
    teacher: nn.Module | None = None,
    watch: Watch | None = None,
) -> Bundle:
    """One student: trained from scratch on the set, its last iterate scored on the balanced test set.

    It is a stage of its own: trained once for the same set, protocol, seed and number, and resumed if interrupted.

    Args:
        distilled: the set, in the space of ``preprocess``.
        data: the long-tailed data it was made from, with the test set.
        preprocess: the protocol's transform.
        cfg: the protocol.
        seed: of the run.
        number: which student of the run this is, from 0.
        store: keeps the result.
        device: where to train.
        teacher: of the online protocols, in eval mode.
        watch: told the progress.

    Returns:
        ``tensors["confusion"]`` ``[C, C]``, and in ``meta`` ``seconds``, ``clamped``, ``peak_gib`` and ``device``.

    Raises:
        ValueError: the set does not fit the data or the preprocessing.
        Stopped: the store's deadline passed; the same call goes on from there.
    """
    key = {"config": cfg, "set": content_hash(distilled), "data": data.sha256, "seed": seed, "number": number}

    def compute(checkpoint: Checkpoint) -> Bundle:
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        weights, batches = (generator(seed, "student", number, name) for name in ("weights", "batches"))
        network = build(cfg.network, data.classes, data.image_size, data.channels, weights).to(device)
        objective, clamped = _objective(distilled, data, preprocess, cfg, batches, device, teacher)
        settings = _training(cfg, distilled)
        trained = train(network, len(distilled), objective, settings, batches, watch=watch, checkpoint=checkpoint)
        test_images = preprocess(data.test_images.to(device))
        confusion = confusion_matrix(trained, test_images, data.test_labels, data.classes)
        peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
        return Bundle({"confusion": confusion}, {"clamped": clamped, "peak_gib": peak, "device": machine(device)})

    return store.stage("student", key, compute)


def _training(cfg: EvaluateConfig, distilled: DistilledSet) -> TrainConfig:
    """The protocol's schedule; under ``dsa-stored`` a step size that the set has learned takes the place of its own."""
    if cfg.protocol != "dsa-stored" or distilled.lr is None:
        return cfg.train
    return replace(cfg.train, lr=distilled.lr)


def _objective(
    distilled: DistilledSet,
    data: LongTailedData,
    preprocess: Preprocess,
    cfg: EvaluateConfig,
    rng: torch.Generator,
    device: torch.device,
    teacher: nn.Module | None,
) -> tuple[Objective, float]:
    """The protocol's loss on the set, and the share of pixel values that were clamped on the way."""
    if cfg.protocol == "dsa-stored":
        images: Tensor = pixels(distilled, data, preprocess).to(device)
        return stored_objective(images, distilled.target_probabilities().to(device), cfg, rng), 0.0
    pictures, clamped = uint8_pixels(distilled, data, preprocess)
    labels = distilled.labels.to(device)
    return view_objective(pictures.to(device), labels, preprocess, teacher, cfg, rng), clamped
