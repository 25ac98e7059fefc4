"""The page of bad inputs: each row is run, ends as the page promises, and is written there as it is said."""

import re

import bad_input
import pytest

pytestmark = pytest.mark.float32


@pytest.mark.parametrize("case", bad_input.CASES, ids=lambda case: case.given)
def test_one_line_exit_code_2_and_nothing_half_written(case):
    status, out, err, came = bad_input.said(case)
    assert (status, out) == (2, ""), (status, out, err)
    assert err.startswith("ltdd: error: ") and err.count("\n") == 1 and "Traceback" not in err
    whole = ("work/", "data/ltdd-cache/")  # finished stages, and pixels that were read
    assert not [name for name in came if not name.startswith(whole) or name.endswith(".part")]
    page = [_own_words(line) for line in bad_input.PAGE.read_text().splitlines()]
    assert _own_words(bad_input.row(case, err)) in page, "run `python tools/bad_input.py`"


def _own_words(line):
    """Without what stands in brackets, where a message quotes a library: its words change with its version."""
    return re.sub(r" \([^()]*\)", "", line)


def test_the_page_has_the_rows_of_the_cases_and_no_others():
    page = bad_input.PAGE.read_text()
    assert f"This page shows {len(bad_input.CASES)} such inputs" in page
    tables = page[page.index(f"\n## {bad_input.CASES[0].group}\n") :]
    rows = [line for line in tables.splitlines() if line.startswith("| ") and not line.startswith("| what is given")]
    assert len(rows) == len(bad_input.CASES) >= 40
    assert all(case.given in row for case, row in zip(bad_input.CASES, rows, strict=True))


def test_the_command_of_a_row_is_its_own_or_the_one_above_its_table_with_options():
    page = bad_input.PAGE.read_text()
    for case in bad_input.CASES:
        above = bad_input.typed(bad_input.BASES[case.group])
        own = re.findall(r"<br>`([^`]+)`", bad_input.row(case, ""))
        assert " ".join(own) == bad_input.typed(case.arguments) or (
            f"The command is `{above}`." in page and " ".join([above, *own]) == bad_input.typed(case.arguments)
        )


def test_the_message_that_is_taken_apart_says_place_value_and_remedy():
    (line,) = re.findall(r"^> `ltdd: error: (.+)`$", bad_input.PAGE.read_text(), flags=re.MULTILINE)
    place, value, remedy = (part.strip("`") for part in bad_input.anatomy(line).values())
    assert f"{place}: {value}; {remedy}" == line and all((place, value, remedy))
    assert f"| the remedy | `{remedy}` |" in bad_input.PAGE.read_text()
