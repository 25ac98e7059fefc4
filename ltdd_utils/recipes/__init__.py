"""Recipes: what is run for one cell of a table. Every difference between methods, data sets and scales is data here.

A recipe's name is METHOD_DATASET, for example ``kcenter_cifar10``; imbalance factor, images per class, scale, protocol
and the student's network are arguments. ``settings`` has the data sets, architectures, observers and teachers,
``protocols`` the protocols, ``methods`` one documented function per method (paper 1's in ``trajectory``, its settings
per cell in ``released``; paper 2's in ``unilevel``; DC's and DM's in ``condensation``), ``cells`` puts them together,
``overrides`` changes single settings, ``commands`` writes the command line of a run.
"""

from ltdd_utils.recipes.cells import Recipe, names, protocol_of, recipe, whole_set
from ltdd_utils.recipes.commands import command
from ltdd_utils.recipes.methods import METHODS, own_protocol, own_teacher
from ltdd_utils.recipes.overrides import assignments, with_overrides
from ltdd_utils.recipes.protocols import PROTOCOLS, for_size, protocol, stored_space
from ltdd_utils.recipes.released import released
from ltdd_utils.recipes.settings import ARCHITECTURES, DATASETS, SCALES, TEACHERS, Scale, architecture

__all__ = [
    "ARCHITECTURES",
    "DATASETS",
    "METHODS",
    "PROTOCOLS",
    "SCALES",
    "TEACHERS",
    "Recipe",
    "Scale",
    "architecture",
    "assignments",
    "command",
    "for_size",
    "names",
    "own_protocol",
    "own_teacher",
    "protocol",
    "protocol_of",
    "recipe",
    "released",
    "stored_space",
    "whole_set",
    "with_overrides",
]
