"""Write the README's table of chapters and its links to the book; ``--check`` only says whether they are up to date.

Until the address of the repository is known, the links that need it are left out.
"""

import argparse
import sys
from pathlib import Path

from notebook_pairs import ROOT, chapters, colab_url, is_known, repository_url, site_url, title

BEGIN, END = "<!-- chapters:begin -->", "<!-- chapters:end -->"
ADDRESS = ("<!-- address:begin -->", "<!-- address:end -->")
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


def table(root: Path = ROOT) -> str:
    """One row per chapter: its title, linked to the notebook, and Colab's badge where the address is known."""
    known = is_known(root)
    rows = ["| chapter | run it |", "|---|---|"] if known else ["| chapter |", "|---|"]
    for source in chapters(root):
        link = f"[{title(source)}](notebooks/{source.stem}.ipynb)"
        badge = f" [![Open in Colab]({BADGE})]({colab_url(source.stem, root)}) |" if known else ""
        rows.append(f"| {source.stem[:2]} {link} |{badge}")
    return "\n".join(rows)


def links(root: Path = ROOT) -> str:
    """Where the rendered book is and how to clone; before the address is known, how to read it and to set that."""
    if is_known(root):
        return (
            f"**[Read the book]({site_url(root)})**, or `git clone {repository_url(root)}` and [run it](#two-commands)."
        )
    return (
        "To read the book, run [`make book`](#two-commands) in a clone: the notebooks of the repository have no "
        "outputs. (`make repository URL=https://github.com/OWNER/NAME` sets the address that links to a rendered book "
        "and to Colab need.)"
    )


def updated(text: str, root: Path = ROOT) -> str:
    """The README with its table of chapters and its links as they should be."""
    for (begin, end), part in (((BEGIN, END), table(root)), (ADDRESS, links(root))):
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{part}\n{end}{rest.split(end)[1]}"
    return text


def main() -> int:
    """Write the table, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if the table is stale")
    options = parser.parse_args()
    readme = ROOT / "README.md"
    text = updated(readme.read_text())
    if options.check:
        return int(text != readme.read_text())
    readme.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
