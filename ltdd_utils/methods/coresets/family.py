"""The family of the coresets."""

from collections.abc import Callable, Sequence
from typing import Any

from ltdd_utils.methods.base import Family, Stage, teacher_stage
from ltdd_utils.methods.coresets.settings import RULES, CoresetConfig
from ltdd_utils.methods.effort import Effort

__all__ = ["CORESETS"]


class Coresets(Family):
    """Unmodified real images, chosen class by class."""

    name, settings, module = "coresets", CoresetConfig, "ltdd_utils.methods.coresets.stages"

    def stages(self, cfg: CoresetConfig, ipc: int | None) -> list[Stage]:
        """The network whose features are read, then the choice."""
        reads = [] if cfg.expert is None else [teacher_stage("expert", "expert", cfg.expert)]
        needs = tuple(stage.name for stage in reads)
        return [*reads, Stage("selection", "selection", needs=needs, sized=True, effort=Effort(cfg.method, 1))]

    def depends_on_space(self, cfg: CoresetConfig) -> bool:
        """Features of another space choose other images."""
        return cfg.expert is not None

    def functions(self, cfg: CoresetConfig) -> Sequence[Callable[..., Any]]:
        """The rule's."""
        return (RULES[cfg.method].choose,)

    def one_draw_per_student(self, cfg: CoresetConfig) -> bool:
        """A choice that reads no features is a draw."""
        return cfg.expert is None


CORESETS = Coresets()
