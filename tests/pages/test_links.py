"""Links inside the built book, read from the HTML without a browser."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Addresses(HTMLParser):
    """The addresses that a page refers to, and the names that it offers as targets."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.addresses += [value for key in ("href", "src") if (value := values.get(key))]
        self.names |= {value for key in ("id", "name") if (value := values.get(key))}


def read(path: Path) -> Addresses:
    parser = Addresses()
    parser.feed(path.read_text())
    return parser


def test_every_local_address_leads_to_a_file_and_a_place_in_it(html: Path, page: str):
    for address in read(html / page).addresses:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = (html / page).parent / unquote(parts.path) if parts.path else html / page
        assert target.is_file(), f"{page}: {address}"
        if parts.fragment and target.suffix == ".html" and parts.path:
            assert unquote(parts.fragment) in read(target).names, f"{page}: {address}"


def test_a_chapter_offers_colab_and_its_notebook(html: Path, page: str):
    addresses = read(html / page).addresses
    name = Path(page).stem
    colab = [a for a in addresses if a.startswith("https://colab.research.google.com/github/")]
    if page.startswith("notebooks/"):
        assert [a for a in colab if a.endswith(f"/blob/main/notebooks/{name}.ipynb")]
        assert [a for a in addresses if a.endswith(f"_sources/notebooks/{name}.ipynb")]
    else:
        assert not colab


def test_the_first_page_leads_to_the_book(html: Path):
    assert "book/intro.html" in (html / "index.html").read_text()


def test_no_page_shows_where_it_was_built(html: Path, page: str):
    """A path of the machine in a page is a warning or a traceback that should not be there."""
    text = (html / page).read_text()
    assert "Traceback (most recent call last)" not in text
    assert str(html.parents[3]) not in text
    assert "site-packages" not in text
