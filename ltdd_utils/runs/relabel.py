"""A set from a file whose images a teacher labels once more, each with one vector that is stored."""

from dataclasses import replace

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.mosaics import expanded
from ltdd_utils.distilled.spaces import uint8_pixels
from ltdd_utils.distilled.swaps import part_name
from ltdd_utils.evaluation.relabel import mean_over_views, relabelled
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.presets import dsa_augmentation
from ltdd_utils.runs.files import data_of, refitted
from ltdd_utils.teachers.stage import train_teacher
from ltdd_utils.training.pauses import pausing

__all__ = ["relabel_set"]


def relabel_set(
    distilled: DistilledSet,
    space: Preprocess | None,
    cfg: EvaluateConfig,
    context: RunContext,
    *,
    seed: int = 0,
    views: int = 20,
) -> DistilledSet:
    """The images of a set with stored soft labels of a teacher: the budget of labels that learned ones have.

    A label is the mean over ``views`` DSA views of the image's pixels (``mean_over_views``). The teacher is the one
    that the online protocol of ``cfg`` would ask, trained once for both. Of mosaics each part gets a label of its own.

    Args:
        distilled: a set that says which data it was made from.
        space: the preprocessing of its synthetic images; None fits it again as the set describes it.
        cfg: an online protocol, for its teacher and the teacher's space.
        context: device, folders, progress.
        seed: of teacher and views.
        views: the number of views.

    Raises:
        ValueError: a protocol without a teacher, or data here that the set was not made from.
        Stopped: the deadline passed.
    """
    if cfg.teacher is None:
        raise ValueError(f"protocol {cfg.protocol!r} has no teacher that could label; name an online one")
    data, whole = data_of(distilled, context), expanded(distilled)
    run = Run.start(data, cfg.preprocess, seed, context)
    before = run.preprocess if distilled.images is None else space or refitted(distilled, data, context)
    pictures, _ = uint8_pixels(whole, data, before)
    with run.ledger.entry("teacher"):
        teacher = train_teacher(cfg.teacher, run)
    images = run.preprocess(pictures.to(run.device))
    augment, rng = dsa_augmentation(data.config.name), run.rng("relabel", "views")
    with pausing(teacher, context.store.pause):
        targets = mean_over_views(teacher, images, augment, views, rng)
    made = relabelled(whole, targets, f"{part_name(distilled)}, relabelled")
    by = {"teacher": to_dict(cfg.teacher), "views": views, "seed": seed, "images_of": content_hash(distilled)}
    return replace(made, info={**made.info, "labelled_by": by})
