"""What RSS, Atom and JSON Feed say alike: of the feed, and of an article in full."""

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from app.article.hygiene import printable
from app.article.record import Record
from app.representations.article import Links
from app.representations.article.html import body_html
from app.representations.listing.model import Listing

# In what the sanitiser writes, each "<" begins a tag, and no attribute has a quotation mark in it.
_WITHIN: Final = re.compile('(<a (?:[a-z]+="[^"]*" )*?href=")(?=#)')


def paging_links(listing: Listing) -> Iterator[tuple[str, str]]:
    """Yield the pages of the feed that this one leads to, and how it is related to each.

    RFC 5005 section 3 has the names, for RSS as well.
    """
    pages = {
        "self": listing.query,
        "first": listing.first_page_query,
        "next": listing.next,
        "previous": listing.prev,
    }
    return ((relation, query) for relation, query in pages.items() if query is not None)


def add_text(parent: Element, name: str, text: str) -> None:
    """Add an element with a text alone."""
    SubElement(parent, name).text = text


def serialise(feed: Element) -> bytes:
    """Return the feed as UTF-8, with the declaration of XML."""
    as_bytes: bytes = tostring(feed, "utf-8", xml_declaration=True)
    return as_bytes


def title(listing: Listing) -> str:
    """Return what a reader calls the feed."""
    return printable(f"{listing.title} · {listing.site.name}")


def language(listing: Listing) -> str | None:
    """Return the language of the feed, where all of its articles are in one."""
    languages = {item.record.lang for item in listing.items}
    return languages.pop() if len(languages) == 1 else None


def content_html(record: Record, links: Links) -> str:
    """Return the body of a clean record, as HTML that is safe on a stranger's page.

    What leads to another place in the body leads to the article, for it stands among others here.
    """
    return _WITHIN.sub(lambda found: found[1] + links.url, body_html(record))
