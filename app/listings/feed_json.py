"""A page of a listing as JSON Feed 1.1 (www.jsonfeed.org/version/1.1), with articles in full."""

import json

from app.hygiene import clean
from app.instants import format_instant
from app.listings.listing import Item, Listing
from app.representations.page import body_html


def render(listing: Listing) -> bytes:
    """Return the feed as UTF-8."""
    feed: dict[str, object] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": f"{listing.title} · {listing.site.name}",
        "home_page_url": listing.url(),
        "feed_url": listing.url(".feed.json"),
    }
    if listing.next is not None:
        feed["next_url"] = listing.url(".feed.json", listing.next)
    feed["items"] = [_item(item) for item in listing.items]
    return json.dumps(feed, ensure_ascii=False).encode()


def _item(item: Item) -> dict[str, object]:
    record, links = clean(item.record), item.links
    shown: dict[str, object] = {
        "id": links.url,
        "url": links.url,
        "external_url": links.source,
        "title": record.title,
        "content_html": body_html(record),
        "summary": record.summary,
        "date_published": format_instant(record.published_at),
        "date_modified": format_instant(record.updated_at),
        "tags": list(record.topics),
        "language": record.lang,
    }
    return {name: value for name, value in shown.items() if value}
