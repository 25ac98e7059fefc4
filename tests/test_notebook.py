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
    tags = r"(?=(?:</?details[^>]*>|</?summary>)*(?:<span style=|</pre>))"
    return re.findall(rf"<span style=.*?\n</span>{tags}", shown, flags=re.DOTALL)


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


def test_a_docstring_shows_its_first_line_and_opens():
    """Only what is longer than a line is folded, and nothing but docstrings."""
    shown = notebook.source(train).data
    (folded,) = re.findall(r'<details class="ltdd-doc"><summary>(.*?)</summary>(.*?)</details>', shown, flags=re.DOTALL)
    first, rest = (html.unescape(re.sub("<[^>]+>", "", part)) for part in folded)
    assert first == f'    """{train.__doc__.splitlines()[0]}\n'
    assert (first + rest).strip() == f'"""{train.__doc__.strip()}\n    """'
    assert notebook.docstrings("def f():\n    '''One line.'''\n    return '''a\n b'''\n") == []


def test_statements_that_a_cell_checks_are_counted_by_their_source():
    cell = "for x in y:\n    assert x > 0, 'said'\ntorch.testing.assert_close(a, b)\nassert_close = 1\nassert all(z)"
    found = notebook.checks(cell)
    assert found == ["assert x > 0, 'said'", "torch.testing.assert_close(a, b)", "assert all(z)"]
    assert notebook.checks("%time 1") == []


@pytest.fixture
def shell():
    """An IPython of the tests' own, which the count listens to."""
    testing = pytest.importorskip("IPython.core.interactiveshell")
    one = testing.InteractiveShell.instance()
    notebook.CHECKS.clear()
    one.events.register("post_run_cell", notebook._note)
    yield one
    one.events.unregister("post_run_cell", notebook._note)
    testing.InteractiveShell.clear_instance()
    notebook.CHECKS.clear()


def test_only_checks_that_held_count_and_a_cell_that_runs_again_counts_once(shell, capsys):
    for cell in ("assert 1 < 2", "assert 1 < 2", "b = 3\nassert b == 3\nassert b", "assert b == 4"):
        shell.run_cell(cell)
    capsys.readouterr()
    shown = notebook.checked().data
    assert "✓ 3 statements of this chapter" in shown
    assert "assert b == 3\nassert b</pre>" in shown and "b == 4" not in shown
    shell.run_cell("b = 4\nassert b == 4")
    assert "✓ 4 statements" in notebook.checked().data


def test_checks_outside_of_a_notebook_are_refused():
    with pytest.raises(RuntimeError, match="call it in a cell"):
        notebook.checked()
