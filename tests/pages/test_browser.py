"""What a reader's browser does with each page: no outside request, no error, readable on a phone and in the dark."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import Visit, read_events

WIDE, PHONE = 1400, 420  # CSS pixels

# Reported by the theme or its libraries on pages that work.
HARMLESS = (
    "Got invalid theme mode",
    "Cannot read properties of null (reading 'classList')",  # the theme's side notes, on pages without headings
)

# Elements that reach beyond the window and are not inside something that scrolls by itself.
OVERFLOW = """(() => {
  const clips = e => ['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX);
  const scrolls = e => e && (clips(e) || scrolls(e.parentElement));
  return [...document.querySelectorAll('article.bd-article *')]
    .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1 && e.offsetParent && !scrolls(e))
    .map(e => e.tagName + '.' + e.className).slice(0, 5);
})()"""

# The lowest contrast of text against what lies behind it (WCAG 2), apart from syntax colours and figures.
CONTRAST = """(() => {
  const numbers = c => c.match(/[\\d.]+/g).map(Number);
  const luminance = c => { const [r, g, b] = numbers(c).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor, n = numbers(c); if (n.length < 4 || n[3] > 0.5) return c; }
    return 'rgb(255, 255, 255)'; };
  const texts = [...document.querySelectorAll('article.bd-article *')].filter(e => e.offsetParent
    && !e.closest('.highlight, svg, .headerlink, mjx-assistive-mml')
    && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  const rows = texts.map(e => { const a = luminance(getComputedStyle(e).color), b = luminance(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return [ratio, e.tagName + ': ' + e.textContent.trim().slice(0, 40)]; });
  return {count: rows.length, lowest: rows.sort((a, b) => a[0] - b[0])[0]};
})()"""

EXPRESSIONS = {
    "formulas": "document.querySelectorAll('mjx-container').length",
    "unrendered": "document.querySelectorAll('.math:not(:has(mjx-container))').length",
    "formula_errors": "[...document.querySelectorAll('mjx-merror')].map(e => e.textContent)",
    "broken_images": "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)",
    "beyond_window": OVERFLOW,
    "cut_source": "[...document.querySelectorAll('.highlight pre:has(> span[style])')]"
    ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.slice(0, 60))",
    "page_width": "document.documentElement.scrollWidth",
    "contrast": CONTRAST,
    "background": "getComputedStyle(document.body).backgroundColor",
}


@pytest.fixture(params=[(WIDE, False), (PHONE, False), (WIDE, True)], ids=["wide", "phone", "dark"])
def visited(request: pytest.FixtureRequest, page: str, visit: Callable[..., Visit]) -> Visit:
    """The page, visited three ways."""
    width, dark = request.param
    return visit(page, width, dark, **EXPRESSIONS)


def test_a_page_asks_no_other_host_and_nothing_fails(visited: Visit):
    assert visited.requests, "the visit was not observed"
    outside = [
        url
        for url in visited.requests
        if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).hostname != "127.0.0.1"
    ]
    assert not outside
    assert not visited.failures


def test_a_page_has_no_script_error(visited: Visit):
    assert not [error for error in visited.errors if not any(known in error for known in HARMLESS)]


def test_formulas_and_images_are_shown(page: str, html: Path, visited: Visit):
    assert visited.values["unrendered"] == 0
    assert not visited.values["formula_errors"]
    assert (visited.values["formulas"] > 0) is ('class="math' in (html / page).read_text())
    assert not visited.values["broken_images"]


def test_a_page_fits_a_phone(page: str, visit: Callable[..., Visit]):
    values = visit(page, PHONE, False, **EXPRESSIONS).values
    assert not values["beyond_window"]
    assert values["page_width"] <= PHONE


def test_no_line_of_the_package_s_source_is_cut(visited: Visit):
    assert not visited.values["cut_source"]


def test_text_is_readable(visited: Visit):
    contrast = visited.values["contrast"]
    assert contrast["count"] > 0
    assert contrast["lowest"][0] >= 4.5, contrast["lowest"][1]


def test_dark_is_dark(page: str, visit: Callable[..., Visit]):
    light, dark = (visit(page, WIDE, mode, **EXPRESSIONS).values["background"] for mode in (False, True))
    assert light != dark


def test_the_observer_sees_outside_requests_failures_and_errors():
    """Each kind of event lands where the tests above look for it."""
    seen = read_events(
        [
            {"method": "Network.requestWillBeSent", "params": {"request": {"url": "https://cdn.example/x.js"}}},
            {"method": "Network.responseReceived", "params": {"response": {"status": 404, "url": "/y"}}},
            {"method": "Network.loadingFailed", "params": {"errorText": "net::ERR"}},
            {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": {"text": "SyntaxError"}}},
        ]
    )
    assert seen.requests == ["https://cdn.example/x.js"]
    assert (len(seen.failures), seen.errors) == (2, ["SyntaxError"])
