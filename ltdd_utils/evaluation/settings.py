"""Settings of an evaluator: a protocol, its student, its teacher."""

from dataclasses import dataclass
from typing import Literal

from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.core.settings import added_field, at_least, check_types, choice
from ltdd_utils.data.settings import PreprocessConfig
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.teachers.settings import TeacherConfig
from ltdd_utils.training.settings import TrainConfig

__all__ = ["ADSAConfig", "EvaluateConfig"]


@dataclass(frozen=True)
class ADSAConfig:
    """Soft labels calibrated after training: the class prior is taken out of the logits (ADSA, arXiv 2511.17914)."""

    largest: float = 3.0  # end of the range in which tau is searched
    step: float = 0.01  # of the search

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        at_least(self, largest=0)
        if not 0 < self.step < float("inf"):
            raise ValueError(f"step is {self.step}; the search for tau needs one above 0")


@dataclass(frozen=True)
class EvaluateConfig:
    """A protocol: how a student is trained on a distilled set, and which labels it may see."""

    protocol: Literal["dsa-stored", "online-teacher", "online-stored"] = "dsa-stored"
    preprocess: PreprocessConfig = PreprocessConfig()
    network: NetworkConfig = NetworkConfig()
    train: TrainConfig = TrainConfig()
    augment: AugmentConfig = AugmentConfig()
    teacher: TeacherConfig | None = None  # of the online protocols
    logit_adjustment: float = 0.0  # tau of the logit-adjusted loss on the set's own class counts; 0: cross-entropy
    cross_entropy: float = 0.0  # weight of the hard labels beside the logit MSE (online; EDC and RLDD: 0.025)
    adsa: ADSAConfig | None = added_field(
        None
    )  # calibrates the soft labels; None: as the teacher or the set gives them

    def __post_init__(self) -> None:
        """Refuse values outside their range, and a teacher, views or a loss that do not fit the protocol."""
        check_types(self)
        choice(self, "protocol")
        at_least(self, cross_entropy=0, logit_adjustment=0)
        online = self.protocol.startswith("online")
        if online != (self.teacher is not None):
            raise ValueError(
                f"protocol {self.protocol!r} "
                + ("has no teacher: leave `teacher` out" if self.teacher else "needs a teacher")
            )
        if online != (self.augment.kind == "mixed-views"):
            wanted = "'mixed-views'" if online else "'dsa', 'crop-flip' or 'none'"
            raise ValueError(f"augment.kind is {self.augment.kind!r}; protocol {self.protocol!r} takes {wanted}")
        unused = "logit_adjustment" if online else "cross_entropy"
        if getattr(self, unused):
            raise ValueError(f"{unused} is {getattr(self, unused)}; protocol {self.protocol!r} has no such term: use 0")

    @property
    def label(self) -> str:
        """The protocol's full name; an online protocol names its teacher (``online-teacher/plain``)."""
        return f"{self.protocol}/{self.teacher.kind}" if self.teacher else self.protocol
