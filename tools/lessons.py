"""What stands under the title of a chapter in the book: how long it takes to read, and how long it took to run."""

import re

import nbformat

WORDS_PER_MINUTE = 200  # of a text with formulas
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)


def reading_minutes(notebook: nbformat.NotebookNode) -> int:
    """Minutes to read the text of a chapter, without folded answers and code; at least 1."""
    texts = (FOLDED.sub("", cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    return max(1, round(sum(len(text.split()) for text in texts) / WORDS_PER_MINUTE))


def with_times(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The same executed chapter, with both times under its title.

    Raises:
        ValueError: the first cell does not begin with a title.
    """
    first = notebook.cells[0]
    title, _, rest = first.source.partition("\n")
    if not (first.cell_type == "markdown" and title.startswith("# ")):
        raise ValueError(f"a chapter begins with {title!r}; begin its first markdown cell with `# Title`")
    minutes, seconds = reading_minutes(notebook), max(1, round(notebook.metadata.papermill.duration))
    count = "1 minute" if minutes == 1 else f"{minutes} minutes"
    time = "1 second" if seconds == 1 else f"{seconds} seconds"
    times, rest = f"*About {count} to read. It ran in {time} when this page was built.*", rest.lstrip("\n")
    between = "\n" if rest.startswith("*Builds on ") else "\n\n"  # in one paragraph with what the chapter needs
    first.source = f"{title}\n\n{times}{between}{rest}"
    return notebook
