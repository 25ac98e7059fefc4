"""Films and explorables in a browser: they move when asked, by keys too, and not by themselves against a wish."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from conftest import Tab, opened, read_events

from ltdd_utils import notebook
from ltdd_utils.plots import explorables

WIDTHS = [(1280, False), (390, False), (1280, True)]
SEEN = """(() => { const e = document.querySelector('.ltdd-moving'), s = e.querySelector('.ltdd-screen img');
  return {state: e.dataset.state, said: e.querySelector('output').textContent,
    spoken: e.querySelector('input,select').getAttribute('aria-valuetext'),
    shift: s && new DOMMatrix(getComputedStyle(s).transform).f,
    dot: e.querySelector('[data-points]')?.getAttribute('cx'),
    drawn: [...e.querySelectorAll('.ltdd-state')].flatMap((g, i) => getComputedStyle(g).display === 'none' ? [] : [i]),
    button: e.querySelector('button')?.textContent, stills: document.querySelectorAll('.ltdd-still').length}; })()"""
STEPS = 5


def film(auto: bool = False) -> str:
    states = [torch.full((3, 1, 8, 8), 40 * step, dtype=torch.uint8) for step in range(STEPS)]
    told = [f"after {step} steps" for step in range(STEPS)]
    return notebook.film({"one": states, "two": states}, told, ("loss", [5.0, 4, 3, 2, 1]), over=list("abc"), auto=auto)


@pytest.fixture
def show(browser: str, tmp_path: Path) -> Callable[..., AbstractContextManager[Tab]]:
    """A page with an element, open in the browser."""

    def page(element: str, width: int = 1280, **wishes: bool) -> AbstractContextManager[Tab]:
        head = '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        (tmp_path / "page.html").write_text(f"{head}<body style='margin: 8px'>{element}")
        return opened(browser, (tmp_path / "page.html").as_uri(), width, **wishes)

    return page


def press(tab: Tab, key: str, code: int) -> None:
    for kind in ("rawKeyDown", "keyUp"):
        tab.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)


def until(tab: Tab, wanted: Callable[[dict], bool], seconds: float = 10) -> dict:
    """What is seen, as soon as it is as wanted."""
    deadline = time.monotonic() + seconds
    while not wanted(seen := tab.evaluate(SEEN)):
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    return seen


@pytest.mark.parametrize(("width", "dark"), WIDTHS, ids=["wide", "phone", "dark"])
def test_a_film_moves_by_keys_and_everything_in_it_with_the_slider(show, width: int, dark: bool):
    with show(film(), width, dark=dark) as tab:
        before = tab.evaluate(SEEN)
        tab.evaluate("document.querySelector('input').focus()")
        press(tab, "ArrowRight", 39)
        press(tab, "ArrowRight", 39)
        after = tab.evaluate(SEEN)
        assert (before["state"], before["said"], before["stills"]) == ("0", "after 0 steps", 0)
        assert (after["state"], after["said"], after["spoken"]) == ("2", "after 2 steps", "after 2 steps")
        tall = tab.evaluate("document.querySelector('.ltdd-screen').getBoundingClientRect().height")
        assert before["shift"] == 0 and after["shift"] == pytest.approx(-2 * tall, abs=1.5)
        assert float(after["dot"]) > float(before["dot"])
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert not [url for url in read_events(tab.events).requests if not url.startswith(("file:", "data:"))]


def test_a_film_plays_to_its_end_and_again_and_stops_where_it_is_told_to(show):
    with show(film()) as tab:
        time.sleep(0.3)
        assert tab.evaluate(SEEN)["state"] == "0", "nobody asked it to move"
        tab.evaluate("document.querySelector('button').focus()")
        press(tab, " ", 32)
        until(tab, lambda seen: seen["state"] != "0" and seen["button"] == "Pause")
        press(tab, " ", 32)
        stopped = until(tab, lambda seen: seen["button"] == "Play")
        time.sleep(1.5)
        assert tab.evaluate(SEEN)["state"] == stopped["state"] < "4"
        press(tab, " ", 32)
        until(tab, lambda seen: seen["state"] == "4" and seen["button"] == "Play")
        press(tab, " ", 32)
        assert until(tab, lambda seen: seen["button"] == "Pause")["state"] == "0"


def test_a_film_that_begins_by_itself_does_not_for_who_wants_less_motion(show):
    with show(film(auto=True)) as tab:
        until(tab, lambda seen: seen["state"] != "0")
    with show(film(auto=True), still=True) as tab:
        time.sleep(1.6)
        assert tab.evaluate(SEEN)["state"] == "0" and tab.evaluate(SEEN)["button"] == "Play"
        tab.evaluate("document.querySelector('button').click()")  # who asks gets it
        until(tab, lambda seen: seen["state"] != "0")


def test_without_scripts_a_still_is_there_and_no_dead_control(browser: str, tmp_path: Path):
    (tmp_path / "page.html").write_text(film().partition("<script>")[0])
    with opened(browser, (tmp_path / "page.html").as_uri(), 390) as tab:
        counts = "['.ltdd-still', 'input, button'].map(what => document.querySelectorAll(what).length)"
        assert tab.evaluate(counts) == [1, 0]
        assert tab.evaluate("document.querySelector('.ltdd-still').naturalWidth") > 0


@pytest.mark.parametrize(("width", "dark"), WIDTHS, ids=["wide", "phone", "dark"])
def test_an_explorable_shows_the_state_of_its_two_sliders(show, width: int, dark: bool):
    factors, shares = (1, 10), (0, 0.5, 1)
    edges = {(factor, share): share * factor / 10 for factor in factors for share in shares}
    with show(explorables.boundary(factors, shares, edges, (0, 1)), width, dark=dark) as tab:
        assert tab.evaluate(SEEN)["drawn"] == [1]
        tab.evaluate("document.querySelectorAll('input')[0].focus()")
        press(tab, "ArrowRight", 39)
        seen = tab.evaluate(SEEN)
        assert seen["drawn"] == [4] and seen["said"].startswith("Imbalance factor 10, λ = 0.5:")
        assert seen["spoken"] == "10"
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_an_explorable_of_choices_moves_with_its_lists(show):
    import pandas as pd

    row = {"points": 3.0, "needed": 1.0, "n": "3", "spread": "", "verdict": "resolved"}
    tables = {(judge, base): pd.DataFrame([row], index=["x"]) for judge in "ab" for base in "cde"}
    with show(explorables.rivals(tables, (0, 0))) as tab:
        tab.evaluate("document.querySelectorAll('select')[1].focus()")
        press(tab, "ArrowDown", 40)
        seen = tab.evaluate(SEEN)
        assert seen["drawn"] == [1] and seen["said"].startswith("a, against d:")


def test_two_of_a_kind_on_one_page_move_apart(show):
    with show(film() + film()) as tab:
        tab.evaluate("document.querySelectorAll('input')[1].focus()")
        press(tab, "ArrowRight", 39)
        assert tab.evaluate("[...document.querySelectorAll('.ltdd-moving')].map(e => e.dataset.state)") == ["0", "1"]


@functools.cache
def moving_on(html: Path, page: str) -> int:
    return (html / page).read_text().count('class="ltdd-moving"')


@pytest.fixture
def page_that_moves(html: Path, page: str, server: str, browser: str) -> Iterator[Tab]:
    """A page of the book with films or explorables."""
    if not moving_on(html, page):
        pytest.skip("nothing on this page moves")
    with opened(browser, f"{server}/{page}", 390, still=True) as tab:
        yield tab


def test_every_figure_of_the_book_that_moves_does(html: Path, page: str, page_that_moves: Tab):
    states = page_that_moves.evaluate(
        """[...document.querySelectorAll('.ltdd-moving')].map(e => { const c = e.querySelector('input, select');
      const before = e.dataset.state, drawn = e.querySelector('.ltdd-player').innerHTML;
      if (c.options) c.selectedIndex = (c.selectedIndex + 1) % c.options.length; else c.value = +c.value ? 0 : 1;
      c.dispatchEvent(new Event('input', {bubbles: true}));
      return before !== e.dataset.state && drawn !== e.querySelector('.ltdd-player').innerHTML; })"""
    )
    assert states == [True] * moving_on(html, page)


def test_no_film_is_larger_than_half_a_megabyte(html: Path, page: str):
    parts = (html / page).read_text().split('class="ltdd-moving"')[1:]
    assert all(len(part.partition("</script>")[0]) <= 500_000 for part in parts)
