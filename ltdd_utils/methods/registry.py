"""The table of methods: what a recipe needs to know of each, in one place.

A method of your own joins it by ``register``, from a package of yours that has an entry point of the group
``ltdd.methods``, or from a file that ``--plugin FILE.py`` names.
"""

import re
from collections.abc import Iterable

from ltdd_utils.methods.alignment import recipes as alignment
from ltdd_utils.methods.alignment.family import ALIGNMENT
from ltdd_utils.methods.base import Family, Method, same_function
from ltdd_utils.methods.condensation.family import DISTRIBUTION_MATCHING, GRADIENT_MATCHING
from ltdd_utils.methods.condensation.recipes import dc, dm
from ltdd_utils.methods.coresets.family import CORESETS
from ltdd_utils.methods.coresets.recipes import graphcut, herding, kcenter, random
from ltdd_utils.methods.full import WHOLE_SET, full, full_logit_adjusted
from ltdd_utils.methods.trajectory.family import TRAJECTORY
from ltdd_utils.methods.trajectory.recipes import dam_only, damed, datm, ed_only, mtt

__all__ = ["METHODS", "is_whole_set", "method_names", "register"]

PLAIN = {"protocol": "online-teacher"}
DEBIASED = {"protocol": "online-teacher", "teacher": "debiased", "teacher_named": True}
CALIBRATED = {"calibrated": True}

_TABLE = (
    Method("random", random, CORESETS),
    Method("kcenter", kcenter, CORESETS),
    Method("herding", herding, CORESETS),
    Method("graphcut", graphcut, CORESETS),
    Method("dc", dc, GRADIENT_MATCHING),
    Method("dm", dm, DISTRIBUTION_MATCHING),
    Method("mtt", mtt, TRAJECTORY),
    Method("datm", datm, TRAJECTORY),
    Method("dam_only", dam_only, TRAJECTORY),
    Method("ed_only", ed_only, TRAJECTORY),
    Method("damed", damed, TRAJECTORY),
    Method("unilevel", alignment.unilevel, ALIGNMENT, **DEBIASED),
    Method("unilevel_no_debiasing", alignment.unilevel_no_debiasing, ALIGNMENT, **PLAIN, teacher_named=True),
    Method("unilevel_no_calibration", alignment.unilevel_no_calibration, ALIGNMENT, **DEBIASED),
    Method("unilevel_no_init", alignment.unilevel_no_init, ALIGNMENT, **DEBIASED),
    Method("unilevel_no_recovery", alignment.unilevel_no_recovery, ALIGNMENT, **DEBIASED),
    Method("unilevel_adsa", alignment.unilevel_adsa, ALIGNMENT, **DEBIASED, **CALIBRATED),
    Method("sre2l", alignment.sre2l, ALIGNMENT, **PLAIN),
    Method("sre2l_adsa", alignment.sre2l_adsa, ALIGNMENT, **PLAIN, **CALIBRATED),
    Method("rded", alignment.rded, ALIGNMENT, **PLAIN),
    Method("edc", alignment.edc, ALIGNMENT, **PLAIN),
    Method("edc_several", alignment.edc_several, ALIGNMENT, **PLAIN),
    Method("edc_adsa", alignment.edc_adsa, ALIGNMENT, **PLAIN, **CALIBRATED),
    Method("full", full, WHOLE_SET),
    Method("full_logit_adjusted", full_logit_adjusted, WHOLE_SET, logit_adjustment=1.0),
)
METHODS: dict[str, Method] = {method.name: method for method in _TABLE}


def register(method: Method) -> Method:
    """Add a method to the table: it then has recipes on every data set, evaluators, records, costs, tables.

    Raises:
        ValueError: a name that cannot be one, or is taken by another method.
        TypeError: something else than a Method, with a name, of a Family.
    """
    if not isinstance(method, Method) or not isinstance(method.family, Family) or not isinstance(method.name, str):
        raise TypeError(f"register takes a Method with a Family, got {method!r:.80}")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", method.name):
        raise ValueError(f"a method cannot be called {method.name!r}; use small letters, digits and single '_'")
    before = METHODS.get(method.name)
    if before is not None and not same_function(before.settings, method.settings):
        raise ValueError(f"there is a method {method.name!r} already ({before.summary}); choose another name")
    METHODS[method.name] = method
    return method


def method_names(family: Family) -> Iterable[str]:
    """The methods of a family, by name."""
    return [name for name, method in METHODS.items() if method.family is family]


def is_whole_set(name: str) -> bool:
    """Whether a method, by name, is one of the whole training set, which has no images per class."""
    return name in METHODS and METHODS[name].family.whole_set
