"""Settings of an evaluator: a protocol, its student, its teacher."""

from dataclasses import dataclass
from typing import get_args

from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.core.settings import added_field, at_least, check_types, choice
from ltdd_utils.data.settings import PreprocessConfig
from ltdd_utils.evaluation.table import PROTOCOLS, Term
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

    protocol: str = "dsa-stored"  # one of ``PROTOCOLS``
    preprocess: PreprocessConfig = PreprocessConfig()
    network: NetworkConfig = NetworkConfig()
    train: TrainConfig = TrainConfig()
    augment: AugmentConfig = AugmentConfig()
    teacher: TeacherConfig | None = None  # of the protocols under which one labels
    logit_adjustment: float = 0.0  # tau of the logit-adjusted loss on the set's own class counts; 0: cross-entropy
    cross_entropy: float = 0.0  # weight of the hard labels beside the logit MSE (online; EDC and RLDD: 0.025)
    adsa: ADSAConfig | None = added_field(
        None
    )  # calibrates the soft labels; None: as the teacher or the set gives them

    def __post_init__(self) -> None:
        """Refuse values outside their range, and a teacher, views or a loss that do not fit the protocol."""
        check_types(self)
        choice(self, "protocol", PROTOCOLS)
        at_least(self, cross_entropy=0, logit_adjustment=0)
        rules = PROTOCOLS[self.protocol]
        if rules.has_teacher != (self.teacher is not None):
            remedy = "needs a teacher" if rules.has_teacher else "has no teacher: leave `teacher` out"
            raise ValueError(f"protocol {self.protocol!r} {remedy}")
        if self.augment.kind not in rules.augment:
            *others, last = map(repr, rules.augment)
            kinds = f"{', '.join(others)} or {last}" if others else last
            raise ValueError(f"augment.kind is {self.augment.kind!r}; protocol {self.protocol!r} takes {kinds}")
        for term in get_args(Term):
            value = getattr(self, term)
            if value and term not in rules.terms:
                raise ValueError(f"{term} is {value}; protocol {self.protocol!r} has no such term: use 0")

    @property
    def label(self) -> str:
        """The protocol's full name, with the teacher where one labels (``online-teacher/plain``)."""
        return f"{self.protocol}/{self.teacher.kind}" if self.teacher else self.protocol
