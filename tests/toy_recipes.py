"""Recipes of all families on a few digits, with one or two steps of everything: a whole run takes seconds."""

from dataclasses import replace

from ltdd_utils import recipes
from ltdd_utils.recipes import Recipe

SMALL = {
    "method.window": "[0,1,2]",
    "method.first.epochs": "1",
    "method.first.steps": "2",
    "method.experts.count": "2",
    "method.experts.classifier_images": "40",
    "method.experts.network.width": "4",
    "method.iterations": "2",
    "evaluate.train.epochs": "2",
    "evaluate.network.width": "4",
    "data.n_max": "40",
}
TWO_PHASES = {"method.second.epochs": "1", "method.second.steps": "2"}
LAST = {"method.experts.classifier_epochs": "2", "method.experts.train.epochs": "3"}  # after what reads fewer epochs
SMALL_DAMED = SMALL | TWO_PHASES | LAST


def small_trajectory(method: str = "damed", **changes: str) -> Recipe:
    """A recipe of paper 1's family with two short experts and two iterations."""
    two = TWO_PHASES if method in ("damed", "ed_only") else {}
    return recipes.with_overrides(recipes.recipe(f"{method}_digits", ipc=2), SMALL | two | LAST | changes)


def small_trajectory_elsewhere(protocol: str, **changes: str) -> Recipe:
    """``small_trajectory`` under a protocol of the other family, with a short teacher."""
    few = {"evaluate.teacher.train.epochs": "1", "evaluate.teacher.network.width": "4"}
    made = recipes.recipe("damed_digits", ipc=2, protocol_name=protocol)
    return recipes.with_overrides(made, SMALL_DAMED | few | changes)


def small_unilevel(name: str, protocol: str | None = None, teacher: str | None = None, **more: object) -> Recipe:
    """A recipe of this family on 20 images of the largest class, with one epoch of everything and two iterations."""
    base = recipes.recipe(f"{name}_digits", ipc=2, protocol_name=protocol, teacher=teacher)
    changes = {"data.n_max": 20, "data.imbalance_factor": 5, "evaluate.train.epochs": 1, "evaluate.network.width": 8}
    experts = ["method.observer"]
    experts += ["method.teacher"] if base.method.teacher else []
    experts += ["evaluate.teacher"] if base.evaluate.teacher else []
    for one in experts:
        changes |= {f"{one}.train.epochs": 1, f"{one}.network.width": 4}
    if base.method.recover.iterations:
        changes |= {"method.recover.iterations": 2, "method.recover.batch": 15}
    changes |= more
    return recipes.with_overrides(base, changes)


def small_coreset(name: str, protocol: str | None = None, same_teacher: bool = False) -> Recipe:
    """A coreset or the whole set, 40 images of the largest class; ``same_teacher``: the network that is read labels."""
    base = recipes.recipe(f"{name}_digits", ipc=2, protocol_name=protocol)
    changes = {"data.n_max": 40, "evaluate.train.epochs": 1, "evaluate.network.width": 4}
    few = {"train.epochs": 1, "network.width": 4}
    if getattr(base.method, "expert", None):
        changes |= {f"method.expert.{key}": value for key, value in few.items()}
    if base.evaluate.teacher:
        changes |= {f"evaluate.teacher.{key}": value for key, value in few.items()}
    made = recipes.with_overrides(base, changes)
    if same_teacher:
        made = replace(made, method=replace(made.method, expert=made.evaluate.teacher), preprocess=None)
    return made


def small_condensation(name: str, **more: object) -> Recipe:
    """DC, DM, IDM, LADM or DREAM with two iterations."""
    changes = {"method.iterations": 2, "method.batch": 8, "method.network.width": 4}
    queue = {"method.queue": 3, "method.first_networks": 2, "method.network_steps": 2}
    changes |= {
        "dc": {"method.updates": 2, "method.network_steps": 1},
        "idm": queue,
        "ladm": queue,
        "dream": {"method.updates": 2, "method.network_images": 20},
    }.get(name, {})
    if name == "ladm":
        changes = {key.replace("method.", "method.images."): value for key, value in changes.items()}
        changes |= {"method.teacher.train.epochs": 1, "method.teacher.network.width": 4, "method.views": 3}
    changes |= {"data.n_max": 40, "evaluate.train.epochs": 1, "evaluate.network.width": 4}
    return recipes.with_overrides(recipes.recipe(f"{name}_digits", ipc=2), changes | more)
