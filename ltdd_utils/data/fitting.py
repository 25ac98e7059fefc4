"""The preprocessing of a run: fitted once, kept in the store."""

from ltdd_utils.core.context import RunContext
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.settings import PreprocessConfig

__all__ = ["fit_stage", "fitted"]


def fitted(cfg: PreprocessConfig, data: LongTailedData, context: RunContext) -> Preprocess:
    """The preprocessing of a run: fitted once on the long-tailed training images, then read from the store."""
    return fit_stage(cfg, data, context)[0]


def fit_stage(cfg: PreprocessConfig, data: LongTailedData, context: RunContext) -> tuple[Preprocess, float]:
    """The same, and the seconds that the fit took."""
    key = {"config": cfg, "data": data.sha256}
    bundle = context.store.stage(
        "preprocess", key, lambda _: Preprocess.fit(data.train_images.to(context.device), cfg).to_bundle()
    )
    return Preprocess.from_bundle(bundle).to(context.device), bundle.meta["seconds"]
