"""The form of a record, and whether it agrees with itself."""

import base64
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ltdd_utils.data.settings import is_own

__all__ = [
    "EVALUATION",
    "GROUPS",
    "SCHEMA",
    "SCORED_SET",
    "TARGET_KEYS",
    "data_digits",
    "file_name",
    "run_name",
    "unpacked",
    "validate_evaluation",
    "validate_record",
]

SCHEMA = 1
EVALUATION = "evaluation"  # the schema of a set's scores, which are no run of a recipe
GROUPS = ("many", "medium", "few", "head", "mid", "tail")  # longtail.shot_groups, then longtail.rank_thirds
TARGET_KEYS = ("dataset", "imbalance_factor", "ipc", "method", "network", "protocol")
NAMES = ("recipe", "scale", "config_id", "protocol")
KEYS = ("schema", *NAMES, "seed", "config", "target", "metrics", "students", "cost", "provenance")
CONFIG = ("name", "scale", "data", "ipc", "method", "evaluate")
OPTIONAL = ("distillation", "teacher")  # curves of the iterations that made the set; what the teacher itself scores
STUDENT = ("stream", "overall", "per_class")
OPTIONAL_METRICS = ("balanced",)  # mean of the class accuracies, where the test set has a tail of its own
# Norm of each row of the layer used at inference, [C]; ADSA's tau; a bit per test image, packed and in base64.
OPTIONAL_STUDENT = ("classifier_norms", "adsa_tau", "correct")
COST = ("seconds", "peak_ram_gib", "peak_gpu_gib", "device")
PROVENANCE = ("commit", "dirty", "versions", "started_utc", "data_sha256", "distilled_sha256")
OF_EVALUATION = ("schema", "distilled_sha256", "set", "seed", "protocol", "network", "config", "metrics", "students")
OF_EVALUATION += ("seconds", "clamped", "cost", "provenance")
OPTIONAL_EVALUATION = ("teacher",)  # what the teacher itself scores
SCORED_SET = ("name", "images", "ipc", "labels", "image_bytes", "label_bytes")
TOLERANCE = 1e-6  # students may be scored in float32
DATA_DIGITS = 8  # of the data's hash, in the name of a record of the user's own data


def file_name(run: Mapping[str, Any], with_data: bool = True) -> str:
    """The place of a run's record in a results folder, ``RECIPE/CONFIG_ID-sSEED.json``.

    Of the user's own data it is ``RECIPE/CONFIG_ID-sSEED-dDIGITS.json``, with the first digits of the data's hash: a
    folder can change while its name stays, and its record must not replace the one before.

    Args:
        run: a record, or of one its ``recipe``, ``config_id``, ``seed``, ``config.data.name`` and
            ``provenance.data_sha256``.
        with_data: False: without these digits, as earlier versions named every record.
    """
    return f"{run_name(run)}{data_digits(run) if with_data else ''}.json"


def data_digits(run: Mapping[str, Any]) -> str:
    """The end of the name of a record of the user's own data, ``-dDIGITS``; of built-in data nothing."""
    own = is_own(run["config"]["data"].get("name", ""))
    return f"-d{run['provenance']['data_sha256'][:DATA_DIGITS]}" if own else ""


def run_name(run: Mapping[str, Any]) -> str:
    """What tells a run from others, whatever its data: ``RECIPE/CONFIG_ID-sSEED``."""
    return f"{run['recipe']}/{run['config_id']}-s{run['seed']}"


