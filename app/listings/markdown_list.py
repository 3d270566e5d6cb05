"""A page of a listing as Markdown (CommonMark): a heading, and a list of links."""

import re

from app.hygiene import clean
from app.instants import format_instant
from app.listings.listing import Item, Listing

# CommonMark 0.31 section 2.4: any ASCII punctuation may be escaped.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")


def render(listing: Listing) -> bytes:
    """Return the page as UTF-8."""
    parts = [f"# {_escaped(listing.title)}\n", *(_item(item) for item in listing.items)]
    if not listing.items:
        parts.append("There are no articles here.\n")
    pages = [
        f"[{name}]({listing.url('.md', query)})"
        for name, query in (("Newer", listing.prev), ("Older", listing.next))
        if query is not None
    ]
    if pages:
        parts.append(" · ".join(pages) + "\n")
    return "\n".join(parts).encode()


def _item(item: Item) -> str:
    record = clean(item.record)
    lines = [
        f"- [{_escaped(record.title)}]({item.links.url}), {format_instant(record.published_at)}"
    ]
    if record.summary:
        lines.append(f"  {_escaped(' '.join(record.summary.split()))}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
