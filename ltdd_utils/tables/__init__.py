"""Published numbers beside ours: what was run, how far it is from the paper, its cost, the command that repeats it."""

from ltdd_utils.tables.compare import PUBLISHED_ONLY, compare, facts, missing, plain, select
from ltdd_utils.tables.pooling import Contrast, contrast, pipelines, pool
from ltdd_utils.tables.text import compact, formatted, markdown
from ltdd_utils.tables.variants import changes, curve, gains, iterations, named, scores, variants

__all__ = [
    "PUBLISHED_ONLY",
    "Contrast",
    "changes",
    "compact",
    "compare",
    "contrast",
    "curve",
    "facts",
    "formatted",
    "gains",
    "iterations",
    "markdown",
    "missing",
    "named",
    "pipelines",
    "plain",
    "pool",
    "scores",
    "select",
    "variants",
]
