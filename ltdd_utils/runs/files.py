"""Sets in files: the data and the preprocessing that they were made with."""

from collections.abc import Mapping

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.settings import from_dict
from ltdd_utils.data.long_tailed import LongTailedData, load
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.run import fitted
from ltdd_utils.data.settings import DataConfig, PreprocessConfig
from ltdd_utils.data.sources.dataset import data_root
from ltdd_utils.distilled.contents import DistilledSet

__all__ = ["data_of", "refitted"]


def data_of(distilled: DistilledSet, context: RunContext) -> LongTailedData:
    """The data that a set from a file was made from.

    Raises:
        FileNotFoundError: the data is not below the data folder; the message says how to name another one.
        ValueError: the set does not say which data, or what is here is other data.
    """
    missing = [key for key in ("data", "data_sha256") if not distilled.info.get(key)]
    if missing:
        raise ValueError(
            f"the set does not say which data it was made from: fill in info[{missing[0]!r}] (the settings of "
            "`LongTailedData.config` by `core.settings.to_dict`, and `LongTailedData.sha256`), or make it with "
            "DistilledSet.of_pixels(images, labels, data), which says all that is needed"
        )
    cfg = from_dict(DataConfig, distilled.info["data"])
    try:
        data = load(cfg, context.data, context.reading())
    except FileNotFoundError as error:
        place = data_root(context.data)
        raise FileNotFoundError(
            f"{error}. The set was made from {cfg.name}, looked for below {place}: name the folder that holds it by "
            "--data DIR or by LTDD_DATA"
        ) from error
    made_from = distilled.info["data_sha256"]
    if data.sha256 != made_from:
        raise ValueError(
            f"the set was made from other data ({made_from[:12]}) than what is here ({data.sha256[:12]}); "
            "use the same files and index list"
        )
    return data


def refitted(distilled: DistilledSet, data: LongTailedData, context: RunContext) -> Preprocess:
    """The transform that a set describes, fitted again on the data it was made from.

    Raises:
        ValueError: the set does not describe it.
    """
    made_under = distilled.info.get("preprocess")
    if not isinstance(made_under, Mapping) or not {"kind", "eps"} <= set(made_under):
        raise ValueError(
            "the set does not describe the preprocessing of its images: write it with --with-preprocessing, give it to "
            "`save_set`, or give pixels to DistilledSet.of_pixels(images, labels, data)"
        )
    return fitted(PreprocessConfig(made_under["kind"], made_under["eps"]), data, context)
