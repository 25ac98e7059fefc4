"""What several commands share: the recipe and the place that their options name, and JSON."""

import argparse
import json
import time

from ltdd_utils import recipes
from ltdd_utils.cli.progress import Bars
from ltdd_utils.config import to_dict
from ltdd_utils.pipeline import Place, pick_device
from ltdd_utils.store import Store

__all__ = ["as_json", "place_of", "recipe_of"]


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


def place_of(options: argparse.Namespace, wait: bool = True) -> Place:
    """Where the command works; ``wait`` is its store's."""
    minutes = options.stop_after
    if minutes is not None and not 0 <= minutes < float("inf"):
        raise ValueError(f"--stop-after is {minutes}; give minutes, 0 or more")
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    return Place(
        Store(options.work, deadline, wait), pick_device(options.device), data=options.data, watch=Bars(options.quiet)
    )
