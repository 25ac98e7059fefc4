"""Running a recipe: data -> preprocessing -> distilled set -> students -> one record."""

from ltdd_utils.pipeline.files import export_set, import_set
from ltdd_utils.pipeline.made import Distilled
from ltdd_utils.pipeline.place import Place, expert_stage, fitted, pick_device, require_writable
from ltdd_utils.pipeline.runs import run
from ltdd_utils.pipeline.sets import distil
from ltdd_utils.pipeline.students import evaluate_set, protocol_for
from ltdd_utils.pipeline.trajectory import train_experts

__all__ = [
    "Distilled",
    "Place",
    "distil",
    "evaluate_set",
    "expert_stage",
    "export_set",
    "fitted",
    "import_set",
    "pick_device",
    "protocol_for",
    "require_writable",
    "run",
    "train_experts",
]
