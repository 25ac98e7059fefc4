"""Every published number in one table that can be sorted, filtered and taken away as CSV, and a tile for each cell.

Both are plain HTML with their rows in it; a script of a few lines, in the page itself, adds what needs one.
"""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from ltdd_utils.analysis.listing import once
from ltdd_utils.analysis.published import given
from ltdd_utils.analysis.text import formatted
from ltdd_utils.records.schema import TARGET_KEYS
from ltdd_utils.report.status import PAPERS, exact
from ltdd_utils.tables.long import LOOK, SCRIPT
from ltdd_utils.tables.pages import STYLE
from ltdd_utils.tables.texts import said

__all__ = [
    "NO_RECIPE",
    "PUBLISHED",
    "REDUCED",
    "UNTOLD",
    "WAITING",
    "counted",
    "explorer",
    "kinds_of_rows",
    "state_of",
    "tiles",
]

PUBLISHED, REDUCED, WAITING = "as published", "reduced", "not run"  # states of a number
UNTOLD, NO_RECIPE = "judge unknown", "no recipe"
ABSENT, OTHER = "not printed", "no accuracy"
LOOKS = {PUBLISHED: "p", REDUCED: "r", WAITING: "w", UNTOLD: "w", NO_RECIPE: "w"}
LEAD = "accuracy_minus_"
HEADS = ("cell", "method", "printed in", "published", "ours", "state")
FILE = "published-and-ours.csv"
MORE = ("protocol", "difference", "inside", "n", "students", "visible from", "scale", "cost (s)", "command", "note")
TILES = """
.ltdd-all tr:target{outline:2px solid #2b83ba}
.ltdd-tiles{margin:.6rem 0}.ltdd-tiles p{font-size:.85em;margin:.5rem 0 .15rem}
.ltdd-tiles div{display:flex;flex-wrap:wrap;gap:2px}
.ltdd-tiles i{width:14px;height:14px;display:inline-block;box-sizing:border-box;border:1px solid #8a8a8a}
.ltdd-tiles .p{background:#2b83ba;border-color:#2b83ba}
.ltdd-tiles .r{background:linear-gradient(135deg,#2b83ba 50%,transparent 50%);border-color:#2b83ba}
.ltdd-tiles i:is(:hover,:focus){outline:2px solid currentColor;outline-offset:1px}
.ltdd-tiles .named{min-height:2.8em}
""".replace("\n", "")
# On a phone a row is read as lines, each value behind the head of its column.
STACKED = (
    "@media (max-width:600px){.ltdd-all thead{display:none}"
    ".ltdd-all :is(table,tbody:not([hidden]),tr:not([hidden])){display:block!important}"
    ".ltdd-all tbody tr{padding:.4rem 0;border-top:1px solid rgb(127 127 127/25%)}"
    ".ltdd-table.ltdd-all tbody :is(th,td){display:inline;position:static!important;border:0!important;"
    "padding:0!important;text-align:left!important;white-space:normal!important}"
    ".ltdd-all tbody th{font-weight:600!important}.ltdd-all tbody td:not(:empty,:last-child)::after{content:'; '}"
    + "".join(
        f".ltdd-all td:nth-child({place}):not(:empty)::before{{content:'{head} ';opacity:.7}}"
        for place, head in enumerate(HEADS, start=1)
        if head not in ("cell", "method")
    )
    + ".ltdd-all tbody th::after{content:': '}}"
)
NAMING = """
(() => {
const all = document.querySelector('.ltdd-tiles'), marks = [...all.querySelectorAll('div i')];
const name = all.querySelector('.named');
marks.forEach((mark, place) => {
  mark.tabIndex = place ? -1 : 0;
  mark.onfocus = mark.onmouseenter = () => { name.textContent = mark.title; };
  mark.onkeydown = event => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    const next = step && marks[place + step];
    if (next) { mark.tabIndex = -1; next.tabIndex = 0; next.focus(); event.preventDefault(); }
  };
});
})();
""".strip()


