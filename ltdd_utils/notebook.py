"""What chapters call: a context to run in, figures, films, tables, the source of a function, checks."""

import ast
import inspect
import platform
import tempfile
import textwrap
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from ltdd_utils.cli.progress import Bars
from ltdd_utils.core.context import RunContext, pick_device
from ltdd_utils.core.provenance import machine
from ltdd_utils.core.store import Store
from ltdd_utils.plots.film import film
from ltdd_utils.plots.shown import Figures
from ltdd_utils.tables import shown as table

__all__ = ["Figures", "checked", "context", "film", "source", "table", "versions"]

CONTINUED = 4  # columns that the rest of a long line is indented beyond its first
FOLDED = (  # a docstring: its first line, and at the right what a click on it does
    "<style>.ltdd-doc>summary{list-style:none;cursor:pointer;position:relative;padding-right:4.5em}"
    ".ltdd-doc>summary::after{content:'more …';position:absolute;right:0;top:0;opacity:.75;font-style:italic}"
    ".ltdd-doc[open]>summary::after{content:'less'}</style>"
)
CHECKS: dict[str, None] = {}  # sources of cells that ran to their end
WRAPPED = "display: block; white-space: pre-wrap; overflow-wrap: anywhere"


def checked() -> Any:  # noqa: ANN401 (IPython's display object)
    """How many statements the cells of this notebook have checked so far, as a line; below it which, folded.

    Counted are ``assert`` and ``assert_close`` in the cells that ran to their end, one each, in a loop too.

    Raises:
        RuntimeError: outside of a notebook.
    """
    from IPython import get_ipython
    from IPython.display import HTML  # only notebooks have IPython

    if get_ipython() is None:
        raise RuntimeError("only a notebook has cells that check; call it in a cell")
    found = [line for cell in CHECKS for line in checks(cell)]
    count = f"{len(found)} statement{'s' * (len(found) != 1)}"
    said = f"<summary>✓ {count} of this chapter checked when the page was built</summary>"
    return HTML(f'<details>{said}<pre style="{WRAPPED}">{escape(chr(10).join(found))}</pre></details>')


def checks(cell: str) -> list[str]:
    """The statements that the source of a cell checks, in order."""
    try:
        nodes = list(ast.walk(ast.parse(cell)))
    except SyntaxError:  # a magic command
        return []
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("assert_close")]
    found = [*(node for node in nodes if isinstance(node, ast.Assert)), *calls]
    return [ast.unparse(node) for node in sorted(found, key=lambda node: node.lineno)]


def _note(result: Any) -> None:  # noqa: ANN401 (IPython's ExecutionResult)
    """Keep the source of a cell that ran to its end, once; drop that of one that did not."""
    CHECKS.pop(result.info.raw_cell, None)
    if result.success:
        CHECKS[result.info.raw_cell] = None


def _watch() -> None:
    """Have IPython report each cell that has run; outside of it nothing happens."""
    from IPython import get_ipython  # only notebooks have IPython

    shell = get_ipython()
    if shell is not None:
        shell.events.register("post_run_cell", _note)


def context(work: Path | None = None) -> RunContext:
    """The context of a chapter's runs: on this machine's best device, with progress bars, keeping no record.

    Args:
        work: folder of finished stages; None: a temporary one, so that everything on the page really ran.
    """
    return RunContext(
        Store(work or Path(tempfile.mkdtemp(prefix="ltdd-"))), pick_device("auto"), watch=Bars(quiet=False)
    )


def source(thing: Any) -> Any:  # noqa: ANN401 (any function or class in, IPython's display object out)
    """The source of a function or class as it is in the package, to be shown in a notebook.

    A docstring shows its first line and opens when that is clicked. A line that is longer than the page is wide goes on
    below, indented, instead of running out of sight.
    """
    from IPython.display import HTML, Code  # only notebooks have IPython

    text = inspect.getsource(thing)
    head, opening, rest = Code(text, language="python")._repr_html_().partition("<pre>")
    inside, closing, tail = rest.partition("</pre>")
    indents = [len(line) - len(line.lstrip()) + CONTINUED for line in text.splitlines()]
    lines = [
        f'<span style="{WRAPPED}; padding-left: {indent}ch; text-indent: -{indent}ch">{line}\n</span>'
        for indent, line in zip(indents, inside.splitlines(), strict=True)
    ]
    for first, last in docstrings(text):
        lines[first] = f'<details class="ltdd-doc"><summary>{lines[first]}</summary>'
        lines[last] += "</details>"
    return HTML(FOLDED + head + opening + "".join(lines) + closing + tail)


def docstrings(text: str) -> list[tuple[int, int]]:
    """The first and the last line of every docstring of more than one line; the first line of a text is 0."""
    documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    nodes = [node for node in ast.walk(ast.parse(textwrap.dedent(text))) if isinstance(node, documented)]
    firsts = [node.body[0] for node in nodes if ast.get_docstring(node) is not None]
    return [(one.lineno - 1, (one.end_lineno or one.lineno) - 1) for one in firsts if one.end_lineno != one.lineno]


def versions() -> str:
    """One line with the machine and the versions that a chapter ran on."""
    return f"{machine(pick_device('auto'))} · Python {platform.python_version()} · torch {torch.__version__}"


if find_spec("IPython") is not None:
    _watch()
