"""A page of a listing as RSS 2.0 (www.rssboard.org/rss-specification), with articles in full."""

import html
from email.utils import format_datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from app.hygiene import clean, printable
from app.instants import format_instant
from app.listings import feeds
from app.listings.listing import Item, Listing
from app.representations.links import uri

_SPACES: Final = {
    "xmlns:atom": "http://www.w3.org/2005/Atom",
    "xmlns:content": "http://purl.org/rss/1.0/modules/content/",
    "xmlns:dc": "http://purl.org/dc/elements/1.1/",
}


def render(listing: Listing) -> bytes:
    """Return the feed as UTF-8."""
    rss = Element("rss", {"version": "2.0", **_SPACES})
    channel = SubElement(rss, "channel")
    _text(channel, "title", feeds.title(listing))
    _text(channel, "link", listing.url())
    _text(channel, "description", printable(f"Articles of {listing.site.name}: {listing.title}"))
    if language := feeds.language(listing):
        _text(channel, "language", language)
    # The pages are found as those of Atom are: RFC 5005 section 3.
    for relation, query in (
        ("self", listing.query),
        ("first", listing.start),
        ("next", listing.next),
        ("previous", listing.prev),
    ):
        if query is not None:
            href = listing.url(".rss", query)
            SubElement(channel, "atom:link", rel=relation, type="application/rss+xml", href=href)
    if listing.updated_at is not None:
        _text(channel, "lastBuildDate", format_datetime(listing.updated_at, usegmt=True))
    for item in listing.items:
        _item(SubElement(channel, "item"), item)
    written: bytes = tostring(rss, "utf-8", xml_declaration=True)
    return written


def _item(element: Element, item: Item) -> None:
    record, links = clean(item.record), item.links
    _text(element, "title", record.title)
    _text(element, "link", links.url)
    SubElement(element, "guid", isPermaLink="true").text = links.url
    _text(element, "pubDate", format_datetime(record.published_at, usegmt=True))
    _text(element, "atom:updated", format_instant(record.updated_at))
    _text(element, "dc:language", record.lang)
    if links.source:
        _text(element, "dc:source", uri(links.source))
    for topic in record.topics:
        _text(element, "category", topic)
    if record.summary:
        # "The item synopsis" is read as HTML, so what looks like markup has to be written as text.
        _text(element, "description", html.escape(record.summary, quote=False))
    if content := feeds.content(record, links):
        _text(element, "content:encoded", content)


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text
