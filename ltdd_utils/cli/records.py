"""The commands that read records: ``ltdd records``, ``ltdd table`` and ``ltdd missing``."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdd_utils import analysis, recipes, records
from ltdd_utils.cli.common import as_json
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.settings import is_own
from ltdd_utils.records import Record

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["folders", "missing_", "records_", "records_of", "table_"]


def records_of(options: argparse.Namespace) -> "pd.DataFrame":
    """Every record of the folder that ``--results`` names, else of those that are here (``records.folders_to_read``).

    Raises:
        FileNotFoundError: there is no such folder, and it is not the usual one, which an installed package lacks.
    """
    return records.load(folders(options), allow_dirty=True, allow_mixed=True)


def folders(options: argparse.Namespace) -> tuple[Path, ...]:
    """The folders of the records to read.

    Raises:
        FileNotFoundError: the one that was named is no folder.
    """
    if not options.results.is_dir() and options.results != records.results_root():
        what = "it is not a folder" if options.results.exists() else "no such folder"
        raise FileNotFoundError(f"--results {options.results}: {what}; `ltdd run` makes one for its first record")
    return records.folders_to_read(options.results)


def records_(options: argparse.Namespace) -> str:
    """One line per record: what was run, what came out, where it is."""
    paths = [path for path in records.gathered(folders(options)) if options.recipe in (None, path.parent.name)]
    scored = records.evaluations_in(folders(options))
    scored = scored if options.recipe is None else analysis.named(options.recipe, scored)
    found = [*records.read(paths), *scored]
    rows = [_row(record) for record in found]
    if options.json:
        return as_json(rows)
    if not rows:
        if options.recipe is not None:
            analysis.require_name(options.recipe)
        return f"no record of {options.recipe or 'any recipe'} in {options.results}"
    return "\n".join(_line(row, record) for row, record in zip(rows, found, strict=True))


def _row(record: Record) -> dict[str, Any]:
    try:
        changed = analysis.diff_from_recipe(record.recipe)
    except ValueError:  # of a plugin that is not here, or of a recipe that has other choices now
        changed = None  # nobody knows
    return {
        "kind": "evaluation" if isinstance(record, records.ScoredSet) else "run",
        "recipe": record.name,
        "names": list(record.names) if isinstance(record, records.ScoredSet) else None,
        **{name: getattr(record, name) for name in ("scale", "config_id", "seed", "protocol")},
        "data": to_dict(record.data),
        **record.cell,
        "width": record.width,
        "class_counts": record.provenance.class_counts,
        "in_table": record.in_table,
        "changed": changed,
        "overall": record.metrics.overall.mean,
        "std": record.metrics.overall.std,
        "balanced": None if record.metrics.balanced is None else record.metrics.balanced.mean,
        "students": len(record.students),
        "seconds": record.cost.total_seconds,
        "warnings": records.warnings_of(record),
        "adapted": dict(record.provenance.adapted),
        "path": str(record.path),
    }


def _line(row: dict[str, Any], record: Record) -> str:
    settings = "" if row["kind"] == "evaluation" else "  settings unknown here"
    if row["changed"] is not None:
        settings = "".join(f"  {key}={value}" for key, value in row["changed"].items())
    size = "whole set" if record.whole_set else f"IPC {row['ipc'] or 'of several sizes'}"
    named = row["kind"] == "run" and not is_own(row["dataset"])  # the recipe's name says it
    whose = "" if named else f"{row['dataset']}, "
    tail, students = records.long_tail(record), records.students_of(record)
    cell = f"{whose}{tail}, {size}, {row['protocol']}, {students}, seed {row['seed']}"
    accuracy = records.in_percent({"mean": row["overall"], "std": row["std"]})
    accuracy += "" if row["balanced"] is None else f" %, balanced {100 * row['balanced']:.1f}"
    score = f"{accuracy} % with {records.counted(row['students'])}"
    settings += "".join(f"  {key}={value} (few images)" for key, value in row["adapted"].items())
    mark = "".join(f"\n  ! {line}" for line in row["warnings"])
    what = f"{' = '.join(row['names'] or [row['recipe']])}  {row['scale'] or row['kind']}"
    head = f"{what}  {cell}: {score}, {row['seconds'] / 60:.1f} min{settings}"
    return f"{head}{mark}\n  {row['path']}"


def missing_(options: argparse.Namespace) -> str:
    """The commands that no record answers yet."""
    rows = analysis.missing(records_of(options), recipes.names(), options.dataset, scale=options.scale)
    if options.json:
        return as_json(rows)
    lines = [row["command"] + (f"  # {row['note']}" if row["note"] else "") for row in rows]
    return "\n".join(lines) or "nothing is missing"


def table_(options: argparse.Namespace) -> str:
    """Published numbers beside ours."""
    found = records_of(options)
    table = analysis.compare(found, records.targets(), recipes.names(), options.dataset, everything=options.all)
    if options.json:
        return as_json(analysis.json_rows(table))
    if table.empty and not options.csv:
        said = "no published number was run yet; `ltdd missing` prints the commands, and --all the published numbers"
        many = f"record{'s' * (len(found) > 1)} of other settings or data {'are' if len(found) > 1 else 'is'} here"
        own = f"\n{len(found)} {many}: `ltdd records` prints what there is, and `ltdd compare` sets runs side by side"
        return said if found.empty else said + own
    table = analysis.once(table)
    if options.csv:
        kept = table if options.commands else table.drop(columns="command")
        return (kept if kept.empty else analysis.filled(kept)).to_csv(index=False, lineterminator="\n").rstrip("\n")
    if options.markdown:
        shown = analysis.formatted(table).assign(printed=table["printed"].to_list())
        return analysis.markdown(analysis.filled(shown if options.commands else shown.drop(columns="command")))
    return analysis.listed(table, options.commands)
