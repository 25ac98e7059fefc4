"""Figures in a reader's browser: named, captioned, in the page's colours, and readable on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Visit

WIDE, PHONE = 1280, 390  # CSS pixels
SMALLEST = 7  # pixels of a label, on a phone

FIGURES = """(() => {
  const own = c => { const m = c.match(/[\\d.]+/g); return m && m.length < 4 ? m.slice(0, 3).map(Number) : null; };
  const luminance = rgb => { const [r, g, b] = rgb.map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) {
    const c = own(getComputedStyle(e).backgroundColor); if (c) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('article.bd-article figure.ltdd')].map(f => {
    const svg = [...f.querySelectorAll('svg[role=img]')].find(e => e.getBoundingClientRect().width);
    const boxes = [...f.querySelectorAll(':scope > div')], paper = luminance(behind(f));
    const texts = svg ? [...svg.querySelectorAll('text')].filter(t => getComputedStyle(t).fill !== 'none') : [];
    const inked = texts.filter(t => getComputedStyle(t).fill === getComputedStyle(f).color);
    const ratio = inked.map(t => { const a = luminance(own(getComputedStyle(t).fill));
      return (Math.max(a, paper) + 0.05) / (Math.min(a, paper) + 0.05); });
    const scale = svg && svg.viewBox.baseVal.width ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    const size = texts.map(t => parseFloat(getComputedStyle(t).fontSize) * scale);
    const named = f.querySelector('[role=img][aria-label], [role=group][aria-label], img[alt]');
    return {id: f.id, cut: Math.max(0, ...boxes.map(b => b.scrollWidth - b.clientWidth)),
      caption: f.querySelector('figcaption')?.textContent ?? '',
      name: named?.getAttribute('aria-label') ?? named?.getAttribute('alt') ?? '',
      contrast: Math.min(...ratio, 21), size: Math.min(...size, 99),
      beyond: f.getBoundingClientRect().right - window.innerWidth,
      ids: [...f.querySelectorAll('[id]')].map(e => e.id)};
  });
})()"""
BARE = """[...document.querySelectorAll('article.bd-article .cell_output img')]
  .filter(i => !i.closest('figure')).map(i => i.alt)"""


@pytest.fixture(params=[(WIDE, False), (PHONE, False), (WIDE, True)], ids=["wide", "phone", "dark"])
def figures(request: pytest.FixtureRequest, page: str, visit: Callable[..., Visit]) -> list[dict[str, Any]]:
    """What the page shows of its figures, seen three ways."""
    width, dark = request.param
    return visit(page, width, dark, figures=FIGURES, bare=BARE).values["figures"]


def test_every_figure_has_a_caption_with_its_number_and_a_name(page: str, figures: list[dict[str, Any]]):
    for figure in figures:
        assert len(figure["caption"]) > 25 and len(figure["name"]) > 10, figure["id"]
        assert figure["caption"].startswith("Figure ") == page.startswith("notebooks/"), figure["id"]


def test_no_picture_of_a_cell_stands_outside_of_a_figure(page: str, visit: Callable[..., Visit]):
    assert not visit(page, WIDE, False, figures=FIGURES, bare=BARE).values["bare"]


def test_labels_are_readable(figures: list[dict[str, Any]]):
    for figure in figures:
        assert figure["contrast"] >= 4.5 and figure["size"] >= SMALLEST, figure["id"]


def test_figures_stay_in_the_window_and_share_no_identifier(figures: list[dict[str, Any]]):
    found = [name for figure in figures for name in (figure["id"], *figure["ids"])]
    assert len(set(found)) == len(found)
    assert not [figure["id"] for figure in figures if figure["beyond"] > 1]


def test_a_figure_is_seen_whole_without_scrolling(figures: list[dict[str, Any]]):
    assert not {figure["id"]: figure["cut"] for figure in figures if figure["cut"] > 1}


def test_chapters_have_figures(page: str, figures: list[dict[str, Any]]):
    assert bool(figures) or not page.startswith("notebooks/")