def validate_record(record: Mapping[str, Any]) -> None:
    """Check that a record is whole and agrees with itself: its means are the means of its students.

    ``target`` holds the keys of the published number that the run stands beside; None if no published number is of the
    same settings.

    Raises:
        ValueError: another schema, a missing or unknown key, a value outside its range, or a mean that its parts do
            not have.
    """
    schema = record.get("schema")
    _need(schema != EVALUATION, "it is the evaluation of a set, and no run of a recipe; `load_evaluation` reads it")
    _need(schema == SCHEMA, f"its schema is {schema!r}, not {SCHEMA}; use the version of ltdd_utils that wrote it")
    _keys(record, KEYS, "the record", OPTIONAL)
    _need(isinstance(record["seed"], int) and record["seed"] >= 0, f"seed is {record['seed']!r}; it must be 0 or more")
    for name in NAMES:
        safe = isinstance(record[name], str) and re.fullmatch(r"[\w./-]+", record[name])
        _need(safe, f"{name} is {record[name]!r}; use letters, digits, '_', '-', '.' and '/'")
    _need("/" not in record["recipe"] + record["config_id"], "recipe and config_id name a file: no '/' in them")
    _keys(record["config"], CONFIG, "config", None)
    _keys(record["config"]["data"], (), "config.data", None)
    target, own = record["target"], record["protocol"]
    if target is not None:
        _keys(target, TARGET_KEYS, "target")
        _need(target["protocol"] == own, f"target and record name two protocols, {target['protocol']!r} and {own!r}")
    _check_scores(record["metrics"], record["students"])
    _check_teacher(record)
    _keys(record["cost"], COST, "cost", None)
    for stage, seconds in record["cost"]["seconds"].items():
        good = isinstance(seconds, int | float) and 0 <= seconds < math.inf
        _need(good, f"stage {stage!r} took {seconds!r} seconds; it must be a finite number, 0 or more")
    _keys(record["provenance"], PROVENANCE, "provenance", None)
    sets, students = record["provenance"]["distilled_sha256"], len(record["students"])
    enough = isinstance(sets, str) or len(sets) == students
    _need(enough, f"distilled_sha256 must be one text, or one for each of the {students} students")


def _check_teacher(record: Mapping[str, Any]) -> None:
    if "teacher" in record:
        _keys(record["teacher"], ("overall", "per_class"), "teacher")
        _fractions([record["teacher"]["overall"]], "overall of the teacher")
        _fractions(record["teacher"]["per_class"], "per_class of the teacher")


def validate_evaluation(record: Mapping[str, Any]) -> None:
    """Check that the scores of one set under one judge are whole and agree with themselves.

    Raises:
        ValueError: another schema, a missing or unknown key, a value outside its range, or a mean that its students do
            not have.
    """
    schema = record.get("schema")
    _need(schema == EVALUATION, f"its schema is {schema!r}, not {EVALUATION!r}: it is no evaluation of a set")
    _keys(record, OF_EVALUATION, "the evaluation", OPTIONAL_EVALUATION)
    _keys(record["set"], SCORED_SET, "set", None)
    _keys(record["config"], ("data", "evaluate"), "config")
    _keys(record["cost"], COST, "cost", None)
    _keys(record["provenance"], PROVENANCE, "provenance", None)
    _check_scores(record["metrics"], record["students"])
    _check_teacher(record)
    count, times = len(record["students"]), len(record["seconds"])
    _need(count == times, f"seconds are those of {times} students; it has {count}")


