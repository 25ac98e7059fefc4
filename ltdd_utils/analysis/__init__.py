"""Published numbers beside ours: what was run, how far it is from the paper, its cost, the command that repeats it."""

from ltdd_utils.analysis.claims import Claim, claims, published_score
from ltdd_utils.analysis.compare import PUBLISHED_ONLY, compare, facts, json_rows, missing
from ltdd_utils.analysis.contrasts import Contrast, contrast, contrasts, spread, stepwise
from ltdd_utils.analysis.evaluators import (
    accuracy_over_cells,
    control_table,
    evaluator,
    for_display,
    run_command,
    scores_by_evaluator,
    seconds_to_student,
    select_cell,
)
from ltdd_utils.analysis.pooling import Pipelines, Spread, percent, pipelines, pool
from ltdd_utils.analysis.text import compact, folded, formatted, markdown, visible
from ltdd_utils.analysis.variance import LEVELS, components, error_of_mean, share_intervals, smallest_difference
from ltdd_utils.analysis.variants import curve, diff_from_recipe, format_changes, gains, iterations, scores, variants

__all__ = [
    "LEVELS",
    "PUBLISHED_ONLY",
    "Claim",
    "Contrast",
    "Pipelines",
    "Spread",
    "accuracy_over_cells",
    "claims",
    "compact",
    "compare",
    "components",
    "contrast",
    "contrasts",
    "control_table",
    "curve",
    "diff_from_recipe",
    "error_of_mean",
    "evaluator",
    "facts",
    "folded",
    "for_display",
    "format_changes",
    "formatted",
    "gains",
    "iterations",
    "json_rows",
    "markdown",
    "missing",
    "percent",
    "pipelines",
    "pool",
    "published_score",
    "run_command",
    "scores",
    "scores_by_evaluator",
    "seconds_to_student",
    "select_cell",
    "share_intervals",
    "smallest_difference",
    "spread",
    "stepwise",
    "variants",
    "visible",
]
