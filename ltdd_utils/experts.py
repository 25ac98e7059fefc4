"""Networks trained on the long tail: observers, teachers of the online protocols, the eyes of the coresets."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.augment import dsa
from ltdd_utils.config import AugmentConfig, TeacherConfig
from ltdd_utils.images import LongTailedData
from ltdd_utils.networks import build
from ltdd_utils.preprocess import Preprocess
from ltdd_utils.seeds import generator
from ltdd_utils.store import Bundle, Checkpoint, Store, Watch
from ltdd_utils.training import Forward, Objective, train
from ltdd_utils.views import random_crop_flip

__all__ = ["Prepare", "augmenter", "expert", "label_objective"]

Prepare = Callable[
    [Tensor, Tensor, TeacherConfig, torch.Generator], tuple[Objective, Callable[[int], None] | None]
]  # (preprocessed images, labels, settings, draws) -> the loss, and what is told which epoch begins


def augmenter(cfg: AugmentConfig) -> Callable[[Tensor, torch.Generator], Tensor]:
    """The augmentation of a batch of preprocessed images, ``[B, Ch, H, W]`` to the same shape.

    Raises:
        ValueError: "mixed-views", which works on pixels and pairs of images: only the online protocols have it.
    """
    if cfg.kind == "dsa":
        return lambda images, rng: dsa(images, cfg.strategy, rng)
    if cfg.kind == "crop-flip":
        return lambda images, rng: random_crop_flip(images, cfg.padding, rng, flip=cfg.flip)
    if cfg.kind == "none":
        return lambda images, rng: images
    raise ValueError(f"augment.kind is {cfg.kind!r}; use 'dsa', 'crop-flip' or 'none' here")


def label_objective(
    images: Tensor, labels: Tensor, cfg: AugmentConfig, rng: torch.Generator, shift: Tensor | None = None
) -> Objective:
    """The loss of every expert: cross-entropy with integer labels, on augmented images.

    Args:
        images: preprocessed, ``[N, Ch, H, W]``.
        labels: integers, ``[N]``.
        cfg: the augmentation.
        rng: draws the augmentations.
        shift: added to the logits inside the loss, ``[C]`` (``losses.logit_adjustment``); None: nothing.
    """
    augment = augmenter(cfg)

    def objective(forward: Forward, indices: Tensor) -> Tensor:
        logits = forward(augment(images[indices], rng))
        return F.cross_entropy(logits if shift is None else logits + shift, labels[indices])

    return objective


def expert(
    cfg: TeacherConfig,
    data: LongTailedData,
    preprocess: Preprocess,
    seed: int,
    store: Store,
    device: torch.device,
    watch: Watch | None = None,
    prepare: Prepare | None = None,
) -> tuple[nn.Module, float]:
    """A network trained on the whole long-tailed set: last epoch, eval mode, and its seconds.

    It is a stage: trained once for the same settings, data and seed, and resumed if it was interrupted. All experts of
    a seed draw from the same named streams: observer and teacher see one order of the images.

    Args:
        cfg: architecture, schedule and augmentation.
        data: the long tail.
        preprocess: the transform of its images.
        seed: of the run.
        store: keeps the weights.
        device: where to train, and where the network is returned.
        watch: told the progress.
        prepare: makes the loss; None is cross-entropy.

    Raises:
        Stopped: the store's deadline passed; the same call goes on from there.
    """
    weights = generator(seed, "expert", "weights")
    network = build(cfg.network, data.classes, data.image_size, data.channels, weights).to(device)
    key = {"config": cfg, "data": data.sha256, "preprocess": preprocess.describe(), "seed": seed}

    def compute(checkpoint: Checkpoint) -> Bundle:
        images, labels = preprocess(data.train_images.to(device)), data.train_labels.to(device)
        rng = generator(seed, "expert", "batches")
        objective, begin = (prepare or _plain)(images, labels, cfg, rng)
        listening = {"before_epoch": begin, "watch": watch, "checkpoint": checkpoint}
        trained = train(network, len(labels), objective, cfg.train, rng, **listening)
        return Bundle(dict(trained.state_dict()))

    bundle = store.stage("expert", key, compute)
    network.load_state_dict(bundle.tensors)
    return network.eval(), bundle.meta["seconds"]


def _plain(images: Tensor, labels: Tensor, cfg: TeacherConfig, rng: torch.Generator) -> tuple[Objective, None]:
    return label_objective(images, labels, cfg.augment, rng), None
