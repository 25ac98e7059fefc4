"""Tables of named entries (data sets, networks, protocols) that code outside of this package can add to."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, TypeVar

from ltdd_utils.core.hints import did_you_mean
from ltdd_utils.core.settings import UnknownName

__all__ = ["Reference", "Table", "check_reference", "resolve", "same_function"]

T = TypeVar("T")
Reference = str | Callable[..., Any]  # a function, or "module:function": imported when it is called for the first time
TEXT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


class Table(Mapping[str, T]):
    """Entries by name, in the order in which they were added. A name never changes its meaning.

    Args:
        kind: what the entries are, in the singular, for messages.
        cls: their class.
        entries: those of this package.
        signs: what a name may hold beside letters and digits.
    """

    def __init__(self, kind: str, cls: type[T], entries: Mapping[str, T], signs: str = "-._") -> None:
        self.kind, self.cls, self.signs = kind, cls, signs
        self._entries = dict(entries)
        self.origins: dict[str, str] = {}  # name -> the module outside of this package that added it

    def __getitem__(self, name: str) -> T:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, name: str) -> T:
        """The entry of a name.

        Raises:
            UnknownName: an unknown name; the message has those that there are.
        """
        if name not in self._entries:
            what = f"unknown {self.kind} {name!r}{did_you_mean(name, self)}"
            raise UnknownName(f"{what}; choose one of {', '.join(self)}")
        return self._entries[name]

    def add(self, name: str, entry: T) -> None:
        """A further entry; the same one again, from a cell or a file that is run a second time, takes its place.

        Raises:
            ValueError: a name that is taken or cannot stand in commands and file names, or an entry of another class.
        """
        if not isinstance(name, str) or not re.fullmatch(f"[A-Za-z0-9][A-Za-z0-9{re.escape(self.signs)}]*", name):
            signs = " ".join(self.signs)
            raise ValueError(f"{self.kind} name {name!r} is invalid; use letters, digits and, after the first, {signs}")
        if not isinstance(entry, self.cls):
            raise ValueError(f"the entry of {self.kind} {name!r} is {entry!r}; give {self.cls.__name__}")
        if name in self._entries and _facts(self._entries[name]) != _facts(entry):
            raise ValueError(f"{self.kind} {name!r} exists already; choose another name")
        self._entries[name] = entry
        self.origins[name] = _caller()


def _caller() -> str:
    """The innermost module outside of this package in the chain of calls."""
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == "ltdd_utils":
        frame = frame.f_back
    return frame.f_globals["__name__"]


def _place(function: object) -> tuple[object, ...]:
    """Where a function is defined: its module, and its name in it; of a lambda, which has none, also what it does."""
    place = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if getattr(function, "__name__", None) != "<lambda>":
        return place
    code = function.__code__
    return *place, code.co_code, code.co_consts, code.co_names


def same_function(one: object, other: object) -> bool:
    """Whether two functions are one, whose file or cell was perhaps run again."""
    return one is other or (_place(one) == _place(other) and _place(one)[1] is not None)


def _facts(entry: object) -> object:
    """The identity of an entry: its values, and where its functions are defined."""
    values = vars(entry).items() if is_dataclass(entry) else [("", entry)]
    return {name: _place(value) if inspect.isfunction(value) else value for name, value in values}


def check_reference(reference: object, name: str) -> None:
    """Raise unless ``reference`` is a function, or text that names one.

    Raises:
        ValueError: it is not; the message calls it ``name``.
    """
    if not (callable(reference) or (isinstance(reference, str) and TEXT.fullmatch(reference))):
        raise ValueError(f"{name} is {reference!r}; give a function, or 'module:function'")


def resolve(reference: Reference) -> Callable[..., Any]:
    """The function that a reference names, imported if it is text.

    Raises:
        ValueError: the module cannot be imported, or has no such function.
    """
    if not isinstance(reference, str):
        return reference
    module, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{reference!r} names no function: {error}") from error
