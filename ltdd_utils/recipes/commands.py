"""The command line that makes a run: what tables, campaigns and chapters print."""

import shlex
from collections.abc import Iterable

__all__ = ["command"]


def command(name: str, changes: Iterable[str] = (), **options: str | float | None) -> str:
    """The `ltdd run` of a recipe, as a shell reads it.

    Args:
        name: of the recipe.
        changes: single settings as ``KEY=VALUE``, each a ``--set`` at the end.
        options: of `ltdd run` by their names, in the order in which they are to stand; None: left out.
    """
    words = ["ltdd", "run", name]
    for option, value in options.items():
        if value is not None:
            words += [f"--{option.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join([*words, *(word for change in changes for word in ("--set", change))])
