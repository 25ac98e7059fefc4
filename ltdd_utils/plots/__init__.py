"""Figures of the book: numbers, DataFrames or tensors in, one ``Figure`` out, all in one style.

Classes are always drawn from the most to the least frequent, left to right, and head, middle and tail thirds keep their
three colours everywhere.
"""

from ltdd_utils.plots.cells import accuracy_by
from ltdd_utils.plots.costs import accuracy_by_cost
from ltdd_utils.plots.data import class_counts
from ltdd_utils.plots.doses import dose_response
from ltdd_utils.plots.gains import before_after
from ltdd_utils.plots.images import image_rows, read_rows, save_rows
from ltdd_utils.plots.matching import curves
from ltdd_utils.plots.methods import differences, side_by_side
from ltdd_utils.plots.paths import paths
from ltdd_utils.plots.recovery import crop_rounds, layer_distances, tau_search
from ltdd_utils.plots.scores import compare_published, confusion, per_class_accuracy, spread_of_students
from ltdd_utils.plots.statistics import distances_by_layer, variance_parts
from ltdd_utils.plots.trajectory import class_profiles, classes_over_epochs, confidence
from ltdd_utils.plots.variance import nested_scores, variance_shares
from ltdd_utils.plots.waterfall import waterfall

__all__ = [
    "accuracy_by",
    "accuracy_by_cost",
    "before_after",
    "class_counts",
    "class_profiles",
    "classes_over_epochs",
    "compare_published",
    "confidence",
    "confusion",
    "crop_rounds",
    "curves",
    "differences",
    "distances_by_layer",
    "dose_response",
    "image_rows",
    "layer_distances",
    "nested_scores",
    "paths",
    "per_class_accuracy",
    "read_rows",
    "save_rows",
    "side_by_side",
    "spread_of_students",
    "tau_search",
    "variance_parts",
    "variance_shares",
    "waterfall",
]
