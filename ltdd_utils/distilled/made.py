"""The result of every method's stages: a distilled set and its history, and curves that fit into a record."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from ltdd_utils.core.store import Bundle
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.files import from_bundle

__all__ = ["DistillationResult", "curve", "finished"]

POINTS = 200  # of a curve in a record


@dataclass(frozen=True)
class DistillationResult:
    """A distilled set and its history."""

    set: DistilledSet
    seconds: dict[str, float]  # of each stage that made it
    history: dict[str, Any] | None = None  # of the iterations that made it, for the record
    clamped: float = 0.0  # share of synthetic pixel values that were clamped on the way into the protocol's space


def finished(
    bundle: Bundle, initial_sha256: str, seconds: dict[str, float], history: Mapping[str, Any]
) -> DistillationResult:
    """The result of iterations on an initial set, in a bundle; set and history name the set that they began from."""
    distilled, start = from_bundle(bundle), {"initial_sha256": initial_sha256}
    distilled = replace(distilled, info={**distilled.info, **start})
    cost = {"peak_gpu_gib": bundle.meta.get("origin", {}).get("peak_gpu_gib", 0.0)}
    return DistillationResult(distilled, seconds, {**start, **cost, **history})


def curve(values: Tensor) -> list[float] | None:
    """One value per iteration ``[N]`` as at most ``POINTS`` means; None if one of them is not finite."""
    means = [part.mean().item() for part in values.double().tensor_split(min(POINTS, len(values)))]
    return means if values.isfinite().all() else None
