"""The settings of a recipe with what their source says of each: the comment beside a field."""

import dataclasses
import functools
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

__all__ = ["comments_of", "settings_of"]

FIELD = re.compile(r"    (\w+):[^#]*(?:#\s*(.*))?")
FURTHER = re.compile(r"    #\s*(.*)")


@functools.cache
def comments_of(cls: type) -> dict[str, str]:
    """The comment of each field of a configuration, those that it inherits too; "" where there is none."""
    found = {}
    for part in reversed([base for base in cls.__mro__ if dataclasses.is_dataclass(base)]):
        name = None
        for line in textwrap.dedent(inspect.getsource(part)).splitlines():
            if line.strip().startswith(("def ", "@property")):
                break
            if match := FIELD.match(line):
                name = match[1]
                found[name] = match[2] or ""
            elif (match := FURTHER.search(line)) and name is not None:
                found[name] = f"{found[name]} {match[1]}".strip()
    return {field.name: found.get(field.name, "") for field in dataclasses.fields(cls)}


def settings_of(config: Any, prefix: str = "") -> Iterator[tuple[str, Any, str]]:  # noqa: ANN401 (a configuration)
    """Every single setting: its dotted key, its value, its comment; a group that is left out is one setting, None."""
    comments = comments_of(type(config))
    for field in dataclasses.fields(config):
        value, key = getattr(config, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            yield from settings_of(value, f"{key}.")
        else:
            yield key, value, comments[field.name]
