"""A chapter opens and ends like a lesson, and the book says how long it takes."""

import re
from pathlib import Path

import jupytext
import lessons
import nbformat
import notebook_pairs
import pytest

CHAPTERS = notebook_pairs.chapters()
RESULTS = ("07", "12", "13", "14", "15", "16", "17", "18")
each_chapter = pytest.mark.parametrize("source", CHAPTERS, ids=lambda path: path.stem)


def text_of(source: Path) -> list[str]:
    return [text for kind, text, _ in notebook_pairs.cells(jupytext.read(source)) if kind == "markdown"]


@each_chapter
def test_it_opens_with_what_it_needs_and_what_it_teaches(source: Path):
    first, number = text_of(source)[0], source.stem[:2]
    needed = re.search(r"^\*Builds on (.*)\*$", first, flags=re.MULTILINE)
    assert (needed is None) == (number == "00")
    assert needed is None or all(other < number for other in re.findall(r"\d\d", needed[1]))
    goals = first.partition("> **After this chapter you can**")[2]
    assert len(re.findall(r"^> - ", goals.partition("\n\n")[0], flags=re.MULTILINE)) == 3
    assert ("> **In short**" if number in RESULTS else "> **In one minute.**") in first


@each_chapter
def test_it_ends_with_questions_exercises_and_what_is_next(source: Path):
    whole = "\n".join(text_of(source))
    quick = whole.partition("## Check yourself")[2].partition("## Exercises")[0]
    assert quick.count("<details><summary>") == quick.count("</details>") == 3
    assert all(name.endswith("?") for name in re.findall(r"<summary>(.*?)</summary>", quick))
    exercises = whole.partition("## Exercises")[2]
    assert len(re.findall(r"^> \*\*\d\.\*\*", exercises, flags=re.MULTILINE)) >= 3
    assert "\n**Next:** " in exercises
    order = ["## What we saw", *(["## Remember"] if source.stem[:2] in RESULTS else []), "## Check yourself"]
    places = [whole.index(heading) for heading in order]
    assert places == sorted(places)


@each_chapter
def test_no_formula_stands_where_html_is_taken_as_it_is(source: Path):
    summaries = re.findall(r"<summary>(.*?)</summary>", "\n".join(text_of(source)))
    assert not [text for text in summaries if re.search(r"[$`]|(?<!\w)\*\w", text)]


def chapter(*sources: str, seconds: float = 41.4) -> nbformat.NotebookNode:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source) for source in sources])
    notebook.metadata["papermill"] = {"duration": seconds}
    return notebook


def test_the_times_stand_under_the_title():
    first = lessons.with_times(chapter("# Title\n\nText.", "word " * 400)).cells[0].source
    assert first == "# Title\n\n*About 2 minutes to read. It ran in 41 seconds when this page was built.*\n\nText."


def test_the_times_are_in_one_paragraph_with_what_the_chapter_needs():
    first = lessons.with_times(chapter("# Title\n\n*Builds on chapter 01.*\n\nText.")).cells[0].source
    assert first.endswith("built.*\n*Builds on chapter 01.*\n\nText.")


def test_folded_answers_are_not_counted_and_no_time_is_zero():
    folded = "<details><summary>Why?</summary>\n\n" + "word " * 4000 + "\n\n</details>"
    first = lessons.with_times(chapter("# Title", folded, seconds=0.2)).cells[0].source
    assert "*About 1 minute to read. It ran in 1 second when" in first


def test_a_chapter_without_a_title_is_refused():
    with pytest.raises(ValueError, match="begins with 'Text'"):
        lessons.with_times(chapter("Text"))
