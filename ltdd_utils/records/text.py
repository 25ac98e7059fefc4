"""A record as a few lines of text, with accuracies in percent."""

from collections.abc import Mapping
from typing import Any

from ltdd_utils.records.record import Record
from ltdd_utils.records.schema import GROUPS

__all__ = ["counted", "in_percent", "long_tail", "students_of", "summary"]


def summary(record: Mapping[str, Any]) -> str:
    """A record, or the scores of a set from a file, as a few lines of text."""
    metrics = record["metrics"]
    seconds = list(record["cost"]["seconds"].values()) if "cost" in record else record["seconds"]
    students = len(record.get("students", seconds))
    name = "  ".join(str(record[key]) for key in ("recipe", "scale", "protocol") if key in record)
    cost = f"{counted(students)}, {sum(seconds):.0f} s"
    balanced = f", balanced {in_percent(metrics['balanced'])} %" if "balanced" in metrics else ""
    lines = [name, f"overall {in_percent(metrics['overall'])} %{balanced}  ({cost})"]
    lines += ["  ".join(f"{group} {in_percent(metrics[group])}" for group in part) for part in (GROUPS[:3], GROUPS[3:])]
    made = record.get("distillation", {})
    if made.get("skipped") or made.get("clamped"):
        what = f"{made['skipped']} iterations left out, step size set back {made['clamped']} times"
        lines.append(f"matching: {what}, of {made['iterations']} iterations")
    return "\n".join(lines)


def long_tail(record: Record) -> str:
    """The long tail of a record in words: its imbalance factor, or its largest and smallest class if it has none."""
    if record.is_exponential:
        return f"IF {record.cell['imbalance_factor']:g}"
    counts = record.provenance.class_counts
    return f"{max(counts)} to {min(counts)} a class" if counts else "all images"


def students_of(record: Record) -> str:
    """The students' network and, if the settings name it, its width: "convnet-d3 (32)"."""
    width = record.width
    return f"{record.cell['network']}" + ("" if width is None else f" ({width})")


def counted(students: int) -> str:
    """How many students, in words."""
    return f"{students} student{'s' * (students != 1)}"


def in_percent(value: Mapping[str, float | None] | None) -> str:
    """A ``mean`` and its ``std``, fractions, as percent; None: "n/a"."""
    if value is None:
        return "n/a"
    return f"{100 * value['mean']:.1f}" + ("" if value["std"] is None else f" ± {100 * value['std']:.1f}")
