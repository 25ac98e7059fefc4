"""Links inside the built book, read from the HTML without a browser."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import notebook_pairs


class Addresses(HTMLParser):
    """The addresses that a page refers to, and the names that it offers as targets."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.names: set[str] = set()
        self.described: dict[str, str] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag == "meta" and (name := values.get("property") or values.get("name")):
            self.described[name] = values.get("content") or ""
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
        opens = [a for a in colab if a.endswith(f"/blob/main/notebooks/{name}.ipynb")]
        assert bool(opens) == notebook_pairs.is_known(), "a button leads to the repository once it has an address"
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


def test_no_page_shows_an_address_that_does_not_exist(html: Path, page: str):
    assert notebook_pairs.is_known() or f"/{notebook_pairs.PLACEHOLDER}/" not in (html / page).read_text()


def test_a_page_describes_itself_to_sites_that_link_it(html: Path, page: str):
    tags = read(html / page).described
    assert {"og:title", "og:description", "description"} <= tags.keys() and len(tags["og:description"]) > 20
    assert tags["og:site_name"] == "Long-tailed dataset distillation"
    pictures = [url for name, url in tags.items() if name == "og:image"]
    assert len(pictures) == notebook_pairs.is_known() and all(url.startswith("https://") for url in pictures)
    assert (html / "_static" / "share.png").is_file()
