"""The numbers of the page of questions are what its blocks print."""

import contextlib
import io
import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "book" / "faq.md"


def test_the_blocks_print_what_the_page_says():
    found = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(found) == PAGE.read_text().count("```python") >= 2
    names: dict[str, object] = {}
    for code, shown in found:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, names)
        assert printed.getvalue() == shown
