"""Published numbers beside ours: what was run, how far it is from the paper, its cost, the command that repeats it."""

from ltdd_utils.tables.compare import PUBLISHED_ONLY, compare, facts, missing, plain, select
from ltdd_utils.tables.pooling import Contrast, contrast, pipelines, pool
from ltdd_utils.tables.text import compact, formatted, markdown

__all__ = [
    "PUBLISHED_ONLY",
    "Contrast",
    "compact",
    "compare",
    "contrast",
    "facts",
    "formatted",
    "markdown",
    "missing",
    "pipelines",
    "plain",
    "pool",
    "select",
]
