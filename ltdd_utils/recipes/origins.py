"""The files outside of this package that a recipe has parts from."""

import functools
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from ltdd_utils.data.facts import DATASETS
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.networks.settings import ARCHITECTURES, NetworkConfig
from ltdd_utils.recipes.recipe import Recipe

__all__ = ["plugins_of"]


def plugins_of(recipe: Recipe) -> dict[str, Any]:
    """Where the parts of a recipe from outside come from, for a record: each module and the SHA-256 of its file.

    Method, family, the functions that its settings name, data set, networks and protocol are looked at; ``{}`` if all
    are of this package. Of an installed package it is the file of the one module.
    """
    method = recipe.entry
    settings = method.settings.func if isinstance(method.settings, functools.partial) else method.settings
    functions = method.family.functions(recipe.method)
    modules = [type(method.family).__module__, *(one.__module__ for one in (settings, *functions) if callable(one))]
    named = [(DATASETS, recipe.data.name), (PROTOCOLS, recipe.evaluate.protocol)]
    named += [(ARCHITECTURES, name) for name in _networks(recipe)]
    modules += [table.origins[name] for table, name in named if name in table.origins]
    outside = sorted({name for name in modules if name.partition(".")[0] != "ltdd_utils"})
    return {"plugins": [{"module": name, "sha256": _digest(name)} for name in outside]} if outside else {}


def _digest(module: str) -> str | None:
    file = getattr(sys.modules.get(module), "__file__", None)  # a cell of a notebook has none
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else None


def _networks(settings: object) -> Iterator[str]:
    """The architectures that settings name: of students, teachers, observers, experts."""
    if isinstance(settings, NetworkConfig):
        yield settings.name
    elif is_dataclass(settings):
        yield from _networks([getattr(settings, field.name) for field in fields(settings)])
    elif isinstance(settings, list | tuple):
        for one in settings:
            yield from _networks(one)
