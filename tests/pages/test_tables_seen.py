"""Tables as a reader sees them: none wider than its page on a desktop, at most six columns, every verdict in sight."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import Tab, Visit, opened

from ltdd_utils import recipes
from ltdd_utils.analysis import compare
from ltdd_utils.records import load, targets
from ltdd_utils.report.explorer import explorer, tiles
from ltdd_utils.tables import MOST, shown

DESKTOP = 1280
TABLES = """(() => [...document.querySelectorAll('article.bd-article table')].filter(t => t.offsetParent).map(t => {
  const box = t.closest('.box, .pst-scrollable-table-container, .output, section') || t.parentElement;
  const edge = document.querySelector('article.bd-article').getBoundingClientRect().right + 1;
  const signs = [...t.querySelectorAll('.sign')];
  return {name: (t.getAttribute('aria-label') || t.innerText).slice(0, 60),
    wide: t.getBoundingClientRect().right > edge || box.scrollWidth > box.clientWidth + 1,
    columns: Math.max(...[...t.rows].map(r => [...r.cells].reduce((n, c) => n + c.colSpan, 0))),
    commands: [...t.querySelectorAll('td, th')].map(c => c.innerText).filter(s => /^\\s*`?ltdd run /.test(s)),
    hidden: signs.filter(s => s.getBoundingClientRect().right > edge).length,
    bare: t.innerText.includes(' ± ') && t.innerText.includes('difference, points') && !signs.length
      && !t.innerText.includes('published'),
    plain: t.classList.contains('dataframe')};
}))()"""


@pytest.fixture
def tables(page: str, visit: Callable[..., Visit]) -> list[dict[str, Any]]:
    return visit(page, DESKTOP, False, tables=TABLES).values["tables"]


def test_no_table_is_wider_than_its_page(tables):
    assert not [table["name"] for table in tables if table["wide"]]


def test_no_table_of_a_chapter_has_more_columns_than_a_reader_can_take(page: str, tables):
    if page.startswith("notebooks/"):
        assert not [table["name"] for table in tables if table["columns"] > MOST]
        assert not [table["name"] for table in tables if table["plain"]], "show it with notebook.table"


def test_no_command_stands_in_a_cell(page: str, tables):
    if page.startswith("notebooks/") or page.endswith("reproduction.html"):
        assert not [table["name"] for table in tables if table["commands"]]


def test_every_verdict_is_in_sight(tables):
    assert not [table["name"] for table in tables if table["hidden"] or table["bare"]]


PHONE = """[...document.querySelectorAll('table.words tbody td')].filter(c => c.offsetParent).map(c => ({
  head: c.dataset.head || '', seen: getComputedStyle(c, '::before').content,
  first: c === c.parentElement.firstElementChild, right: c.getBoundingClientRect().right}))"""


def test_a_phone_shows_rows_of_words_as_lines_with_their_heads(page: str, visit: Callable[..., Visit]):
    for cell in visit(page, 390, False, cells=PHONE).values["cells"]:
        assert cell["right"] <= 390, cell
        assert cell["first"] or (cell["head"] and cell["head"] in cell["seen"].replace("\\", "")), cell


# --- A table alone, so that the rules above can fail ------------------------------------------------------------------


@pytest.fixture
def show(browser: str, tmp_path: Path) -> Callable[..., Any]:
    """A page that is nothing but an article with an element, open in the browser."""

    @contextmanager
    def page(element: str, width: int = DESKTOP) -> Iterator[Tab]:
        head = '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        look = "<style>body{margin:8px}article{display:block;max-width:752px}</style>"
        (tmp_path / "page.html").write_text(f'{head}{look}<article class="bd-article">{element}</article>')
        with opened(browser, (tmp_path / "page.html").as_uri(), width) as tab:
            yield tab

    return page


def seen(tab: Tab) -> dict[str, Any]:
    return tab.evaluate(TABLES)[0]


CONTRASTS = pd.DataFrame(
    {"accuracy": 50.0, "points": [1.0, -2.0, 3.0, 0.1, 5.0], "needed": 1.5, "n": "3 pairs", "verdict": ""},
    index=[f"a method with a rather long name, number {n}" for n in range(5)],
)


def test_a_table_of_contrasts_fits_a_page_and_on_a_phone_its_verdicts_are_in_sight(show):
    table = shown(CONTRASTS, "x")._repr_html_()
    with show(table) as tab:
        wide = seen(tab)
    assert not wide["wide"] and not wide["hidden"] and not wide["bare"] and wide["columns"] == 5
    with show(table, 390) as tab:
        edges = tab.evaluate("[...document.querySelectorAll('.sign')].map(s => s.getBoundingClientRect().right)")
        assert len(edges) == 5 and max(edges) <= 390
        name = tab.evaluate("document.querySelector('tbody th').getBoundingClientRect().width")
        assert name >= 100, "a long name needs more room than its longest word"


PICTURED = """(() => {
  const cell = document.querySelector('td.v'), dot = document.querySelector('td.v circle').getBoundingClientRect();
  const [zero] = [...document.querySelectorAll('thead .v text')].filter(t => t.textContent === '0');
  const label = zero.getBoundingClientRect();
  return {label: (label.left + label.right) / 2, dot: (dot.top + dot.bottom) / 2,
    line: cell.getBoundingClientRect().left + parseFloat(getComputedStyle(cell).backgroundPositionX),
    number: document.querySelector('tbody .n .sign').getBoundingClientRect().toJSON()};
})()"""


def test_a_picture_has_its_zero_above_its_line_and_its_dot_beside_the_number(show):
    with show(shown(CONTRASTS.assign(published=1.0), "x")._repr_html_()) as tab:
        found = tab.evaluate(PICTURED)
        assert found["label"] == pytest.approx(found["line"], abs=1.5)
        assert found["number"]["top"] < found["dot"] < found["number"]["bottom"]
        assert tab.evaluate("document.querySelector('.note.v').offsetParent !== null")
    with show(shown(CONTRASTS.assign(published=1.0), "x")._repr_html_(), 390) as tab:
        assert tab.evaluate("document.querySelector('.note.v').offsetParent === null"), "a legend of nothing"


def test_a_wide_table_scrolls_on_a_phone_beside_its_first_column(show):
    table = shown(pd.DataFrame({f"a column, {n}": ["x" * 25] for n in range(5)}, index=["a"]), "x")
    with show(table._repr_html_(), 390) as tab:
        first = "document.querySelector('tbody th').getBoundingClientRect().left"
        before = tab.evaluate(first)
        tab.evaluate("document.querySelector('.box').scrollLeft = 120")
        assert tab.evaluate("document.querySelector('.box').scrollLeft") > 50
        assert tab.evaluate(first) == pytest.approx(before, abs=1)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_rules_see_what_breaks_them(show):
    row = f"<tr>{''.join(f'<td>{n} words that stay on one line</td>' for n in range(9))}</tr>"
    with show(f'<table class="dataframe" style="white-space:nowrap">{row}<tr><td>ltdd run x</td></tr></table>') as tab:
        found = seen(tab)
    assert found["wide"] and found["columns"] == 9 and found["commands"] == ["ltdd run x"] and found["plain"]


LONG = pd.DataFrame(
    {"accuracy": [50.0 - n if n % 2 else 20.0 + n for n in range(40)], "note": [f"word {n}" for n in range(40)]},
    index=pd.MultiIndex.from_product([("one judge", "another"), [f"set {n}" for n in range(20)]]),
)
VISIBLE = "[...document.querySelectorAll('tbody tr:not(.group)')].filter(r => r.offsetParent)"


def test_a_long_table_is_filtered_by_words_and_groups_and_sorted_within_them(show):
    with show(shown(LONG, "x")._repr_html_()) as tab:
        assert tab.evaluate("document.querySelector('.ltdd-bar span').textContent") == "40 of 40 rows"
        assert tab.evaluate("document.querySelector('.box').clientHeight") <= 640
        tab.evaluate("(() => { const s = document.querySelector('.ltdd-bar select'); s.selectedIndex = 2;"
                     " s.onchange(); document.querySelectorAll('thead button')[1].click(); })()")  # fmt: skip
        values = tab.evaluate(f"{VISIBLE}.map(r => parseFloat(r.cells[1].textContent))")
        assert values == sorted(values) and len(values) == 20
        assert tab.evaluate("[...document.querySelectorAll('.group')].filter(r => r.offsetParent).length") == 1
        tab.evaluate("(() => { const i = document.querySelector('.ltdd-bar input');"
                     " i.value = 'another 37'; i.oninput(); })()")  # fmt: skip
        assert tab.evaluate(f"{VISIBLE}.map(r => r.cells[0].textContent)") == ["set 17"]
        assert tab.evaluate("document.querySelectorAll('.group')[1].parentElement.rows[0].className") == "group"


def test_a_short_table_has_nothing_to_filter(show):
    with show(shown(LONG.head(20), "x")._repr_html_()) as tab:
        assert tab.evaluate("document.querySelectorAll('.ltdd-bar, thead button').length") == 0


# --- The reproduction page's own table --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def every() -> str:
    """Tiles and table of all published numbers, without a record."""
    table = compare(load(Path("/nowhere")), targets(), recipes.names())
    return tiles(table) + explorer(table)


ROWS = "[...document.querySelectorAll('.ltdd-all tbody tr')].filter(r => !r.hidden)"


def test_every_number_can_be_filtered_sorted_and_taken_away(show, every):
    with show(every) as tab:
        total = tab.evaluate(f"{ROWS}.length")
        tab.evaluate("(() => { const i = document.querySelector('.ltdd-bar input');"
                     " i.value = 'cifar-10-lt datm'; i.oninput(); })()")  # fmt: skip
        some = tab.evaluate(f"{ROWS}.map(r => r.innerText)")
        assert 0 < len(some) < total
        assert not [text for text in some if "datm" not in text.lower() or "cifar-10-lt" not in text.lower()]
        tab.evaluate("document.querySelectorAll('.ltdd-all thead button')[3].click()")
        values = tab.evaluate(f"{ROWS}.map(r => parseFloat(r.cells[3].textContent)).filter(n => !isNaN(n))")
        assert values == sorted(values) and len(values) > 5
        text = tab.evaluate("(() => { let blob; URL.createObjectURL = b => { blob = b; return '#'; };"
                            " document.querySelector('.ltdd-bar button').click();"
                            " return blob.text(); })()")  # fmt: skip
    lines = text.lstrip("\ufeff").split("\r\n")
    assert len(lines) == len(some) + 1 and lines[0].startswith(
        '"cell","method","printed in","published","ours","state"'
    )
    assert sum("ltdd run datm_cifar10" in line for line in lines) > 0


def test_tiles_name_their_cell_by_pointer_and_by_keys(show, every):
    with show(every) as tab:
        tab.send("Emulation.setFocusEmulationEnabled", enabled=True)
        first = tab.evaluate("(() => { document.querySelector('.ltdd-tiles div i').focus();"
                             " return document.querySelector('.ltdd-tiles .named').textContent; })()")  # fmt: skip
        after = tab.evaluate("(() => { document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
                             " {key: 'ArrowRight', bubbles: true}));"
                             " return document.querySelector('.ltdd-tiles .named').textContent; })()")  # fmt: skip
    assert "IF" in first and "not run" in first + after and first != after


def test_without_scripts_all_rows_are_there(every):
    plain = re.sub(r"<style>.*?</style>", "", every[: every.index("<script>")])  # a rule may name what scripts hide
    assert plain.count("<tr data-more=") > 400 and "hidden" not in plain
    assert json.loads(every.split('data-more="', 1)[1].split('"', 1)[0].replace("&quot;", '"'))[-2:] == [
        "command",
        "note",
    ]
