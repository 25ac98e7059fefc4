"""Coresets: sets of unmodified real images, chosen class by class."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ltdd_utils.core.store import Checkpoint
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet
from ltdd_utils.distilled.fill import fill
from ltdd_utils.methods.coresets.rules import Seen
from ltdd_utils.methods.coresets.settings import RULES, CoresetConfig
from ltdd_utils.training.parts import Grown
from ltdd_utils.training.pauses import paused
from ltdd_utils.training.resumable import LoopState

__all__ = ["full_set", "random_set", "select"]


@torch.no_grad()
def _activations(expert: nn.Module, images: Tensor, pause: Callable[[], None]) -> tuple[Tensor, Tensor]:
    """Penultimate features and logits of an expert in eval mode, ``[n, F]`` and ``[n, C]``, on the CPU."""
    backbone = paused(expert.backbone, pause)
    parts = [backbone(batch) for batch in images.split(500)]
    features = torch.cat(parts)
    return features.cpu(), expert.classifier(features).cpu()


def select(
    cfg: CoresetConfig,
    run: Run,
    ipc: int,
    expert: nn.Module | None = None,
    draw: int = 0,
    *,
    checkpoint: Checkpoint | None = None,
) -> DistilledSet:
    """A coreset with ``ipc`` images of each class, or as many of the whole set at once.

    A class with n < ipc images follows ``cfg.policy``: "duplicate" repeats its images in turn, "noise" adds standard
    normal images (in the preprocessed space), "inherent" refuses.

    Args:
        cfg: the method and the policy.
        run: the long tail, its preprocessing, the seed.
        ipc: images per class, at least 1.
        expert: the network whose features are read, in eval mode; None for a rule that reads none.
        draw: which of several independent draws this is.
        checkpoint: where to keep the choice of an interrupted call, class by class.

    Returns:
        Positions of the images, class by class.

    Note:
        "kcenter-unbalanced" and "graphcut-unbalanced" are controls: they choose ``ipc * C`` images of whatever class,
        as the library that the published names come from does unless told otherwise (DeepCore's ``balance``).
        "graphcut-unbalanced" holds an N x N matrix.

    Raises:
        ValueError: ``ipc`` below 1, a class without images, a class smaller than ``ipc`` under "inherent", a set
            smaller than ``ipc * C`` for a rule of the whole set, or a rule that gave something else than ``ipc`` rows.
        Stopped: the checkpoint's deadline passed.
    """
    if ipc < 1:
        raise ValueError(f"ipc is {ipc}; a distilled set needs at least 1 image per class")
    data, rule = run.data, RULES[cfg.method]

    def choose(rows: Tensor, count: int, *stream: int) -> Tensor:
        features, logits = None, None
        if rule.reads_features:
            features, logits = _activations(expert, run.images(rows), (checkpoint or run.context.store).pause)
        seen = Seen(len(rows), data.train_labels[rows], features, logits)
        chosen = rule.function()(seen, count, run.rng("coreset", cfg.method, draw, *stream))
        return rows[_checked(cfg.method, chosen, len(rows), count)]

    if not rule.balanced:
        return _of_any_class(choose, data, ipc)
    smallest = min(range(data.classes), key=data.counts.__getitem__)
    refusal = (
        f"ipc is {ipc}, but class {smallest} ({data.class_names[smallest]}), the smallest, has {data.counts[smallest]} "
        f"images; use the policy 'duplicate' or 'noise', or ipc up to {data.counts[smallest]}"
    )
    labels, indices, taken, done = [], [], Grown(), {"classes": 0}
    state = LoopState({"taken": taken}, done, checkpoint)
    for label in range(data.classes):
        rows = (data.train_labels == label).nonzero().flatten()
        if len(rows) == 0:
            raise ValueError(
                f"class {label} ({data.class_names[label]}) has no image; leave it out or lower the imbalance factor"
            )
        if label >= done["classes"]:  # a class has a random stream of its own: what another one took does not matter
            taken[str(label)] = choose(rows, min(ipc, len(rows)), label)
            done["classes"] = label + 1
            state.keep()
        chosen = fill(taken[str(label)], ipc, cfg.policy, refusal)
        indices += data.indices[chosen].tolist() + [NOT_REAL] * (ipc - len(chosen))
        labels += [label] * ipc
    where = torch.tensor(indices)
    missing, noise = int((where == NOT_REAL).sum()), None
    if missing:
        rng = run.rng("coreset-noise", draw)
        noise = torch.randn(missing, *data.train_images.shape[1:], dtype=torch.float32, generator=rng)
    return DistilledSet(torch.tensor(labels), where, images=noise, info=_names(data))


def _checked(rule: str, chosen: Sequence[int] | Tensor, candidates: int, count: int) -> Tensor:
    """What a rule chose, as rows; a rule may come from outside, and indexing would take nearly anything."""
    rows = torch.as_tensor(chosen)
    if rows.shape != (count,) or rows.is_floating_point() or rows.dtype == torch.bool:
        shown = f"{rows.dtype} {list(rows.shape)}"
        raise ValueError(f"the rule {rule!r} gave {shown}; give {count} whole numbers, the rows of the chosen images")
    if rows.min() < 0 or rows.max() >= candidates or len(rows.unique()) < count:
        raise ValueError(
            f"the rule {rule!r} chose {rows.tolist()!r:.80}; give {count} different rows from 0 to {candidates - 1}"
        )
    return rows


def _of_any_class(choose: Callable[..., Tensor], data: LongTailedData, ipc: int) -> DistilledSet:
    """``ipc * C`` images that are chosen without looking at the labels."""
    rows, count = torch.arange(len(data.train_labels)), ipc * data.classes
    if count > len(rows):
        raise ValueError(
            f"ipc is {ipc}, but the whole set has {len(rows)} images; use ipc up to {len(rows) // data.classes}"
        )
    chosen = choose(rows, count).sort().values  # the training set lies class by class
    return DistilledSet(data.train_labels[chosen], data.indices[chosen], info=_names(data))


def _names(data: LongTailedData) -> dict[str, list[str]]:
    return {"class_names": list(data.class_names)}


def random_set(run: Run, ipc: int) -> DistilledSet:
    """``ipc`` real images of each class, drawn blindly: the set that the first student of Random is trained on."""
    return select(CoresetConfig("random"), run, ipc)


def full_set(data: LongTailedData) -> DistilledSet:
    """The whole long-tailed training set: what a student would learn without distillation."""
    return DistilledSet(data.train_labels.clone(), data.indices.clone(), info=_names(data))
