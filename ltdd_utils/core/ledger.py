"""The seconds and origins of a run's stages, entered as they are asked for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ltdd_utils.core.progress import Announce, told

__all__ = ["Ledger"]


class Ledger:
    """Seconds by the declared name of a stage, and the origin of every result that was asked for, in order.

    A result that is asked for under two names counts under the last one alone: a teacher that scores crops and labels
    for students is trained once.
    """

    def __init__(self, announce: Announce | None = None) -> None:
        """Nothing yet; ``announce`` is told when a name is entered and left."""
        self.announce = announce
        self.seconds: dict[str, float] = {}
        self.origins: list[dict[str, Any]] = []
        self._name: str | None = None
        self._entered: dict[Path, tuple[str, float]] = {}
        self._inside = 0  # computations that run now: what they ask for in turn is part of their own result

    @property
    def results(self) -> list[Path]:
        """The files of the results that were asked for, in order."""
        return list(self._entered)

    @contextmanager
    def entry(self, name: str) -> Iterator[None]:
        """Enter under ``name`` what is asked for inside; a name that asks for nothing has 0 seconds."""
        before, self._name = self._name, name
        self.seconds.setdefault(name, 0.0)
        try:
            with told(self.announce, stage=name) as further:
                yield
                further["worked"] = self.seconds.get(name, 0.0)
        finally:
            self._name = before

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around the call that reads or computes a result: nothing inside it is entered."""
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    def add(self, kind: str, result: Path, meta: Mapping[str, Any]) -> None:
        """Enter a result: the kind of its stage, its file, and its facts (``seconds``, ``origin``)."""
        if self._inside:
            return
        name, seconds = self._name or kind, meta["seconds"]
        self.origins.append({"stage": kind, **meta.get("origin", {})})
        earlier, counted = self._entered.get(result, (name, 0.0))
        self._entered[result] = (name, seconds)
        self.seconds[earlier] = self.seconds.get(earlier, 0.0) - counted
        if earlier != name and not any(at == earlier for at, _ in self._entered.values()):
            del self.seconds[earlier]
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
