"""One evaluator for every method: train fresh students on a distilled set under a named protocol, score the last iterate on the balanced test set.

=================  ====================================================  ======================================
protocol           labels a student sees                                 student's loss and batches
=================  ====================================================  ======================================
``dsa-stored``     one stored label per image, soft or hard              cross-entropy, DSA (trajectory family)
``online-teacher`` the teacher's logits on every augmented view          logit MSE + CE, mixed views, EMA
``online-stored``  one stored teacher logit vector per image             the same; CutMix mixes the vectors by area
=================  ====================================================  ======================================
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ltdd_utils.config import EvaluateConfig
from ltdd_utils.distilled import DistilledSet, content_hash, pixels, uint8_pixels
from ltdd_utils.experts import augmenter
from ltdd_utils.images import LongTailedData
from ltdd_utils.longtail import group_accuracy, rank_thirds, shot_groups
from ltdd_utils.losses import logit_adjusted_cross_entropy, logit_matching, soft_cross_entropy
from ltdd_utils.networks import build
from ltdd_utils.preprocess import Preprocess
from ltdd_utils.seeds import generator
from ltdd_utils.store import Bundle, Checkpoint, Store, Watch
from ltdd_utils.training import Forward, Objective, confusion_matrix, train
from ltdd_utils.views import cutmix, randaugment, random_flip, random_resized_crop

__all__ = ["Evaluation", "label_robust_score", "stored_objective", "student", "view_objective"]


@dataclass(frozen=True)
class Evaluation:
    """Scores of S students of one distilled set (or of S draws): ``confusion`` counts, row = true class, ``[S, C, C]``."""

    confusion: Tensor
    counts: tuple[int, ...]  # real training images of each class, for the groups
    seconds: tuple[float, ...]  # of each student
    peak_gib: float  # GPU memory, 0 on a CPU
    clamped: float = 0.0  # share of pixel values that had to be clamped (online protocols, synthetic images)

    @property
    def per_class(self) -> Tensor:
        """Share of each class's test images that are answered correctly, ``[S, C]``."""
        return self.confusion.diagonal(dim1=1, dim2=2).double() / self.confusion.sum(dim=2).clamp_min(1)

    @property
    def overall(self) -> Tensor:
        """Share of all test images answered correctly, ``[S]``."""
        return self.confusion.diagonal(dim1=1, dim2=2).sum(dim=1).double() / self.confusion.sum(dim=(1, 2))

    def metrics(self) -> dict[str, Any]:
        """Everything a record keeps: fractions, mean and standard deviation (ddof 1; None for one student), None for empty groups."""
        per_class = self.per_class
        groups = shot_groups(self.counts) | rank_thirds(self.counts)
        rows = [group_accuracy(student.tolist(), groups) for student in per_class]
        return {
            "overall": _spread(self.overall.tolist()),
            "per_class": per_class.mean(dim=0).tolist(),
            **{name: None if rows[0][name] is None else _spread([row[name] for row in rows]) for name in groups},
            "confusion": self.confusion.double().mean(dim=0).tolist(),
        }


def _spread(values: list[float]) -> dict[str, float | None]:
    mean = sum(values) / len(values)
    if len(values) == 1:
        return {"mean": mean, "std": None}
    return {"mean": mean, "std": math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))}


def label_robust_score(real_hard: float, hard: float, own: float, random_own: float, weight: float = 0.5) -> float:
    r"""DD-Ranking's label-robust score of a distilled set, in [0, 1].

    :math:`\alpha = w (\mathrm{own} - \mathrm{random}) - (1 - w)(\mathrm{real} - \mathrm{hard})` and the score is :math:`(e^\alpha - e^{-1}) / (e - e^{-1})`.
    Li et al. (arXiv:2505.13300).

    Args:
        real_hard: accuracy of a student of the whole real data, hard labels.
        hard: accuracy on the distilled set with hard labels.
        own: accuracy on the distilled set under its own protocol.
        random_own: accuracy of a random real set of the same size under that protocol.
        weight: w, of the gain over random.

    Raises:
        ValueError: an accuracy that is not a fraction (the released library feeds percent points into the exponential).
    """
    for value in (real_hard, hard, own, random_own):
        if not 0 <= value <= 1:
            raise ValueError(f"accuracy {value} is not a fraction; divide percent by 100")
    alpha = weight * (own - random_own) - (1 - weight) * (real_hard - hard)
    return (math.exp(alpha) - math.exp(-1)) / (math.e - math.exp(-1))


