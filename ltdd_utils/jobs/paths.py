"""Chains of units that need each other, and how long several workers take for all of them."""

import heapq
from collections import defaultdict
from collections.abc import Collection, Mapping

__all__ = ["Needs", "makespan", "tails"]

Needs = Mapping[str, Collection[str]]  # by id; names that have no length are there already


def tails(length: Mapping[str, float], needs: Needs) -> dict[str, float]:
    """The length of each unit and of the longest chain behind it.

    Args:
        length: seconds by id, each behind what it needs.
        needs: of each.
    """
    after, found = _after(length, needs), {}
    for name in reversed(length):
        found[name] = length[name] + max((found[other] for other in after[name]), default=0.0)
    return found


def makespan(length: Mapping[str, float], needs: Needs, workers: int, first: Collection[str] = ()) -> float:
    """Seconds until all units are done, if a free worker always takes the ready one with the longest path behind it.

    Args:
        length: seconds by id, each behind what it needs.
        needs: of each.
        workers: that make one unit at a time.
        first: ids that come before all others: those that run now.

    Raises:
        ValueError: fewer than one worker.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}; at least 1 is needed")
    behind, after = tails(length, needs), _after(length, needs)
    wait = {name: sum(need in length for need in needs[name]) for name in length}
    ready = [(name not in first, -behind[name], name) for name, count in wait.items() if not count]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            name = heapq.heappop(ready)[2]
            heapq.heappush(running, (now + length[name], name))
        now, done = heapq.heappop(running)
        for name in after[done]:
            wait[name] -= 1
            if not wait[name]:
                heapq.heappush(ready, (name not in first, -behind[name], name))
    return now


def _after(length: Mapping[str, float], needs: Needs) -> dict[str, list[str]]:
    after: dict[str, list[str]] = defaultdict(list)
    for name in length:
        for need in needs[name]:
            after[need].append(name)
    return after
