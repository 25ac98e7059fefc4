"""Published numbers beside ours: what was run, how far it is from the paper, its cost, the command that repeats it."""

from ltdd_utils.tables.claims import Claim, claims, published_score
from ltdd_utils.tables.compare import PUBLISHED_ONLY, compare, facts, missing, plain
from ltdd_utils.tables.contrasts import Contrast, contrast, contrasts, spread, steps
from ltdd_utils.tables.evaluators import (
    along,
    controls,
    evaluator,
    in_cell,
    judged,
    run_command,
    seconds_to_student,
    shown,
)
from ltdd_utils.tables.pooling import Pipelines, Spread, percent, pipelines, pool
from ltdd_utils.tables.text import compact, folded, formatted, markdown, visible
from ltdd_utils.tables.variance import LEVELS, components, error_of_mean, share_intervals, smallest_difference
from ltdd_utils.tables.variants import changes, curve, gains, iterations, named, scores, variants

__all__ = [
    "LEVELS",
    "PUBLISHED_ONLY",
    "Claim",
    "Contrast",
    "Pipelines",
    "Spread",
    "along",
    "changes",
    "claims",
    "compact",
    "compare",
    "components",
    "contrast",
    "contrasts",
    "controls",
    "curve",
    "error_of_mean",
    "evaluator",
    "facts",
    "folded",
    "formatted",
    "gains",
    "in_cell",
    "iterations",
    "judged",
    "markdown",
    "missing",
    "named",
    "percent",
    "pipelines",
    "plain",
    "pool",
    "published_score",
    "run_command",
    "scores",
    "seconds_to_student",
    "share_intervals",
    "shown",
    "smallest_difference",
    "spread",
    "steps",
    "variants",
    "visible",
]
