"""One student: an independent job with random streams of its own, kept in the store."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.provenance import machine
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.spaces import pixels, uint8_pixels
from ltdd_utils.evaluation.adsa import Calibrated, calibration, find_tau
from ltdd_utils.evaluation.objectives import stored_objective, view_objective, whole_image_logits
from ltdd_utils.evaluation.settings import ADSAConfig, EvaluateConfig
from ltdd_utils.networks.flat import state_hash
from ltdd_utils.networks.network import Network
from ltdd_utils.training.confusion import confusion_matrix
from ltdd_utils.training.loop import Objective, train
from ltdd_utils.training.settings import TrainConfig

__all__ = ["student"]


def student(
    distilled: DistilledSet,
    run: Run,
    cfg: EvaluateConfig,
    number: int,
    teacher: nn.Module | None = None,
    *,
    watch: Watch | None = None,
) -> Bundle:
    """One student: trained from scratch on the set, its last iterate scored on the balanced test set.

    It is a stage of its own: trained once for the same set, protocol, seed and number, and resumed if interrupted.

    Args:
        distilled: the set, in the space of the run.
        run: the long tail that the set was made from, with the test set; the protocol's transform; the seed.
        cfg: the protocol.
        number: which student of the run this is, from 0.
        teacher: of the online protocols, in eval mode.
        watch: told the progress.

    Returns:
        ``tensors["confusion"]`` ``[C, C]`` and ``tensors["classifier_norms"]`` ``[C]``, the L2 norm of each class's row
        of the linear layer that answers; in ``meta`` ``seconds``, ``clamped`` and ``device``, and
        ``adsa_tau`` where soft labels are calibrated. A result that an earlier version left in the store has no norms.

    Raises:
        ValueError: the set does not fit the data or the preprocessing, or has no soft labels to calibrate.
        Stopped: the store's deadline passed; the same call goes on from there.
    """
    settings = {"config": cfg, "set": content_hash(distilled), "number": number}
    settings |= {} if teacher is None else {"teacher": state_hash(teacher)}  # trained again, it may be another one

    def compute(checkpoint: Checkpoint) -> Bundle:
        network = run.network(cfg.network, "student", number, "weights").to(run.device)
        batches = run.rng("student", number, "batches")
        objective, facts = _objective(distilled, run, cfg, batches, teacher)
        schedule = _training(cfg, distilled)
        trained = train(network, len(distilled), objective, schedule, batches, watch=watch, checkpoint=checkpoint)
        confusion = confusion_matrix(trained, run.test_images(), run.data.test_labels, run.data.classes)
        tensors = {"confusion": confusion, "classifier_norms": _classifier_norms(trained)}
        return Bundle(tensors, {**facts, "device": machine(run.device)})

    return run.stage("student", compute, shared=("data", "seed"), **settings)


def _classifier_norms(network: Network) -> Tensor:
    """L2 norm of each row of the linear layer that answers, without its bias, ``[C]``."""
    head = network.classifier if network.second_classifier is None else network.second_classifier
    return head.weight.detach().norm(dim=1).cpu()


def _training(cfg: EvaluateConfig, distilled: DistilledSet) -> TrainConfig:
    """The protocol's schedule; under ``dsa-stored`` a step size that the set has learned takes the place of its own."""
    if cfg.protocol != "dsa-stored" or distilled.lr is None:
        return cfg.train
    return replace(cfg.train, lr=distilled.lr)


def _objective(
    distilled: DistilledSet, run: Run, cfg: EvaluateConfig, rng: torch.Generator, teacher: nn.Module | None
) -> tuple[Objective, dict[str, float]]:
    """The protocol's loss on the set; the share of pixel values that were clamped on the way, and ADSA's tau."""
    data, preprocess, device = run.data, run.preprocess, run.device
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
