"""The words "chapter 07" are a link on a page and nothing else is; tables of words are marked for phones."""

import importlib.util
from pathlib import Path

import pytest
from docutils import nodes

PATH = Path(__file__).parents[1] / "book" / "_ext" / "book_fixes.py"
CHAPTERS = {f"{n:02}": f"notebooks/{n:02}_name" for n in range(16)}


@pytest.fixture(scope="module")
def fixes():
    spec = importlib.util.spec_from_file_location("book_fixes", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "own", "links"),
    [
        ("as chapter 07 shows", None, [("chapter 07", "07")]),
        ("Chapters 07, 12 and 13 say", None, [("Chapters 07", "07"), ("12", "12"), ("13", "13")]),
        ("chapter 07, and 12 images", None, [("chapter 07", "07")]),
        ("chapter 07 and chapter 08", "notebooks/07_name", [("chapter 08", "08")]),
        ("chapter 99, the chapter 1 and 07", None, []),
    ],
)
def test_the_number_of_a_chapter_is_a_link_and_no_word_is_lost(fixes, text, own, links):
    parts = list(fixes._linked(text, CHAPTERS, own))
    assert "".join(part.astext() for part in parts) == text
    found = [(part.astext(), part["reftarget"]) for part in parts if hasattr(part, "attributes")]
    assert found == [(words, f"/{CHAPTERS[number]}") for words, number in links]


def table(*rows):
    """A page that has nothing but a table, its first row the head."""
    group = nodes.tgroup("", cols=len(rows[0]))
    for part, some in ((nodes.thead(), rows[:1]), (nodes.tbody(), rows[1:])):
        for row in some:
            part += nodes.row("", *(nodes.entry("", nodes.paragraph(text=text)) for text in row))
        group += part
    page = nodes.document(None, None)
    page += nodes.table("", group)
    return page


LONG = "a sentence of more letters than a number has"


@pytest.mark.parametrize(
    ("rows", "classes"),
    [
        ((["part", "where", "how far"], ["DAM", LONG, LONG]), ["words"]),
        ((["part", "where", "how far"], [LONG, LONG, ""]), ["names", "words"]),
        ((["a long name", "1", "2"], [LONG, "3", "4"]), ["names"]),
        ((["word", "meaning"], [LONG, LONG]), ["words"]),
        ((["a", "b", "c"], ["1", "2", "3"]), []),
        ((list("abcdef"), ["", *[LONG] * 5]), []),
    ],
)
def test_a_table_of_words_is_marked_and_each_cell_knows_its_head(fixes, rows, classes):
    page = table(*rows)
    fixes.label_tables(None, page)
    (found,) = page.findall(nodes.table)
    assert found["classes"] == classes
    cells = list(found.findall(nodes.entry))[len(rows[0]) :]
    told = [head if "words" in classes and text else None for head, text in zip(*rows, strict=True)]
    assert [cell.get("head") for cell in cells] == told
