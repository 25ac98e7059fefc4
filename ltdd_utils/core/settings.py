"""The base of all settings: strict reading, a canonical form, a hash that names a run, checks of single fields."""

import dataclasses
import functools
import hashlib
import json
import numbers
import operator
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from ltdd_utils.core.hints import did_you_mean

__all__ = [
    "UnknownName",
    "above_zero",
    "added_field",
    "at_least",
    "canonical_json",
    "check_types",
    "choice",
    "config_id",
    "from_dict",
    "hints_of",
    "is_number",
    "of_type",
    "share_range",
    "to_dict",
    "whole_number",
]

T = TypeVar("T")
ADDED = "later"
EXACT = 2**53  # from here on floats lie more than 1 apart
WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", types.NoneType: "null"}


class UnknownName(ValueError):
    """A name that no table has: perhaps one that a file of the user's own adds, which is not loaded."""


def added_field(default: T) -> T:
    """The default of a field that came after records were made: left out of dictionaries, so old hashes stay."""
    return dataclasses.field(default=default, metadata={ADDED: True})


def to_dict(config: object, *, whole: bool = False) -> Any:  # noqa: ANN401 (anything that fits into JSON)
    """A configuration as plain dictionaries, lists and scalars, ready for JSON.

    Args:
        config: a dataclass of settings, or what is in one.
        whole: with added fields at their defaults too, for comparisons: a hash takes the dictionary without them.
    """
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        fields = ((field, getattr(config, field.name)) for field in dataclasses.fields(config))
        kept = ((f, value) for f, value in fields if whole or not (ADDED in f.metadata and value == f.default))
        return {f.name: to_dict(value, whole=whole) for f, value in kept}
    if isinstance(config, Mapping):
        return {str(key): to_dict(value, whole=whole) for key, value in config.items()}
    if isinstance(config, tuple | list):
        return [to_dict(value, whole=whole) for value in config]
    return config


def canonical_json(config: object) -> str:
    """JSON text that is equal for equal settings and no others: sorted keys, 100 and 100.0 written alike."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        if EXACT < abs(value) < float("inf"):
            return int(value)  # of a whole number above, its neighbours are the same float
        return float(value)

    return json.dumps(plain(to_dict(config)), sort_keys=True, separators=(",", ":"), allow_nan=False)


def config_id(config: object) -> str:
    """Twelve hexadecimal digits that name a configuration: equal for equal values, in whatever order they came."""
    return hashlib.sha256(canonical_json(config).encode()).hexdigest()[:12]


@functools.cache
def hints_of(cls: type) -> dict[str, Any]:
    """The types of a configuration's fields."""
    return typing.get_type_hints(cls)


def from_dict(cls: type[T], values: Mapping[str, Any]) -> T:
    """The configuration of type ``cls`` that a dictionary describes.

    Raises:
        ValueError: a key that ``cls`` does not have, one that is missing, or a value that one of its fields refuses.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        what = f"unknown key {unknown[0]!r}{did_you_mean(unknown[0], fields)} for {cls.__name__}"
        raise ValueError(f"{what}; known keys: {', '.join(sorted(fields))}")
    missing = sorted(name for name, field in fields.items() if name not in values and _is_required(field))
    if missing:
        raise ValueError(f"the key {missing[0]!r} of {cls.__name__} is missing")
    hints = hints_of(cls)
    return cls(**{key: _read(hints[key], value) for key, value in values.items()})


def _is_required(field: dataclasses.Field) -> bool:
    return field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _read(hint: Any, value: object) -> object:  # noqa: ANN401 (a type hint)
    """A JSON value in the form that its field's type asks for (nested configurations, tuples)."""
    config, item = _parts(hint)
    if config is not None and isinstance(value, Mapping):
        return from_dict(config, value)
    if item is not None and isinstance(value, list | tuple):
        plain = _parts(item) == (None, None)  # 309 records have 140,000 numbers
        return tuple(value) if plain else tuple(_read(item, one) for one in value)
    return value


