"""The family of statistics alignment: SRe2L, RDED, EDC, paper 2."""

from ltdd_utils.data.settings import PreprocessConfig
from ltdd_utils.methods.alignment.settings import UnilevelConfig
from ltdd_utils.methods.base import Family, Stage, teacher_stage
from ltdd_utils.methods.effort import training
from ltdd_utils.networks.settings import NetworkConfig

__all__ = ["ALIGNMENT"]


class StatisticsAlignment(Family):
    """Images that give an observer's layers the statistics of the real data."""

    name, settings, module = "statistics alignment", UnilevelConfig, "ltdd_utils.methods.alignment.stages"
    iterations_setting = "recover.iterations"

    def stages(self, cfg: UnilevelConfig, ipc: int | None) -> list[Stage]:
        """The teacher that scores crops, the images to begin with, observers, their statistics, recovery."""
        found = []
        if cfg.teacher is not None:
            found.append(teacher_stage("scoring teacher", "scoring_teacher", cfg.teacher))
        start = {"teacher": cfg.teacher, "initial": cfg.initial}
        scores = () if cfg.teacher is None else (cfg.teacher.network,)
        needs = tuple(stage.name for stage in found)
        chosen = training("crops", cfg.initial.crops, *scores)
        found.append(Stage("initial set", "initial", start, needs=needs, sized=True, effort=chosen))
        if cfg.recover.iterations:
            seen = {"observer": cfg.observer, "others": cfg.others}
            needs = ("initial set", "observer", "statistics")
            watched = (cfg.observer, *cfg.others)
            networks, epochs = [one.network for one in watched], cfg.observer.train.epochs
            trained = training(f"observer {cfg.observer.kind}", epochs, *networks)
            recovered = training("recovery", cfg.recover.iterations, *networks, images="set")
            statistics = {**seen, "of": cfg.statistics}
            found += [
                Stage("observer", "observers", seen, trainings=watched, effort=trained),
                Stage(
                    "statistics", "statistics", statistics, needs=("observer",), effort=training("once", 1, *networks)
                ),
                Stage("recovery", "recovery", needs=needs, sized=True, effort=recovered),
            ]
        return found

    def networks(self, cfg: UnilevelConfig) -> list[NetworkConfig]:
        """The observers, where images are recovered at all."""
        return [one.network for one in (cfg.observer, *cfg.others)] if cfg.recover.iterations else []

    def space(self, cfg: UnilevelConfig) -> PreprocessConfig:
        """The observers' space."""
        return cfg.preprocess

    def training_seeds(self, cfg: UnilevelConfig) -> list[str]:
        """Of the first observer, and of the teacher that scores crops."""
        return ["observer.seed", *(["teacher.seed"] if cfg.teacher else [])]


ALIGNMENT = StatisticsAlignment()
