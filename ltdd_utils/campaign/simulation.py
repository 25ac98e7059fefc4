"""How long a campaign takes on several workers, by simulation: a list schedule of its units."""

from collections.abc import Sequence

from ltdd_utils.campaign.listing import Listed
from ltdd_utils.jobs import paths

__all__ = ["critical_path", "makespan"]


def makespan(found: Sequence[Listed], workers: int, overhead: float = 0.0) -> float:
    """Seconds until all units are done, as ``jobs.paths.makespan`` has it.

    A unit of unknown length counts as nothing, and one that is there too.

    Args:
        found: the list; each stands behind what it needs.
        workers: that make one unit at a time.
        overhead: seconds that a unit takes besides its work.

    Raises:
        ValueError: fewer than one worker.
    """
    return paths.makespan(_lengths(found, overhead), _needs(found), workers)


def critical_path(found: Sequence[Listed], overhead: float = 0.0) -> float:
    """Seconds of the longest chain of units: no number of workers takes less."""
    return max(paths.tails(_lengths(found, overhead), _needs(found)).values(), default=0.0)


def _lengths(found: Sequence[Listed], overhead: float) -> dict[str, float]:
    return {one.unit.id: 0.0 if one.there else (one.seconds or 0.0) + overhead for one in found}


def _needs(found: Sequence[Listed]) -> dict[str, tuple[str, ...]]:
    return {one.unit.id: one.unit.needs for one in found}
