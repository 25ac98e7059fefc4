"""A method, the family that it belongs to, and the stages that a family declares: nothing is read off a name.

Nothing here imports torch. A family names the functions of its stages, and the module that holds them is imported when
the first of them runs.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from ltdd_utils.core.failures import naming_strangers
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.settings import PreprocessConfig
from ltdd_utils.methods.effort import Effort, training
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.presets import Cell
from ltdd_utils.teachers.settings import TeacherConfig

if TYPE_CHECKING:
    from ltdd_utils.data.long_tailed import LongTailedData
    from ltdd_utils.data.run import Run
    from ltdd_utils.distilled.result import DistillationResult

__all__ = ["Family", "Job", "Method", "Pieces", "Stage", "teacher_stage"]


@dataclass(frozen=True)
class Pieces:
    """Results of a stage that do not depend on each other: each can be made by a process of its own."""

    kind: str  # what one is called: "expert"
    count: int
    compute: "str | Callable[[Job, int, Sequence[int]], Any]"  # makes one by its number, and keeps the given epochs
    settings: Any  # that one depends on, besides its number, the data, their space and the seed
    keeps: tuple[int, ...] = ()  # epochs; another run may need others of the same piece


@dataclass(frozen=True)
class Stage:
    """One stage of a method: what it is called, what it needs, what its cost depends on.

    The pipeline runs these, the campaign expects their seconds, ``ltdd show`` prints them.
    """

    name: str  # in a record's ``cost.seconds``, and under which later stages find its result
    compute: "str | Callable[[Job], Any]"  # a function of a Job, or its name in the family's ``module``
    settings: Any = None  # equal ones cost alike in every recipe; None: those of the whole method, which cost alike in
    # runs of one recipe
    needs: tuple[str, ...] = ()  # stages whose results it reads
    sized: bool = False  # whether another number of images per class is another result
    seed: int | None = None  # that stands above the run's: all runs share the result
    trainings: tuple[TeacherConfig, ...] = ()  # by ``train_teacher``: one training, under whatever name it is asked for
    effort: Effort | None = None  # carries recorded seconds over to other settings; None: nothing does
    pieces: Pieces | None = None  # that can be made apart; piece i of a stage needs piece i of the stages it needs

    def facts(self) -> dict[str, Any]:
        """For ``ltdd show``: name and needs."""
        return {"stage": self.name, "needs": list(self.needs)}


def teacher_stage(name: str, compute: "str | Callable[[Job], Any]", cfg: TeacherConfig) -> Stage:
    """The stage of a network that is trained on the long tail; one that asks for a seed is shared by all runs."""
    effort = training(f"{cfg.kind} {cfg.augment.kind}", cfg.train.epochs, cfg.network)
    return Stage(name, compute, cfg, seed=cfg.seed, trainings=(cfg,), effort=effort)


@dataclass
class Job:
    """The arguments of a stage's function."""

    cfg: Any  # settings of the method
    ipc: int | None  # images per class; None: the whole training set
    run: "Run"  # data, preprocessing, seed, context
    draw: int = 0  # which of several independent sets this is
    results: dict[str, Any] = field(default_factory=dict)  # of the stages before, by name


