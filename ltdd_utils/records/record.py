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

from ltdd_utils.core.settings import UnknownName, from_dict
from ltdd_utils.data.settings import DataConfig
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.recipes.recipe import Recipe, halves
from ltdd_utils.records.parts import Cost, Distillation, Metrics, Provenance, Student, Teacher, open_part
from ltdd_utils.records.schema import TARGET_KEYS, file_name, validate_record

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
        return file_name(self.content)

    @property
    def target(self) -> Mapping[str, Any] | None:
        """The keys of the published number that the run stands beside; None if there is none of these settings."""
        return self.content["target"]

    @property
    def in_table(self) -> bool:
        """Whether a published number is of the same settings: only such a run is compared with what papers print."""
        return self.target is not None

    @cached_property
    def cell(self) -> Mapping[str, Any]:
        """What was run, under the keys of a published number, from the settings where there is no such number.

        ``imbalance_factor`` is the largest by the smallest class where the images were not cut to an exponential
        profile, and None where their numbers are not known.
        """
        if self.target is not None:
            return self.target
        data = self.content["config"]["data"]
        counts, factor = self.provenance.class_counts, data.get("imbalance_factor")
        if not self.is_exponential:
            factor = max(counts) / min(counts) if counts else None
        found = (data.get("name"), factor, self.ipc, self._made_by, self._network, self.protocol)
        return dict(zip(TARGET_KEYS, found, strict=True))

    @property
    def _made_by(self) -> str:
        return halves(self.name)[0]

    @property
    def is_exponential(self) -> bool:
        """Whether an imbalance factor decides the images of each class."""
        return self.content["config"]["data"].get("profile", "exponential") == "exponential"

    @property
    def width(self) -> int | None:
        """Channels of the students' first layer; None: the architecture's own."""
        return self._students.get("width")

    @property
    def _students(self) -> Mapping[str, Any]:
        return self.content["config"]["evaluate"].get("network", {})

    @property
    def _network(self) -> str | None:
        """The students' architecture as tables name it; as it is called where it is of a plugin that is not here."""
        try:
            return from_dict(NetworkConfig, self._students).label
        except ValueError:
            return self._students.get("name")

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
        """Whether the tables have its method, data set, networks and protocol; only then does it have a ``recipe``."""
        return not isinstance(self._recipe, UnknownName)

    @property
    def recipe(self) -> Recipe:
        """The recipe that was run.

        Raises:
            ValueError: a name that is not registered, or other settings than the method has now; the message names
                the file.
        """
        if not isinstance(self._recipe, ValueError):
            return self._recipe
        hint = "" if self.is_registered else "; install the package that has it, or load its file with --plugin FILE.py"
        raise ValueError(f"{self._where}: {self._recipe}{hint}") from self._recipe

    @cached_property
    def _recipe(self) -> Recipe | ValueError:
        """The recipe, or why it cannot be read."""
        try:
            return Recipe.from_dict(self.content["config"])
        except ValueError as error:
            return error

    @property
    def _where(self) -> str:
        return str(self.path or self.file_name)

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.recipe.entry.name

    @cached_property
    def evaluator(self) -> Evaluator:
        """Which students scored the set, and from whose labels; known of a plugin that is not here, too."""
        settings, network = self.content["config"]["evaluate"], self._students
        teacher = settings.get("teacher")
        students = (
            network.get("name", "convnet"),
            network.get("width"),
            settings.get("train", {}).get("precision", "fp32"),
        )
        return Evaluator(settings["protocol"], teacher["kind"] if teacher else "", *students)

    @cached_property
    def metrics(self) -> Metrics:
        """The accuracies of the students together."""
        return from_dict(Metrics, self.content["metrics"])

    @cached_property
    def students(self) -> tuple[Student, ...]:
        """The accuracies of each student."""
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
        """The accuracies of the teacher; None if there is none, or if it was not scored."""
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
        gradient = history.get("class_gradient") or {}
        known = {"class_gradient": gradient.get("mean"), "class_gradient_std": gradient.get("std")}
        return open_part(Distillation, {**history, **known})

    @property
    def seconds_to_student(self) -> float:
        """Seconds from nothing to one trained student: every stage once, and one student's share of the last."""
        stages = dict(self.cost.seconds)
        return stages.pop("students", 0.0) / len(self.students) + math.fsum(stages.values())
