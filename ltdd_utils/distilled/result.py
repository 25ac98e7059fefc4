"""The result of a method's stages: a distilled set with how it came about, and curves that fit into a record."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    history: dict[str, Any] | None = None  # of the iterations that made it, for the record
    adapted: Mapping[str, Any] = field(
        default_factory=dict
    )  # settings of the method that fit the data, not as asked for
    clamped: float = 0.0  # share of synthetic pixel values that were clamped on the way into the protocol's space


def finished(bundle: Bundle, initial_sha256: str, history: Mapping[str, Any]) -> DistillationResult:
    """The result of iterations on an initial set, in a bundle; set and history name the set that they began from."""
    distilled, start = from_bundle(bundle), {"initial_sha256": initial_sha256}
    cost = {"peak_gpu_gib": bundle.meta.get("origin", {}).get("peak_gpu_gib", 0.0)}
    return DistillationResult(replace(distilled, info={**distilled.info, **start}), {**start, **cost, **history})


def curve(values: Tensor) -> list[float] | None:
    """One value per iteration ``[N]`` as at most ``POINTS`` means; None if one of them is not finite."""
    means = [part.mean().item() for part in values.double().tensor_split(min(POINTS, len(values)))]
    return means if values.isfinite().all() else None
