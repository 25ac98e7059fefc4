"""A record as a few lines of text, with accuracies in percent."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ltdd_utils.data.longtail import FEW_SHOT, MANY_SHOT
from ltdd_utils.records.record import Record
from ltdd_utils.records.schema import GROUPS

__all__ = ["counted", "in_percent", "long_tail", "students_of", "summary", "warnings_of"]

EMPTY: Mapping[str, str] = MappingProxyType({})
SHOTS = {
    "many": f" (over {MANY_SHOT} images)",
    "medium": f" ({FEW_SHOT} to {MANY_SHOT})",
    "few": f" (under {FEW_SHOT})",
}


def summary(record: Mapping[str, Any], now: float | None = None) -> str:
    """A record, or the scores of a set from a file, as a few lines of text.

    Args:
        record: as a mapping.
        now: seconds that the call took which gave it; less than its work where finished stages were reused.
    """
    metrics = record["metrics"]
    seconds = list(record["cost"]["seconds"].values()) if "cost" in record else record["seconds"]
    students = len(record.get("students", seconds))
    name = "  ".join(str(record[key]) for key in ("recipe", "scale", "protocol") if key in record)
    cost = f"{counted(students)}, {_spent(sum(seconds), now)}"
    balanced = f", balanced {in_percent(metrics['balanced'])} %" if "balanced" in metrics else ""
    lines = [name, f"overall {in_percent(metrics['overall'])} %{balanced}  ({cost})"]
    lines += [_groups(metrics, GROUPS[:3], SHOTS), f"thirds of the classes: {_groups(metrics, GROUPS[3:])}"]
    made = record.get("distillation", {})
    if made.get("skipped") or made.get("clamped"):
        what = f"{made['skipped']} iterations left out, step size set back {made['clamped']} times"
        lines.append(f"matching: {what}, of {made['iterations']} iterations")
    lines += [f"warning: {line}" for line in made.get("warnings", ())]
    fitting = record.get("provenance", {}).get("adapted", {})
    lines += [f"fitted to the number of images: {key}={value}" for key, value in fitting.items()]
    return "\n".join(lines)


def _groups(metrics: Mapping[str, Any], groups: Sequence[str], sizes: Mapping[str, str] = EMPTY) -> str:
    """Groups of classes, with what they are."""
    return "  ".join(f"{group}{sizes.get(group, '')} {in_percent(metrics[group])}" for group in groups)


def _spent(work: float, now: float | None) -> str:
    """Seconds of work in all, and of this call where it did less."""
    return f"{work:.0f} s" if now is None or round(now) >= round(work) else f"{work:.0f} s of work, {now:.0f} s now"


def long_tail(record: Record) -> str:
    """The long tail of a record in words: its imbalance factor, or its largest and smallest class if it has none."""
    if record.is_exponential:
        return f"IF {record.cell['imbalance_factor']:g}"
    counts = record.provenance.class_counts
    return f"{max(counts)} to {min(counts)} a class" if counts else "all images"


def students_of(record: Record) -> str:
    """The students' network, its width if the settings name it, and a precision below single: "convnet-d3 (32)"."""
    precision = record.evaluator.precision
    told = [str(record.width)] if record.width is not None else []
    told += [precision] if precision != "fp32" else []
    return f"{record.cell['network']}" + (f" ({', '.join(told)})" if told else "")


def warnings_of(record: Record) -> list[str]:
    """What went wrong in the iterations that made the set; nothing where they worked, or where there were none."""
    return [] if record.distillation is None else list(record.distillation.warnings)


def counted(students: int) -> str:
    """How many students, in words."""
    return f"{students} student{'s' * (students != 1)}"


def in_percent(value: Mapping[str, float | None] | None) -> str:
    """A ``mean`` and its ``std``, fractions, as percent; None: "n/a"."""
    if value is None:
        return "n/a"
    return f"{100 * value['mean']:.1f}" + ("" if value["std"] is None else f" ± {100 * value['std']:.1f}")
