"""Snapshots of experts: their bytes, and matching between snapshots that were rounded to bfloat16."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from ltdd_utils import recipes
from ltdd_utils.augment import draw
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Store
from ltdd_utils.data import LongTailedData, Preprocess, Run
from ltdd_utils.methods.trajectory.classifier import match_classifier
from ltdd_utils.methods.trajectory.dam import inner_loss
from ltdd_utils.methods.trajectory.matching import Matched, Problem, Step, Synthetic, match
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.methods.trajectory.training import train_experts
from ltdd_utils.networks import Layout, build
from ltdd_utils.recipes import Recipe
from ltdd_utils.runs import start
from ltdd_utils.training import soft_cross_entropy

PAPER = ("damed_cifar10", 100.0, 10)  # whose bytes are counted, at scale paper
SHAPE = (10, 32, 3)  # its classes, and side and channels of its images
STEPS = 10  # of the student between rounded snapshots
STARTS = 3  # start epochs from first to last


def stored_bytes(layout: Layout, cfg: TrajectoryConfig, stored: str) -> dict[str, int]:
    """Bytes of one expert's tensors as this package keeps them, stage by stage."""
    head, width = layout.size - layout.backbone, {"fp32": 4, "bf16": 2}[stored]
    return {
        "representation": width * len(cfg.snapshots) * layout.size,
        "classifier": width * len(cfg.classifier_snapshots) * head,
    }


def released_bytes(layout: Layout, cfg: TrajectoryConfig) -> int:
    """Bytes of one expert as released: every epoch of both stages, all parameters, float32."""
    return 4 * (cfg.experts.train.epochs + 1 + cfg.experts.classifier_epochs + 1) * layout.size


def disk() -> dict[str, Any]:
    """The bytes of paper 1's cell, and how often they go into the released ones."""
    name, imbalance_factor, ipc = PAPER
    cfg = recipes.recipe(name, imbalance_factor=imbalance_factor, ipc=ipc, scale="paper").method
    layout = Layout.of(build(cfg.experts.network, *SHAPE, generator(0, "shape")))
    theirs = released_bytes(layout, cfg)
    sizes = {stored: sum(stored_bytes(layout, cfg, stored).values()) for stored in ("fp32", "bf16")}
    rows = [{"stored": "released, fp32", "MB": theirs / 1e6, "released / this": 1.0}]
    rows += [{"stored": stored, "MB": size / 1e6, "released / this": theirs / size} for stored, size in sizes.items()]
    snapshots = [len(cfg.snapshots), len(cfg.classifier_snapshots)]
    return {"recipe": name, "parameters": layout.size, "snapshots": snapshots, "per expert": rows}


def experts_of(recipe: Recipe, work: Path | None, seed: int) -> tuple[Run, Experts]:
    """The first expert of a recipe: read from the store ``work``, or trained here if there is none.

    Raises:
        FileNotFoundError: the store lacks a stage of the recipe.
    """
    cfg = recipe.method
    with tempfile.TemporaryDirectory() as folder:
        store = Store(work, make=False) if work else Store(Path(folder))
        context = RunContext(store, torch.device("cpu"))
        run = start(recipe, seed, context)
        experts = train_experts(cfg.experts, run, cfg.snapshots, cfg.classifier_snapshots, only=[0])
    return run, experts


def rounding(recipe: Recipe, run: Run, experts: Experts) -> list[dict[str, Any]]:
    """The change of matching when both snapshots of a pair are rounded to bfloat16, by phase and start epoch.

    ``moved`` is how far rounding moves the start, in units of the distance between start and target.
    """
    cfg, layout, data = recipe.method, experts.layout, run.data
    network = run.template(cfg.experts.network).requires_grad_(False)
    synthetic, steps = _real_set(recipe, data, run.preprocess)
    loss, rows = inner_loss(cfg.dam, data.counts), []
    last = cfg.window[2] - 1
    epochs = sorted({cfg.window[0] + (last - cfg.window[0]) * i // (STARTS - 1) for i in range(STARTS)})
    for epoch in epochs:
        pair = experts.snapshot(0, epoch), experts.snapshot(0, epoch + cfg.first.epochs)
        problem = Problem(layout.apply(network), *pair, layout.part(cfg.match), steps, loss)
        rows.append({"phase": "first", "start": epoch, **_change(problem, lambda p: match(synthetic, p, "exact"))})
    if cfg.second is not None:
        pair = experts.classifier_snapshot(0, 0), experts.classifier_snapshot(0, cfg.second.epochs)
        problem = Problem(layout.apply(network), *pair, layout.part("classifier"), steps, soft_cross_entropy)
        features = layout.features(network)
        change = _change(problem, lambda p: match_classifier(synthetic, p, features, data.classes))
        rows.append({"phase": "second", "start": 0, **change})
    return rows


def _real_set(recipe: Recipe, data: LongTailedData, preprocess: Preprocess) -> tuple[Synthetic, list[Step]]:
    """The first images of each class, nearly hard labels, and the student's steps on them."""
    cfg = recipe.method
    rows = torch.cat([(data.train_labels == c).nonzero().flatten()[: recipe.ipc] for c in range(data.classes)])
    logits = 4 * F.one_hot(data.train_labels[rows], data.classes).float()
    images, lr = preprocess(data.train_images[rows]), torch.tensor(cfg.lr, dtype=torch.float32)
    strategy, rng = cfg.experts.augment.strategy, generator(0, "dsa")
    steps = [Step(None, draw(strategy, len(rows), data.image_size, rng)) for _ in range(STEPS)]
    return Synthetic(images, logits, lr), steps


def _change(problem: Problem, run: Callable[[Problem], Matched]) -> dict[str, float]:
    start, target = (weights.bfloat16().float() for weights in (problem.start, problem.target))
    rounded, part = replace(problem, start=start, target=target), problem.part
    apart, after = ((p.start - p.target)[part].norm() for p in (problem, rounded))
    before, then = run(problem), run(rounded)
    return {
        "distance": apart.item(),
        "moved": ((start - problem.start)[part].norm() / apart).item(),
        "denominator": (after.square() / apart.square() - 1).item(),
        "loss": before.loss.item(),
        "loss change": (then.loss / before.loss - 1).item(),
        "gradient error": ((then.images - before.images).norm() / before.images.norm()).item(),
    }
