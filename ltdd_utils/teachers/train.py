"""Networks trained on the long tail: observers, online teachers, the feature extractors of the coresets."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Bundle, Checkpoint, Store
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.networks.factory import build
from ltdd_utils.teachers.settings import TeacherConfig
from ltdd_utils.training.loop import Objective, train
from ltdd_utils.training.objectives import label_objective

__all__ = ["Prepare", "expert"]

Prepare = Callable[
    [Tensor, Tensor, TeacherConfig, torch.Generator], tuple[Objective, Callable[[int], None] | None]
]  # (preprocessed images, labels, settings, draws) -> the loss, and what is told which epoch begins


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
