"""One student: an independent job with random streams of its own, kept in the store."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.provenance import machine
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Bundle, Checkpoint, Store
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.spaces import pixels, uint8_pixels
from ltdd_utils.evaluation.adsa import Calibrated, calibration, find_tau
from ltdd_utils.evaluation.objectives import stored_objective, view_objective, whole_image_logits
from ltdd_utils.evaluation.settings import ADSAConfig, EvaluateConfig
from ltdd_utils.networks.factory import build
from ltdd_utils.networks.flat import state_hash
from ltdd_utils.networks.network import Network
from ltdd_utils.training.confusion import confusion_matrix
from ltdd_utils.training.loop import Objective, train
from ltdd_utils.training.settings import TrainConfig

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
        ``tensors["confusion"]`` ``[C, C]`` and ``tensors["classifier_norms"]`` ``[C]``, the L2 norm of each class's row
        of the linear layer used at inference; in ``meta`` ``seconds``, ``clamped`` and ``device``, and
        ``adsa_tau`` where soft labels are calibrated. A result that an earlier version left in the store has no norms.

    Raises:
        ValueError: the set does not fit the data or the preprocessing, or has no soft labels to calibrate.
        Stopped: the store's deadline passed; the same call goes on from there.
    """
    key = {"config": cfg, "set": content_hash(distilled), "data": data.sha256, "seed": seed, "number": number}
    key |= {} if teacher is None else {"teacher": state_hash(teacher)}  # trained again, it may be another one

    def compute(checkpoint: Checkpoint) -> Bundle:
        weights, batches = (generator(seed, "student", number, name) for name in ("weights", "batches"))
        network = build(cfg.network, data.classes, data.image_size, data.channels, weights).to(device)
        objective, facts = _objective(distilled, data, preprocess, cfg, batches, device, teacher)
        settings = _training(cfg, distilled)
        trained = train(network, len(distilled), objective, settings, batches, watch=watch, checkpoint=checkpoint)
        test_images = preprocess(data.test_images.to(device))
        confusion = confusion_matrix(trained, test_images, data.test_labels, data.classes)
        tensors = {"confusion": confusion, "classifier_norms": _classifier_norms(trained)}
        return Bundle(tensors, {**facts, "device": machine(device)})

    return store.stage("student", key, compute)


def _classifier_norms(network: Network) -> Tensor:
    """L2 norm of each row of the linear layer used at inference, without its bias, ``[C]``."""
    head = network.classifier if network.second_classifier is None else network.second_classifier
    return head.weight.detach().norm(dim=1).cpu()


def _training(cfg: EvaluateConfig, distilled: DistilledSet) -> TrainConfig:
    """The protocol's schedule; under ``dsa-stored`` the set's learned step size overrides the protocol's."""
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
) -> tuple[Objective, dict[str, float]]:
    """The protocol's loss on the set; the share of pixel values that were clamped on the way, and ADSA's tau."""
    labels, facts = distilled.labels.to(device), {"clamped": 0.0}
    if cfg.protocol == "dsa-stored":
        if cfg.adsa is not None:
            distilled, facts["adsa_tau"] = _calibrated_set(distilled, data, cfg.adsa)
        images: Tensor = pixels(distilled, data, preprocess).to(device)
        return stored_objective(images, distilled.target_probabilities().to(device), cfg, rng), facts
    pictures, facts["clamped"] = uint8_pixels(distilled, data, preprocess)
    pictures = pictures.to(device)
    if cfg.adsa is not None:
        logits = whole_image_logits(teacher, pictures, preprocess)
        facts["adsa_tau"], _ = find_tau(logits, labels, data.prior, cfg.adsa)
        teacher = Calibrated(teacher, calibration(data.prior, facts["adsa_tau"]).to(device)).eval()
    return view_objective(pictures, labels, preprocess, teacher, cfg, rng), facts


def _calibrated_set(distilled: DistilledSet, data: LongTailedData, cfg: ADSAConfig) -> tuple[DistilledSet, float]:
    """The set with the class prior taken out of its stored label logits, and ADSA's tau."""
    if distilled.targets is None or distilled.info.get("targets") != "logits":
        raise ValueError("ADSA calibrates soft labels, and this set stores none; leave evaluate.adsa out")
    tau, _ = find_tau(distilled.targets, distilled.labels, data.prior, cfg)
    return replace(distilled, targets=distilled.targets + calibration(data.prior, tau)), tau
