"""The set that distillation starts from: real images, and the labels that experts give them."""

from dataclasses import replace

import torch
from torch import Tensor

from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet
from ltdd_utils.distilled.fill import fill
from ltdd_utils.methods.trajectory.settings import InitialConfig
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.networks.flat import Apply

__all__ = ["initial_set", "soft_labels"]

BATCH = 500  # images that an expert answers at once


def initial_set(
    cfg: InitialConfig, run: Run, ipc: int, experts: Experts, network: Apply, *, lr: float | None = None
) -> DistilledSet:
    """``ipc`` images of each class with their labels, before any matching.

    "correct" takes the first images, in a random order, that the last snapshot of expert 0 predicts correctly; "real"
    takes any. A class with too few of them follows ``cfg.policy``: "duplicate" repeats them in turn, "noise" adds
    standard normal images, "inherent" refuses. A class without any is all noise. "Distilling Long-tailed Datasets"
    (arXiv 2408.14506), section 3.4 and the released code, which duplicates.

    Labels are logits: the mean over the experts that predict the image's own class, zeros (a uniform label) where none
    does ("mean-of-right"); expert 0's ("one-expert"); or none ("hard").

    Note:
        Differs from the paper, whose "inherent" keeps the images that there are (its released code for that does not
        work): here every class has ``ipc`` images, and too few are refused.

    Args:
        cfg: how images and labels are chosen, and which experts are asked.
        run: the long tail, the transform of its images, the seed, and where the experts answer.
        ipc: images per class.
        experts: the last snapshots are read.
        network: the experts' network.
        lr: the first value of the step size.

    Raises:
        ValueError: ``ipc`` below 1, or a class with too few such images under "inherent".
    """
    if ipc < 1:
        raise ValueError(f"ipc is {ipc}; a distilled set needs at least 1 image per class")
    data, device, rng = run.data, run.device, run.rng("initial")
    labels = torch.arange(data.classes).repeat_interleave(ipc)
    rows = torch.full((len(labels),), NOT_REAL)  # of the long tail
    weights = last_snapshot(cfg, experts, 0).to(device)
    every = []
    for label in range(data.classes):
        candidates = (data.train_labels == label).nonzero().flatten()
        candidates = candidates[torch.randperm(len(candidates), generator=rng)]
        if cfg.images == "correct":
            candidates = candidates[(answers(network, weights, run.images(candidates)).argmax(dim=1) == label).cpu()]
        every.append(candidates)
    smallest = min(range(data.classes), key=lambda label: len(every[label]))
    refusal = _refusal(len(every[smallest]), ipc, data.class_names[smallest])
    for label, candidates in enumerate(every):
        chosen = fill(candidates, ipc, cfg.policy, refusal)
        rows[label * ipc : label * ipc + len(chosen)] = chosen
    synthetic = rows == NOT_REAL
    shape = data.train_images.shape[1:]
    missing, noise = int(synthetic.sum()), None
    if missing:  # the type is named: under another default type the same generator would give other numbers
        noise = torch.randn(missing, *shape, dtype=torch.float32, generator=rng)
    indices = torch.where(synthetic, rows, data.indices[rows.clamp_min(0)])
    info = {"class_names": list(data.class_names)}
    distilled = DistilledSet(labels, indices, images=noise, lr=lr, info=info)
    if cfg.labels == "hard":
        return distilled
    images = torch.empty(len(labels), *shape)
    images[~synthetic] = run.images(rows[~synthetic]).cpu()
    if noise is not None:
        images[synthetic] = noise
    targets = soft_labels(cfg, images.to(device), labels.to(device), experts, network).cpu()
    return replace(distilled, targets=targets, info={**info, "targets": "logits"})


@torch.no_grad()
def soft_labels(cfg: InitialConfig, images: Tensor, labels: Tensor, experts: Experts, network: Apply) -> Tensor:
    """Label logits ``[M, C]`` of images ``[M, Ch, H, W]`` of the classes ``labels`` ``[M]``; see ``initial_set``."""
    if cfg.labels == "one-expert":
        return answers(network, last_snapshot(cfg, experts, 0).to(images.device), images)
    total, right = 0, torch.zeros(len(labels), 1, device=images.device)
    for index in range(len(experts)):
        logits = answers(network, last_snapshot(cfg, experts, index).to(images.device), images)
        agrees = (logits.argmax(dim=1) == labels)[:, None]
        total, right = total + logits * agrees, right + agrees
    return total / right.clamp_min(1)


def last_snapshot(cfg: InitialConfig, experts: Experts, index: int) -> Tensor:
    """The expert that is asked: the last snapshot of the kind that ``cfg.experts`` names, ``[P]``."""
    if cfg.experts == "classifier":
        return experts.classifier_snapshot(index, experts.last_classifier_epoch)
    return experts.snapshot(index, experts.last_epoch)


@torch.no_grad()
def answers(network: Apply, weights: Tensor, images: Tensor) -> Tensor:
    """Logits of images without augmentation, ``[M, C]``."""
    return torch.cat([network(weights, batch) for batch in images.split(BATCH)])


def _refusal(count: int, ipc: int, name: str) -> str:
    remedy = f", or ipc up to {count}" if count else ""
    return (
        f"class {name!r} has {count} images to start from, fewer than ipc={ipc}, and 'inherent' adds none: use "
        f"the policy 'duplicate' or 'noise'{remedy}"
    )