@functools.cache
def _parts(hint: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """The configuration that a hint names, and what its tuple consists of; None for what it lacks."""
    options = _options(hint)
    tuples = (typing.get_args(option)[0] for option in options if typing.get_origin(option) is tuple)
    return next(filter(dataclasses.is_dataclass, options), None), next(tuples, None)


def check_types(config: object) -> None:
    """Raise unless every field of a configuration is of its type; 100.0 is taken for 100, a list for a tuple.

    Raises:
        ValueError: a value of another type; the message has the field, the value and what it must be.
    """
    for name, hint in hints_of(type(config)).items():
        value = getattr(config, name)
        if type(value) in _plain(hint):  # nearly always, and quick: recipes make thousands of configurations
            continue
        exact = of_type(hint, value, name)
        if exact is not value:
            object.__setattr__(config, name, exact)  # before anybody has seen the configuration


def of_type(hint: Any, value: object, name: str) -> Any:  # noqa: ANN401 (a type hint)
    """A value as one of a type that the hint names: 100 for 100.0 (which words a field takes, ``choice`` checks).

    Raises:
        ValueError: it is not; the message calls it ``name``.
    """
    options = _options(hint)
    if not any(_fits(option, value) for option in options):
        raise ValueError(f"{name} is {value!r}; it must be {' or '.join(map(_words, options))}")
    return _exact(hint, value)


@functools.cache
def _plain(hint: Any) -> frozenset[type]:  # noqa: ANN401
    """The types whose values fit a hint and stay as they are, whatever their value."""
    accepted = {float: (int, float), int: (int,)}
    kinds: set[type] = set()
    for option in _options(hint):
        if typing.get_origin(option) is not tuple:
            kinds |= {str} if typing.get_origin(option) is typing.Literal else set(accepted.get(option, (option,)))
    return frozenset(kinds)


def _options(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _fits(option: Any, value: object) -> bool:  # noqa: ANN401
    if typing.get_origin(option) is tuple:
        return isinstance(value, list | tuple) and all(_fits(typing.get_args(option)[0], item) for item in value)
    if typing.get_origin(option) is typing.Literal:
        return isinstance(value, str)
    if option is float:
        return is_number(value)
    if option is int:
        return is_number(value) and float(value).is_integer()
    return isinstance(value, option)


def _exact(hint: Any, value: Any) -> Any:  # noqa: ANN401
    """A value that fits in the form that its type asks for; the same object if it has it."""
    option = next(option for option in _options(hint) if _fits(option, value))
    if option in (int, float) and type(value) not in (int, float if option is float else int):
        return option(value)  # of numpy, or 100.0 for a whole number
    if typing.get_origin(option) is tuple:
        items = tuple(_exact(typing.get_args(option)[0], item) for item in value)
        return value if isinstance(value, tuple) and all(map(operator.is_, items, value)) else items
    return value


def _words(option: Any) -> str:  # noqa: ANN401
    if typing.get_origin(option) is tuple:
        inner = typing.get_args(option)[0]
        known = {int: "a list of whole numbers, as [0, 10, 20]", float: "a list of numbers, as [0.5, 0.9]"}
        return known.get(inner) or f"a list, each item {_words(inner)}"
    if typing.get_origin(option) is typing.Literal:
        return "one of " + ", ".join(typing.get_args(option))
    return WORDS.get(option) or f"{'an' if option.__name__[0] in 'AEIO' else 'a'} {option.__name__}"


def choice(config: object, name: str, table: Collection[str] | None = None) -> None:
    """Raise unless the field ``name`` holds one of the names of ``table``; without one, of its ``Literal``.

    Raises:
        UnknownName: a name that ``table`` does not have.
        ValueError: another word than those of the ``Literal``.
    """
    allowed, value = typing.get_args(hints_of(type(config))[name]) if table is None else table, getattr(config, name)
    if value not in allowed:
        error = ValueError if table is None else UnknownName
        words = [str(word) for word in allowed]
        raise error(f"{name} is {value!r}{did_you_mean(value, words)}; choose one of {', '.join(words)}")


def at_least(config: object, **bounds: float) -> None:
    """Raise unless every named field is a finite number at or above its bound."""
    for name, bound in bounds.items():
        value = getattr(config, name)
        if value is not None and not (is_number(value) and bound <= value < float("inf")):
            raise ValueError(f"{name} is {value}; it must be a finite number, at least {bound}")


def above_zero(config: object, name: str) -> None:
    """Raise unless the field ``name`` is a finite number above 0, or None."""
    value = getattr(config, name)
    if value is not None and not 0 < value < float("inf"):
        raise ValueError(f"{name} is {value}; it must be a finite number above 0")


def share_range(config: object, name: str) -> None:
    """Raise unless the field ``name`` holds two fractions of an area, the smallest and the largest."""
    scale = getattr(config, name)
    if len(scale) != 2 or not all(map(is_number, scale)) or not 0 < scale[0] <= scale[1] <= 1:
        raise ValueError(f"{name} is {list(scale)}; give (min, max) area fractions with 0 < min <= max <= 1")


def is_number(value: object) -> bool:
    """Whether ``value`` is a real number, of Python or of numpy; True and False are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def whole_number(value: object, name: str) -> int:
    """A whole number as an int, also from numpy or written as 3.0.

    Raises:
        ValueError: anything else; the message calls it ``name``.
    """
    if type(value) is int:
        return value
    if not is_number(value) or not float(value).is_integer():
        raise ValueError(f"{name} is {value!r}; it must be a whole number")
    return int(value)
