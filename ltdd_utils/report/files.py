"""Write the book's reproduction page, and the tables of five other pages, from the records and benchmarks.

``--check`` writes nothing.

Records that the clone does not track are a reader's own and stay out of all of them. Run as
``python -m ltdd_utils.report``, or ``make report``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ltdd_utils.analysis.published import compare
from ltdd_utils.core.files import write_atomic
from ltdd_utils.core.paths import ROOT
from ltdd_utils.recipes.recipe import names
from ltdd_utils.records.clone import committed
from ltdd_utils.records.published import targets
from ltdd_utils.records.table import load
from ltdd_utils.report.answers import answers_table
from ltdd_utils.report.campaign import campaign_section
from ltdd_utils.report.elements import elements_table, scope_table, states_table
from ltdd_utils.report.headline import headline_table
from ltdd_utils.report.luck import example, luck_tables
from ltdd_utils.report.page import opening, reproduction_page
from ltdd_utils.report.speed import costs_table, precision_tables, speed_tables
from ltdd_utils.report.status import explained

__all__ = [
    "ANSWERS",
    "BEGIN",
    "COSTS",
    "COUNTS",
    "ELEMENTS",
    "END",
    "EXAMPLE",
    "HEADLINE",
    "LUCK",
    "PRECISION",
    "SCOPE",
    "SPEED",
    "main",
    "stale",
    "with_part",
]

BEGIN, END = "<!-- status:begin -->", "<!-- status:end -->"
HEADLINE = ("<!-- headline:begin -->", "<!-- headline:end -->")
SCOPE = ("<!-- scope:begin -->", "<!-- scope:end -->")
COUNTS = ("<!-- counts:begin -->", "<!-- counts:end -->")
ELEMENTS = ("<!-- elements:begin -->", "<!-- elements:end -->")
COSTS = ("<!-- costs:begin -->", "<!-- costs:end -->")
SPEED = ("<!-- speed:begin -->", "<!-- speed:end -->")
PRECISION = ("<!-- precision:begin -->", "<!-- precision:end -->")
ANSWERS = ("<!-- answers:begin -->", "<!-- answers:end -->")
EXAMPLE = ("<!-- example:begin -->", "<!-- example:end -->")
LUCK = ("<!-- luck:begin -->", "<!-- luck:end -->")


def with_part(text: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """A text with what stands between two markers replaced.

    Raises:
        ValueError: the text does not have the two markers, each once and in order.
    """
    before, first, rest = text.partition(begin)
    _, second, after = rest.partition(end)
    if not first or not second or begin in rest or end in after:
        raise ValueError(f"the page needs the line {begin} and below it the line {end}, each once")
    return f"{before}{begin}\n{table}\n{end}{after}"


def _files(root: Path) -> dict[Path, str]:
    """The texts of the files."""
    records, known = load(root / "results", committed_only=True), names()
    published = targets(root / "results" / "targets.csv")
    readme, first = root / "README.md", root / "book" / "intro.md"
    headline = headline_table(records, published)
    table, elements = compare(records, published, known), root / "book" / "elements.md"
    summary, speed = f"{opening(table)}\n\n{explained(table)}", root / "book" / "speed.md"
    listed = with_part(elements.read_text(encoding="utf-8"), scope_table(table), *SCOPE)
    count = root / "book" / "counting.md"
    counted = with_part(count.read_text(encoding="utf-8"), example(records), *EXAMPLE)
    return {
        count: with_part(counted, luck_tables(root / "results" / "variance"), *LUCK),
        speed: _speed(speed, root / "results"),
        elements: with_part(with_part(listed, elements_table(table), *ELEMENTS), states_table(listed), *COUNTS),
        root / "book" / "reproduction.md": reproduction_page(records, published, known) + _to_run(root / "results"),
        first: _front(first, headline, answers_table(records, "../notebooks")),
        readme: with_part(_front(readme, headline, answers_table(records, "notebooks")), summary),
    }


def _speed(page: Path, results: Path) -> str:
    """The page on speed with its tables."""
    text, benchmarks = page.read_text(encoding="utf-8"), results / "benchmarks"
    text = with_part(text, costs_table(committed(results)), *COSTS)
    return with_part(with_part(text, speed_tables(benchmarks), *SPEED), precision_tables(benchmarks), *PRECISION)


def _front(page: Path, headline: str, answers: str) -> str:
    """A first page with its two tables."""
    return with_part(with_part(page.read_text(encoding="utf-8"), headline, *HEADLINE), answers, *ANSWERS)


def _to_run(results: Path) -> str:
    """The open runs of the book's campaigns; nothing where there is no campaign."""
    plans = sorted((results / "campaigns").glob("*.toml"))
    return "\n" + campaign_section(plans, committed(results)) if plans else ""


def stale(root: Path = ROOT) -> list[Path]:
    """The generated files that are not what the records say."""
    return [
        path for path, text in _files(root).items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with ``--check`` name those that are stale; 1 if there are any, 2 if a record is bad."""
    parser = argparse.ArgumentParser(prog="python -m ltdd_utils.report", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if a file is stale")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the repository")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            old = stale(options.root)
            for path in old:
                print(f"{path} is stale: run `make report`")
            return int(bool(old))
        for path, text in _files(options.root).items():
            write_atomic(path, text)
    except (ValueError, OSError) as error:
        print(f"report: error: {error}", file=sys.stderr)
        return 2
    return 0
