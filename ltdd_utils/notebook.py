"""What the chapters call: a place to run a recipe, the source of a function, a line that says what ran."""

import inspect
import platform
import tempfile
from pathlib import Path
from typing import Any

import torch

from ltdd_utils.cli import Bars
from ltdd_utils.pipeline import Place, pick_device
from ltdd_utils.provenance import machine
from ltdd_utils.store import Store

__all__ = ["place", "source", "versions"]


def place(work: Path | None = None) -> Place:
    """Where a chapter runs a recipe: on this machine's best device, with progress bars, keeping no record.

    Args:
        work: folder of finished stages; None: a temporary one, so that everything on the page really ran.
    """
    return Place(Store(work or Path(tempfile.mkdtemp(prefix="ltdd-"))), pick_device("auto"), watch=Bars(quiet=False))


def source(thing: Any) -> Any:  # noqa: ANN401 (any function or class in, IPython's display object out)
    """The source of a function or class as it is in the package, to be shown in a notebook."""
    from IPython.display import Code  # only notebooks have IPython

    return Code(inspect.getsource(thing), language="python")


def versions() -> str:
    """One line with the machine and the versions that a chapter ran on."""
    return f"{machine(pick_device('auto'))} · Python {platform.python_version()} · torch {torch.__version__}"
