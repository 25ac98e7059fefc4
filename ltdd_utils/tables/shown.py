"""A DataFrame as a table of a page: at most six columns, one format for each, every difference with its verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby, pairwise
from typing import Any

import pandas as pd

from ltdd_utils.tables import pages, verdicts
from ltdd_utils.tables.texts import MINUS, head, is_number, said, texts

__all__ = ["EMPTY", "MOST", "Shown", "shown"]

MOST = 6  # columns: what a page of 750 pixels and a reader can take
EMPTY = "\N{EN DASH}"
SHORT, WORDY = 9, 14  # letters: at most so many stay on a line, more than so many are words
BETWEEN = f" {MINUS} "
AS_WRITTEN = ("scale",)  # columns, rows and levels whose words are no names: the scale "tiny" is no data set
DROPPED = ("spread", "command")  # whose spread it is, chapter 00 says; commands are folded below


@dataclass(frozen=True)
class Column:
    """A column as text, and as HTML where that is more."""

    title: str
    cells: Sequence[str]
    html: Sequence[str] | None = None
    number: bool | None = None  # None: where all of its cells are numbers
    picture: verdicts.Picture | None = None

    @property
    def right(self) -> bool:
        """Whether it stands to the right."""
        if self.number is not None:
            return self.number
        filled = [cell for cell in self.cells if any(map(str.isdigit, cell))]
        return (
            bool(filled)
            and all(map(is_number, filled))
            and all(len(cell) < 9 or is_number(cell) for cell in self.cells)
        )

    @property
    def wordy(self) -> bool:
        """Whether it needs room on a phone, where it would else be as narrow as its longest word."""
        return max(map(len, self.cells), default=0) > WORDY

    @property
    def short(self) -> bool:
        """Whether its words stay on one line."""
        return max(map(len, self.cells), default=0) < SHORT


@dataclass(frozen=True)
class Shown:
    """A table that is ready to be shown; the value of a notebook's cell."""

    caption: str
    columns: Sequence[Column]
    groups: Sequence[str]  # of each row; "": none
    notes: Sequence[str]
    commands: Sequence[str]
    folded: bool = False

    def _repr_html_(self) -> str:
        heads = "".join(_head(column) for column in self.columns)
        bodies = []
        for group, rows in groupby(range(len(self.groups)), key=lambda row: self.groups[row]):
            wide = str(len(self.columns))
            words = f"<span>{escape(group)}</span>"
            first = f'<tr class="group">{pages.cell(words, "th", colspan=wide, scope="rowgroup")}</tr>'
            bodies.append((first if group else "") + "".join(self._row(row) for row in rows))
        below = "".join(f'<p class="note">{escape(note)}</p>' for note in self.notes)
        legends = (column.picture.legend for column in self.columns if column.picture is not None)
        below += "".join(f'<p class="note v">{legend}</p>' for legend in legends if legend)
        return pages.framed(
            self.caption, heads, bodies, below + pages.commands_below(self.commands), folded=self.folded
        )

    def _row(self, row: int) -> str:
        cells = []
        for place, column in enumerate(self.columns):
            text = escape(column.cells[row]) if column.html is None else column.html[row]
            kind = ("n" if column.right else "k" if column.short else "w" if column.wordy else "",)
            kind += ("x" if text in (EMPTY, "not run") else "",)
            options = {"class_": " ".join(filter(None, kind)), "scope": "row" if place == 0 else ""}
            if column.picture is not None:
                options = column.picture.cell
            cells.append(pages.cell(text, "td" if place else "th", **options))
        return f"<tr>{''.join(cells)}</tr>"

    def __repr__(self) -> str:
        """For a terminal: columns lined up."""
        columns = [column for column in self.columns if column.picture is None]
        sides = [[column.title, *column.cells] for column in columns]
        lined = [
            [f"{text:{'>' if one.right else '<'}{max(map(len, side))}}" for text in side]
            for one, side in zip(columns, sides, strict=True)
        ]
        lines = ["  ".join(cells) for cells in zip(*lined, strict=True)]
        heads = [one if one != last else "" for last, one in pairwise(["", "", *self.groups])]
        named = (f"{group}\n{line}" if group else line for group, line in zip(heads, lines, strict=True))
        return "\n".join([self.caption, *(line.rstrip() for line in named), *self.notes, *self.commands])


