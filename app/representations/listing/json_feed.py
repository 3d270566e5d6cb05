"""A page of a listing as JSON Feed 1.1 (www.jsonfeed.org/version/1.1), with full articles."""

import json

from app.article.hygiene import clean
from app.article.timestamps import format_instant
from app.representations.listing import syndication
from app.representations.listing.model import Listing, ListingItem


def render(listing: Listing) -> bytes:
    """Return the feed as UTF-8."""
    feed: dict[str, object] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": syndication.title(listing),
        "home_page_url": listing.url(),
        "feed_url": listing.url(".feed.json"),
    }
    if listing.next is not None:
        feed["next_url"] = listing.url(".feed.json", listing.next)
    if language := syndication.language(listing):
        feed["language"] = language
    feed["items"] = [_item(item) for item in listing.items]
    return json.dumps(feed, ensure_ascii=False).encode()


def _item(item: ListingItem) -> dict[str, object]:
    record, links = clean(item.record), item.links
    shown: dict[str, object] = {
        "id": links.url,
        "url": links.url,
        "external_url": links.source,
        "title": record.title,
        "content_html": syndication.content_html(record, links),
        "summary": record.summary,
        "date_published": format_instant(record.published_at),
        "date_modified": format_instant(record.updated_at),
        "tags": list(record.topics),
        "language": record.lang,
    }
    # "content_html" or "content_text" is required, even if empty.
    return {name: value for name, value in shown.items() if value or name == "content_html"}
