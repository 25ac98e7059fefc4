"""Settings of the networks trained on the long tail: teachers, observers, feature extractors."""

from dataclasses import dataclass
from typing import Literal

from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.core.settings import added_field, at_least, check_types, choice
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.training.settings import TrainConfig

__all__ = ["DebiasConfig", "TeacherConfig", "refuse_tau"]


@dataclass(frozen=True)
class DebiasConfig:
    """Two mixed views, a consistency loss and a re-weighted head (uni-level equations 5-7; GLMC, CVPR 2023)."""

    sharpness: float = 0.8  # q: class weights n_c^-q; 0: every class alike
    consistency: float = 1.0  # gamma_1, of the consistency loss; 0 leaves it out
    classification: float = 1.0  # gamma_2, of the two classification losses
    weights: Literal["mean", "sum"] = "mean"  # class weights of mean 1 (as released), or of sum 1 (as printed)
    stop_gradient: Literal["projection", "prediction"] = "projection"  # which side stands still: released, or printed
    partner_power: float = 0.2  # an image is mixed with one of class c with weight n_c^-partner_power; 0: uniform

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "weights")
        choice(self, "stop_gradient")
        at_least(self, sharpness=0, consistency=0, classification=0, partner_power=0)


@dataclass(frozen=True)
class TeacherConfig:
    """A network trained on the long tail: observer, teacher of the online protocols, the eyes of a coreset."""

    network: NetworkConfig = NetworkConfig()
    train: TrainConfig = TrainConfig(epochs=200, batch_size=64, weight_decay=5e-3, schedule="cosine")
    augment: AugmentConfig = AugmentConfig(kind="crop-flip")
    kind: Literal["plain", "debiased"] = "plain"  # part of the protocol's name: online-teacher/plain
    debias: DebiasConfig | None = added_field(None)  # of kind "debiased"
    seed: int | None = added_field(
        None
    )  # of this network; None: the run's, so that every seed has a network of its own
    logit_adjustment: float = added_field(0.0)  # tau of a logit-adjusted loss, of kind "plain"; 0: cross-entropy
    tau: float = added_field(0.0)  # times the log of the prior, taken off the logits after training; 0: nothing

    def __post_init__(self) -> None:
        """Refuse values outside their range, and settings of the other kind."""
        check_types(self)
        choice(self, "kind")
        at_least(self, seed=0, logit_adjustment=0, tau=0)
        if self.augment.kind == "mixed-views":
            raise ValueError(
                "augment.kind is 'mixed-views', which only students of the online protocols see; a network that is "
                "trained on the long tail takes 'dsa', 'crop-flip' or 'none'"
            )
        if (self.kind == "debiased") != (self.debias is not None):
            raise ValueError(
                f"kind is {self.kind!r}, but debias is {'set' if self.debias else None}; "
                + ("leave debias out" if self.debias else "give its settings")
            )
        if self.logit_adjustment and self.debias is not None:
            raise ValueError(
                f"logit_adjustment is {self.logit_adjustment}, but a debiased network has losses of its own; use kind "
                "'plain', or tau to adjust its logits after training"
            )
        if self.debias is not None and self.debias.consistency and not self.network.projection:
            raise ValueError("the consistency loss reads a projection: set network.projection, or debias.consistency=0")


def refuse_tau(name: str, cfg: TeacherConfig | None) -> None:
    """Refuse logits adjusted after training of a network whose features or statistics are read, and not its answers.

    Raises:
        ValueError: ``tau`` of the settings called ``name`` is above 0.
    """
    if cfg is not None and cfg.tau:
        raise ValueError(f"{name}.tau is {cfg.tau}, which moves answers alone, and other parts of it are read: use 0")
