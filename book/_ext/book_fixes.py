"""Small repairs of the rendered pages: links from "chapter 07", tables for phones, what sites show of a link."""

import html
import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

MENTION = re.compile(
    r"\b[Cc]hapter \d\d\b|\b[Cc]hapters \d\d(?:(?:,| and| or| to|, and) \d\d)*\b"
)  # chapters 07, 12 and 13
SHORTEST, LONGEST = 40, 200  # letters of a description
WORDY, MOST = 20, 5  # letters of a cell that is a text; columns of a table that phones show as one
SHARED = "Ten classes from airplane to truck: real images, and what two methods made of them"  # share.png
NUMBER = re.compile(r"\d\d")
APART = (nodes.reference, nodes.title, nodes.literal, nodes.literal_block, nodes.raw, addnodes.pending_xref)


def drop_repeated_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Keep one of equal inline scripts: sphinx-thebe adds its own twice, and the second stops with a SyntaxError."""
    unique: dict[str, object] = {}
    for script in context.get("script_files", []):
        body = getattr(script, "attributes", {}).get("body")
        unique.setdefault(body or f"file {script}", script)
    context["script_files"] = list(unique.values())


def describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Title, description and picture of a page for sites that show links to it; nothing is asked of any of them.

    A picture needs the address of the published book, so there is none while that is not known.
    """
    if doctree is None:
        return
    paragraphs = (paragraph.astext() for paragraph in doctree.findall(nodes.paragraph))
    words = " ".join(next((text for text in paragraphs if len(text) > SHORTEST), app.config.html_title).split())
    words = words if len(words) <= LONGEST else f"{words[:LONGEST].rpartition(' ')[0]} ..."
    tags = {"og:type": "article", "og:site_name": app.config.html_title, "og:title": context.get("title", "")}
    tags |= {"og:description": words, "twitter:card": "summary_large_image"}
    if site := app.config.html_baseurl:
        tags |= {"og:url": f"{site}{page}.html", "og:image": f"{site}_static/share.png", "og:image:alt": SHARED}
    made = [f'<meta property="{name}" content="{html.escape(text)}" />' for name, text in tags.items()]
    made.append(f'<meta name="description" content="{html.escape(words)}" />')
    context["metatags"] = context.get("metatags", "") + "\n".join(made)


def link_chapters(app: Sphinx, doctree: nodes.document) -> None:
    """Make a link of each chapter's number in the text; the sources stay plain Markdown, as notebooks show it."""
    chapters = {name.split("/")[1][:2]: name for name in app.env.found_docs if name.startswith("notebooks/")}
    own = chapters.get(app.env.docname.rpartition("/")[2][:2]) == app.env.docname and app.env.docname
    for text in mentions(doctree, MENTION, APART):
        text.parent.replace(text, list(_linked(str(text), chapters, own)))


def label_tables(app: Sphinx, doctree: nodes.document) -> None:
    """Mark tables for phones: rows of words are shown as lines, each with the head of its column; others scroll."""
    for table in doctree.findall(nodes.table):
        rows = [list(row.children) for row in table.findall(nodes.row)]
        texts = [[cell.astext() for cell in row] for row in rows]
        if len({len(row) for row in texts}) != 1 or len(texts) < 2 or not list(table.findall(nodes.thead)):
            continue
        wordy = [max(map(len, column)) > WORDY for column in zip(*texts[1:], strict=True)]
        if len(wordy) > 2 and wordy[0]:
            table["classes"].append("names")
        if len(wordy) <= MOST and sum(wordy) >= 2:
            table["classes"].append("words")
            for cell, head in ((cell, head) for row in rows[1:] for cell, head in zip(row, texts[0], strict=True)):
                if cell.astext():
                    cell["head"] = head


def visit_entry(writer: nodes.NodeVisitor, node: nodes.Element) -> None:
    """A cell as the writer has it, with the head of its column where a phone needs that."""
    type(writer).visit_entry(writer, node)
    if "head" in node:
        cell = writer.body[-1].replace("<td", f'<td data-head="{html.escape(node["head"])}"', 1)
        writer.body[-1] = cell


def depart_entry(writer: nodes.NodeVisitor, node: nodes.Element) -> None:
    """The end of a cell, as the writer has it."""
    type(writer).depart_entry(writer, node)


def declare_safe(app: Sphinx, env: object, names: list[str]) -> None:
    """Let pages be read side by side: these two do not say whether they allow it, and keep nothing while reading.

    The one acts where LaTeX is built, the other numbers the sections once all pages have been read.
    """
    for name in ("sphinx_jupyterbook_latex", "sphinx_multitoc_numbering"):
        if name in app.extensions:
            app.extensions[name].parallel_read_safe = True


def mentions(doctree: nodes.document, pattern: re.Pattern[str], apart: tuple[type, ...]) -> list[nodes.Text]:
    """The texts of a page in which a pattern is found, without those inside of nodes that are to stay as they are."""
    found = (text for text in doctree.findall(nodes.Text) if pattern.search(text))
    return [text for text in found if not any(isinstance(node, apart) for node in _above(text))]


def _above(node: nodes.Node) -> Iterator[nodes.Node]:
    while node := node.parent:
        yield node


def _linked(text: str, chapters: dict[str, str], own: str | bool) -> Iterator[nodes.Node]:
    end = 0
    for mention in MENTION.finditer(text):
        for number in NUMBER.finditer(text, mention.start(), mention.end()):
            target = chapters.get(number[0])
            if target is None or target == own:
                continue
            first = number.start() == mention.start() + len(mention[0].split(" ")[0]) + 1
            start = mention.start() if first else number.start()  # "chapter 07" as a whole, then the numbers alone
            yield nodes.Text(text[end:start])
            words = text[start : number.end()]
            link = addnodes.pending_xref("", refdomain="std", reftype="doc", reftarget=f"/{target}", refexplicit=True)
            link += nodes.inline(words, words, classes=["xref", "std", "std-doc"])
            yield link
            end = number.end()
    yield nodes.Text(text[end:])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", drop_repeated_scripts, priority=900)
    app.connect("html-page-context", describe)
    app.connect("doctree-read", link_chapters)
    app.connect("doctree-read", label_tables)
    app.add_node(nodes.entry, override=True, html=(visit_entry, depart_entry))
    app.connect("env-before-read-docs", declare_safe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
