"""Atom (RFC 4287)."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from app.feeds import xml_stream
from app.feeds.entries import ITEM_BYTES, FeedItem, MalformedFeedError, Rejected
from app.feeds.html_to_markdown import TextConstruct
from app.feeds.rss import headline, one_line
from app.feeds.syndication_mapping import SyndicatedItem, resolve_url, to_feed_item
from app.feeds.xml_items import XmlElement, XmlItem
from app.feeds.xml_stream import XmlFeedSchema

_FIELD_POINTERS: Final = {
    "title": "/title",
    "canonical_source": "/link",
    "guid": "/id",
    "published_at": "/published",
    "updated_at": "/updated",
    "topics": "/category",
    "lang": "",
    "summary": "/summary",
}
SCHEMA: Final = XmlFeedSchema(
    ("feed", "entry"),
    {"http://www.w3.org/2005/Atom": ""},
    frozenset(("title", "link", "id", "published", "updated", "category", "content", "summary")),
)
# RFC 4287, section 3.1.1, and the media types that section 4.1.3.1 allows for the same.
_HTML: Final = frozenset({"html", "xhtml", "text/html", "application/xhtml+xml"})
_TEXT: Final = frozenset({"text", "text/plain"})


def read(
    stream: BinaryIO, item_bytes: int = ITEM_BYTES
) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
    """Parse the entries, see `FeedParser`. Pointers are paths such as /feed/entry[1]/title."""
    for entry in xml_stream.read(stream, SCHEMA, item_bytes):
        yield (
            entry if isinstance(entry, Rejected) else to_feed_item(entry.place, _syndicated(entry))
        )


def _syndicated(entry: XmlItem) -> SyndicatedItem:
    content, summary = (
        _text_construct(entry.first("content")),
        _text_construct(entry.first("summary")),
    )
    title = entry.first("title")
    return SyndicatedItem(
        field_pointers=_FIELD_POINTERS | {"body_md": "/content" if content else "/summary"},
        title=headline(title, is_html=title is not None and _type(title) in _HTML),
        link=_alternate(entry),
        guid=_line(entry.first("id")),
        published=_line(entry.first("published")),
        updated=_line(entry.first("updated")),
        tags=[
            each.attributes.get("term", "") for each in entry.elements if each.name == "category"
        ],
        language=entry.language,
        content=content,
        summary=summary,
    )


def _alternate(entry: XmlItem) -> str | None:
    """Return the URL of the article.

    RFC 4287, section 4.2.7.2: "If the 'rel' attribute is not present, the link element MUST be
    interpreted as if the link relation type is 'alternate'."
    """
    links = [
        each
        for each in entry.elements
        if each.name == "link" and each.attributes.get("rel", "alternate") == "alternate"
    ]
    pages = [each for each in links if each.attributes.get("type", "text/html") in _HTML]
    for link in pages or links:
        return resolve_url(link.base, one_line(link.attributes.get("href", "")))
    return None


def _text_construct(element: XmlElement | None) -> TextConstruct | None:
    """Return the content of the element, or None if it is elsewhere or is not text."""
    if element is None or "src" in element.attributes:
        return None
    is_html = _type(element) in _HTML or (element.is_html and _type(element) in _TEXT)
    if not is_html and _type(element) not in _TEXT:
        return None
    return TextConstruct(element.text, is_html, element.base) if element.text.strip() else None


def _type(element: XmlElement) -> str:
    return element.attributes.get("type", "text").partition(";")[0].strip().lower()


def _line(element: XmlElement | None) -> str | None:
    return one_line(element.text) if element else None
