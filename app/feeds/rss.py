"""RSS 2.0 (https://www.rssboard.org/rss-specification), with its usual modules."""

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from app.feeds import xml_stream
from app.feeds.entries import ITEM_BYTES, FeedItem, MalformedFeedError, Rejected
from app.feeds.html_to_markdown import HtmlConversionError, TextConstruct, to_text
from app.feeds.rfc822_dates import to_rfc3339
from app.feeds.syndication_mapping import SyndicatedItem, resolve_url, to_feed_item
from app.feeds.xml_items import XmlElement, XmlItem
from app.feeds.xml_stream import XmlFeedSchema

# The elements that a field of a record is taken from, in order of preference.
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
_WHITESPACE = re.compile("[ \t\r\n]+")


def read(
    stream: BinaryIO, item_bytes: int = ITEM_BYTES
) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
    """Parse the items, see `FeedParser`. Pointers are paths such as /rss/channel/item[1]/title."""
    for item in xml_stream.read(stream, SCHEMA, item_bytes):
        yield item if isinstance(item, Rejected) else to_feed_item(item.place, _syndicated(item))


def _syndicated(item: XmlItem) -> SyndicatedItem:
    elements = {field: item.first(*names) for field, names in _SOURCES.items()}
    link, guid, lang = item.first("link"), elements["guid"], elements["lang"]
    return SyndicatedItem(
        field_pointers={
            field: f"/{element.name if element else _SOURCES[field][0]}"
            for field, element in elements.items()
        },
        title=headline(elements["title"]),
        link=_url(link) if link and link.text.strip() else _permalink(guid),
        guid=one_line(guid.text) if guid else None,
        published=_date(elements["published_at"]),
        updated=_date(elements["updated_at"]),
        tags=[one_line(each.text) for each in item.elements if each.name in _SOURCES["topics"]],
        language=lang.text if lang else item.language,
        content=_html(item.first("content:encoded")),
        summary=_html(item.first("description")),
    )


def headline(element: XmlElement | None, *, is_html: bool = False) -> str | None:
    """Return the text of a title, on one line. It is plain text unless `is_html`."""
    if element is None:
        return None
    if element.is_html or is_html:
        try:
            return to_text(TextConstruct(element.text, is_html=True))
        except HtmlConversionError:
            pass  # served as it is, which is still readable
    return one_line(element.text)


def one_line(text: str) -> str:
    """Return `text` with each run of XML white space as one space."""
    return _WHITESPACE.sub(" ", text).strip(" ")


def _date(element: XmlElement | None) -> str | None:
    return to_rfc3339(one_line(element.text)) if element else None


def _html(element: XmlElement | None) -> TextConstruct | None:
    # "The item synopsis" is HTML in practice, escaped or (against the specification) as elements.
    return TextConstruct(element.text, is_html=True, base=element.base) if element else None


def _url(element: XmlElement) -> str:
    return resolve_url(element.base, one_line(element.text))


def _permalink(guid: XmlElement | None) -> str | None:
    # "isPermaLink is optional, its default value is true". Many a guid without it is not a URL.
    if guid is None or guid.attributes.get("isPermaLink", "true").strip().lower() != "true":
        return None
    url = _url(guid)
    declared = "isPermaLink" in guid.attributes
    return url if declared or url.startswith(("http://", "https://")) else None
