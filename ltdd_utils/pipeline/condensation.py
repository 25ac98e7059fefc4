"""The stage of a condensation recipe (DC, DM): from random images or noise to synthetic images."""

from typing import Any

from ltdd_utils.baselines.condensation import RealImages, dc, dm, start_images
from ltdd_utils.config import CondensationConfig, DCConfig
from ltdd_utils.distilled import DistilledSet, content_hash, pixels, to_bundle
from ltdd_utils.images import LongTailedData
from ltdd_utils.pipeline.made import Distilled, curve, finished
from ltdd_utils.pipeline.place import Place
from ltdd_utils.preprocess import Preprocess
from ltdd_utils.recipes import Recipe
from ltdd_utils.store import Bundle, Checkpoint

__all__ = ["condensed_set"]


def condensed_set(recipe: Recipe, data: LongTailedData, preprocess: Preprocess, seed: int, place: Place) -> Distilled:
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
        images = preprocess(data.train_images.to(place.device))
        real = RealImages.of(images, data.train_labels, data.classes)
        return start_images(cfg, data, recipe.ipc, seed, real.deviation), real

    def compute(checkpoint: Checkpoint) -> Bundle:
        start, real = initial()
        images = pixels(start, data, preprocess).to(place.device)
        condense = dc if isinstance(cfg, DCConfig) else dm
        made, losses = condense(cfg, start, images, real, seed, place.watching("condensation"), checkpoint)
        bundle = to_bundle(made)
        bundle.tensors["history.losses"] = losses
        bundle.meta["initial_sha256"] = content_hash(start)
        return bundle

    if not cfg.iterations:
        return Distilled(initial()[0], {})
    key = {"method": cfg, "ipc": recipe.ipc, "data": data.sha256, "preprocess": preprocess.describe(), "seed": seed}
    bundle = place.store.stage("condensation", key, compute)
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
