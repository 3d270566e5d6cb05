"""RSS 2.0 (https://www.rssboard.org/rss-specification), with its usual modules."""

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from app.feeds import xml_stream
from app.feeds.entries import ITEM_BYTES, FeedItem, MalformedFeedError, Rejected
from app.feeds.html_to_markdown import HtmlConversionError, TextConstruct, to_text
from app.feeds.rfc822_dates import to_rfc3339
from app.feeds.syndication_mapping import SyndicatedItem, resolve_url, to_feed_item
from app.feeds.xml_elements import XmlElement
from app.feeds.xml_stream import XmlFeedSchema, XmlItem

# The elements that say what a field of a record says, the best one first.
_SOURCES: Final = {
    "title": ("title", "dc:title"),
    "canonical_source": ("link", "guid"),
    "guid": ("guid",),
    "published_at": ("pubDate", "dc:date", "dcterms:issued", "dcterms:created"),
    "updated_at": ("atom:updated", "dcterms:modified"),
    "topics": ("category", "dc:subject"),
    "lang": ("dc:language",),
    "body_md": ("content:encoded", "description"),
    "summary": ("description",),
}
SCHEMA: Final = XmlFeedSchema(
    ("rss", "channel", "item"),
    {
        "": "",
        "http://backend.userland.com/rss2": "",
        "http://www.w3.org/2005/Atom": "atom",
        "http://purl.org/dc/elements/1.1/": "dc",
        "http://purl.org/dc/terms/": "dcterms",
        "http://purl.org/rss/1.0/modules/content/": "content",
    },
    frozenset(name for names in _SOURCES.values() for name in names),
    frozenset({"language", "dc:language"}),
)
_BLANKS = re.compile("[ \t\r\n]+")


def read(
    stream: BinaryIO, item_bytes: int = ITEM_BYTES
) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
    """Read the items, as `Reader` says. Pointers are paths: /rss/channel/item[1]/title."""
    for found in xml_stream.read(stream, SCHEMA, item_bytes):
        yield found if isinstance(found, Rejected) else to_feed_item(found.place, _story(found))


def _story(item: XmlItem) -> SyndicatedItem:
    said = {field: item.first(*names) for field, names in _SOURCES.items()}
    link, guid = item.first("link"), said["guid"]
    source = _address(link) if link and link.text.strip() else _permalink(guid)
    places = {
        field: f"/{element.name if element else _SOURCES[field][0]}"
        for field, element in said.items()
    }
    return SyndicatedItem(
        places=places,
        title=headline(said["title"]),
        link=source,
        guid=one_line(guid.text) if guid else None,
        published=_date(said["published_at"]),
        updated=_date(said["updated_at"]),
        tags=[one_line(each.text) for each in item.elements if each.name in _SOURCES["topics"]],
        language=said["lang"].text if said["lang"] else item.language,
        content=_html(item.first("content:encoded")),
        summary=_html(item.first("description")),
    )


def headline(element: XmlElement | None, *, markup: bool = False) -> str | None:
    """Return the text of a title, on one line. It is text, unless it is said to be `markup`."""
    if element is None:
        return None
    if element.markup or markup:
        try:
            return to_text(TextConstruct(element.text, markup=True))
        except HtmlConversionError:
            pass  # what it looks like can be told from it as it is
    return one_line(element.text)


def one_line(text: str) -> str:
    """Return `text` as XML's own blanks do not count in it."""
    return _BLANKS.sub(" ", text).strip(" ")


def _date(element: XmlElement | None) -> str | None:
    return to_rfc3339(one_line(element.text)) if element else None


def _html(element: XmlElement | None) -> TextConstruct | None:
    # "The item synopsis" is HTML by use, escaped or, against the rules, as it is.
    return TextConstruct(element.text, markup=True, base=element.base) if element else None


def _address(element: XmlElement) -> str:
    return resolve_url(element.base, one_line(element.text))


def _permalink(guid: XmlElement | None) -> str | None:
    # "isPermaLink is optional, its default value is true": but many a guid without it is no URL.
    if guid is None or guid.attributes.get("isPermaLink", "true").strip().lower() != "true":
        return None
    address = _address(guid)
    said = "isPermaLink" in guid.attributes
    return address if said or address.startswith(("http://", "https://")) else None
