"""The one table of protocols. What others ask of a protocol is a fact of its entry: no name of one means anything.

A protocol more is an entry here, a function for its settings and one for what a student minimises. Nothing here imports
torch: both are named by text, and imported when they are called.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ltdd_utils.core.tables import Table, check_reference

__all__ = ["PROTOCOLS", "Protocol", "Term", "register_protocol"]

Term = Literal["logit_adjustment", "cross_entropy"]  # settings of a loss that a protocol has or has not


@dataclass(frozen=True)
class Protocol:
    """How students are trained on a distilled set, and which labels they may see."""

    # (its name, data set, scale, kind of teacher) -> EvaluateConfig; the kind is "plain" or "debiased", whoever labels.
    settings: str | Callable[[str, str, str, str], Any]
    # StudentTask -> what a student minimises (training.Objective), and facts for its result, if there are any:
    # "clamped", the share of pixel values, and "adsa_tau".
    objective: str | Callable[[Any], tuple[Any, dict[str, float]]]
    teacher_labels: Literal["views", "images"] | None = None  # each augmented view, or each image once
    augment: tuple[str, ...] = ("dsa", "crop-flip", "none")  # kinds that it takes (``AugmentConfig.kind``)
    terms: tuple[Term, ...] = ()  # that its loss has
    learned_lr: bool = False  # whether a step size that the set has learned overrides the protocol's
    set_student: bool = False  # whether the student is the network that a set was made for, where it was made for one
    large_set_batch: int | None = None  # images of a batch, for sets of more images than this; None: the settings'

    def __post_init__(self) -> None:
        """Refuse what cannot be an entry."""
        for name in ("settings", "objective"):
            check_reference(getattr(self, name), name)
        if self.teacher_labels not in ("views", "images", None):
            raise ValueError(f"teacher_labels is {self.teacher_labels!r}; choose views, images or None")
        if not isinstance(self.augment, tuple) or not self.augment:
            raise ValueError(f"augment is {self.augment!r}; give a tuple of one or more kinds of augmentation")
        if not set(self.terms) <= set(get_args(Term)):
            raise ValueError(f"terms is {self.terms!r}; give a tuple of some of {', '.join(get_args(Term))}")

    @property
    def has_teacher(self) -> bool:
        """Whether a teacher labels. Then all students of a seed share it, so that they are one pipeline."""
        return self.teacher_labels is not None


_ROOM = "ltdd_utils.evaluation"
PROTOCOLS: Table[Protocol] = Table(
    "protocol",
    Protocol,
    {
        "dsa-stored": Protocol(
            f"{_ROOM}.protocols:stored",
            f"{_ROOM}.objectives:stored_labels",
            terms=("logit_adjustment",),
            learned_lr=True,
            set_student=True,
            large_set_batch=128,  # DC and MTT train in batches of 256, DATM and LTDD of 128
        ),
        "online-teacher": Protocol(
            f"{_ROOM}.protocols:online",
            f"{_ROOM}.objectives:labels_of_a_teacher",
            teacher_labels="views",
            augment=("mixed-views",),
            terms=("cross_entropy",),
        ),
        "online-stored": Protocol(
            f"{_ROOM}.protocols:online",
            f"{_ROOM}.objectives:labels_of_a_teacher",
            teacher_labels="images",
            augment=("mixed-views",),
            terms=("cross_entropy",),
        ),
    },
)


def register_protocol(name: str, entry: Protocol) -> None:
    """Add a protocol: every method can then be scored under it.

    Args:
        name: of letters, digits, "-", "." and "_".
        entry: its facts, settings and loss.

    Raises:
        ValueError: a name that is taken or invalid, or no entry.
    """
    PROTOCOLS.add(name, entry)
