"""All students of a run or of a set from a file, under one protocol."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.provenance import full_precision, provenance
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import DistilledSet, content_hash, sizes
from ltdd_utils.distilled.spaces import translate
from ltdd_utils.evaluation.evaluator import PLAIN, STORED
from ltdd_utils.evaluation.protocols import protocol, with_batch_for
from ltdd_utils.evaluation.scores import Evaluation, gather
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.evaluation.students import student
from ltdd_utils.recipes.recipe import parts, protocol_of, whole_set
from ltdd_utils.records.evaluations import refuse_fewer_judges, save_evaluation
from ltdd_utils.records.schema import EVALUATION
from ltdd_utils.runs.checks import check, require_networks
from ltdd_utils.runs.costs import code_of, cost_of, students_of
from ltdd_utils.runs.files import data_of, refitted
from ltdd_utils.teachers.scores import teacher_scores
from ltdd_utils.teachers.stage import train_teacher

__all__ = ["carried_over", "evaluate_set", "evaluate_students", "prepared", "protocol_for"]

MADE_FOR = {
    "scale": str,
    "data": Mapping,
    "data_sha256": str,
}  # what a set's info must say, beside a recipe or ``like``


def evaluate_students(
    sets: Sequence[DistilledSet], run: Run, cfg: EvaluateConfig, teacher: nn.Module | None
) -> Evaluation:
    """One student for each of the sets, which may be one set several times."""
    bundles = []
    for number, distilled in enumerate(sets):
        watch = run.watch(f"student {number + 1}/{len(sets)}")
        bundles.append(student(distilled, run, cfg, number, teacher, watch=watch))
    return gather(bundles, run.data.counts)


def protocol_for(
    distilled: DistilledSet,
    name: str | None = None,
    scale: str | None = None,
    network: str | None = None,
    teacher: str | None = None,
) -> EvaluateConfig:
    """The settings of a named protocol for a set from a file.

    Args:
        distilled: it says which data set and scale it was made for.
        name: the protocol; None takes the one that the set's method is published under, and stored labels for a set of
            no method of this package (``DistilledSet.of_pixels``).
        scale: None takes the set's own.
        network: the student's architecture; None takes the one that the set was matched for, else the papers' ConvNet.
        teacher: that labels in the online protocols; None takes the method's default.

    Raises:
        ValueError: an unknown protocol or network, or a set that does not say what it was made for.
    """
    info = distilled.info
    _require_facts(info)
    scale = scale or info["scale"]
    if not info.get("recipe"):
        cfg = protocol(name or STORED.protocol, info["like"], scale, network, teacher or PLAIN.teacher)
        if teacher is not None and cfg.teacher is None:
            raise ValueError(f"teacher is {teacher!r}, but {cfg.protocol} uses no teacher; use another protocol")
        return with_batch_for(cfg, distilled.seen)
    method, dataset = parts(info["recipe"])
    settings = method.read(info["method"]) if info.get("method") else None
    students = None if settings is None else method.family.student_network(settings)
    cfg = protocol_of(method, dataset, scale, name, network=network, teacher=teacher, students=students)
    if info.get("ipc") is None:
        return whole_set(method, cfg, scale)
    return with_batch_for(cfg, distilled.seen)


def _require_facts(info: Mapping[str, Any]) -> None:
    """Raise with all that a set does not say at once."""
    missing = [] if isinstance(info.get("recipe") or info.get("like"), str) else ["recipe"]
    missing += [key for key, kind in MADE_FOR.items() if not (info.get(key) and isinstance(info[key], kind))]
    if missing:
        names = ", ".join(f"info[{key!r}]" for key in missing)
        raise ValueError(
            f"the set does not say what it was made for: fill in {names}, or make it again. Pixels of any method: "
            "DistilledSet.of_pixels(images, labels, data) says all that is needed"
        )


def evaluate_set(
    distilled: DistilledSet,
    space: Preprocess | None,
    cfg: EvaluateConfig,
    context: RunContext,
    *,
    seed: int = 0,
    students: int = 5,
    ahead: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Score a set from a file under a protocol, whatever family it comes from.

    Args:
        distilled: a set that says which data it was made from.
        space: the preprocessing of its synthetic images; None fits it again as the set describes it.
        cfg: the protocol, for example of ``protocol_for``.
        context: device, folders, progress.
        seed: of the students.
        students: how many to train.
        ahead: as of ``pipeline.run``.

    Returns:
        The record of the evaluation (``records.validate_evaluation``): ``metrics``, ``students``, the ``seconds`` of
        each, the set's hash and sizes, and the share ``clamped`` of synthetic pixel values on the way into the
        protocol's space. It is also written to ``context.results``.

    Raises:
        ValueError: the data here is not what the set was made from, its preprocessing cannot be had again,
            ``students`` or ``seed`` is out of range, or the evaluation that is there has more students.
        Stopped: the deadline passed; the same call goes on from there.
    """
    seed, students = check(seed, students, context)
    origin = provenance()
    planned = _planned(distilled, cfg, seed)
    if context.results is not None:
        refuse_fewer_judges(context.results, planned, students)
    if ahead is not None:
        ahead()
    run, before = prepared(distilled, space, cfg, context, seed=seed)
    data = run.data
    distilled, clamped = carried_over(distilled, before, run)
    teacher, scores = None, {}
    if cfg.teacher is not None:
        with run.ledger.entry("teacher"):
            teacher = train_teacher(cfg.teacher, run)
        with full_precision():
            scores = {"teacher": teacher_scores(teacher, run)}
    with run.ledger.entry("students"):
        evaluation = evaluate_students([distilled] * students, run, cfg, teacher)
    origin |= {"data_sha256": data.sha256, "class_counts": list(data.counts)}
    origin |= {"distilled_sha256": planned["distilled_sha256"]}
    record = (
        planned
        | scores
        | {
            "metrics": evaluation.metrics(),
            "students": students_of(evaluation, seed),
            "seconds": list(evaluation.seconds),
            "clamped": max(clamped, evaluation.clamped),
            "cost": cost_of(run.ledger, evaluation.devices),
            "provenance": {**origin, **code_of(origin, run.ledger.origins)},
        }
    )
    if context.results is not None:
        save_evaluation(context.results, record)
    return record


