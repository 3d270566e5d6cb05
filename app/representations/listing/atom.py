"""A page of a listing as Atom (RFC 4287), with links to other pages (RFC 5005)."""

from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from app.article.hygiene import clean, printable
from app.article.timestamps import format_instant
from app.representations.links import to_uri
from app.representations.listing import syndication
from app.representations.listing.model import Listing, ListingItem

# A feed must have an update time, even without entries.
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def render(listing: Listing) -> bytes:
    """Return the feed as UTF-8."""
    feed = Element("feed", xmlns="http://www.w3.org/2005/Atom")
    if language := syndication.language(listing):
        feed.set("xml:lang", language)
    syndication.add_text(feed, "title", syndication.title(listing))
    # The same id on all pages: RFC 5005 section 3 makes them one feed.
    syndication.add_text(feed, "id", listing.url(query=listing.first_page_query))
    syndication.add_text(feed, "updated", format_instant(listing.updated_at or _NEVER))
    # RFC 4287 section 4.1.1: if entries have no author, the feed must. It is the site.
    syndication.add_text(SubElement(feed, "author"), "name", printable(listing.site.name))
    SubElement(feed, "link", rel="alternate", type="text/html", href=listing.url())
    for relation, query in syndication.paging_links(listing):
        href = listing.url(".atom", query)
        SubElement(feed, "link", rel=relation, type="application/atom+xml", href=href)
    for item in listing.items:
        _entry(SubElement(feed, "entry"), item)
    return syndication.serialise(feed)


def _entry(entry: Element, item: ListingItem) -> None:
    record, links = clean(item.record), item.links
    entry.set("xml:lang", record.lang)
    syndication.add_text(entry, "title", record.title)
    syndication.add_text(entry, "id", links.url)
    syndication.add_text(entry, "published", format_instant(record.published_at))
    syndication.add_text(entry, "updated", format_instant(record.updated_at))
    SubElement(entry, "link", rel="alternate", type="text/html", href=links.url)
    if links.source:
        SubElement(entry, "link", rel="via", href=to_uri(links.source))
    for topic in record.topics:
        SubElement(entry, "category", term=topic)
    if record.summary:
        syndication.add_text(entry, "summary", record.summary)
    if content := syndication.content_html(record, links):
        SubElement(entry, "content", type="html").text = content
