"""The first mention of a glossary's word on a page is a link to its entry, with the entry's first sentence as a hint.

The sources stay plain Markdown, as notebooks show it.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import book_fixes
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

GLOSSARY = "book/glossary"
ENTRY = re.compile(r"^(?P<entry>\S.*)\n(?P<text>(?:  \S.*\n)+)", re.MULTILINE)  # a name, and below it a sentence a line
SHORT = re.compile(r"(?P<long>.+) \((?P<short>.+)\)")
MARKUP = (
    (re.compile(r",? ?\$[^$]*\$"), ""),
    (re.compile(r" ?\{cite:\w\}`[^`]*`"), ""),
    (re.compile(r"\[([^]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"[`*]"), ""),
)
# Words that pages also use in their everyday meaning.
EVERYDAY = {"cell", "control", "few", "head", "labels", "many", "medium", "random", "record", "scale", "snapshot"}
APART = (*book_fixes.APART, nodes.caption, nodes.table, nodes.math, nodes.math_block, nodes.Invisible)


class Term(NamedTuple):
    """A word, the entry of the glossary that explains it, and its sentence there: that it begins, else the first."""

    word: str
    entry: str
    hint: str


@functools.cache  # every page asks for the same
def terms(glossary: str) -> tuple[Term, ...]:
    """The words of a glossary in Markdown, the longest first; an entry may explain several, divided by commas."""
    found = []
    for match in ENTRY.finditer(glossary):
        text = match["text"]
        for pattern, instead in MARKUP:
            text = pattern.sub(instead, text)
        sentences = [line.strip() for line in text.splitlines()]
        for name in re.split(r"[,;] ", match["entry"]):
            both = SHORT.fullmatch(name)
            words = [word for word in (both.groups() if both else (name,)) if word.lower() not in EVERYDAY]
            own = re.compile(rf"(?:an? |the )?{re.escape(name)}\b", re.IGNORECASE)
            begun = [sentence for sentence in sentences if own.match(sentence)]
            found += [Term(word, match["entry"], (begun or sentences)[0]) for word in words]
    return tuple(sorted(found, key=lambda term: -len(term.word)))


@functools.cache
def pattern_of(known: tuple[Term, ...]) -> re.Pattern[str]:
    """What finds any of the words, each as a group: abbreviations as they are, others with a small first letter too."""
    return re.compile(rf"\b(?:{'|'.join(f'({_spelt(term.word)})' for term in known)})\b") if known else re.compile("$^")


def _spelt(word: str) -> str:
    if any(letter.isupper() for letter in word[1:]):
        return re.escape(word)
    return f"[{word[0].upper()}{word[0].lower()}]{re.escape(word[1:])}s?"


def linked(
    text: str, known: tuple[Term, ...], pattern: re.Pattern[str], seen: set[str], page: str
) -> Iterator[nodes.Node]:
    """The text with links at the words whose entries were not seen before; these are seen from here on."""
    end = 0
    for mention in pattern.finditer(text):
        term = known[mention.lastindex - 1]
        if term.entry in seen:
            continue
        seen.add(term.entry)
        yield nodes.Text(text[end : mention.start()])
        target = {"refdomain": "std", "reftype": "term", "reftarget": term.entry, "refdoc": page, "refexplicit": True}
        yield addnodes.pending_xref("", nodes.inline("", mention[0], hint=term.hint), **target)
        end = mention.end()
    yield nodes.Text(text[end:])


def link_terms(app: Sphinx, doctree: nodes.document) -> None:
    """Link the first mentions on a page; the glossary itself, headings, tables, code and formulas stay as they are."""
    page, seen = app.env.docname, set()
    source = Path(app.srcdir, f"{GLOSSARY}.md")
    if page == GLOSSARY or not source.is_file():
        return
    known = terms(source.read_text(encoding="utf-8"))
    pattern = pattern_of(known)
    for text in book_fixes.mentions(doctree, pattern, APART):
        text.parent.replace(text, list(linked(str(text), known, pattern, seen, page)))


def hint_terms(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Give each link to an entry its hint: Sphinx has put the marked words into a reference meanwhile."""
    for words in doctree.findall(nodes.inline):
        if "hint" in words and isinstance(words.parent, nodes.reference):
            words.parent["reftitle"] = words["hint"]
            words.parent["classes"].append("ltdd-term")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-read", link_terms)
    app.connect("doctree-resolved", hint_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
