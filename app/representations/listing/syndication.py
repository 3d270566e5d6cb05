"""What RSS, Atom and JSON Feed have in common."""

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from app.article.hygiene import printable
from app.article.record import Record
from app.representations.article import Links
from app.representations.article.html import body_html
from app.representations.listing.model import Listing

# In the sanitiser's output each "<" begins a tag, and attribute values have no quotation marks.
_WITHIN: Final = re.compile('(<a (?:[a-z]+="[^"]*" )*?href=")(?=#)')


def paging_links(listing: Listing) -> Iterator[tuple[str, str]]:
    """Yield the relation and the query of each page that this one links to (RFC 5005 section 3)."""
    pages = {
        "self": listing.query,
        "first": listing.first_page_query,
        "next": listing.next,
        "previous": listing.prev,
    }
    return ((relation, query) for relation, query in pages.items() if query is not None)


def add_text(parent: Element, name: str, text: str) -> None:
    """Add an element called `name` that contains `text`."""
    SubElement(parent, name).text = text


def serialise(feed: Element) -> bytes:
    """Return the feed as UTF-8 with an XML declaration."""
    as_bytes: bytes = tostring(feed, "utf-8", xml_declaration=True)
    return as_bytes


def title(listing: Listing) -> str:
    """Return the title of the feed."""
    return printable(f"{listing.title} · {listing.site.name}")


def language(listing: Listing) -> str | None:
    """Return the language of the feed if all of its articles share one."""
    languages = {item.record.lang for item in listing.items}
    return languages.pop() if len(languages) == 1 else None


def content_html(record: Record, links: Links) -> str:
    """Return the body of a cleaned record as HTML that is safe on other sites.

    Links within the body lead to the article, because a feed reader shows many articles on a page.
    """
    return _WITHIN.sub(lambda found: found[1] + links.url, body_html(record))
