"""The public names of a room, each imported when it is first used (PEP 562).

So ``from ltdd_utils.data import load`` is short, and ``ltdd_utils.data.settings`` still costs no torch.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["exports"]


def exports(room: str, parts: Mapping[str, Sequence[str]]) -> tuple[Callable[[str], Any], list[str]]:
    """The ``__getattr__`` and the ``__all__`` of a room.

    Args:
        room: its dotted name.
        parts: module of the room -> the names that it offers; none of them may be the name of a module.
    """
    home = {name: module for module, names in parts.items() for name in names}

    def attribute(name: str) -> Any:  # noqa: ANN401 (functions, classes, tables)
        if name not in home:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{room}.{home[name]}"), name)

    module = sys.modules[room]
    module.__dir__ = lambda: sorted({*vars(module), *home})  # what help() and the Tab key offer
    return attribute, sorted(home)
