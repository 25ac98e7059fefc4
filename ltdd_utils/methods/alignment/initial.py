"""Initial images of recovery: the crops of real images that a teacher is surest of, any real images, or noise."""

from contextlib import nullcontext

import torch
from torch import Tensor, nn

from ltdd_utils.augment.crops import crop_boxes, draw_boxes
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet
from ltdd_utils.distilled.fill import fill
from ltdd_utils.methods.alignment.settings import CropConfig
from ltdd_utils.training.parts import Grown
from ltdd_utils.training.pauses import pausing
from ltdd_utils.training.resumable import LoopState

__all__ = ["confidence", "initial_set", "select_crops"]

BATCH = 500  # crops that the teacher scores at once
SQUARE = (1.0, 1.0)  # width over height of a crop


def initial_set(
    cfg: CropConfig, run: Run, ipc: int, teacher: nn.Module | None, *, checkpoint: Checkpoint | None = None
) -> DistilledSet:
    """``ipc`` images of each class before recovery, as positions and boxes of real images, or as noise.

    "crops" takes ``cfg.crops`` random crops of every real image and chooses among them by ``select_crops``; "real"
    takes whole images at random and repeats those of a class that has too few; "noise" is standard normal in the
    preprocessed space. "Rethinking Long-tailed Dataset Distillation" (arXiv 2511.18858), section 3, confidence-guided
    multi-round initialisation; RDED (arXiv 2312.03526) is its first round.

    Args:
        cfg: how images are chosen.
        run: the long tail, the transform that the teacher was trained with, the seed; its watch "initial set" is told
            ``{"done", "total"}`` classes.
        ipc: images per class.
        teacher: scores the crops, in eval mode, on the run's device; None unless ``cfg.images`` is "crops".
        checkpoint: where to keep the choice of an interrupted call, class by class.

    Raises:
        ValueError: ``ipc`` below 1, or a class without images.
        Stopped: the checkpoint's deadline passed.
    """
    if ipc < 1:
        raise ValueError(f"ipc is {ipc}; a distilled set needs at least 1 image per class")
    data, watch = run.data, run.watch("initial set")
    labels, info = torch.arange(data.classes).repeat_interleave(ipc), {"class_names": list(data.class_names)}
    rng = run.rng("initial", cfg.images)
    if cfg.images == "noise":
        noise = torch.randn(len(labels), *data.train_images.shape[1:], dtype=torch.float32, generator=rng)
        return DistilledSet(labels, torch.full((len(labels),), NOT_REAL), images=noise, info=info)
    chosen, done = Grown(), {"classes": 0}
    state = LoopState({"chosen": chosen, "generator": rng}, done, checkpoint)
    with nullcontext() if teacher is None else pausing(teacher, state.pause):
        for label in range(done["classes"], data.classes):
            state.begin("generator")
            chosen |= _of_class(cfg, run, teacher, label, ipc, rng=rng)
            done["classes"] = label + 1
            if watch is not None:
                watch({"done": done["classes"], "total": data.classes})
            state.keep()
    positions, boxes = (
        [chosen[f"{part}.{label}"] for label in range(data.classes) if f"{part}.{label}" in chosen]
        for part in ("positions", "boxes")
    )
    return DistilledSet(labels, torch.cat(positions), boxes=torch.cat(boxes) if boxes else None, info=info)


def _of_class(
    cfg: CropConfig, run: Run, teacher: nn.Module | None, label: int, ipc: int, *, rng: torch.Generator
) -> dict[str, Tensor]:
    """The chosen images of one class, as positions ``[ipc]`` and, for crops, boxes ``[ipc, 4]``."""
    data = run.data
    candidates = (data.train_labels == label).nonzero().flatten()
    if len(candidates) == 0:
        raise ValueError(
            f"class {label} ({data.class_names[label]}) has no image; leave it out or lower the imbalance factor"
        )
    candidates = candidates[torch.randperm(len(candidates), generator=rng)[: cfg.pool]]
    if cfg.images == "real":
        return {f"positions.{label}": data.indices[fill(candidates, ipc, "duplicate")]}
    rows, boxes = _crops(cfg, run, teacher, candidates, ipc, rng=rng)
    return {f"positions.{label}": data.indices[candidates[rows]], f"boxes.{label}": boxes}


def _crops(
    cfg: CropConfig, run: Run, teacher: nn.Module, candidates: Tensor, ipc: int, *, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The chosen crops of one class, as rows of ``candidates`` ``[ipc]`` and boxes ``[ipc, 4]``."""
    data, side = run.data, run.data.image_size
    boxes = draw_boxes(len(candidates) * cfg.crops, side, side, cfg.scale, SQUARE, generator=rng)
    source = candidates.repeat_interleave(cfg.crops)
    scores = []
    for start in range(0, len(source), BATCH):
        part = slice(start, start + BATCH)
        images = data.train_images[source[part]].to(run.device).float() / 255
        crops = run.preprocess(crop_boxes(images, boxes[part], side))
        scores.append(confidence(teacher, crops, data.train_labels[source[part]].to(run.device)).cpu())
    rows, numbers = select_crops(torch.cat(scores).view(len(candidates), cfg.crops), ipc).T
    return rows, boxes.view(len(candidates), cfg.crops, 4)[rows, numbers]


@torch.no_grad()
def confidence(teacher: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Minus the teacher's cross-entropy on each image: the log-probability of its class, ``[B]``, at most 0."""
    return teacher(images).log_softmax(dim=1).gather(1, labels[:, None])[:, 0]


def select_crops(scores: Tensor, ipc: int) -> Tensor:
    """``ipc`` crops of one class, in rounds: each image offers its best crop that is still unused.

    If a round has more offers than there are places left, the best of them are taken, else all. So there are at most
    one crop of an image and round, and a second crop of an image only if every image has given one. A class with fewer
    crops than places starts again from its first round: crops then repeat (the released code has no such class).

    Note:
        Differs from the released code, which keeps in every round the order that the images had in the first.

    Args:
        scores: higher is better, ``[n, m]``: m crops of each of n images.
        ipc: places.

    Returns:
        Image and crop of each place, in the order taken, ``[ipc, 2]``.
    """
    best = scores.argsort(dim=1, descending=True, stable=True)  # [n, m]: the crop that an image offers in each round
    chosen, images, rounds = [], torch.arange(len(scores)), scores.shape[1]
    for turn in range(-(-ipc // len(scores))):
        offered = best[:, turn % rounds]
        order = scores[images, offered].argsort(descending=True, stable=True)[: ipc - turn * len(scores)]
        chosen.append(torch.stack([order, offered[order]], dim=1))
    return torch.cat(chosen)
