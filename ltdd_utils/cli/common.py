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
    """The recipe of a command line, with its changes.

    Raises:
        ValueError: an imbalance factor where no exponential profile is cut, or a setting or name that is wrong.
    """
    base = recipes.recipe(
        options.recipe,
        imbalance_factor=options.imbalance_factor,
        ipc=options.ipc,
        scale=options.scale,
        protocol_name=options.protocol,
        network=options.network,
        teacher=options.teacher,
    )
    changes = recipes.assignments(options.set)
    recipe = recipes.with_overrides(base, changes)
    profile, asked = recipe.data.profile, options.imbalance_factor is not None or "data.imbalance_factor" in changes
    if asked and profile != "exponential":
        what = f"an imbalance factor is asked for, but data.profile={profile} keeps the images that are there"
        raise ValueError(f"{what}: leave the factor out, or cut a long tail with data.profile=exponential")
    return recipe
