"""Settings of the coresets."""

from dataclasses import dataclass
from typing import Literal

from ltdd_utils.core.settings import check_types, choice
from ltdd_utils.teachers.settings import TeacherConfig

__all__ = ["CoresetConfig"]


@dataclass(frozen=True)
class CoresetConfig:
    """A set of unmodified real images. ``coresets.selection`` has the definitions."""

    method: Literal["random", "kcenter", "herding", "graphcut", "kcenter-unbalanced", "graphcut-unbalanced"] = "random"
    policy: Literal["duplicate", "noise", "inherent"] = "duplicate"  # for classes with fewer images than IPC
    expert: TeacherConfig | None = None  # whose features are read; None for "random"

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "method")
        choice(self, "policy")
        if (self.method == "random") != (self.expert is None):
            raise ValueError(
                f"expert is {'set' if self.expert else None}; method {self.method!r} "
                + ("reads no features: leave it out" if self.method == "random" else "reads an expert's features")
            )
        if self.method.endswith("-unbalanced") and self.policy != "duplicate":
            raise ValueError(f"policy is {self.policy!r}, but {self.method!r} fills no class: leave the policy out")
