"""Published numbers beside ours for a terminal: each once, with where it is printed, in 100 columns."""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ltdd_utils.analysis.published import given
from ltdd_utils.analysis.text import ALONE, formatted
from ltdd_utils.records.schema import TARGET_KEYS

__all__ = ["filled", "listed", "once"]

SAME = (*TARGET_KEYS, "metric", "unit", "mean", "status", "ours", "scale", "our_protocol")
HEAD = ("data set", "IF", "IPC", "network", "protocol", "measure")  # said above the rows that share them
SHORT = {
    "method": "method",
    "paper": "paper",
    "ours": "ours",
    "difference": "diff",
    "n": "n",
    "students": "students",
    "visible from": "visible",
    "scale": "scale",
    "minutes": "min",
}
FIXED = "\N{NO-BREAK SPACE}"  # where a line is not to be broken
NARROWEST = 16  # of the column of sources


def once(table: pd.DataFrame) -> pd.DataFrame:
    """Each published number once: what several papers, or tables of one, print alike is one row.

    Args:
        table: as ``compare`` gives it.

    Returns:
        The same, with ``printed`` ("zhao2025ltdd, Table 1; ...") in place of ``paper`` and ``table``; ``note`` has the
        notes of all. What a table prints is exact, even if it was read off a figure, too.
    """
    rows = []
    for _, alike in table.groupby(list(SAME), dropna=False, sort=False):
        read_off = alike["note"].str.startswith("approximate")
        if not read_off.all():
            alike = alike.assign(note=alike["note"].where(~read_off, ""))
        row = alike.iloc[0].to_dict()
        places = alike["paper"].str.cat(alike["table"], sep=", ").str.strip(", ")
        stds = alike["std"].dropna()
        row |= {"printed": _joined(places), "note": _joined(alike["note"]), "std": stds.iloc[0] if len(stds) else None}
        rows.append(row)
    kept = [name for name in table if name not in ("paper", "table")]
    frame = pd.DataFrame(rows, columns=[*kept, "printed"])
    return frame.astype({name: table[name].dtype for name in kept if name != "std"} | {"std": float})


def _joined(texts: Iterable[str]) -> str:
    parts = (part for text in texts for part in text.split("; "))
    return "; ".join(dict.fromkeys(part for part in parts if part))


def filled(table: pd.DataFrame) -> pd.DataFrame:
    """A table without the columns that are empty in all rows."""
    return table[[name for name in table if (table[name].notna() & table[name].astype(str).ne("")).any()]]


def listed(table: pd.DataFrame, commands: bool = False, width: int = 100) -> str:
    """Published numbers beside ours as text: a section for each data set, size, network and protocol.

    Args:
        table: as ``once`` gives it.
        commands: below each row the command that makes its number.
        width: of the lines, but for commands and names that are wider.
    """
    shown = formatted(table).assign(printed=table["printed"].to_list())
    shown["minutes"] = [f"{s / 60:.0f}" if given(s) else "" for s in table["seconds"]]
    shown["visible from"] = shown["visible from"].replace(ALONE, "-")
    notes = {note: number for number, note in enumerate((note for note in shown["note"].unique() if note), start=1)}
    names = [name for name in SHORT if name in ("method", "paper") or (shown[name] != "").any()]
    sections = []
    for head, part in shown.groupby(list(HEAD), sort=False):
        said = dict(zip(HEAD, head, strict=True))
        words = [f"IF {said['IF']}" if said["IF"] else "", f"IPC {said['IPC']}" if said["IPC"] else ""]
        title = ", ".join(word for word in [said["data set"], *words, *head[3:]] if word)
        wide = {name: max(len(SHORT[name]), *part[name].str.len()) for name in names}
        lines = [_line(SHORT, wide, "printed in", width)]
        for row in part.to_dict("records"):
            lines.append(_line(row, wide, _source(row, notes), width))
            if commands and row["command"]:
                lines.append(f"    {row['command'].strip('`')}")
        sections.append("\n".join([title, *lines]))
    return "\n\n".join([*sections, "\n".join(_legend(shown, notes, width))])


def _source(row: Mapping[str, Any], notes: Mapping[str, int]) -> str:
    """Where a number is printed, shortened ("zhao2025 T1; cui2026 T1, T7"), and the number of its note."""
    places: dict[str, list[str]] = {}
    for place in row["printed"].split("; "):
        paper, _, table = place.partition(", ")
        short = re.sub(r" \([^)]*\)", "", table).replace("Table ", "T")
        places.setdefault(re.sub(r"^([a-z]+\d{4})[a-z]*$", r"\1", paper), []).append(short)
    parts = [f"{paper}{FIXED}{', '.join(tables)}" for paper, tables in places.items()]
    return "; ".join(parts) + (f"{FIXED}[{notes[row['note']]}]" if row["note"] else "")


def _line(row: Mapping[str, Any], wide: Mapping[str, int], source: str, width: int) -> str:
    """A row; its source goes on below, in its own column, where the line is too short for it."""
    cells = (f"{row[name]:{'<' if name == 'method' else '>'}{size}}" for name, size in wide.items())
    begin = "  ".join(cells) + "  "
    parts: Sequence[str] = textwrap.wrap(source, max(width - len(begin), NARROWEST), break_long_words=False) or [""]
    lines = (f"{begin if number == 0 else ' ' * len(begin)}{part}".rstrip() for number, part in enumerate(parts))
    return "\n".join(lines).replace(FIXED, " ")


def _legend(shown: pd.DataFrame, notes: Mapping[str, int], width: int) -> list[str]:
    legend = "diff: ours minus the paper's, in points; n: pipelines; students: * fewer than 5; visible: the smallest "
    legend += "difference that so many pipelines can show; min: of one run"
    if not (shown["ours"] != "").any():
        legend = ""
    texts = [legend, *(f"[{number}] {note}" for note, number in notes.items())]
    return [line for text in texts for line in textwrap.wrap(text, width, subsequent_indent="    ")]