def prepared(
    distilled: DistilledSet, space: Preprocess | None, cfg: EvaluateConfig, context: RunContext, *, seed: int
) -> tuple[Run, Preprocess | None]:
    """The run of the students before its first stage, and the space of the set's own images; None: it has none.

    Arguments and errors are those of ``evaluate_set``.
    """
    data = data_of(distilled, context)
    require_networks([cfg.network] if cfg.teacher is None else [cfg.network, cfg.teacher.network], data)
    run = Run.start(data, cfg.preprocess, seed, context)
    return run, None if distilled.images is None else space or refitted(distilled, data, context)


def carried_over(distilled: DistilledSet, before: Preprocess | None, run: Run) -> tuple[DistilledSet, float]:
    """The set in the space of a run, and the share of pixel values that was clamped; ``before`` is its own space."""
    return (distilled, 0.0) if before is None else translate(distilled, run.data, before, run.preprocess)


def _made_of(info: Mapping[str, Any]) -> dict[str, Any]:
    """Where the parts of a set come from that was put together, and who labelled it; nothing of any other."""
    return {key: info[key] for key in ("parts", "labelled_by") if key in info}


def _planned(distilled: DistilledSet, cfg: EvaluateConfig, seed: int) -> dict[str, Any]:
    """The parts of an evaluation's record that are known before it is made."""
    info = distilled.info
    return {
        "schema": EVALUATION,
        "distilled_sha256": content_hash(distilled),
        "set": {
            "name": info.get("name") or info.get("recipe"),
            "ipc": info.get("ipc"),
            **sizes(distilled),
            **_made_of(info),
        },
        "seed": seed,
        "protocol": cfg.label,
        "network": to_dict(cfg.network),
        "config": {"data": to_dict(info.get("data") or {}), "evaluate": to_dict(cfg)},
        "provenance": {"data_sha256": info.get("data_sha256") or ""},  # of the data here too, or ``data_of`` refuses
    }
