"""Settings of the coresets, and the table of their rules."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ltdd_utils.core.settings import check_types, choice
from ltdd_utils.core.tables import same_function
from ltdd_utils.teachers.settings import TeacherConfig, refuse_tau

__all__ = ["RULES", "CoresetConfig", "Rule", "register_rule"]


@dataclass(frozen=True)
class Rule:
    """Which images a coreset takes."""

    choose: str | Callable[..., list[int]]  # (candidates ``rules.Seen``, count, generator) -> rows in their order, or
    # its name in ``rules``
    reads_features: bool = True  # of a network trained on the long tail
    balanced: bool = True  # class by class; else among all images at once

    def function(self) -> Callable[..., list[int]]:
        """The rule itself; one of this package is imported now."""
        if isinstance(self.choose, str):
            return getattr(importlib.import_module("ltdd_utils.methods.coresets.rules"), self.choose)
        return self.choose


RULES: dict[str, Rule] = {
    "random": Rule("at_random", reads_features=False),
    "kcenter": Rule("by_k_center"),
    "herding": Rule("by_herding"),
    "graphcut": Rule("by_graph_cut"),
    "kcenter-unbalanced": Rule("by_k_center", balanced=False),
    "graphcut-unbalanced": Rule("by_graph_cut", balanced=False),
}


def register_rule(name: str, choose: Callable[..., Any], *, reads_features: bool = True) -> None:
    """Add a rule, for ``CoresetConfig(name, ...)``.

    Raises:
        ValueError: the name belongs to another rule.
    """
    known = RULES.get(name)
    if known is not None and not same_function(known.choose, choose):
        raise ValueError(f"there is a rule {name!r} already; choose another name")
    RULES[name] = Rule(choose, reads_features)


@dataclass(frozen=True)
class CoresetConfig:
    """A set of unmodified real images. ``coresets.rules`` has the definitions."""

    method: str = "random"  # one of RULES
    policy: Literal["duplicate", "noise", "inherent"] = "duplicate"  # for classes with fewer images than IPC
    expert: TeacherConfig | None = None  # whose features are read; None for a rule that reads none

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "method", RULES)
        choice(self, "policy")
        refuse_tau("expert", self.expert)
        rule = RULES[self.method]
        if rule.reads_features == (self.expert is None):
            raise ValueError(
                f"expert is {'set' if self.expert else None}; method {self.method!r} "
                + ("reads an expert's features" if rule.reads_features else "reads no features: leave it out")
            )
        if not rule.balanced and self.policy != "duplicate":
            raise ValueError(f"policy is {self.policy!r}, but {self.method!r} fills no class: leave the policy out")
