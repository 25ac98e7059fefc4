"""The command ``ltdd compare``."""

import argparse
from dataclasses import fields
from pathlib import Path

from ltdd_utils import analysis, records
from ltdd_utils.cli.common import as_json
from ltdd_utils.cli.records import folders
from ltdd_utils.records import Record

__all__ = ["at_hand", "compare_"]

LEGEND = (
    "difference: to the first, in points, with its 95 % interval (resolved: 0 is not in it)",
    "±: over pipelines, which are whole runs, one a seed (or a random draw)",
    "n: seeds that both ran (pairs), or pipelines of each",
    "spread: what gives the interval: of pairs, of both (these runs), of peers (others here",
    "  under the same judge), elsewhere",
)


def compare_(options: argparse.Namespace) -> str:
    """Runs side by side under one judge."""
    if options.figure is not None:
        _require_picture(options.figure)
    mine, book = at_hand(options)
    wanted = analysis.Wanted(**{field.name: getattr(options, field.name) for field in fields(analysis.Wanted)})
    asked, said = analysis.find_runs(options.runs, mine, book, wanted, options.across)
    found = analysis.comparison(asked, [*mine, *book], across=options.across, measure=options.measure)
    if options.figure is not None:
        _draw(found, options.figure)
    notes = [*said, *found.notes]
    if options.json:
        return _json(found, notes, options.per_class)
    if options.csv:
        table = found.classes() if options.per_class else found.table
        return table.to_csv(lineterminator="\n").rstrip("\n")
    heading, rows = found.shown()
    tables = [rows, found.classes().round(1).reset_index().astype(object)] if options.per_class else [rows]
    form = analysis.markdown if options.markdown else analysis.lined_up
    return "\n\n".join([heading, *map(form, tables), "\n".join([*LEGEND, *(f"note: {note}" for note in notes)])])


def at_hand(options: argparse.Namespace) -> tuple[list[Record], list[Record]]:
    """The reader's records, and those of the book that are not among them."""
    places = folders(options)
    mine, scored = list(records.gathered(places)), records.evaluations_in(places)
    book = [] if records.book_dir() in (places[-1], places[-1].resolve()) else records.committed(records.book_dir())
    return [*records.read(mine), *scored], records.read(book)


def _json(found: analysis.Comparison, notes: list[str], per_class: bool) -> str:
    rows = analysis.json_rows(found.table.reset_index())
    for row, side in zip(rows, found.sides.values(), strict=True):
        row["records"] = [record.file_name for record in side.records]
    classes = {"classes": analysis.json_rows(found.classes().reset_index())} if per_class else {}
    return as_json({"first": found.first, "measure": found.measure, "runs": rows, "notes": notes, **classes})


def _require_picture(path: Path) -> None:
    """Raise before any work if no figure can be written there.

    Raises:
        ValueError: a file name that is of no picture.
        OSError: its folder cannot be written.
    """
    from matplotlib.figure import Figure  # slow, as what follows, and asked for by one option

    from ltdd_utils.core.context import require_writable

    known = sorted(Figure().canvas.get_supported_filetypes())
    if path.suffix.removeprefix(".").lower() not in known:
        raise ValueError(f"--figure {path}: the name must end in one of .{', .'.join(known)}")
    require_writable(path.absolute().parent)


def _draw(found: analysis.Comparison, path: Path) -> None:
    from ltdd_utils import plots  # matplotlib and torch

    others = found.table.drop(index=found.first).dropna(subset="points")
    needed = [None if row != row else row for row in others["needed"]]
    if others.empty:
        raise ValueError(f"--figure {path}: no difference to draw; no run has the test images of {found.first}")
    names = [f"{name} - {found.first}" for name in others.index]
    path.parent.mkdir(parents=True, exist_ok=True)
    plots.differences(names, list(others["points"]), needed, measure=found.measure).savefig(path, bbox_inches="tight")
