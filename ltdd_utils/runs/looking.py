"""A store that only looks: what is there is read, and nothing is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.store import Bundle, Checkpoint, Store, load_bundle

__all__ = ["Absent", "Held", "Looking", "looking"]


@dataclass(frozen=True)
class Held:
    """What is there of a stage."""

    whole: bool = False
    seconds: float = 0.0  # of work that was done, checkpoints counted in


class Absent(Stopped):
    """A result that is not there; a stop, which passes through the stages of a user's own."""


class Looking(Store):
    """A store that reads, and adds up the seconds of what it finds."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, make=False)
        self.seconds = 0.0

    def stage(self, kind: str, key: Mapping[str, Any], compute: Callable[[Checkpoint], Bundle]) -> Bundle:
        """The result, if it is there."""
        result = self.result(kind, key)
        kept = result if result.is_file() else result.with_name("checkpoint.safetensors")
        if not kept.is_file():
            raise Absent
        bundle = load_bundle(kept)
        self.seconds += bundle.meta["seconds"]
        if kept != result:
            raise Absent
        return bundle

    def look(self, work: Callable[[], Any]) -> tuple[Held, Any]:
        """What is there of some work, and its result; None if it is not whole."""
        self.seconds = 0.0
        try:
            result = work()
            return Held(True, self.seconds), result
        except Absent:
            return Held(False, self.seconds), None


def looking(context: RunContext) -> tuple[Looking, RunContext]:
    """A store that looks where that of a context works, and the context with it; nothing is announced or recorded.

    Its ``watch`` stays: images that nobody decoded yet are decoded in a look.
    """
    store = Looking(context.store.root)
    return store, replace(context, store=store, results=None, announce=None)
