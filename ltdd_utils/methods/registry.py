"""The table of methods: what a recipe needs to know of each, in one place.

A method of your own joins it by ``register``, from a package of yours that has an entry point of the group
``ltdd.methods``, or from a file that ``--plugin FILE.py`` names.
"""

import re
from collections.abc import Iterable
from dataclasses import is_dataclass

from ltdd_utils.core.tables import same_function
from ltdd_utils.methods import full
from ltdd_utils.methods.alignment import recipes as alignment
from ltdd_utils.methods.base import Family, Method
from ltdd_utils.methods.condensation import recipes as condensation
from ltdd_utils.methods.coresets import recipes as coresets
from ltdd_utils.methods.trajectory import recipes as trajectory

__all__ = ["METHODS", "is_whole_set", "method_names", "register"]

_ROOMS = (coresets, condensation, trajectory, alignment, full)  # in the order of `ltdd list`
METHODS: dict[str, Method] = {method.name: method for room in _ROOMS for method in room.METHODS}


def register(method: Method) -> Method:
    """Add a method to the table: it then has recipes on every data set, evaluators, records, costs, tables.

    Raises:
        ValueError: a name that cannot be one, or is taken by another method.
        TypeError: something else than a Method, with a name, of a Family that says its name and settings; or settings
            that are not a function of a cell.
    """
    if not isinstance(method, Method) or not isinstance(method.family, Family) or not isinstance(method.name, str):
        raise TypeError(f"register takes a Method with a Family, got {method!r:.80}")
    if not callable(method.settings):
        raise TypeError(
            f"the settings of method {method.name!r} are {method.settings!r:.80}; give a function of a cell"
        )
    _require_facts(method.family)
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", method.name):
        raise ValueError(f"a method cannot be called {method.name!r}; use small letters, digits and single '_'")
    before = METHODS.get(method.name)
    if before is not None and not same_function(before.settings, method.settings):
        raise ValueError(f"there is a method {method.name!r} already ({before.summary}); choose another name")
    METHODS[method.name] = method
    return method


def _require_facts(family: Family) -> None:
    """Raise unless a family says its name, and which dataclass its settings are."""
    if not isinstance(getattr(family, "name", None), str):
        raise TypeError(f"the family {type(family).__name__} has no name; give the class an attribute name, a text")
    settings = getattr(family, "settings", None)
    if not (isinstance(settings, type) and is_dataclass(settings)):
        raise TypeError(f"the settings of the family {family.name!r} are {settings!r:.80}; give a frozen dataclass")


def method_names(family: Family) -> Iterable[str]:
    """The methods of a family, by name."""
    return [name for name, method in METHODS.items() if method.family is family]


def is_whole_set(name: str) -> bool:
    """Whether a method, by name, is one of the whole training set, which has no images per class."""
    return name in METHODS and METHODS[name].family.whole_set
