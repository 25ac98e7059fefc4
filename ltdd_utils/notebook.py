"""For the chapters: a context to run in, numbered figures, diagrams, films, the source of a function, versions."""

import inspect
import platform
import tempfile
from pathlib import Path
from typing import Any

import torch

from ltdd_utils.cli.progress import Bars
from ltdd_utils.core.context import RunContext, pick_device
from ltdd_utils.core.provenance import machine
from ltdd_utils.core.store import Store
from ltdd_utils.plots.diagrams import framed
from ltdd_utils.plots.film import film
from ltdd_utils.plots.shown import Figures

__all__ = ["Figures", "context", "film", "picture", "source", "versions"]

CONTINUED = 8  # columns that the rest of a long line is indented beyond its first
WRAPPED = "display: block; white-space: pre-wrap; overflow-wrap: anywhere"


def context(work: Path | None = None) -> RunContext:
    """The context of a chapter's runs: on this machine's best device, with progress bars, keeping no record.

    Args:
        work: folder of finished stages; None: a temporary one, so that everything on the page really ran.
    """
    return RunContext(
        Store(work or Path(tempfile.mkdtemp(prefix="ltdd-"))), pick_device("auto"), watch=Bars(quiet=False)
    )


def picture(name: str, here: str | None = None) -> Any:  # noqa: ANN401 (IPython's display object)
    """A diagram of a method or of the book; on a narrow screen it scrolls in a box of its own.

    Args:
        name: one of ``plots.diagrams.DIAGRAMS``.
        here: the chapter, ``"04"``, whose part stands out; None: all parts do.
    """
    from IPython.display import HTML  # only notebooks have IPython

    return HTML(framed(name, here))


def source(thing: Any) -> Any:  # noqa: ANN401 (any function or class in, IPython's display object out)
    """The source of a function or class as it is in the package, to be shown in a notebook.

    A line that is longer than the page is wide goes on below, indented, instead of running out of sight.
    """
    from IPython.display import HTML, Code  # only notebooks have IPython

    text = inspect.getsource(thing)
    head, opening, rest = Code(text, language="python")._repr_html_().partition("<pre>")
    lines, closing, tail = rest.partition("</pre>")
    indents = [len(line) - len(line.lstrip()) + CONTINUED for line in text.splitlines()]
    hanging = (
        f'<span style="{WRAPPED}; padding-left: {indent}ch; text-indent: -{indent}ch">{line}\n</span>'
        for indent, line in zip(indents, lines.splitlines(), strict=True)
    )
    return HTML(head + opening + "".join(hanging) + closing + tail)


def versions() -> str:
    """One line with the machine and the versions that a chapter ran on."""
    return f"{machine(pick_device('auto'))} · Python {platform.python_version()} · torch {torch.__version__}"
