"""What chapters call: the source of the package on the page, whole and never out of sight."""

import html
import inspect
import re

import pytest

from ltdd_utils import notebook
from ltdd_utils.data import class_counts
from ltdd_utils.teachers import DebiasedObjective
from ltdd_utils.training import train


def lines_of(shown: str) -> list[str]:
    return re.findall(r"<span style=.*?\n</span>(?=<span style=|</pre>)", shown, flags=re.DOTALL)


@pytest.mark.parametrize("thing", [class_counts, train, DebiasedObjective], ids=lambda thing: thing.__name__)
def test_source_on_a_page_is_the_source(thing):
    """Character by character, highlighted; a line per line."""
    shown = notebook.source(thing).data
    text = inspect.getsource(thing)
    inside = shown[shown.index("<pre>") : shown.index("</pre>")]
    assert html.unescape(re.sub("<[^>]+>", "", inside)) == text
    assert '<span class="k">def</span>' in inside
    assert len(lines_of(shown)) == len(text.splitlines())


def test_the_rest_of_a_long_line_hangs_below_its_first():
    text = inspect.getsource(train).splitlines()
    for line, shown in zip(text, lines_of(notebook.source(train).data), strict=True):
        padding, indent = map(int, re.search(r"padding-left: (\d+)ch; text-indent: -(\d+)ch", shown).groups())
        assert padding == indent > len(line) - len(line.lstrip())
        assert "pre-wrap" in shown
