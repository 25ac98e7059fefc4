"""The ``ltdd`` command: list, show, run, evaluate and compare recipes; look after the data.

``options`` has the commands and their options, a file for each group, and names the module of each command, which is
imported when it is asked for: a command that only tells does not wait for torch. ``parser`` makes a parser of them,
``progress`` draws the bars, ``signals`` stops the work, ``outcomes`` has the exit codes.
"""

import argparse
import importlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from ltdd_utils.cli import signals
from ltdd_utils.cli.options import COMMANDS, shared
from ltdd_utils.cli.outcomes import REFUSED, ended, say
from ltdd_utils.cli.parser import build_parser
from ltdd_utils.recipes.plugins import load_entry_points, load_plugin
from ltdd_utils.recipes.recipe import parts

__all__ = ["main"]

PACKAGE = Path(__file__).parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code, after one line on standard error if it was not done (``outcomes.CODES``)."""
    # A program ends here: its handlers stay, so that a second signal finds them until the end.
    handlers = nullcontext() if arguments is None else signals.restored()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        _load_plugins(arguments)  # before the parser, whose choices they add to
    except (ValueError, OSError, ImportError) as error:
        return say(f"error: {error}", REFUSED)
    options = build_parser(next(iter(arguments), None)).parse_args(arguments)
    try:
        with handlers, _short_warnings():
            return _run(options)
    except (Exception, KeyboardInterrupt) as error:
        return ended(error, options, arguments)


def _load_plugins(arguments: Sequence[str] | None) -> None:
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    early.add_argument("--plugin", action="append", default=[], type=Path)
    with suppress(argparse.ArgumentError):  # the whole parser says what is wrong
        for path in early.parse_known_args(arguments)[0].plugin:
            load_plugin(path)
    load_entry_points()


@contextmanager
def _short_warnings() -> Iterator[None]:
    """A warning of this package is one line; one of a library stays as Python prints it."""
    usual = warnings.formatwarning

    def short(message: Warning | str, category: type[Warning], filename: str, *place: Any) -> str:  # noqa: ANN401
        if Path(filename).is_relative_to(PACKAGE):
            return f"ltdd: warning: {message}\n"
        return usual(message, category, filename, *place)

    warnings.formatwarning = short
    try:
        yield
    finally:
        warnings.formatwarning = usual


def _run(options: argparse.Namespace) -> int:
    command = COMMANDS[options.command]
    if shared.recipe in command.options:
        parts(options.recipe)  # a name that nobody knows is refused before torch is imported
    module = importlib.import_module(f"ltdd_utils.cli.{command.module}")
    print(getattr(module, f"{options.command}_")(options), flush=True)
    return 0