class Family:
    """A family of methods: its settings, its stages, and what a recipe must know before any of them runs.

    A family of your own sets ``settings`` and ``module`` and implements ``stages``; the rest has defaults.
    """

    name: ClassVar[str]
    settings: ClassVar[type]  # a frozen dataclass
    module: ClassVar[str] = ""  # where the functions of the stages are
    iterations_setting: ClassVar[str] = "iterations"  # the setting that says how many iterations the images take
    whole_set: ClassVar[bool] = False  # no distillation: the set is the whole long tail, and has no images per class

    def stages(self, cfg: Any, ipc: int | None) -> Sequence[Stage]:  # noqa: ANN401 (the family's settings)
        """The stages that make a set, in the order in which they run; the last one's result is the set."""
        raise NotImplementedError(f"the family {self.name} declares no stages")

    def fitting(self, cfg: Any, data: "LongTailedData") -> tuple[Any, dict[str, Any]]:  # noqa: ANN401
        """The settings with which the stages run on this data, and what is other than asked for, by name.

        Where settings cannot work on so few images; a record keeps both, and its name is of those asked for.
        """
        return cfg, {}

    def distil(self, job: Job) -> "DistillationResult":
        """Run the stages; each one's seconds and origin are entered under its name.

        Raises:
            ValueError: the last stage gave no set.
            Failed: a stage's function from outside the package raised.
        """
        from ltdd_utils.distilled.contents import DistilledSet
        from ltdd_utils.distilled.result import DistillationResult

        result: Any = None
        cfg, adapted = self.fitting(job.cfg, job.run.data)
        job = replace(job, cfg=cfg)
        for stage in self.stages(cfg, job.ipc):
            result = self.run_stage(stage, job)
        if isinstance(result, DistilledSet):
            return DistillationResult(result, adapted=adapted)
        if not isinstance(result, DistillationResult):
            given = f"the last stage of the family {self.name!r} gave a {type(result).__name__}"
            raise ValueError(f"{given}; let it return the set, from_bundle(job.run.stage(...))")
        return replace(result, adapted=adapted)

    def run_stage(self, stage: Stage, job: Job) -> Any:  # noqa: ANN401 (whatever the stage gives)
        """The result of one stage, entered under its name; the stages that it needs are in ``job.results``."""
        function = self._function(stage.compute, stage.name)
        with job.run.ledger.entry(stage.name), naming_strangers(function, f"the stage {stage.name!r}"):
            result = job.results[stage.name] = function(job)
        return result

    def make_piece(self, stage: Stage, job: Job, number: int, keeps: Sequence[int] = ()) -> Any:  # noqa: ANN401
        """One piece of a stage by its number; ``keeps``: the epochs to keep, if other runs need more than this one."""
        pieces = stage.pieces
        function = self._function(pieces.compute, stage.name)
        with job.run.ledger.entry(stage.name), naming_strangers(function, f"the stage {stage.name!r}"):
            return function(job, number, keeps or pieces.keeps)

    def _function(self, compute: "str | Callable[..., Any]", stage: str) -> "Callable[..., Any]":
        """The function of a stage, imported if it is named by text."""
        if not isinstance(compute, str):
            return compute
        if not self.module:
            what = f"the stage {stage!r} of the family {self.name!r} is {compute!r}"
            raise ValueError(f"{what}; give the function itself, or set the family's module")
        return getattr(importlib.import_module(self.module), compute)

    def student_network(self, cfg: Any) -> NetworkConfig | None:  # noqa: ANN401
        """The student that the sets are made for; None where the method has none in view."""
        return None

    def networks(self, cfg: Any) -> Sequence[NetworkConfig]:  # noqa: ANN401
        """Networks that are refused before the first stage if they do not fit the data."""
        return ()

    def space(self, cfg: Any) -> PreprocessConfig | None:  # noqa: ANN401
        """The preprocessing that the method itself names; None: the protocol's."""
        return None

    def depends_on_space(self, cfg: Any) -> bool:  # noqa: ANN401
        """Whether another preprocessing makes another set; then it keeps its own under every protocol."""
        return self.space(cfg) is None

    def functions(self, cfg: Any) -> "Sequence[Callable[..., Any]]":  # noqa: ANN401
        """The functions that the settings name, where the family has a table of them; a record says whose they are."""
        return ()

    def factor(self, cfg: Any) -> int:  # noqa: ANN401
        """Parts along the side of each stored image that a student sees one by one (``distilled.mosaics``); 1: none."""
        return 1

    def has_soft_labels(self, cfg: Any) -> bool:  # noqa: ANN401
        """Whether the sets store soft labels: one per image, or per part of an image where ``factor`` is above 1."""
        return False

    def one_draw_per_student(self, cfg: Any) -> bool:  # noqa: ANN401
        """Whether student k trains on its own draw k: a random set has no other state than its draw."""
        return False

    def note(self, cell: Cell) -> str:
        """The source of a cell's settings, as ``ltdd show`` prints it; "" for nothing."""
        return ""

    def training_seeds(self, cfg: Any) -> Sequence[str]:  # noqa: ANN401
        """The settings that give networks trained on the long tail a seed of their own, whatever the run's."""
        return ()

    def iterations(self, cfg: Any) -> int | None:  # noqa: ANN401
        """How many iterations the images take; None where they take none by design."""
        for name in self.iterations_setting.split("."):
            cfg = getattr(cfg, name, None)
        return cfg


@dataclass(frozen=True)
class Method:
    """One entry of the table of methods."""

    name: str  # letters, digits and "_"; with a data set's name behind it, that of a recipe
    settings: Callable[[Cell], Any]  # of a cell of a table; its docstring says what the method is
    family: Family
    protocol: str = "dsa-stored"  # under which it is published
    teacher: str = "plain"  # that labels for it in the online protocols
    teacher_named: bool = False  # whether the paper names that teacher, so that its numbers are of no other one
    calibrated: bool = False  # whether soft labels are calibrated by ADSA
    logit_adjustment: float = 0.0  # tau of the students' loss on the whole set

    @property
    def summary(self) -> str:
        """The method in one sentence."""
        return (self.settings.__doc__ or "").strip().partition("\n")[0]

    def read(self, settings: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """The settings that a dictionary describes, as a record keeps them."""
        from ltdd_utils.core.settings import from_dict

        return from_dict(self.family.settings, settings)

    def facts(self) -> dict[str, Any]:
        """For tables: everything but the functions."""
        kept = ("name", "protocol", "teacher", "teacher_named", "calibrated", "logit_adjustment")
        return {name: to_dict(getattr(self, name)) for name in kept} | {"family": self.family.name}
