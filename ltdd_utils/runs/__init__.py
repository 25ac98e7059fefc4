"""Running a recipe: data -> preprocessing -> distilled set -> students -> one record."""

from ltdd_utils.runs.exports import export_set
from ltdd_utils.runs.imports import given_set, import_set
from ltdd_utils.runs.pipeline import run, start
from ltdd_utils.runs.publish import publish_set
from ltdd_utils.runs.relabel import relabel_set
from ltdd_utils.runs.sets import distil
from ltdd_utils.runs.students import evaluate_set, protocol_for

__all__ = [
    "distil",
    "evaluate_set",
    "export_set",
    "given_set",
    "import_set",
    "protocol_for",
    "publish_set",
    "relabel_set",
    "run",
    "start",
]