def state_of(row: Mapping[str, Any]) -> str:
    """How far a published number was reproduced, in a word or two.

    Nothing of ours can stand beside a number whose paper does not say who scored it: it is no missing run. Nor is a
    dash in a table of the paper, or a number that no judge gives.
    """
    if not given(row["mean"]):
        return ABSENT
    if row["status"] != "run" and row["metric"] != "accuracy":
        return OTHER
    if row["status"] == "not run":
        return WAITING
    if row["status"] != "run":
        return UNTOLD if row["protocol"] == "unknown" else NO_RECIPE
    return PUBLISHED if row["scale"] == "paper" else REDUCED


def explorer(table: pd.DataFrame) -> str:
    """Every published number as one table in HTML, without a blank line; below it the commands, folded.

    Args:
        table: as ``analysis.compare`` gives it, every number in it.
    """
    numbers = once(table)
    shown = formatted(numbers).to_dict("records")
    lines = [
        (_cells(row, text), [text[name].strip("`") for name in MORE])
        for row, text in zip(numbers.to_dict("records"), shown, strict=True)
    ]
    body = "".join(_row(cells, more) for cells, more in lines)
    heads = "".join(f'<th scope="col"{_side(place)}>{head}</th>' for place, head in enumerate(HEADS))
    box = f'<div class="box" tabindex="0" role="region" aria-label="Every published number"><table><thead><tr>{heads}'
    box += f"</tr></thead><tbody>{body}</tbody></table></div>"
    place = MORE.index("command")
    told = {more[place]: f"# {cells[0]}: {cells[1]}" for cells, more in lines if more[place]}
    commands = escape("\n".join(f"{name}\n{line}" for line, name in told.items()))
    title = f"{len(told)} commands, one for each number that a recipe makes"
    folded = f"<details><summary>{title}</summary><pre>{commands}</pre></details>"
    options = f'data-pick="{HEADS.index("state")}" data-more="{escape(json.dumps(MORE))}" data-file="{FILE}"'
    look = f"<style>{STYLE}{LOOK}{STACKED}</style>"
    return (
        f'<div class="ltdd-table ltdd-long ltdd-all" {options}>{look}{box}{folded}</div>\n'
        f"<script>{SCRIPT}\n{NAMING}</script>"
    )


def _cells(row: Mapping[str, Any], text: Mapping[str, str]) -> list[str]:
    cell = [
        said(row["dataset"]),
        f"IF {text['IF']}" if text["IF"] else "",
        f"IPC {text['IPC']}" if text["IPC"].isdigit() else "",
    ]
    network = row["network"] if not str(row["network"]).startswith(("convnet", "unknown")) else ""
    measure = "" if row["metric"] == "accuracy" else text["measure"]
    if row["metric"].startswith(LEAD):
        measure = f"lead over {said(row['metric'].removeprefix(LEAD))}, points"
    ours = text["ours"] if row["status"] == "run" else ""
    apart = f" ({text['difference']})".replace("-", "\N{MINUS SIGN}") if text["difference"] else ""
    printed = row["printed"]
    for key, words in PAPERS.items():
        printed = printed.replace(key, words.partition(" ")[0])
    printed = printed.replace(", Table ", " T")
    joined = ", ".join(filter(None, (*cell, network, measure)))
    doubted = " ‡" if "and is preferred" in row["note"] else ""
    return [joined, said(row["method"]), printed, text["paper"] + doubted, f"{ours}{apart}", state_of(row)]


def _side(place: int) -> str:
    return ' class="n"' if HEADS[place] in ("published", "ours") else ""


def _row(cells: list[str], more: list[str]) -> str:
    kinds = ["th", *["td"] * (len(HEADS) - 1)]
    pairs = enumerate(zip(kinds, cells, strict=True))
    inside = "".join(f"<{kind}{_side(place)}>{escape(one)}</{kind}>" for place, (kind, one) in pairs)
    return f'<tr data-more="{escape(json.dumps(more, ensure_ascii=False))}">{inside}</tr>'