def _check_scores(metrics: Mapping[str, Any], students: Sequence[Mapping[str, Any]]) -> None:
    _keys(metrics, ("overall", "per_class", *GROUPS, "confusion"), "metrics", OPTIONAL_METRICS)
    for name in (
        "overall",
        *(name for name in OPTIONAL_METRICS if name in metrics),
        *(group for group in GROUPS if metrics[group] is not None),
    ):
        _spread(metrics[name], name)
    per_class, confusion = metrics["per_class"], metrics["confusion"]
    _fractions(per_class, "per_class")
    classes = len(per_class)
    square = len(confusion) == classes and all(len(row) == classes and min(row) >= 0 for row in confusion)
    _need(square, f"confusion is not a table of {classes} x {classes} counts")
    _need(isinstance(students, list) and students, "it has no students")
    for student in students:
        _keys(student, STUDENT, "a student", OPTIONAL_STUDENT)
        _fractions([student["overall"]], "overall of a student")
        _fractions(student["per_class"], "per_class of a student")
        _need(len(student["per_class"]) == classes, f"a student does not have {classes} classes")
        _norms(student.get("classifier_norms", [0.0] * classes), classes)
        tau = student.get("adsa_tau", 0.0)
        _need(isinstance(tau, int | float) and 0 <= tau < math.inf, f"adsa_tau is {tau!r}; it must be 0 or more")
        if "correct" in student:
            tests = round(math.fsum(map(math.fsum, confusion)))
            _agree("overall of a student", student["overall"], int(unpacked(student["correct"], tests).sum()) / tests)
    _check_spread(metrics["overall"], [student["overall"] for student in students])
    if "balanced" in metrics:
        tested = [c for c, row in enumerate(confusion) if math.fsum(row) > 0]
        _agree("balanced", metrics["balanced"]["mean"], math.fsum(per_class[c] for c in tested) / (len(tested) or 1))
    for c, value in enumerate(per_class):
        _agree(f"class {c}", value, math.fsum(student["per_class"][c] for student in students) / len(students))
        _agree(f"row {c} of confusion", confusion[c][c] / (math.fsum(confusion[c]) or 1), value)


def unpacked(text: str, tests: int) -> np.ndarray:
    """Which test images a student answers correctly, in the order of the test set: booleans ``[tests]``.

    Args:
        text: ``correct`` of a student in a record, base64 of bits, the first image's highest.
        tests: number of test images.

    Raises:
        ValueError: the text is no base64, or of another number of images.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"correct of a student is {text!r:.40}, which is no base64; evaluate the set again") from error
    bits = np.unpackbits(np.frombuffer(content, np.uint8))
    whole = len(bits) == -8 * (-tests // 8) and not bits[tests:].any()
    _need(
        whole, f"correct of a student has {len(bits)} bits; {tests} test images take {-8 * (-tests // 8)}, the rest 0"
    )
    return bits[:tests].astype(bool)


def _check_spread(stated: Mapping[str, float | None], values: Sequence[float]) -> None:
    mean = math.fsum(values) / len(values)
    _agree("overall", stated["mean"], mean)
    _need((stated["std"] is None) == (len(values) == 1), "the std over students is null for one student, and only then")
    if stated["std"] is not None:
        squares = math.fsum((value - mean) ** 2 for value in values)
        _agree("the std over students", stated["std"], math.sqrt(squares / (len(values) - 1)))


def _need(ok: object, problem: str) -> None:
    if not ok:
        raise ValueError(problem)


def _fractions(values: Sequence[float], name: str) -> None:
    good = isinstance(values, list) and values and all(isinstance(v, int | float) and 0 <= v <= 1 for v in values)
    _need(good, f"{name} is {values!r}; it must be fractions in [0, 1]")


def _norms(values: Sequence[float], classes: int) -> None:
    good = isinstance(values, list) and all(isinstance(v, int | float) and 0 <= v < math.inf for v in values)
    _need(good and len(values) == classes, f"classifier_norms is {values!r}; it must be {classes} norms")


def _spread(value: Mapping[str, Any], name: str) -> None:
    _keys(value, ("mean", "std"), name)
    _fractions([value["mean"]], f"the mean of {name}")
    if value["std"] is not None:
        _fractions([value["std"]], f"the std of {name}")


def _keys(value: Mapping[str, Any], wanted: Sequence[str], name: str, optional: Sequence[str] | None = ()) -> None:
    _need(isinstance(value, Mapping), f"{name} is {value!r}; it must be an object")
    missing = sorted(set(wanted) - set(value))
    extra = [] if optional is None else sorted(set(value) - {*wanted, *optional})  # None: whatever else
    _need(not missing, f"{name} has no {', '.join(missing)}")
    _need(not extra, f"{name} has an unknown key: {', '.join(extra)}")


def _agree(name: str, stated: float, own: float) -> None:
    _need(abs(stated - own) <= TOLERANCE, f"{name} is given as {stated:.6g}, its parts give {own:.6g}")
