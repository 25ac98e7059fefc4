"""The page "Elements of the papers": its links and names lead somewhere, its gaps are gaps, its counts count."""

import functools
import importlib
import json
import re
from pathlib import Path

import jupytext
import notebook_pairs
import pytest
from toy_records import record

from ltdd_utils import recipes
from ltdd_utils.analysis import compare
from ltdd_utils.records import load, save_record, targets
from ltdd_utils.report.elements import GROUPS, elements_table, rows_of, scope_table, states_table

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "book" / "elements.md"
HEAD, PACKAGE = "| element | how far | chapter or page |", "| element | in the package |"
SIGNS = ("■ **covered**", "◧ **in part**", "□ **missing**")
MADE = ("damed_cifar10", "unilevel_cifar10")


def page_rows(head: str) -> list[list[str]]:
    tables = PAGE.read_text().split(head)[1:]
    lines = [line for table in tables for line in table.split("\n\n")[0].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")] for line in lines]


ROWS, PLACES = page_rows(HEAD), page_rows(PACKAGE)
SETTINGS = re.compile(r"`([\w.]+)=([\w.]+)`")


@functools.cache
def anchors(page: Path) -> set[str]:
    """What a heading is called in a link, as GitHub and MyST make it."""
    if page.suffix == ".ipynb":
        cells = notebook_pairs.cells(jupytext.read(page.with_suffix(".py")))
        text = "\n".join(text for kind, text, _ in cells if kind == "markdown")
    else:
        text = page.read_text()
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_row_says_what_where_and_how_far():
    assert len(ROWS) > 50
    for row in ROWS:
        assert len(row) == 3 and row[0], row
        assert row[1].startswith(SIGNS), row
        assert row[1].startswith(SIGNS[-1]) or "](" in row[2], f"{row[0]}: covered, but on no page"
    assert len({row[0] for row in ROWS}) == len(ROWS)
    rest = iter([row[0] for row in ROWS])
    assert all(place[0] in rest for place in PLACES), "the folded tables have other rows, or another order"


def test_every_link_leads_to_a_heading():
    found = re.findall(r"\]\(([^)#\s]+)(?:#([^)]+))?\)", PAGE.read_text())
    assert len(found) > 50
    for target, anchor in found:
        page = (PAGE.parent / target).resolve()
        assert page.is_file(), target
        assert not anchor or anchor in anchors(page), f"{target} has no heading {anchor!r}"


def resolved(name: str) -> object:
    """An object of the package by its dotted name without the package's own."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(["ltdd_utils", *parts[:size]]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(getattr, parts[size:], found)
    raise ModuleNotFoundError(name)


def test_every_name_exists():
    names = {name for row in PLACES for name in re.findall(r"`([^`]+)`", row[1])}
    assert len(names) > 40
    for name in names:
        resolved(name)
    with pytest.raises(AttributeError):
        resolved("training.losses.no_such_loss")


def test_every_setting_is_one():
    found = [pair for row in ROWS for pair in SETTINGS.findall(row[1])]
    assert found
    for name, value in found:
        if name != "data.profile":  # of images of one's own
            assert any(_accepted(made, name, value) for made in MADE), name


def _accepted(made: str, name: str, value: str) -> bool:
    try:
        recipes.with_overrides(recipes.recipe(made), {name: value})
    except ValueError:
        return False
    return True


def test_what_is_said_not_to_be_run_has_no_record():
    rows = [row for row in ROWS if re.search(r"not run|neither .* was run", row[1])]
    missing = [pair for row in rows for pair in SETTINGS.findall(row[1])]
    assert ("method.first.weight", "0") in missing
    configs = [json.loads(path.read_text())["config"] for path in (ROOT / "results").glob("damed_cifar10/*.json")]
    assert configs
    for name, value in missing:
        seen = {str(functools.reduce(lambda part, key: part[key], name.split("."), config)) for config in configs}
        assert not {value, f"{value}.0"} & seen, f"{name}={value} was run: say so in book/elements.md"


def test_each_group_has_numbers_of_all_its_cells():
    table = compare(load(ROOT / "no-records"), targets(), recipes.names())
    found = [rows_of(group, table) for group in GROUPS]
    assert all(len(rows) for rows in found)
    for group, rows in zip(GROUPS, found, strict=True):
        assert set(rows["method"]) == set(group.methods)
        assert set(rows["imbalance_factor"]) == set(group.factors)


def test_a_run_is_counted_in_its_group_alone(tmp_path):
    save_record(tmp_path, record(ipc=50, scale="cpu"))  # random images, 32.5 %, printed 52.6 in paper 1's main table
    before, after = (
        elements_table(compare(load(folder), targets(), recipes.names())).splitlines()
        for folder in (tmp_path / "nothing", tmp_path)
    )
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 2
    assert changed[0][0].endswith("| 12 | none |  |") and changed[0][1].endswith("| 12 | 1 reduced | −20.1 |")
    assert all(line.startswith("| **together**, ") for line in changed[1])
    assert changed[1][0].endswith("| **none reduced, none as published** |  |")
    assert changed[1][1].endswith("| **1 reduced, none as published** | **−20.1** |")


def test_states_are_counted_by_part_in_the_order_of_the_rows():
    rows = ["| element | how far | page |", "|---|---|---|", "| a | ■ **covered** | x |", "| b | □ **missing** | |"]
    page = "\n".join(["# T", "## Paper 1: A", "### Claims", *rows, "### Limitations that the summary names", *rows[:3]])
    table = states_table(page).splitlines()[2:]
    assert table[0] == "| Paper 1, claims<br>■□ | 1 | 0 | 1 |"
    assert table[1] == "| Paper 1, limitations<br>■ | 1 | 0 | 0 |"
    assert table[2] == "| **together** | **2** | **0** | **1** |"
    assert len(table) == 3


def test_the_opening_says_what_the_table_counts():
    """Most parts and formulas, fewer than half of the claims, and most other claims in part."""
    page = PAGE.read_text(encoding="utf-8")
    opening = (
        "covers most parts and formulas of the two papers, fewer than half of their claims in full, most of the others"
    )
    assert f"{opening} in part" in page
    counts = {"parts and formulas": [0, 0, 0], "claims": [0, 0, 0]}
    for name, *numbers in re.findall(r"\| Paper \d, ([a-z ]+)<br>.* \| (\d+) \| (\d+) \| (\d+) \|", states_table(page)):
        if name in counts:
            counts[name] = [one + int(more) for one, more in zip(counts[name], numbers, strict=True)]
    (covered, *_), claims = counts["parts and formulas"], counts["claims"]
    assert covered > sum(counts["parts and formulas"]) / 2
    assert claims[0] < sum(claims) / 2 and claims[1] > claims[2]


def test_squares_stand_in_groups_of_five():
    signs = "■◧□■■■"
    rows = [f"| {k} | {sign} | x |" for k, sign in enumerate(signs)]
    table = states_table("\n".join(["# T", "## Paper 1: A", "### Claims", *rows])).splitlines()
    assert table[2] == "| Paper 1, claims<br>■◧□■■ ■ | 4 | 1 | 1 |"


def test_the_total_counts_a_number_of_two_rows_once():
    table = compare(load(ROOT / "no-records"), targets(), recipes.names())
    printed = [int(line.split("|")[3].strip(" *")) for line in elements_table(table).splitlines()[2:]]
    cells = [
        set(rows_of(group, table)[["paper", "dataset", "imbalance_factor", "ipc", "method"]].itertuples(index=False))
        for group in GROUPS
    ]
    assert printed[:-1] == [len(found) for found in cells]
    assert printed[-1] == len(set().union(*cells)) < sum(printed[:-1])


def test_the_scope_counts_each_papers_own_accuracies_once_and_what_was_run_of_them(tmp_path):
    save_record(tmp_path, record(ipc=50, scale="cpu"))
    save_record(tmp_path, record(ipc=10, scale="paper", config_id="ba9876543210"))
    folders = (tmp_path / "nothing", tmp_path)
    before, after = (scope_table(compare(load(folder), targets(), recipes.names())).splitlines() for folder in folders)
    assert before[0] == "| accuracies of | printed | run reduced | run as published |"
    papers = [[int(cell.strip(" *")) for cell in line.split("|")[2:5]] for line in before[2:]]
    assert [row[1:] for row in papers] == [[0, 0]] * 3 and papers[2][0] == papers[0][0] + papers[1][0] > 300
    assert after[2] == f"| paper 1 | {papers[0][0]} | 1 | 1 |" and after[3] == before[3]
    assert after[4] == f"| **together** | **{papers[2][0]}** | **1** | **1** |"
