"""Write the README's table of chapters, with a Colab badge each; ``--check`` only says whether it is up to date."""

import argparse
import sys
from pathlib import Path

from notebook_pairs import ROOT, chapters, colab_url, title

BEGIN, END = "<!-- chapters:begin -->", "<!-- chapters:end -->"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


def table(root: Path = ROOT) -> str:
    """One row per chapter: its title, linked to the notebook, and the badge."""
    rows = ["| chapter | run it |", "|---|---|"]
    for source in chapters(root):
        link = f"[{title(source)}](notebooks/{source.stem}.ipynb)"
        rows.append(f"| {source.stem[:2]} {link} | [![Open in Colab]({BADGE})]({colab_url(source.stem, root)}) |")
    return "\n".join(rows)


def updated(text: str, root: Path = ROOT) -> str:
    """The README with its table of chapters as it should be."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table(root)}\n{END}{rest.split(END)[1]}"


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
