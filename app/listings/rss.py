"""A page of a listing as RSS 2.0 (www.rssboard.org/rss-specification), with articles in full."""

import html
from email.utils import format_datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement

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
    feeds.tell(channel, "title", feeds.title(listing))
    feeds.tell(channel, "link", listing.url())
    feeds.tell(
        channel, "description", printable(f"Articles of {listing.site.name}: {listing.title}")
    )
    if language := feeds.language(listing):
        feeds.tell(channel, "language", language)
    for relation, query in feeds.beside(listing):
        href = listing.url(".rss", query)
        SubElement(channel, "atom:link", rel=relation, type="application/rss+xml", href=href)
    if listing.updated_at is not None:
        feeds.tell(channel, "lastBuildDate", format_datetime(listing.updated_at, usegmt=True))
    for item in listing.items:
        _item(SubElement(channel, "item"), item)
    return feeds.written(rss)


def _item(element: Element, item: Item) -> None:
    record, links = clean(item.record), item.links
    feeds.tell(element, "title", record.title)
    feeds.tell(element, "link", links.url)
    SubElement(element, "guid", isPermaLink="true").text = links.url
    feeds.tell(element, "pubDate", format_datetime(record.published_at, usegmt=True))
    feeds.tell(element, "atom:updated", format_instant(record.updated_at))
    feeds.tell(element, "dc:language", record.lang)
    if links.source:
        feeds.tell(element, "dc:source", uri(links.source))
    for topic in record.topics:
        feeds.tell(element, "category", topic)
    if record.summary:
        # "The item synopsis" is read as HTML, so what looks like markup has to be written as text.
        feeds.tell(element, "description", html.escape(record.summary, quote=False))
    if content := feeds.content(record, links):
        feeds.tell(element, "content:encoded", content)
