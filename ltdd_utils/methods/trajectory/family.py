"""The family of trajectory matching: MTT, DATM, paper 1."""

from ltdd_utils.methods.base import Family, Stage
from ltdd_utils.methods.trajectory.released import released
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.presets import Cell

__all__ = ["TRAJECTORY"]


class TrajectoryMatching(Family):
    """Sets on which a student's weights go where those of experts went."""

    name, settings, module = "trajectory matching", TrajectoryConfig, "ltdd_utils.methods.trajectory.stages"

    def stages(self, cfg: TrajectoryConfig, ipc: int | None) -> list[Stage]:
        """Experts, the set to begin with, the matching."""
        experts = {"settings": cfg.experts, "seed": cfg.experts.seed}
        found = [Stage("experts", "representation_experts", **experts)]
        if cfg.classifier_snapshots:
            found.append(Stage("classifier experts", "classifier_experts", needs=("experts",), **experts))
        read = tuple(stage.name for stage in found)
        start = {"experts": cfg.experts, "initial": cfg.initial}
        found.append(Stage("initial set", "initial", start, needs=read, sized=True))
        if cfg.iterations:
            found.append(Stage("matching", "matching", needs=(*read, "initial set"), sized=True))
        return found

    def student_network(self, cfg: TrajectoryConfig) -> NetworkConfig:
        """The experts' own architecture."""
        return cfg.experts.network

    def has_soft_labels(self, cfg: TrajectoryConfig) -> bool:
        """All but sets with the classes' own labels."""
        return cfg.initial.labels != "hard"

    def training_seeds(self, cfg: TrajectoryConfig) -> list[str]:
        """Of the experts."""
        return ["experts.seed"]

    def note(self, cell: Cell) -> str:
        """Whether a file of the cell was released, and what it says otherwise."""
        if cell.scale != "paper":
            return ""
        note = released(cell.dataset, cell.imbalance_factor, cell.ipc).note
        return f"released settings of this cell: {note or 'as in the file'}"


TRAJECTORY = TrajectoryMatching()