def counted(table: pd.DataFrame) -> dict[str, int]:
    """How many published accuracies are in each state, all states in their order.

    Args:
        table: as ``analysis.compare`` gives it, every number in it.
    """
    states = _one_each(table)["state"]
    return {state: int((states == state).sum()) for state in LOOKS}


def kinds_of_rows(table: pd.DataFrame) -> str:
    """What the rows of ``explorer`` are, so that their number can be told from that of the accuracies.

    Args:
        table: as ``analysis.compare`` gives it, every number in it.
    """
    rows, accuracies = once(table), len(_one_each(table))
    states = pd.Series([state_of(row) for row in rows.to_dict("records")])
    read_off = rows["note"].str.startswith("approximate") & (states != OTHER)
    apart = {ABSENT: (states == ABSENT).sum(), OTHER: (states == OTHER).sum(), "read off": read_off.sum()}
    cells = rows[~states.isin([ABSENT, OTHER]).to_numpy() & ~read_off.to_numpy()]
    twice = int(cells.duplicated(list(TARGET_KEYS)).sum())
    alike = accuracies - (len(cells) - twice)
    return (
        f"These are {len(rows)} rows: {len(cells)} are the {accuracies} accuracies of the summary, of which {alike} "
        f"stand in one row with the same number of another paper, and {twice} in two rows since two sources disagree "
        f"(‡).\n"
        f"The other {len(rows) - len(cells)} are {apart['read off']} accuracies read off a figure, {apart[OTHER]} "
        f"numbers that are no accuracy, such as seconds, memory or a gap, and {apart[ABSENT]} dashes of a table."
    )


def _one_each(table: pd.DataFrame) -> pd.DataFrame:
    """The accuracies that papers print as their own, each once, with how far it was reproduced at best."""
    cells = exact(table)
    cells = cells.assign(state=[state_of(row) for row in cells.to_dict("records")])
    order = {state: place for place, state in enumerate(LOOKS)}
    best = cells.sort_values("state", key=lambda states: states.map(order), kind="stable")
    return best.drop_duplicates(["paper", *TARGET_KEYS])


def tiles(table: pd.DataFrame) -> str:
    """A tile per published accuracy, by paper and data set: run as published, run at a reduced scale, or not run.

    Args:
        table: as ``analysis.compare`` gives it, every number in it.
    """
    kept = _one_each(table)
    parts = []
    for (paper, dataset), rows in kept.groupby(["paper", "dataset"], sort=False):
        counts = ", ".join(f"{count} {state}" for state, count in rows["state"].value_counts().items())
        marks = "".join(_tile(row) for row in rows.sort_index().to_dict("records"))
        title = f"{PAPERS[paper].partition(':')[0]}, {said(dataset)}: {len(rows)} accuracies ({counts})"
        parts.append(f"<p>{escape(title)}</p><div>{marks}</div>")
    legend = (
        '<p><i class="p"></i> run as published <i class="r"></i> run at a reduced scale <i class="w"></i> '
        "not run, of an unknown judge, or without a recipe; "
        "point at a tile, or go along them with the arrow keys, and its cell is named below</p>"
    )
    named = '<p class="named" aria-live="polite"></p>'
    return f'<div class="ltdd-tiles"><style>{TILES}</style>{legend}{"".join(parts)}{named}</div>'


def _tile(row: Mapping[str, Any]) -> str:
    size = f", IPC {row['ipc']}" if given(row["ipc"]) else ""
    factor = f", IF {row['imbalance_factor']:g}" if given(row["imbalance_factor"]) else ""
    ours = f", ours {row['ours']:.1f}" if row["status"] == "run" else ""
    name = (
        f"{said(row['dataset'])}{factor}{size}: {said(row['method'])}, published {row['mean']:g}{ours}, {row['state']}"
    )
    return f'<i class="{LOOKS[row["state"]]}" title="{escape(name)}"></i>'
