"""Helpers that several commands share: the recipe that their options name, and JSON."""

import argparse
import json

from ltdd_utils import recipes
from ltdd_utils.core.settings import to_dict

__all__ = ["as_json", "recipe_of"]


def as_json(value: object) -> str:
    """As text, with null where a value is empty."""
    return json.dumps(to_dict(value), indent=2, allow_nan=False)


def recipe_of(options: argparse.Namespace) -> recipes.Recipe:
    """The recipe of a command line, with its changes."""
    base = recipes.recipe(
        options.recipe,
        imbalance_factor=options.imbalance_factor,
        ipc=options.ipc,
        scale=options.scale,
        protocol_name=options.protocol,
        network=options.network,
        teacher=options.teacher,
    )
    return recipes.with_overrides(base, recipes.assignments(options.set))
