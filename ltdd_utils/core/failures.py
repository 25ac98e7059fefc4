"""Work that failed, told from a request that is refused, and what to say of an error that nobody expected."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.locks import Busy

__all__ = ["Failed", "naming_strangers", "told"]

PACKAGE = "ltdd_utils"


class Failed(Exception):
    """The work failed although nothing was wrong with what was asked for; the message is one line."""


# What this package raises itself, with a message that says all.
EXPECTED = (ValueError, OSError, FloatingPointError, NotImplementedError, Failed)


def told(error: BaseException) -> str:
    """The error in one line: its message, and for one that nobody expected also its type and its place."""
    if isinstance(error, EXPECTED):
        return " ".join(str(error).split())
    message = next(iter(str(error).splitlines()), "")  # PyTorch's may go on with frames of C++
    return f"{type(error).__name__}: {message}{_place(error)}"


@contextmanager
def naming_strangers(function: Callable[..., Any], what: str) -> Iterator[None]:
    """Around the call of a function: what one from outside the package raises fails the work, by the function's name.

    Args:
        function: who is called.
        what: it is: "the stage 'optimisation'".

    Raises:
        Failed: the function is from outside the package, and raised; the original error is the cause.
    """
    module = getattr(function, "__module__", None) or ""
    try:
        yield
    except (Stopped, Busy, Failed):
        raise
    except Exception as error:
        if module.partition(".")[0] == PACKAGE:
            raise
        name = getattr(function, "__qualname__", type(function).__name__)
        said = next(iter(str(error).splitlines()), "")
        raise Failed(f"{what} ({module}.{name}) failed: {type(error).__name__}: {said}{_place(error)}") from error


def _place(error: BaseException) -> str:
    """The innermost function that is no library's, as " (in NAME, FILE line N)"."""
    import sysconfig  # late: commands that work need neither
    import traceback

    libraries = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    package = str(Path(__file__).parents[1])
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(package) or not frame.filename.startswith(libraries)]
    if not own:
        return ""
    return f" (in {own[-1].name}, {Path(own[-1].filename).name} line {own[-1].lineno})"
