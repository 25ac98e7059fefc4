"""The stage of a condensation recipe (DC, DM): from random images or noise to synthetic images."""

from typing import Any

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.files import to_bundle
from ltdd_utils.distilled.made import DistillationResult, curve, finished
from ltdd_utils.distilled.spaces import pixels
from ltdd_utils.methods.condensation.common import RealImages, start_images
from ltdd_utils.methods.condensation.features import dm
from ltdd_utils.methods.condensation.gradients import dc
from ltdd_utils.methods.condensation.settings import CondensationConfig, DCConfig
from ltdd_utils.recipes.recipe import Recipe

__all__ = ["condensed_set"]


def condensed_set(
    recipe: Recipe, data: LongTailedData, preprocess: Preprocess, seed: int, context: RunContext
) -> DistillationResult:
    """The distilled set of a condensation recipe.

    Without iterations it is the initial set, and there is no history. The whole long tail lies preprocessed on the
    device: 4 bytes for each value of a pixel.

    Raises:
        ValueError: settings that do not fit the data.
        FloatingPointError: a loss or an image is no longer finite.
        Stopped: the deadline passed; the same call goes on from there.
    """
    cfg: CondensationConfig = recipe.method

    def initial() -> tuple[DistilledSet, RealImages]:
        images = preprocess(data.train_images.to(context.device))
        real = RealImages.of(images, data.train_labels, data.classes)
        return start_images(cfg, data, recipe.ipc, seed, real.deviation), real

    def compute(checkpoint: Checkpoint) -> Bundle:
        start, real = initial()
        images = pixels(start, data, preprocess).to(context.device)
        condense = dc if isinstance(cfg, DCConfig) else dm
        made, losses = condense(cfg, start, images, real, seed, context.watching("condensation"), checkpoint)
        bundle = to_bundle(made)
        bundle.tensors["history.losses"] = losses
        bundle.meta["initial_sha256"] = content_hash(start)
        return bundle

    if not cfg.iterations:
        return DistillationResult(initial()[0], {})
    key = {"method": cfg, "ipc": recipe.ipc, "data": data.sha256, "preprocess": preprocess.describe(), "seed": seed}
    bundle = context.store.stage("condensation", key, compute)
    seconds = {"condensation": bundle.meta["seconds"]}
    return finished(bundle, bundle.meta["initial_sha256"], seconds, _history(bundle))


def _history(bundle: Bundle) -> dict[str, Any]:
    """The iterations as JSON: the sum of the losses as a curve of means, and each class's mean loss."""
    losses = bundle.tensors["history.losses"]
    return {
        "iterations": len(losses),
        "curves": {"loss": curve(losses.sum(dim=1))},
        "class_loss": {"mean": losses.double().mean(dim=0).tolist()},
    }