def stored_objective(images: Tensor, targets: Tensor, cfg: EvaluateConfig, rng: torch.Generator) -> Objective:
    """The loss of ``dsa-stored``: cross-entropy against one stored label per image, on augmented images.

    Args:
        images: preprocessed, ``[M, Ch, H, W]``.
        targets: probabilities, ``[M, C]``.
        cfg: the augmentation, and the strength of the logit adjustment.
        rng: draws the augmentations.
    """
    augment = augmenter(cfg.augment)
    labels, prior = targets.argmax(dim=1), targets.mean(dim=0)

    def objective(network: Forward, indices: Tensor) -> Tensor:
        logits = network(augment(images[indices], rng))
        if cfg.logit_adjustment:
            return logit_adjusted_cross_entropy(logits, labels[indices], prior, cfg.logit_adjustment)
        return soft_cross_entropy(logits, targets[indices])

    return objective


def view_objective(
    pictures: Tensor, labels: Tensor, preprocess: Preprocess, teacher: nn.Module, cfg: EvaluateConfig, rng: torch.Generator
) -> Objective:
    """The loss of the online protocols: match the teacher's logits on mixed views.

    A view is RandAugment, a random resized crop, a flip and CutMix. Under ``online-teacher`` the teacher labels the finished view;
    under ``online-stored`` it labelled each whole image once, and a mixed view gets the two vectors in proportion to their areas.

    Args:
        pictures: uint8, ``[M, Ch, H, W]``.
        labels: integers, ``[M]``.
        preprocess: the transform of student and teacher.
        teacher: in eval mode.
        cfg: the protocol and its augmentation.
        rng: draws the views.
    """
    views, side = cfg.augment, pictures.shape[-1]
    with torch.no_grad():
        stored = torch.cat([teacher(preprocess(batch)) for batch in pictures.split(500)])

    def objective(network: Forward, indices: Tensor) -> Tensor:
        images = pictures[indices]
        images = preprocess(randaugment(images, rng) if views.randaugment else images)
        images, _ = random_resized_crop(images, side, views.crop_scale, (0.75, 4 / 3), rng)
        if views.flip:
            images = random_flip(images, rng)
        logits = stored[indices]
        if views.cutmix:
            partner = torch.randperm(len(indices), generator=rng).to(indices.device)
            images, kept = cutmix(images, images[partner], float(torch.rand((), generator=rng)), rng)
            logits = kept * logits + (1 - kept) * logits[partner]
        if cfg.protocol == "online-teacher":
            with torch.no_grad():
                logits = teacher(images)
        return logit_matching(network(images), logits, labels[indices], cfg.cross_entropy)

    return objective


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
    """One student: trained from scratch on the set, scored on the balanced test set. A stage of its own, with its own random streams.

    Args:
        distilled: the set.
        data: the long-tailed data it was made from, with the test set.
        preprocess: the protocol's transform.
        cfg: the protocol.
        seed: of the run.
        number: which student of the run this is, from 0.
        store: keeps the result; an interrupted student goes on from its checkpoint.
        device: where to train.
        teacher: of the online protocols, in eval mode.
        watch: told the progress.

    Returns:
        ``tensors["confusion"]`` ``[C, C]``, and in ``meta`` seconds, ``clamped`` and ``peak_gib``.
    """
    key = {"config": cfg, "set": content_hash(distilled), "data": data.sha256, "seed": seed, "number": number}

    def compute(checkpoint: Checkpoint) -> Bundle:
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        network = build(cfg.network, data.classes, data.image_size, data.channels, generator(seed, "student", number, "weights")).to(device)
        rng, settings, clamped = generator(seed, "student", number, "batches"), cfg.train, 0.0
        if cfg.protocol == "dsa-stored":
            images = pixels(distilled, data, preprocess).to(device)
            objective = stored_objective(images, distilled.target_probabilities().to(device), cfg, rng)
            settings = settings if distilled.lr is None else replace(settings, lr=distilled.lr)
        else:
            pictures, clamped = uint8_pixels(distilled, data, preprocess)
            objective = view_objective(pictures.to(device), distilled.labels.to(device), preprocess, teacher, cfg, rng)
        trained = train(network, len(distilled), objective, settings, rng, watch=watch, checkpoint=checkpoint)
        confusion = confusion_matrix(trained, preprocess(data.test_images.to(device)), data.test_labels, data.classes)
        peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
        return Bundle({"confusion": confusion}, {"clamped": clamped, "peak_gib": peak})

    return store.stage("student", key, compute)


def gather(bundles: list[Bundle], counts: tuple[int, ...]) -> Evaluation:
    """The evaluation that several students make together."""
    return Evaluation(
        confusion=torch.stack([bundle.tensors["confusion"] for bundle in bundles]),
        counts=counts,
        seconds=tuple(bundle.meta["seconds"] for bundle in bundles),
        peak_gib=max(bundle.meta["peak_gib"] for bundle in bundles),
        clamped=max(bundle.meta["clamped"] for bundle in bundles),
    )


