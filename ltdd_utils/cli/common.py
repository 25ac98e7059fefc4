"""Helpers that several commands share: the recipe that their options name, what is done, and JSON."""

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ltdd_utils import recipes
from ltdd_utils.core.settings import to_dict
from ltdd_utils.records.folders import folders_to_read

if TYPE_CHECKING:
    from ltdd_utils.campaign.done import Done
    from ltdd_utils.records.record import Record

__all__ = ["as_json", "done_of", "recipe_of"]


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
    profile, standard = recipe.data.profile, base.data.profile == "list"  # whose one factor ``recipe`` has checked
    asked = options.imbalance_factor is not None and not (standard and profile == "list")
    if (asked or "data.imbalance_factor" in changes) and profile != "exponential":
        what = f"an imbalance factor is asked for, but data.profile={profile} keeps the images that are there"
        raise ValueError(f"{what}: leave the factor out, or cut a long tail with data.profile=exponential")
    return recipe


def done_of(options: argparse.Namespace, known: "Iterable[Record]" = ()) -> "Done":
    """What says which runs are done, by the folders of a command line; ``known``: records that were read already."""
    from ltdd_utils.campaign.done import Done  # `ltdd list` does without
    from ltdd_utils.records.files import load_record

    read = {record.path: record for record in known}
    folders = folders_to_read(options.results)
    return Done(folders, options.data, load=lambda path: read.get(path) or load_record(path))
