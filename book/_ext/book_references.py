"""The list of references: labelled as they are cited, by author and year, and with the names that the book uses."""

from collections.abc import Iterator

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting import toplevel
from pybtex.style.formatting.alpha import Style as AlphaStyle
from pybtex.style.labels.alpha import LabelStyle as AlphaLabels
from pybtex.style.template import Node, field, optional, sentence, tag
from sphinx.application import Sphinx

STYLE = "names_and_years"


class Labels(AlphaLabels):
    """Labels such as "Zhao and Bilen, 2021", with a letter where two papers would have the same."""

    def format_label(self, entry: Entry) -> str:
        """The label of one paper."""
        names = [str(Text.from_latex(" ".join(who.prelast_names + who.last_names))) for who in entry.persons["author"]]
        who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        return f"{who}, {entry.fields['year']}"


class Style(AlphaStyle):
    """The usual form of an entry, after what the book calls the paper or its method."""

    default_label_style = STYLE

    def get_inproceedings_template(self, entry: Entry) -> Node:
        """A paper of a conference."""
        return toplevel[*self._called(), super().get_inproceedings_template(entry)]

    def get_misc_template(self, entry: Entry) -> Node:
        """A preprint or a report."""
        return toplevel[*self._called(), super().get_misc_template(entry)]

    def _called(self) -> Iterator[Node]:
        yield optional[sentence[tag("strong")[field("called")]]]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx, or rather with pybtex."""
    register_plugin("pybtex.style.labels", STYLE, Labels)
    register_plugin("pybtex.style.formatting", STYLE, Style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
