"""The family of trajectory matching: MTT, DATM, paper 1."""

from typing import TYPE_CHECKING, Any

from ltdd_utils.methods.base import Family, Pieces, Stage
from ltdd_utils.methods.effort import Effort, network_kind, network_work, training
from ltdd_utils.methods.trajectory.released import released
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig, classifier_settings, expert_settings
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.presets import Cell

if TYPE_CHECKING:
    from ltdd_utils.data.long_tailed import LongTailedData

__all__ = ["TRAJECTORY"]


class TrajectoryMatching(Family):
    """Sets on which a student's weights go where those of experts went."""

    name, settings, module = "trajectory matching", TrajectoryConfig, "ltdd_utils.methods.trajectory.stages"

    def stages(self, cfg: TrajectoryConfig, ipc: int | None) -> list[Stage]:
        """Experts, the set to begin with, the matching."""
        experts = {"settings": cfg.experts, "seed": cfg.experts.seed}
        one, count = cfg.experts.network, cfg.experts.count
        passes = 2 if cfg.experts.gsam else 1  # of a step
        first = training("expert", passes * count * cfg.experts.train.epochs, one)
        second = training("classifier", count * cfg.experts.classifier_epochs, one)
        each = Pieces("expert", count, "representation_piece", expert_settings(cfg.experts, 0), cfg.snapshots)
        found = [Stage("experts", "representation_experts", **experts, effort=first, pieces=each)]
        if cfg.classifier_snapshots:
            keeps, own = cfg.classifier_snapshots, classifier_settings(cfg.experts, 0)
            further = {"effort": second, "pieces": Pieces("classifier", count, "classifier_piece", own, keeps)}
            found.append(Stage("classifier experts", "classifier_experts", needs=("experts",), **experts, **further))
        read = tuple(stage.name for stage in found)
        start = {"experts": cfg.experts, "initial": cfg.initial}
        labelled = training("labels", count, one)
        found.append(Stage("initial set", "initial", start, needs=read, sized=True, effort=labelled))
        if cfg.iterations:
            steps = cfg.first.steps + (0 if cfg.second is None else cfg.second.steps)
            amount = cfg.iterations * steps * network_work(one)
            kind = f"{network_kind(one)}, {cfg.gradient}{'' if cfg.precision == 'fp32' else f', {cfg.precision}'}"
            effort = Effort(kind, amount, "set", cfg.batch)
            found.append(Stage("matching", "matching", needs=(*read, "initial set"), sized=True, effort=effort))
        return found

    def fitting(self, cfg: TrajectoryConfig, data: "LongTailedData") -> tuple[TrajectoryConfig, dict[str, Any]]:
        """Experts whose batches are not larger than the data."""
        from ltdd_utils.methods.trajectory.small import for_images

        return for_images(cfg, data)

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
        file = f"the file of {cell.dataset}, IF {cell.imbalance_factor:g}, IPC {cell.ipc} in LTDD's release"
        return f"settings of this cell: {note or f'as in {file}'}"


TRAJECTORY = TrajectoryMatching()
