"""A page of a listing as RSS 2.0 (www.rssboard.org/rss-specification), with articles in full."""

from email.utils import format_datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from app.hygiene import clean
from app.listings.listing import Item, Listing
from app.representations.page import body_html

_ATOM: Final = "http://www.w3.org/2005/Atom"
_CONTENT: Final = "http://purl.org/rss/1.0/modules/content/"

register_namespace("atom", _ATOM)
register_namespace("content", _CONTENT)


def render(listing: Listing) -> bytes:
    """Return the feed as UTF-8."""
    rss = Element("rss", version="2.0")
    channel = SubElement(rss, "channel")
    _text(channel, "title", f"{listing.title} · {listing.site.name}")
    _text(channel, "link", listing.url())
    _text(channel, "description", f"Articles of {listing.site.name}")
    for relation, query in (
        ("self", listing.query), ("next", listing.next), ("previous", listing.prev),
    ):  # fmt: skip
        if query is not None:
            SubElement(channel, f"{{{_ATOM}}}link", rel=relation, href=listing.url(".rss", query))
    if listing.updated_at is not None:
        _text(channel, "lastBuildDate", format_datetime(listing.updated_at, usegmt=True))
    for item in listing.items:
        _item(SubElement(channel, "item"), item)
    written: bytes = tostring(rss, "utf-8", xml_declaration=True)
    return written


def _item(element: Element, item: Item) -> None:
    record = clean(item.record)
    _text(element, "title", record.title)
    _text(element, "link", item.links.url)
    SubElement(element, "guid", isPermaLink="true").text = item.links.url
    _text(element, "pubDate", format_datetime(record.published_at, usegmt=True))
    if record.summary:
        _text(element, "description", record.summary)
    for topic in record.topics:
        _text(element, "category", topic)
    _text(element, f"{{{_CONTENT}}}encoded", body_html(record))


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text
