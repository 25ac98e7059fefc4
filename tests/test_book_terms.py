"""Words of the glossary: which are linked on a page, once each, and what a link hints."""

import importlib.util
from pathlib import Path

import pytest
from docutils import nodes

BOOK = Path(__file__).parents[1] / "book"
GLOSSARY = """# Words

```{glossary}
:sorted:

Imbalance factor (IF)
  Images in the largest class by those in the smallest, $n / m$.
  A balanced set has 1.

Expert
  A network trained on the long tail {cite:p}`some2020`.

Representation expert, classifier expert
  Paper 1 trains [the backbone](there.md) first.

Random, *Herding*
  Ways to choose.

Labels, logits
  Labels are integers.
  Logits are what a network returns.
```
"""


@pytest.fixture(scope="module")
def module():
    spec = importlib.util.spec_from_file_location("book_terms", BOOK / "_ext" / "book_terms.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def links(module, *texts):
    """The words that are linked in some texts of one page, with their entries; no letter of a text may be lost."""
    known, seen, found = module.terms(GLOSSARY.replace("*", "")), set(), []
    for text in texts:
        parts = list(module.linked(text, known, module.pattern_of(known), seen, "a/page"))
        assert "".join(part.astext() for part in parts) == text
        found += [(part.astext(), part["reftarget"]) for part in parts if not isinstance(part, nodes.Text)]
    return found


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Two experts, and an expert."], [("experts", "Expert")]),
        (["Experts", "the expert"], [("Experts", "Expert")]),  # once on a page
        (["classifier experts"], [("classifier experts", "Representation expert, classifier expert")]),  # the longest
        (["IF 100, if any"], [("IF", "Imbalance factor (IF)")]),  # an abbreviation is not the word "if"
        (["an imbalance factor", "IF"], [("imbalance factor", "Imbalance factor (IF)")]),
        (["expertise, unexpert, random images"], []),  # parts of words, everyday words
    ],
)
def test_the_first_mention_of_a_word_is_a_link(module, texts, expected):
    assert links(module, *texts) == expected


def test_a_hint_is_the_first_sentence_without_markup(module):
    hints = {term.entry: term.hint for term in module.terms(GLOSSARY)}
    assert hints["Labels, logits"] == "Logits are what a network returns."  # the word's own, since "labels" is everyday
    assert hints["Imbalance factor (IF)"] == "Images in the largest class by those in the smallest."
    assert hints["Expert"] == "A network trained on the long tail."
    assert hints["Representation expert, classifier expert"] == "Paper 1 trains the backbone first."


def test_each_entry_of_the_books_glossary_has_a_word_and_a_plain_hint(module):
    text = (BOOK / "glossary.md").read_text(encoding="utf-8")
    known = module.terms(text)
    assert {"judge", "DAM", "IDM", "Mosaic", "IF"} <= {term.word for term in known}
    assert not [
        term.hint for term in known if set(term.hint) & set("$`{}") or "](" in term.hint or not term.hint[0].isupper()
    ]


def test_headings_tables_code_and_formulas_stay_as_they_are(module, tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "glossary.md").write_text(GLOSSARY, encoding="utf-8")
    page = nodes.document(None, None)
    apart = (nodes.title, nodes.literal, nodes.literal_block, nodes.math, nodes.reference, nodes.caption)
    page += [kind("", "expert") for kind in apart]
    page += nodes.paragraph("", "", nodes.strong("", "expert"))

    class Env:
        docname = "notebooks/03_name"

    class App:
        srcdir, env = tmp_path, Env

    module.link_terms(App, page)
    (link,) = [node for node in page.findall(nodes.Element) if node.get("reftype") == "term"]
    assert isinstance(link.parent, nodes.strong)
    App.env.docname = "book/glossary"
    same = nodes.document(None, None)
    same += nodes.paragraph("", "expert")
    module.link_terms(App, same)
    assert not [node for node in same.findall(nodes.Element) if node.get("reftype")]
