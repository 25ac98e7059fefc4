"""How long a campaign takes on several workers, by simulation: a list schedule of its units."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence

from ltdd_utils.campaign.listing import Listed

__all__ = ["critical_path", "makespan"]


def makespan(found: Sequence[Listed], workers: int, overhead: float = 0.0) -> float:
    """Seconds until all units are done, if a free worker always takes the ready one with the longest path behind it.

    A unit of unknown length counts as nothing, and one that is there too.

    Args:
        found: the list; each stands behind what it needs.
        workers: that make one unit at a time.
        overhead: seconds that a unit takes besides its work.

    Raises:
        ValueError: fewer than one worker.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}; at least 1 is needed")
    tails, lengths = _tails(found, overhead), {one.unit.id: _length(one, overhead) for one in found}
    wait = {one.unit.id: sum(need in lengths for need in one.unit.needs) for one in found}
    after = _after(found)
    ready = [(-tails[name], name) for name, count in wait.items() if not count]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            name = heapq.heappop(ready)[1]
            heapq.heappush(running, (now + lengths[name], name))
        now, done = heapq.heappop(running)
        for name in after[done]:
            wait[name] -= 1
            if not wait[name]:
                heapq.heappush(ready, (-tails[name], name))
    return now


def critical_path(found: Sequence[Listed], overhead: float = 0.0) -> float:
    """Seconds of the longest chain of units: no number of workers takes less."""
    return max(_tails(found, overhead).values(), default=0.0)


def _length(one: Listed, overhead: float) -> float:
    return 0.0 if one.there else (one.seconds or 0.0) + overhead


def _after(found: Iterable[Listed]) -> dict[str, list[str]]:
    after: dict[str, list[str]] = defaultdict(list)
    for one in found:
        for need in one.unit.needs:
            after[need].append(one.unit.id)
    return after


def _tails(found: Sequence[Listed], overhead: float) -> dict[str, float]:
    """The seconds of each unit and of the longest chain behind it."""
    after, tails = _after(found), {}
    for one in reversed(found):
        behind = (tails[name] for name in after[one.unit.id])
        tails[one.unit.id] = _length(one, overhead) + max(behind, default=0.0)
    return tails
