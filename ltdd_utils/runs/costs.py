"""Parts that the record of a run and that of an evaluation share: students, cost, code."""

from collections.abc import Mapping, Sequence
from typing import Any

from ltdd_utils.core.ledger import Ledger
from ltdd_utils.core.provenance import peak_ram_gib
from ltdd_utils.evaluation.scores import Evaluation

__all__ = ["code_of", "cost_of", "students_of"]


def students_of(evaluation: Evaluation, seed: int) -> list[dict[str, Any]]:
    """The students, each with the name of its random stream."""
    return [{"stream": f"{seed}/student/{number}", **scores} for number, scores in enumerate(evaluation.each_student())]


def cost_of(ledger: Ledger, devices: Sequence[str]) -> dict[str, Any]:
    """Seconds by stage, the largest memory, the devices in words; and which stages were compiled, if any."""
    stages = ledger.origins
    compiled = sorted({stage["stage"] for stage in stages if stage.get("compiled")})
    return {
        "seconds": dict(ledger.seconds),
        "peak_ram_gib": max((stage.get("peak_ram_gib", 0.0) for stage in stages), default=0.0) or peak_ram_gib(),
        "peak_gpu_gib": max((stage.get("peak_gpu_gib", 0.0) for stage in stages), default=0.0),
        "device": " and ".join(devices),
        **({"compiled": compiled} if compiled else {}),
    }


def code_of(origin: Mapping[str, Any], stages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which code computed the stages, and whether any of it was uncommitted: a later call only reads them."""
    commits: dict[str, list[str]] = {}
    for stage in stages:
        names = commits.setdefault(stage.get("commit") or "unknown", [])
        if stage["stage"] not in names:
            names.append(stage["stage"])
    dirty = any(stage.get("dirty") for stage in stages) or origin["dirty"]  # None: nobody knows
    return {"stages": commits, "dirty": dirty}
