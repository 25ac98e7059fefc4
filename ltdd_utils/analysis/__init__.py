"""Published numbers beside ours: what was run, what differs, and what it takes to claim it.

``board`` reads the records of one cell once and answers with the scores of every method under every evaluator.
"""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "asked": ["Wanted", "find_runs", "named", "require_name"],
        "gains": ["Beside", "baseline", "beside"],
        "boards": ["Board", "Boards", "board", "for_display", "only_run"],
        "cells": ["accuracy_over_cells"],
        "changes": ["diff_from_recipe", "format_changes", "run_command"],
        "comparisons": ["Comparison", "comparison"],
        "differences": ["Contrast", "Ladder", "contrast", "contrasts", "stepwise"],
        "dosing": ["dose_response", "doses"],
        "entries": ["Entry"],
        "images": ["answers_of", "image_error"],
        "listing": ["filled", "listed", "once"],
        "parts": ["label_budgets", "part_scores"],
        "pooling": ["pool"],
        "primary": ["Primary", "holm", "primary_contrasts", "primary_table", "residual"],
        "published": ["PUBLISHED_ONLY", "compare", "facts", "json_rows", "missing"],
        "scores": ["Scores", "Spread", "percent", "pipelines", "spread"],
        "sides": ["Side"],
        "text": ["compact", "folded", "formatted", "lined_up", "markdown", "visible"],
        "variance": [
            "LEVELS",
            "components",
            "error_of_mean",
            "half_interval",
            "share_intervals",
            "smallest_difference",
        ],
        "verdicts": ["Claim", "claims", "published_score"],
    },
)
