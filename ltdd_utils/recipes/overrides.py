"""Single settings of a recipe or a protocol changed by name, as on the command line."""

import dataclasses
import json
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from ltdd_utils.core.hints import did_you_mean
from ltdd_utils.core.settings import from_dict, hints_of, of_type
from ltdd_utils.recipes.recipe import Recipe

__all__ = ["assignments", "with_overrides"]

T = TypeVar("T")
_GROUP = "{path!r} is a group of settings; set one of them, for example {path}.KEY=VALUE"
# Of a recipe: what says, or decides, all its settings cannot be one of them.
FIXED = {"name": "choose another recipe", "scale": "use --scale", "ipc": "use --ipc"}


def assignments(items: Iterable[str], example: str = "evaluate.train.epochs=10") -> dict[str, str]:
    """Items such as KEY=VALUE as the keys and values that ``with_overrides`` takes; of a repeated key the last counts.

    Raises:
        ValueError: an item without "="; the message shows ``example``.
    """
    pairs = [item.partition("=") for item in items]
    for key, sign, _ in pairs:
        if not sign:
            raise ValueError(f"--set {key!r} has no value; write KEY=VALUE, for example --set {example}")
    return {key: value for key, _, value in pairs}


def with_overrides(base: T, overrides: Mapping[str, Any]) -> T:
    """A configuration with single settings changed; text is read as JSON, or as a plain word.

    Args:
        base: a recipe, with keys like ``evaluate.train.epochs``, or another configuration.
        overrides: keys and values, for example ``{"evaluate.train.epochs": 10}``, or the text "10".

    Raises:
        ValueError: a setting that does not exist, or a value it refuses.
    """
    for path in overrides:
        if isinstance(base, Recipe) and path in FIXED:
            raise ValueError(f"{path!r} cannot be set, other settings depend on it; {FIXED[path]}")
    try:
        return _replaced(base, {path: _value(text) for path, text in overrides.items()}, "")
    except _UnknownKey as error:
        key = str(error)
        hint = did_you_mean(key, _keys(base))
        raise ValueError(
            f"unknown key {key!r}{hint}; `ltdd settings RECIPE` prints every setting of a recipe"
        ) from None


class _UnknownKey(Exception):
    """A dotted key that a configuration does not have."""


def _keys(config: Any, prefix: str = "") -> Iterator[str]:  # noqa: ANN401
    """The dotted keys of all single settings, those of groups that are left out too."""
    for item in dataclasses.fields(config):
        value = getattr(config, item.name)
        group = _default(hints_of(type(config))[item.name]) if value is None else value
        if dataclasses.is_dataclass(group):
            yield from _keys(group, f"{prefix}{item.name}.")
        else:
            yield f"{prefix}{item.name}"


def _value(text: Any) -> Any:  # noqa: ANN401 (any JSON scalar or list)
    try:
        return json.loads(text) if isinstance(text, str) else text
    except json.JSONDecodeError:
        return text


def _replaced(config: T, values: Mapping[str, Any], prefix: str) -> T:
    """``config`` with the settings at the dotted names changed, all at once: their order does not matter."""
    names = {item.name for item in dataclasses.fields(config)} if dataclasses.is_dataclass(config) else set()
    changed: dict[str, Any] = {}
    inside: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        name, _, rest = path.partition(".")
        if name not in names:
            raise _UnknownKey(prefix + path)
        if rest:
            inside.setdefault(name, {})[rest] = value
        else:
            changed[name] = _checked(hints_of(type(config))[name], value, prefix + path)
    for name, parts in inside.items():
        part = getattr(config, name)
        part = _default(hints_of(type(config))[name]) if part is None else part
        changed[name] = _replaced(part, parts, f"{prefix}{name}.")
    unchanged = {item.name: getattr(config, item.name) for item in dataclasses.fields(config)}
    return from_dict(type(config), unchanged | changed)


def _default(hint: Any) -> Any:  # noqa: ANN401
    """The usual settings of a group that a recipe leaves out, such as a second phase; None if there is none."""
    groups = [option for option in typing.get_args(hint) if dataclasses.is_dataclass(option)]
    return groups[0]() if groups else None


def _checked(hint: Any, value: Any, path: str) -> Any:  # noqa: ANN401
    """A value of a type that the field's hint names; a group of settings is not set as a whole."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if hint is Any:  # of a method: the settings of whatever family
        raise ValueError(_GROUP.format(path=path))
    if value is None and types.NoneType in options:  # a group of settings that can be left out
        return None
    if any(dataclasses.is_dataclass(option) for option in options):
        raise ValueError(_GROUP.format(path=path))
    return of_type(hint, value, path)
