"""The record of a run as an object: what was run, what came out, what it cost and where it comes from.

All accuracies are fractions in [0, 1]; percent stands in tables alone.
"""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ltdd_utils.core.settings import from_dict
from ltdd_utils.data.settings import DataConfig
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.networks.settings import ARCHITECTURES
from ltdd_utils.recipes.recipe import Recipe, parts
from ltdd_utils.records.parts import Cost, Distillation, Metrics, Provenance, Student, Teacher, open_part
from ltdd_utils.records.schema import validate_record

__all__ = ["Record"]


@dataclass(frozen=True, eq=False)
class Record(Mapping[str, Any]):
    """One run, checked when it is made: its attributes are typed, and as a mapping it is the JSON object itself.

    Raises:
        ValueError: the content is not a valid record.
    """

    content: Mapping[str, Any]  # the JSON object
    path: Path | None = None  # of its file

    def __post_init__(self) -> None:
        """Refuse what is no record."""
        validate_record(self.content)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 (a JSON value)
        return self.content[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)

    @property
    def name(self) -> str:
        """The name of the recipe, METHOD_DATASET."""
        return self.content["recipe"]

    @property
    def scale(self) -> str:
        """Tiny, cpu or paper."""
        return self.content["scale"]

    @property
    def config_id(self) -> str:
        """The hash of all settings."""
        return self.content["config_id"]

    @property
    def seed(self) -> int:
        """Of everything but the long-tailed subset."""
        return self.content["seed"]

    @property
    def file_name(self) -> str:
        """Where it stands in a results folder."""
        return f"{self.name}/{self.config_id}-s{self.seed}.json"

    @property
    def target(self) -> Mapping[str, Any] | None:
        """The keys of the published number that the run stands beside; None if there is none of these settings."""
        return self.content["target"]

    @property
    def protocol(self) -> str:
        """The protocol's full name, with its teacher."""
        return self.content["protocol"]

    @cached_property
    def data(self) -> DataConfig:
        """The long-tailed data set."""
        return from_dict(DataConfig, self.content["config"]["data"])

    @property
    def ipc(self) -> int | None:
        """Images per class; None: the whole training set."""
        return self.content["config"]["ipc"]

    @property
    def whole_set(self) -> bool:
        """Whether the set is the whole training set."""
        return self.ipc is None

    @property
    def has_teacher(self) -> bool:
        """Whether a teacher labels for the students; those of one seed share it."""
        return self.content["config"].get("evaluate", {}).get("teacher") is not None

    @property
    def is_registered(self) -> bool:
        """Whether its method, data set, protocol and networks are in the tables: only then it has a ``recipe``."""
        return _unregistered(self.content["config"]) is None

    @cached_property
    def recipe(self) -> Recipe:
        """What was run.

        Raises:
            ValueError: the method, or another part, is not registered, or it has other settings now; the message names
                the file.
        """
        config = self.content["config"]
        if unknown := _unregistered(config):
            raise ValueError(
                f"{self._where}: its {unknown}; install the package that has it, or load its file with --plugin FILE.py"
            )
        try:
            return Recipe.from_dict(config)
        except ValueError as error:
            raise ValueError(f"{self._where}: {error}") from error

    @property
    def _where(self) -> str:
        return str(self.path or self.file_name)

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.recipe.entry.name

    @cached_property
    def evaluator(self) -> Evaluator:
        """Which students scored the set, and from whose labels."""
        return Evaluator.of(self.recipe)

    @cached_property
    def metrics(self) -> Metrics:
        """What the students scored together."""
        return from_dict(Metrics, self.content["metrics"])

    @cached_property
    def students(self) -> tuple[Student, ...]:
        """What each student scored."""
        return tuple(from_dict(Student, student) for student in self.content["students"])

    @property
    def class_accuracies(self) -> list[Sequence[float]]:
        """Accuracy of each class under each student, fractions, [S, C]."""
        return [student.per_class for student in self.students]

    @property
    def classifier_norms(self) -> list[float] | None:
        """Norm of each row of the layer used at inference, means over students, [C]; None if it was not kept."""
        rows = [student.classifier_norms for student in self.students]
        return None if None in rows else [statistics.fmean(column) for column in zip(*rows, strict=True)]

    @cached_property
    def teacher(self) -> Teacher | None:
        """What the teacher scores itself; None if there is none, or if it was not scored."""
        teacher = self.content.get("teacher")
        return None if teacher is None else from_dict(Teacher, teacher)

    @cached_property
    def cost(self) -> Cost:
        """Seconds, memory, device."""
        return open_part(Cost, self.content["cost"])

    @cached_property
    def provenance(self) -> Provenance:
        """Where the numbers come from."""
        return open_part(Provenance, self.content["provenance"])

    @property
    def sets(self) -> tuple[str, ...]:
        """The hash of the set of each student."""
        names = self.provenance.distilled_sha256
        return (names,) * len(self.students) if isinstance(names, str) else tuple(names)

    @cached_property
    def distillation(self) -> Distillation | None:
        """How the iterations went; None if the set has none."""
        history = self.content.get("distillation")
        if history is None:
            return None
        gradient = history.get("class_gradient")
        return open_part(Distillation, {**history, "class_gradient": gradient and gradient["mean"]})

    @property
    def seconds_to_student(self) -> float:
        """Seconds from nothing to one trained student: every stage once, and one student's share of the last."""
        stages = dict(self.cost.seconds)
        return stages.pop("students", 0.0) / len(self.students) + math.fsum(stages.values())


def _unregistered(config: Mapping[str, Any]) -> str | None:
    """The first part of a record's settings that a plugin must have brought, in words; None: all are in the tables."""
    try:
        parts(config.get("name", ""))
    except ValueError:
        return f"method is not registered ({config.get('name')!r})"
    protocol = config.get("evaluate", {}).get("protocol")
    if protocol not in PROTOCOLS:
        return f"protocol is not registered ({protocol!r})"
    network = next((name for name in _networks(config) if name not in ARCHITECTURES), None)
    return None if network is None else f"network is not registered ({network!r})"


def _networks(settings: Mapping[str, Any]) -> Iterator[str]:
    """The architectures that settings name: of students, teachers, observers, experts."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            if key == "network" and "name" in value:
                yield value["name"]
            yield from _networks(value)
        elif isinstance(value, list):  # as ``others``, further observers
            yield from _networks({str(number): one for number, one in enumerate(value)})