def shown(
    table: pd.DataFrame | pd.Series,
    caption: str,
    *,
    names: Mapping[str, str] | None = None,
    digits: int | Mapping[Any, int] | None = None,
    empty: str = EMPTY,
    note: str = "",
    legend: str | None = None,
    commands: Sequence[str] = (),
    folded: bool = False,
) -> Shown:
    """A frame as a table of a page.

    The columns of ``analysis.contrasts`` become one: the difference, ± what it must exceed, and a sign, filled where it
    is resolved; with more than four rows a picture of the intervals stands beside them. The levels of an index but the
    last are headings of groups. Code names of methods and judges become words.

    Args:
        table: numbers, texts and names; ``command`` and ``spread`` are not shown as columns.
        caption: what the table shows, one sentence.
        names: column -> its head, with the unit.
        digits: decimals, of all columns or by column; None: none for whole numbers, else one.
        empty: what stands where nothing is: "not run" where it could have been run.
        note: a sentence below.
        legend: of the differences, where they are judged by another rule than that of ``analysis.contrasts``.
        commands: further commands, folded below the table with those of the column ``command``.
        folded: whether a page shows the caption alone until it is clicked: for a table that few readers need.

    Raises:
        ValueError: more columns than a page has room for.
    """
    frame = table.to_frame() if isinstance(table, pd.Series) else table
    columns: list[Column] = []
    notes = [note] if note else []
    rows = frame.index.get_level_values(-1)
    merged = verdicts.merged(frame, digits.get("points") if isinstance(digits, Mapping) else digits, legend)
    for place, name in enumerate(frame.columns):
        if merged is not None and name == merged.name:
            title = (names or {}).get(name, merged.title)
            if merged.picture is not None:
                columns.append(Column("", merged.picture.told, merged.picture.html, False, merged.picture))
            columns.append(Column(title, merged.cells, merged.html, True))
            notes.append(merged.note)
        elif name not in DROPPED and (merged is None or name not in merged.taken):
            own = digits.get(name) if isinstance(digits, Mapping) else digits
            title = (names or {}).get(name) or head(name)
            values = frame.iloc[:, place]
            told = zip(values, texts(values, own, empty), rows, strict=True)
            cells = [str(value) if name in AS_WRITTEN or row in AS_WRITTEN else text for value, text, row in told]
            columns.append(Column(title, cells))
    groups, stubs = _stubs(frame, names or {}, MOST - len(columns))
    columns = [*stubs, *columns]
    if len(columns) > MOST:
        titles = ", ".join(repr(column.title) for column in columns)
        raise ValueError(
            f"{len(columns)} columns ({titles}), but a page has room for {MOST}: leave some out, or turn it"
        )
    told = [f"# {name}\n{line}" for name, line in _commands(frame)]
    return Shown(caption, columns, groups, notes, [*told, *commands], folded)


def _stubs(frame: pd.DataFrame, names: Mapping[str, str], room: int) -> tuple[list[str], list[Column]]:
    """The group of each row, and the columns that name it; none for a frame that was merely numbered.

    Levels become columns in the place of headings where each heading had one row, and there is room for so many.
    """
    index = frame.index
    if isinstance(index, pd.RangeIndex) and index.name is None:
        return [""] * len(frame), []
    words = [str if name in AS_WRITTEN else said for name in index.names]
    levels = [list(map(say, index.get_level_values(level))) for level, say in enumerate(words)]
    titles = [names.get(name, head(name)) if name is not None else "" for name in index.names]
    if not titles[-1]:
        titles[-1], levels[-1] = _shared(levels[-1])
    outer = [", ".join(parts) for parts in zip(*levels[:-1], strict=True)] if len(levels) > 1 else [""] * len(frame)
    if 1 < len(levels) <= room and len(set(outer)) == len(frame):
        return [""] * len(frame), [Column(*pair, number=False) for pair in zip(titles, levels, strict=True)]
    return outer, [Column(titles[-1], levels[-1], number=None if index.dtype.kind in "if" else False)]


def _shared(rows: list[str]) -> tuple[str, list[str]]:
    """What all rows have in common, for their head, and the rest: of "a - c" and "b - c" the "minus c"."""
    pairs = [row.split(BETWEEN) for row in rows]
    if len(rows) < 2 or any(len(pair) != 2 for pair in pairs):
        return "", rows
    firsts, seconds = (dict.fromkeys(side) for side in zip(*pairs, strict=True))
    if len(seconds) == 1:
        return f"minus {pairs[0][1]}", [first for first, _ in pairs]
    return (f"{pairs[0][0]} minus", [second for _, second in pairs]) if len(firsts) == 1 else ("", rows)


def _commands(frame: pd.DataFrame) -> list[tuple[str, str]]:
    if "command" not in frame:
        return []
    rows = zip(frame.index, frame["command"], strict=True)
    tell = [(", ".join(map(said, name)) if isinstance(name, tuple) else said(name), line) for name, line in rows]
    return [(name, line) for name, line in tell if isinstance(line, str) and line]


def _head(column: Column) -> str:
    if column.picture is not None:
        return pages.cell(column.picture.axis.ticks(), "th", class_="v", scope="col")
    return pages.cell(escape(column.title), "th", class_="n" if column.right else "", scope="col")
