"""The settings of each protocol, on each data set, at each scale."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.core.hints import choose
from ltdd_utils.core.tables import resolve
from ltdd_utils.data.facts import DATASETS, Scale, stand_in
from ltdd_utils.data.settings import PreprocessConfig
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.presets import architecture, dsa_augmentation, published_student, teacher
from ltdd_utils.training.settings import TrainConfig

__all__ = ["online", "protocol", "stored", "stored_space", "with_batch_for"]


@dataclass(frozen=True)
class _Online:
    """The settings of the online evaluator that differ between data sets."""

    training: Mapping[str, Any]
    smallest_crop: float  # share of the area
    cross_entropy: float  # weight of the hard-label term


_ADAMW: dict[str, Any] = {"optimiser": "adamw", "lr": 1e-3, "weight_decay": 0.01}
_SGD: dict[str, Any] = {"optimiser": "sgd", "lr": 0.1, "momentum": 0.875, "weight_decay": 5e-4, "batch_size": 100}
_STEPS: dict[str, Any] = {"batch_size": 25, "schedule": "steps", "milestones": (0.8, 0.9, 0.95), "gamma": 0.5}
# The uni-level release (arXiv 2511.18858), one script per data set.
ONLINE: Mapping[str, _Online] = {
    "cifar10": _Online(_ADAMW | _STEPS, 0.08, 0.025),
    "cifar100": _Online(_SGD | {"schedule": "cosine-half-drop"}, 0.5, 0.0),
    "tiny": _Online(_SGD | {"schedule": "cosine-half"}, 0.5, 0.025),
    "imagenet": _Online(_ADAMW | {"batch_size": 100, "schedule": "cosine-half-drop"}, 0.5, 0.025),
}


def protocol(
    name: str, dataset: str, scale: Scale, network: str | None = None, teacher_kind: str = "plain"
) -> EvaluateConfig:
    """The settings of a named protocol on a data set.

    Args:
        name: one of ``PROTOCOLS``.
        dataset: one of ``DATASETS``.
        scale: one that the data set has.
        network: the student's architecture; None: the published one. A teacher stays what it is.
        teacher_kind: "plain" or "debiased", where one labels.

    Raises:
        ValueError: an unknown protocol, data set, scale, architecture or teacher.
    """
    if dataset not in DATASETS:
        raise ValueError(f"no protocol is set up for the data set {dataset!r}; choose one of {', '.join(DATASETS)}")
    if scale not in DATASETS[dataset].scales:
        raise ValueError(f"{dataset} has no scale {scale!r}; {choose(DATASETS[dataset].scales)}")
    cfg = resolve(PROTOCOLS.find(name).settings)(name, dataset, scale, teacher_kind)
    return cfg if network is None else replace(cfg, network=architecture(network, dataset, scale))


def with_batch_for(cfg: EvaluateConfig, images: int) -> EvaluateConfig:
    """The settings for a set of that many images, where the protocol has batches of its own for large sets.

    Under ``dsa-stored``, DC and MTT train in batches of 256, DATM and LTDD of 128. For up to 128 images the two are one
    and the same batch. Larger sets take LTDD's, whose tables this book stands beside.
    """
    batch = PROTOCOLS[cfg.protocol].large_set_batch
    if batch is None or images <= batch:
        return cfg
    return replace(cfg, train=replace(cfg.train, batch_size=batch))


def stored_space(dataset: str) -> PreprocessConfig:
    """The preprocessing of the trajectory family on a data set; ZCA on one that is not in ``DATASETS``."""
    return PreprocessConfig("zca" if dataset not in DATASETS or DATASETS[dataset].zca else "none")


def stored(name: str, dataset: str, scale: Scale, teacher_kind: str = "plain") -> EvaluateConfig:
    """``dsa-stored`` as in MTT, DATM and LTDD: momentum 0.9, step size x0.1 after half the epochs; no teacher labels.

    The batch is that of small sets (``with_batch_for``). Scale tiny trains 300 epochs with a step size of 0.03.

    Note:
        Differs from the released code, which trains 1001 epochs and makes a new optimiser at the change of the step
        size, after 501: here they are 1000 and 500, and the momentum survives.
    """
    training = TrainConfig(epochs=300, lr=0.03) if scale == "tiny" else TrainConfig(epochs=1000, lr=0.01)
    network = architecture("convnet", dataset, scale)
    return EvaluateConfig(name, stored_space(dataset), network, training, dsa_augmentation(dataset))


def online(name: str, dataset: str, scale: Scale, teacher_kind: str = "plain") -> EvaluateConfig:
    """The evaluator of EDC and of the uni-level release, with each data set's own optimiser (``ONLINE``).

    Scale cpu trains a ConvNet of width 32 for 300 epochs instead of 1000; ImageNet-LT's own list has a ResNeXt-50.
    """
    own = ONLINE[stand_in(dataset, ONLINE, "the uni-level release")]
    epochs = {"tiny": 60, "cpu": 300, "paper": 1000}[scale]
    training = TrainConfig(epochs=epochs, decay_norms=False, ema=0.99, **own.training)
    views = AugmentConfig(kind="mixed-views", crop_scale=(own.smallest_crop, 1.0), flip=DATASETS[dataset].flip)
    network = published_student(dataset, scale)
    labels: dict[str, Any] = {"teacher": teacher(dataset, scale, teacher_kind), "cross_entropy": own.cross_entropy}
    return EvaluateConfig(name, PreprocessConfig("normalise"), network, training, views, **labels)
