"""The evaluator of a set: a protocol, its teacher, and the network and precision of its students."""

from dataclasses import dataclass, replace
from typing import Any

__all__ = ["DEBIASED", "PLAIN", "STORED", "Evaluator"]


@dataclass(frozen=True, order=True)
class Evaluator:
    """A protocol with its teacher, and the students' network; its text is for people, and nothing reads it back.

    A wider student, or one of another architecture or precision, is another evaluator and not another method.
    """

    protocol: str
    teacher: str = ""  # that labels: "plain", "debiased"; "": none
    network: str = "convnet"  # of the students, by its architecture
    width: int | None = 32  # channels of its first layer; None: the architecture's own
    precision: str = "fp32"  # in which they are trained

    def __str__(self) -> str:
        kind = "" if self.network == "convnet" else f"{self.network} "
        precision = "" if self.precision == "fp32" else f", {self.precision}"
        return f"{self.label} ({kind}{self.width}{precision})"

    @property
    def label(self) -> str:
        """The protocol's full name, with its teacher: "online-teacher/plain"."""
        return f"{self.protocol}/{self.teacher}" if self.teacher else self.protocol

    @classmethod
    def of(cls, recipe: Any) -> "Evaluator":  # noqa: ANN401 (a Recipe: rooms above this one know its class)
        """The evaluator of a recipe.

        Args:
            recipe: its ``evaluate`` has a protocol, a teacher or None, a network, and the settings of its training.
        """
        evaluate = recipe.evaluate
        teacher = "" if evaluate.teacher is None else evaluate.teacher.kind
        network = evaluate.network
        return cls(evaluate.protocol, teacher, network.name, network.width, evaluate.train.precision)

    def with_width(self, width: int | None) -> "Evaluator":
        """The same with other students."""
        return replace(self, width=width)


# Those of scale cpu, whose students are ConvNets of width 32.
STORED = Evaluator("dsa-stored")  # paper 1's: the labels that are stored with the set
PLAIN = Evaluator("online-teacher", "plain")  # a teacher that answers for every view, trained with cross-entropy
DEBIASED = Evaluator("online-teacher", "debiased")  # paper 2's
