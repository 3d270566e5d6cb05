"""A page of a listing as RSS 2.0 (www.rssboard.org/rss-specification), with full articles."""

import html
from email.utils import format_datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from app.article.hygiene import clean, printable
from app.article.timestamps import format_instant
from app.representations.links import to_uri
from app.representations.listing import syndication
from app.representations.listing.model import Listing, ListingItem

_SPACES: Final = {
    "xmlns:atom": "http://www.w3.org/2005/Atom",
    "xmlns:content": "http://purl.org/rss/1.0/modules/content/",
    "xmlns:dc": "http://purl.org/dc/elements/1.1/",
}


def render(listing: Listing) -> bytes:
    """Return the feed as UTF-8."""
    rss = Element("rss", {"version": "2.0", **_SPACES})
    channel = SubElement(rss, "channel")
    syndication.add_text(channel, "title", syndication.title(listing))
    syndication.add_text(channel, "link", listing.url())
    syndication.add_text(
        channel, "description", printable(f"Articles of {listing.site.name}: {listing.title}")
    )
    if language := syndication.language(listing):
        syndication.add_text(channel, "language", language)
    for relation, query in syndication.paging_links(listing):
        href = listing.url(".rss", query)
        SubElement(channel, "atom:link", rel=relation, type="application/rss+xml", href=href)
    if listing.updated_at is not None:
        syndication.add_text(
            channel, "lastBuildDate", format_datetime(listing.updated_at, usegmt=True)
        )
    for item in listing.items:
        _item(SubElement(channel, "item"), item)
    return syndication.serialise(rss)


def _item(element: Element, item: ListingItem) -> None:
    record, links = clean(item.record), item.links
    syndication.add_text(element, "title", record.title)
    syndication.add_text(element, "link", links.url)
    SubElement(element, "guid", isPermaLink="true").text = links.url
    syndication.add_text(element, "pubDate", format_datetime(record.published_at, usegmt=True))
    syndication.add_text(element, "atom:updated", format_instant(record.updated_at))
    syndication.add_text(element, "dc:language", record.lang)
    if links.source:
        syndication.add_text(element, "dc:source", to_uri(links.source))
    for topic in record.topics:
        syndication.add_text(element, "category", topic)
    content = syndication.content_html(record, links)
    if record.summary or content:
        # Feed readers expect it before the content, even if empty. They read "the item synopsis" as
        # HTML, so what looks like markup is escaped.
        syndication.add_text(element, "description", html.escape(record.summary, quote=False))
    if content:
        syndication.add_text(element, "content:encoded", content)
