"""The parser of ``ltdd``: its help, its examples, its errors."""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from ltdd_utils.cli.options import COMMANDS
from ltdd_utils.cli.outcomes import CODES, REFUSED
from ltdd_utils.core.hints import did_you_mean
from ltdd_utils.core.provenance import version_of
from ltdd_utils.data.facts import DATASETS

__all__ = ["build_parser"]

EXAMPLES = f"""examples:
  ltdd list                            every recipe
  ltdd show kcenter_cifar10            its settings, the published number, what it cost
  ltdd run random_digits               a first result on embedded data, in under a minute
  ltdd data fetch cifar10              download a data set and check it
  ltdd run random_cifar10 --imbalance-factor 100 --ipc 10 --seed 0
  ltdd table --dataset cifar10         published numbers beside ours
  ltdd compare random_cifar10 damed_cifar10     runs side by side under one judge

{CODES}

`ltdd COMMAND --help` explains each command."""

QUOTES = "'\""
PLUGIN = "a file of yours that registers methods, networks, data sets or protocols; may be given several times"


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Examples as they are written, and the default of an option where it has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        unset = action.default is None or action.default is False or action.default == []
        return action.help if unset else super()._get_help_string(action)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are."""

    commands: Mapping[str, argparse.ArgumentParser] = MappingProxyType({})

    def error(self, message: str) -> NoReturn:
        """Say what was wrong, what may have been meant, and where help is; exit code 2."""
        wrong, _, known = message.partition(" (choose from ")
        if known:
            choices, text = re.findall(r"[\w.-]+", known), wrong.rpartition(": ")[2].strip(QUOTES)
            hint = f" (did you mean --plan {text}?)" if text.endswith(".toml") else did_you_mean(text, choices)
            message = f"{wrong}{hint}; choose one of {', '.join(choices)}"
        print(f"ltdd: error: {message}; see `{self.prog} --help`", file=sys.stderr)
        sys.exit(REFUSED)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 (as argparse has it)
        """Parse; what nobody knows is an error of the command that was given, whose help has its options."""
        options, left = self.parse_known_args(args, namespace)
        if left:
            parser = self.commands.get(getattr(options, "command", ""), self)
            options_there = [text for action in parser._actions for text in action.option_strings]
            hint = did_you_mean(left[0].partition("=")[0], options_there) if left[0].startswith("-") else ""
            parser.error(f"unknown option {left[0]}{hint}" if left[0].startswith("-") else f"{left[0]} is one too many")
        return options


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of the ``ltdd`` command; ``command`` of its result is a key of ``COMMANDS``.

    Args:
        only: the command that is given, if it is known: the options of the others, a few hundred, are left out.
    """
    about = "Long-tailed dataset distillation: two papers, their baselines, one evaluator."
    parser = _Parser(prog="ltdd", description=about, epilog=EXAMPLES, formatter_class=_Help, allow_abbrev=False)
    version = version_of("ltdd-utils") or "that is not installed"
    parser.add_argument("--version", action="version", version=f"ltdd {version}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    parser.commands = subparsers.choices
    for name, command in COMMANDS.items():
        if only in COMMANDS and name != only:
            continue
        epilog = "examples:\n  " + "\n  ".join(command.examples) + (f"\n\n{command.notes}" if command.notes else "")
        text = command.about.format(datasets=", ".join(DATASETS))
        style = {"epilog": epilog, "formatter_class": _Help, "allow_abbrev": False}
        sub = subparsers.add_parser(name, help=text, description=text, **style)
        sub.set_defaults(command=name)
        sub.add_argument("--json", action="store_true", help="print JSON for scripts")
        sub.add_argument("--traceback", action="store_true", help="of an error, show where in the code it arose")
        sub.add_argument("--plugin", action="append", default=[], metavar="FILE.py", type=Path, help=PLUGIN)
        for add in command.options:
            add(sub)
    return parser
