"""Recipes: what is run for one cell of a table. Every difference between methods, data sets and scales is data here.

A recipe's name is METHOD_DATASET, for example ``kcenter_cifar10``; imbalance factor, images per class, scale, protocol
and the student's network are arguments. ``recipe`` puts the parts together, ``overrides`` changes single settings,
``commands`` writes the command line of a run, ``label``, ``variant`` and ``judge`` say in words what was run.
"""

from ltdd_utils.recipes.commands import command
from ltdd_utils.recipes.labels import colour, judge, label, marker, variant
from ltdd_utils.recipes.overrides import assignments, with_overrides
from ltdd_utils.recipes.plugins import load_plugin
from ltdd_utils.recipes.recipe import Recipe, names, parts, protocol_of, recipe, whole_set
from ltdd_utils.recipes.stages import stages

__all__ = [
    "Recipe",
    "assignments",
    "colour",
    "command",
    "judge",
    "label",
    "load_plugin",
    "marker",
    "names",
    "parts",
    "protocol_of",
    "recipe",
    "stages",
    "variant",
    "whole_set",
    "with_overrides",
]
