"""The words "chapter 07" are a link on a page of the book, and nothing else is."""

import importlib.util
from pathlib import Path

import pytest

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
