"""A page of a listing as Markdown (CommonMark): a heading, and a list of links."""

import re
from typing import Final

from app.article.hygiene import clean, printable
from app.article.timestamps import format_instant
from app.representations.links import to_uri
from app.representations.listing.model import Listing, ListingItem

# CommonMark 0.31 section 2.4: any ASCII punctuation may be escaped. These are the characters with a
# meaning within a line, in CommonMark or a dialect. Text never comes at the start of a line here.
_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]<>#!|~^$&]")
# Characters that can end a link target or begin a character reference.
_IN_TARGET: Final = str.maketrans({"(": "%28", ")": "%29", "&": "&amp;"})


def render(listing: Listing) -> bytes:
    """Return the page as UTF-8."""
    items = "\n".join(map(_item, listing.items))
    pages = [
        _link(name, listing.url(".md", query))
        for name, query in (("Previous page", listing.prev), ("Next page", listing.next))
        if query is not None
    ]
    blocks = [f"# {_line(listing.title)}", items or "There are no articles here."]
    blocks += [" · ".join(pages)] if pages else []
    return ("\n\n".join(blocks) + "\n").encode()


def _item(item: ListingItem) -> str:
    record = clean(item.record)
    summary = _line(record.summary)
    at = format_instant(record.published_at)
    return f"- {_link(record.title, item.links.url)} ({at}){summary and f' — {summary}'}"


def _link(text: str, url: str) -> str:
    return f"[{_line(text)}]({to_uri(url).translate(_IN_TARGET)})"


def _line(text: str) -> str:
    """Return `text` on one line, escaped for Markdown."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(printable(text).split()))
