"""Comparisons as text, for a terminal, a chapter or a page of the book."""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from ltdd_utils.analysis.published import PUBLISHED_ONLY, given
from ltdd_utils.analysis.variance import smallest_difference
from ltdd_utils.methods.registry import is_whole_set

__all__ = ["ALONE", "compact", "folded", "formatted", "lined_up", "markdown", "visible"]

ALONE = "1 pipeline"  # in the column "visible from"; a page, where the column n says it too, has a dash
FULL_STUDENTS = 5  # fewer are allowed, and marked in every table
WHAT = ("data set", "IF", "IPC", "network", "protocol", "measure")  # said once above a table where all rows agree
KEPT = ("method", "paper", "ours")
WORDS = ("run", "method", "judge", "data", "network", "protocol", "spread", "verdict", "source", "notes")  # to the left


def formatted(table: pd.DataFrame) -> pd.DataFrame:
    """A comparison as text: paper, ours, difference (points), n, students, scale, cost and command of each number.

    ``n`` counts pipelines, and ``students`` has a ``*`` where there are fewer than 5. ``visible from`` is the smallest
    difference in points that two methods with this row's spread and number of pipelines could have shown
    (``smallest_difference``). ``inside``: whether the paper's number lies in the 95 % interval of ours. A number that
    was never run shows "not run" instead of ours.
    """
    return pd.DataFrame([_texts(row) for row in table.to_dict("records")], dtype=str)


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    run, students = row["status"] == "run", row["students"]
    few = "*" if run and students < FULL_STUDENTS else ""
    every = "all" if is_whole_set(row["method"]) else ""
    return {
        "data set": row["dataset"],
        "IF": f"{row['imbalance_factor']:g}" if given(row["imbalance_factor"]) else "",
        "IPC": str(row["ipc"]) if given(row["ipc"]) else every,
        "method": row["method"],
        "network": row["network"],
        "protocol": row["our_protocol"] if run else row["protocol"],
        "measure": row["metric"] if row["metric"] == "accuracy" else f"{row['metric']} ({row['unit']})",
        "paper": _published(row),
        "ours": _number(row["ours"], row["ours_std"], 1) if run else row["status"],
        "difference": f"{row['difference']:+.1f}" if given(row["difference"]) else "",
        "inside": {True: "yes", False: "no"}.get(row["inside"], "") if run else "",
        "n": str(row["pipelines"]) if run else "",
        "students": f"{students}{few}" if run else "",
        "visible from": visible(row["ours_std"], row["pipelines"]) if run else "",
        "scale": row["scale"] if run else "",
        "cost (s)": f"{row['seconds']:.0f}" if run else "",
        "command": "" if row["status"] == PUBLISHED_ONLY else f"`{row['command']}`",
        "note": row["note"],
    }


def visible(std: float | None, pipelines: int) -> str:
    """The smallest difference that so many pipelines could have shown, as text; ``std`` in points, over pipelines."""
    smallest = smallest_difference(std, pipelines) if given(std) else None
    return ALONE if smallest is None else f"{smallest:.1f}"


def _published(row: Mapping[str, Any]) -> str:
    if not given(row["mean"]):
        return "N/A" if row["note"].startswith("published N/A") else "-"
    for word, sign in (("lower bound", ">"), ("upper bound", "<"), ("approximate", "about ")):
        if row["note"].startswith(word):
            return f"{sign}{row['mean']:g}"
    return _number(row["mean"], row["std"], 1 if row["unit"] in ("percent", "points", "GB") else None)


def _number(mean: float, std: float | None, digits: int | None) -> str:
    shown = f"{mean:g}" if digits is None else f"{mean:.{digits}f}"
    return shown + (f" ± {std:.1f}" if given(std) else "")


def compact(shown: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """The common part of all rows of a comparison, as a sentence, and the table of the rest without empty columns."""
    shared = {name: shown[name].iloc[0] for name in WHAT if shown[name].nunique() == 1 and len(shown) > 1}
    said = "; ".join(f"{name} {value}" for name, value in shared.items() if value)
    kept = [name for name in shown if name in KEPT or (name not in shared and (shown[name] != "").any())]
    return (f"All rows: {said}." if said else ""), shown[kept]


def folded(title: str, text: str) -> str:
    """A part of a page that opens when its title is clicked."""
    return f":::::{{dropdown}} {title}\n{text}\n:::::"


def lined_up(frame: pd.DataFrame) -> str:
    """A table of text for a terminal: columns lined up, words to the left and numbers to the right."""
    cells = frame.astype(str)
    wide = {name: max(map(len, [name, *cells[name]])) for name in cells}
    left = {name: name in WORDS for name in cells}
    rows = [list(cells), *cells.itertuples(index=False)]
    lines = (
        "  ".join(f"{cell:{'<' if left[name] else '>'}{wide[name]}}" for name, cell in zip(cells, row, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def markdown(frame: pd.DataFrame, right: Collection[str] = ()) -> str:
    """A table in Markdown; ``frame.to_html(index=False)`` gives it in HTML.

    Args:
        frame: cells that are texts, or become them.
        right: columns that stand to the right, such as numbers.

    Note: pandas needs a further package for Markdown, so it is written here.
    """
    lines = ["---:" if name in right else "---" for name in frame.columns]
    rows = [list(frame.columns), lines, *frame.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in rows)
